"""What a training run is asked for, and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from inference_worker.bundle import Manifest
from shared.errors import TrainingError
from shared.settings.groups import Settings

if TYPE_CHECKING:  # reading a request needs no torch
    from trainer.run_folder import EpochReport

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
    run: Path | None = None  # folder of the run; None: beside ``out``, with .run behind its name
    resume: bool = False  # go on where the run was interrupted
    variants: tuple[str, ...] = ()  # of the graph: int8, bf16
    trials: int = 1  # of how many tried settings this one was chosen, for the deflated Sharpe ratio

    @property
    def run_folder(self) -> Path:
        """Where history, checkpoints and what another export needs stand."""
        return self.run or self.out.with_name(self.out.name + ".run")


@dataclass(frozen=True)
class TrainingResult:
    """What a run made."""

    path: Path  # of the bundle; of the run where it has none
    manifest: Manifest | None  # None: full attention has no bundle, and one process of several writes it
    epochs: "tuple[EpochReport, ...]"  # of the supervised phase
    run: Path
    facts: Mapping[str, float | int | str]
    parameters: int
    notes: tuple[str, ...]  # what was assumed of the files, a sentence each
    seconds: float
