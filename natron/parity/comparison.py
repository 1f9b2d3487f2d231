"""The first difference between what the services published and what the trainer's path computes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_worker.bundle import HEADS, OUTLOOK_HEADS
from inference_worker.session import TOLERANCE, Heads
from shared.contracts import WINDOW, Candles, Prediction, Rows


@dataclass(frozen=True)
class Published:
    """What the services made of a file: rows in the order of their log, predictions in that of theirs."""

    t: NDArray[np.int64]  # (N,) open times of the rows
    n: NDArray[np.int64]  # (N,)
    rows: Rows  # (N, F)
    predictions: list[Prediction]


@dataclass(frozen=True)
class Computed:
    """What the trainer computes from the same file."""

    candles: Candles  # (N,)
    features: tuple[str, ...]
    rows: Rows  # (N, F)
    heads: Heads  # head -> (N,) or (N, classes)


@dataclass(frozen=True)
class Difference:
    """One value that is not the same; ``kind`` is candle, feature or head."""

    kind: str
    name: str
    n: int  # number of the candle, from 1
    t: int  # its open time, UTC epoch ms
    service: float | int | None
    trainer: float | int | None

    def document(self) -> dict[str, Any]:
        """JSON-able form."""
        return vars(self)


def first_difference(published: Published, computed: Computed) -> Difference | None:
    """Earliest candle at which the two differ: rows bit for bit, probabilities by more than the tolerance."""
    found = [
        _candle_difference(published.t, computed.candles["t"], 0, "row"),
        _candle_difference(published.n, np.arange(1, len(computed.candles) + 1), 0, "n"),
        _feature_difference(published, computed),
        _candle_difference(
            np.array([one.t for one in published.predictions], np.int64),
            computed.candles["t"][WINDOW - 1 :],
            WINDOW - 1,
            "prediction",
        ),
        _head_difference(published, computed),
    ]
    differences = [one for one in found if one is not None]
    return min(differences, key=lambda one: one.n, default=None)


def _candle_difference(theirs: NDArray[np.int64], ours: NDArray[np.int64], offset: int, name: str) -> Difference | None:
    """First place at which two lists of candles part."""
    common = min(len(theirs), len(ours))
    parts = np.flatnonzero(theirs[:common] != ours[:common])
    at = int(parts[0]) if parts.size else common
    if at == len(theirs) == len(ours):
        return None
    service, trainer = (int(values[at]) if at < len(values) else None for values in (theirs, ours))
    t = trainer if trainer is not None else service
    return Difference("candle", name, at + 1 + offset, t or 0, service, trainer)


def _feature_difference(published: Published, computed: Computed) -> Difference | None:
    common = min(len(published.rows), len(computed.rows))
    theirs, ours = published.rows[:common], computed.rows[:common]
    at = np.argwhere(theirs.view(np.uint32) != ours.view(np.uint32))
    if not at.size:
        return None
    row, column = map(int, at[0])
    name, t = computed.features[column], int(computed.candles["t"][row])
    return Difference("feature", name, row + 1, t, float(theirs[row, column]), float(ours[row, column]))


def _head_difference(published: Published, computed: Computed) -> Difference | None:
    common = min(len(published.predictions), max(0, len(computed.candles) - WINDOW + 1))
    found: list[Difference] = []
    for head, classes in HEADS.items():
        if head not in computed.heads:
            continue  # a bundle has all of the outlook, or none
        theirs = np.array([_head(one, head) for one in published.predictions[:common]], np.float32)
        ours = computed.heads[head][WINDOW - 1 : WINDOW - 1 + common]
        theirs, ours = theirs.reshape(common, -1), ours.reshape(common, -1)
        wrong = np.argwhere(~(np.abs(theirs - ours) <= TOLERANCE))
        if wrong.size:
            row, column = map(int, wrong[0])
            name = f"{head}.{classes[column]}" if ours.shape[1] > 1 else head
            t = int(computed.candles["t"][row + WINDOW - 1])
            found.append(
                Difference("head", name, row + WINDOW, t, float(theirs[row, column]), float(ours[row, column]))
            )
    return min(found, key=lambda one: one.n, default=None)


def _head(prediction: Prediction, head: str) -> float | tuple[float, ...]:
    if head in OUTLOOK_HEADS:
        outlook = prediction.outlook or (float("nan"),) * len(OUTLOOK_HEADS)
        return outlook[list(OUTLOOK_HEADS).index(head)]
    values: dict[str, float | tuple[float, ...]] = {
        "buy": prediction.buy_prob,
        "sell": prediction.sell_prob,
        "direction": prediction.direction_probs,
        "regime": prediction.regime_probs,
    }
    return values[head]
