"""What a training run is asked for, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from inference_worker.bundle import Manifest
from shared.errors import TrainingError
from shared.settings.groups import Settings
from trainer.supervised import EpochReport

_OPTIONS = ("symbol", "timeframe", "tz")
_FORM = "write FILE[,symbol=S][,timeframe=TF][,tz=Z]"


@dataclass(frozen=True)
class CsvSpec:
    """One file of a training run, as the command line names it; what is None is found out."""

    path: Path
    symbol: str | None = None  # default: the file's name up to its first underscore
    timeframe: str | None = None
    tz: str | None = None  # default: UTC, unless the stamps carry a zone

    @classmethod
    def parse(cls, text: str, option: str = "csv") -> Self:
        """Read ``FILE[,symbol=S][,timeframe=TF][,tz=Z]``; TrainingError where it is none."""
        name, *options = text.split(",")
        found: dict[str, str] = {}
        for part in options:
            key, _, value = part.partition("=")
            if key not in _OPTIONS or not value:
                raise TrainingError(option, part, f"must be one of {', '.join(_OPTIONS)}, with a value", _FORM)
            found[key] = value
        return cls(Path(name), found.get("symbol"), found.get("timeframe"), found.get("tz"))


def file_specs(csv: Sequence[str], parquet: Sequence[str]) -> tuple[CsvSpec, ...]:
    """Read what ``--csv`` and ``--parquet`` name; one reader tells from a file's content which it is.

    Raises
    ------
    TrainingError
        A text is no specification, or there is none.
    """
    named = [("csv", text) for text in csv] + [("parquet", text) for text in parquet]
    if not named:
        raise TrainingError("csv", [], "names no file", "give --csv or --parquet at least once")
    return tuple(CsvSpec.parse(text, option) for option, text in named)


@dataclass(frozen=True)
class TrainingRequest:
    """What a run is asked to do."""

    csv: tuple[CsvSpec, ...]
    out: Path  # the bundle's folder; its name is the bundle's id
    settings: Settings = field(default_factory=Settings)
    save_weights: bool = True  # also write weights.safetensors, which serving does not need


@dataclass(frozen=True)
class TrainingResult:
    """What a run made."""

    path: Path
    manifest: Manifest
    epochs: tuple[EpochReport, ...]
    notes: tuple[str, ...]  # what was assumed of the files, a sentence each
    seconds: float
