"""What the limits of drift are worth on real histories: how near usual rows come, and how soon a shift is seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archive.drift.distances import LIMITS, ROWS, Distances
from archive.drift.row_window import RowWindow
from feature_service.pipeline import compute_history
from inference_worker.bundle import Bundle
from inference_worker.records import SpanRecord
from shared.contracts import Candles, Rows
from shared.errors import BundleError, InputError
from trainer.histories import History

SAMPLED = 10_000
BLOCK = 200
"""Candles of a block: twice the window, as in an evaluation's bootstrap."""
JUDGED_EVERY = 5


@dataclass(frozen=True)
class DriftProof:
    """What was seen.

    Attributes
    ----------
    widest
        Split -> family -> largest mean KS in any ``ROWS`` rows in a row of it.
    sampled
        Family -> largest strength over ``SAMPLED`` rows block-sampled from the validation splits of all series.
    seen_after
        Family -> rows after which a shift by a training interquartile range was seen, in each series' validation rows;
        None: not within ``ROWS``.
    """

    widest: Mapping[str, Mapping[str, float]]
    sampled: Mapping[str, float]
    seen_after: Mapping[str, Sequence[int | None]]

    @property
    def holds(self) -> bool:
        """Whether nothing was raised without a shift, and every shift was seen in time."""
        calm = max(self.sampled.values()) <= 1
        return calm and all(after is not None for found in self.seen_after.values() for after in found)


def prove(bundle: Bundle, histories: Sequence[History], seed: int) -> DriftProof:
    """Measure a bundle's drift limits on its own histories.

    Raises
    ------
    BundleError
        The bundle has no histograms.
    InputError
        A history is none of the bundle's.
    """
    if bundle.manifest.histograms is None:
        raise BundleError(f"{bundle.path}: holds no histograms of its training rows; train it again")
    distances = Distances(bundle.manifest.histograms)
    parts = [_parts(bundle, one) for one in histories]
    random = np.random.default_rng(seed)
    validation = [found["validation"] for found in parts]
    sampled = _strengths(distances, _sample(validation, SAMPLED, random))
    low, high = np.quantile(np.concatenate([found["train"] for found in parts]), [0.25, 0.75], axis=0)
    spread = (high - low).astype(np.float32)
    widest = {
        name: _largest([_strengths(distances, found[name]) for found in parts]) for name in ("train", "validation")
    }
    return DriftProof(
        {name: {family: found[family] * LIMITS[family] for family in LIMITS} for name, found in widest.items()},
        sampled,
        {
            family: [_seen_after(distances, _sample([rows], 2 * ROWS, random), spread, family) for rows in validation]
            for family in LIMITS
        },
    )


def _parts(bundle: Bundle, history: History) -> dict[str, Rows]:
    """A history's rows of the training and of the validation split."""
    for record in bundle.manifest.splits:
        if record.series == history.series.key:
            rows = compute_history(history.candles)
            spans = {"train": record.train, "validation": record.validation}
            return {name: rows[_inside(history.candles, span)] for name, span in spans.items()}
    known = ", ".join(record.series for record in bundle.manifest.splits)
    raise InputError("csv", history.series.key, "is none of the bundle's series", f"give files of {known}")


def _inside(candles: Candles, span: SpanRecord) -> slice:
    return slice(*np.searchsorted(candles["t"], [span.first, span.last + 1]).tolist())


def _sample(parts: Sequence[Rows], count: int, random: np.random.Generator) -> Rows:
    """``count`` rows in blocks from anywhere, each row as likely as another."""
    sizes = np.array([len(part) - BLOCK for part in parts], np.float64)
    chosen = random.choice(len(parts), count // BLOCK, p=sizes / sizes.sum())
    starts = [int(random.integers(len(parts[one]) - BLOCK)) for one in chosen]
    return np.concatenate([parts[one][start : start + BLOCK] for one, start in zip(chosen, starts, strict=True)])


def _strengths(distances: Distances, rows: Rows) -> dict[str, float]:
    """Family -> the largest strength in any ``ROWS`` rows in a row."""
    window, found = RowWindow(distances), dict.fromkeys(LIMITS, 0.0)
    for n, row in enumerate(rows, 1):
        window.add(row, n)
        if window.full and n % JUDGED_EVERY == 0:
            found = _largest([found, window.strengths()])
    return found


def _largest(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {family: max(one[family] for one in found) for family in LIMITS}


def _seen_after(distances: Distances, rows: Rows, spread: Rows, family: str) -> int | None:
    """Rows after which a shift that begins at row ``ROWS`` is seen."""
    own = np.array([one == family for one in distances.families])
    window = RowWindow(distances)
    for n, row in enumerate(rows, 1):
        after = n - ROWS
        window.add(row + spread * own if after > 0 else row, n)
        if after > 0 and window.strengths()[family] > 1:
            return after
    return None
