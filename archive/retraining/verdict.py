"""A challenger beside the champion on candles that neither has learned from."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.scoring.taught import taught_labels
from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from inference_worker.bundle import Bundle, Manifest
from shared.contracts import Candles, Rows
from shared.errors import BundleError
from shared.settings.groups import RetrainSettings
from trainer.evaluation.answers import Served
from trainer.evaluation.bootstrap import Interval, Resamples
from trainer.evaluation.figures import log_losses
from trainer.histories import History
from trainer.labels.heads import UNLABELLED
from trainer.splits import Span

RULE = (
    "promote where the challenger's log-loss, mean over the heads, is lower than the champion's on the same candles "
    "with 95 % confidence (moving blocks), over at least `retrain.candles_min` candles that neither has learned from"
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeadVerdict:
    """One head over the compared candles."""

    champion_log_loss: float
    challenger_log_loss: float
    champion_accuracy: float
    challenger_accuracy: float


@dataclass(frozen=True)
class Verdict:
    """What a comparison came to.

    Attributes
    ----------
    difference
        Challenger's log-loss minus champion's, nats, mean over heads and candles; None where no candle was compared.
    promote
        What ``RULE`` says.
    """

    champion: str
    challenger: str
    candles: dict[str, int]  # series key -> compared
    heads: dict[str, HeadVerdict]
    difference: Interval | None
    promote: bool
    why: str

    def document(self) -> dict[str, Any]:
        """JSON-able, with the rule in words."""
        return {"rule": RULE, **asdict(self)}


@dataclass(frozen=True)
class _Compared:
    """One series' candles, M of them."""

    losses: dict[str, tuple[Floats, Floats]]  # head -> (M,) of champion and challenger
    right: dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]
    candles: int


def compare(
    champion: Bundle, challenger: Bundle, histories: Sequence[History], settings: RetrainSettings, threads: int
) -> Verdict:
    """Judge a challenger by the candles of its own test splits that come after all that the champion learned from.

    Labels are those that the challenger was taught; a champion of other thresholds is at a disadvantage that it would
    have in service too.

    Raises
    ------
    BundleError
        One of them reads other features than this Natron computes.
    """
    for bundle in (champion, challenger):
        if bundle.manifest.feature_set.hash != FEATURE_SET.hash:
            theirs = bundle.manifest.feature_set.hash
            raise BundleError(f"{bundle.path}: feature set expected {FEATURE_SET.hash}, found {theirs}")
    served = Served(champion, threads), Served(challenger, threads)
    heads = [head for head in challenger.manifest.heads if head in champion.manifest.heads]
    found: dict[str, _Compared] = {}
    for one in histories:
        span = _unseen(one.candles, one.series.key, champion.manifest, challenger.manifest)
        if len(span):
            rows = compute_history(one.candles)
            compared = _compare(served, challenger.manifest, heads, one, rows, span)
            found[one.series.key] = compared
    told = {key: compared for key, compared in found.items() if compared.candles}
    return _judge(champion.manifest.id, challenger.manifest.id, heads, told, settings)


def _unseen(candles: Candles, key: str, champion: Manifest, challenger: Manifest) -> Span:
    """Test candles of the challenger that are later than everything the champion was fitted or chosen on."""
    own = next((record.test for record in challenger.splits if record.series == key), None)
    if own is None:
        return Span(0, 0)
    learned = max((record.validation.last for record in champion.splits), default=0)
    first, last = np.searchsorted(candles["t"], [max(own.first, learned + 1), own.last + 1]).tolist()
    return Span(first, last)


def _compare(
    served: tuple[Served, Served], manifest: Manifest, heads: Sequence[str], one: History, rows: Rows, span: Span
) -> _Compared:
    taught = taught_labels(manifest, one.series.key)
    labels = taught.labels.compute(one.series.key, one.candles, np.full(len(one.candles), taught.cost))
    inside = slice(span.start, span.stop)
    known = np.all([labels[head][inside] != UNLABELLED for head in heads], axis=0)
    spoken = [model.answer(rows, span) for model in served]
    losses, right = {}, {}
    for head in heads:
        true = labels[head][inside][known]
        shares = [_whole(said[head][known]) for said in spoken]
        losses[head] = log_losses(true, shares[0]), log_losses(true, shares[1])
        right[head] = shares[0].argmax(1) == true, shares[1].argmax(1) == true
    return _Compared(losses, right, int(known.sum()))


def _whole(shares: NDArray[np.float32]) -> Floats:
    found = shares.astype(np.float64)
    whole: Floats = found / found.sum(1, keepdims=True)
    return whole


def _judge(
    champion: str, challenger: str, heads: Sequence[str], found: dict[str, _Compared], settings: RetrainSettings
) -> Verdict:
    counts = {key: one.candles for key, one in found.items()}
    total = sum(counts.values())
    if total < settings.candles_min:
        why = f"{total} candles that neither has learned from are fewer than {settings.candles_min}"
        return Verdict(champion, challenger, counts, {}, None, False, why)
    parts = [np.mean([one.losses[head][1] - one.losses[head][0] for head in heads], axis=0) for one in found.values()]
    draws = Resamples(tuple(counts.values()), settings.block, settings.resamples)
    (difference,) = draws.of_means(np.concatenate(parts)[:, None])
    better = difference.high < 0
    bounds = f"{difference.value:+.4f} nats ({difference.low:+.4f} to {difference.high:+.4f})"
    why = f"log-loss {bounds}: {'lower for sure' if better else 'not lower for sure'}"
    return Verdict(champion, challenger, counts, {head: _head(head, found) for head in heads}, difference, better, why)


def _head(head: str, found: dict[str, _Compared]) -> HeadVerdict:
    def mean(of: str, model: int) -> float:
        return float(np.concatenate([getattr(one, of)[head][model] for one in found.values()]).mean())

    return HeadVerdict(mean("losses", 0), mean("losses", 1), mean("right", 0), mean("right", 1))
