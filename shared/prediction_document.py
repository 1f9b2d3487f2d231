"""The JSON form of a prediction: what REST, the dashboard, ``natron signals`` and ``natron predictions`` show."""

from typing import Any

from shared.contracts import DIRECTIONS, REGIMES, Prediction, Reason

_NONE = Reason(0)
_ACTIONS = {-1.0: "short", 0.0: "flat", 1.0: "long"}


def _argmax(values: tuple[float, ...]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def confidence(prediction: Prediction) -> float:
    """Mean of the four heads' largest probabilities, 0..1."""
    largest = (
        max(prediction.buy_prob, 1 - prediction.buy_prob),
        max(prediction.sell_prob, 1 - prediction.sell_prob),
        max(prediction.direction_probs),
        max(prediction.regime_probs),
    )
    return sum(largest) / len(largest)


def prediction_document(
    prediction: Prediction, *, delivery: Reason = _NONE, latency_us: dict[str, int] | None = None
) -> dict[str, Any]:
    """JSON-able dict of a prediction.

    Parameters
    ----------
    delivery
        Reasons that belong to this delivery (STALE, DRIFT, EXPIRED, HALTED), shown with the prediction's own.
    latency_us
        Microseconds spent up to this delivery, by stage.
    """
    direction, regime = _argmax(prediction.direction_probs), _argmax(prediction.regime_probs)
    document: dict[str, Any] = {
        "id": prediction.id,
        "symbol": prediction.series.symbol,
        "timeframe": prediction.series.timeframe,
        "time": prediction.t,
        "n": prediction.n,
        "buy_prob": _rounded(prediction.buy_prob),
        "sell_prob": _rounded(prediction.sell_prob),
        "direction_probs": [_rounded(value) for value in prediction.direction_probs],
        "direction_pred": DIRECTIONS[direction],
        "regime": REGIMES[regime],
        "regime_probs": dict(zip(REGIMES, map(_rounded, prediction.regime_probs), strict=True)),
        "confidence": _rounded(confidence(prediction)),
        "predictions": {
            "buy": int(prediction.buy_prob >= 0.5),
            "sell": int(prediction.sell_prob >= 0.5),
            "direction": direction,
            "regime": regime,
        },
        "reasons": Reason(prediction.reasons | delivery).words,
        "valid_until": prediction.valid_until_ms,
        "bundle": prediction.bundle,
        "feature_set": prediction.feature_set,
        "latency_us": latency_us or {},
    }
    if prediction.outlook:
        names = ("long_win_prob", "short_win_prob", "high_volatility_prob")
        document["outlook"] = dict(zip(names, map(_rounded, prediction.outlook), strict=True))
    if prediction.policy:
        action, size = prediction.policy
        document["policy"] = {"action": _ACTIONS[action], "size": _rounded(size)}
    return document


def _rounded(value: float) -> float:
    """Seven decimals: what a float32 probability holds."""
    return round(value, 7)
