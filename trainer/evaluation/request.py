"""What an evaluation is asked for, and what it gives back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.settings.groups import Settings
from trainer.request import CsvSpec


@dataclass(frozen=True)
class EvaluationRequest:
    """What ``natron evaluate`` does."""

    bundle: Path
    csv: tuple[CsvSpec, ...]
    out: Path  # folder of metrics.json, predictions.parquet, report.html and figures
    settings: Settings = field(default_factory=Settings)  # of the evaluation; training's come from the bundle
    seeds: int = 1  # 1: the bundle's own graph; more: that many fits of its settings
    folds: int = 0  # of walk-forward, a refit each
    placebo: bool = False  # also run the placebos in full
    cache: Path | None = None  # computed parts; None: a folder in ``out``
    publish: bool = False  # also put the small files into the bundle's ``report`` folder

    @property
    def parts(self) -> Path:
        """Folder of the computed parts."""
        return self.cache or self.out / "cache"


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation made."""

    out: Path
    metrics: dict[str, Any]  # as in metrics.json
    notes: tuple[str, ...]
    seconds: float
