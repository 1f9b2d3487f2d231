"""An archived prediction computed anew from its candles and its bundle, and compared."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archive.storage.kinds import CANDLES, PREDICTIONS, ROWS, read_prediction, row_digest
from archive.storage.vault import Vault
from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from inference_worker.bundle import HEADS, OUTLOOK_HEADS, Bundle
from inference_worker.session import TOLERANCE, Heads, Job, Session
from shared.contracts import CANDLE_DTYPE, WINDOW, Candles, Prediction, Rows, Series
from shared.errors import BundleError, InputError

NEEDED = FEATURE_SET.lookback + WINDOW - 1
"""Candles that a prediction is a function of."""


@dataclass(frozen=True)
class Reproduction:
    """One prediction and what it comes out as today.

    Attributes
    ----------
    rows_compared, rows_equal
        Feature rows of its window whose digests are archived, and those of them that are the same bit for bit.
    difference
        Largest difference of a probability.
    """

    prediction: Prediction
    candles: int
    rows_compared: int
    rows_equal: int
    difference: float

    @property
    def same(self) -> bool:
        """Whether it came out as it was published."""
        return self.rows_equal == self.rows_compared and self.difference <= TOLERANCE


def reproduce(vault: Vault, prediction_id: str, bundle_of: Callable[[str], Bundle | None]) -> list[Reproduction]:
    """Compute a prediction anew, for each bundle that made one of its candle.

    Parameters
    ----------
    prediction_id
        As ``Prediction.id``: series key, dot, open time.
    bundle_of
        ID -> bundle; None where it is not to be found.

    Raises
    ------
    InputError
        The ID is none, or the archive lacks the prediction or its candles.
    BundleError
        Its bundle is not to be found, or is for other features.
    """
    series, t = _parse(prediction_id)
    found = vault.read(PREDICTIONS, series, t, t).to_pylist()
    if not found:
        raise InputError("id", prediction_id, "is not in the archive", "look at natron-archive/predictions")
    candles, first_n = _candles(vault, series, t)
    rows = compute_history(candles, WINDOW)
    compared, equal = _compare_rows(vault, series, candles["t"][-WINDOW:], rows)
    reproductions = []
    for values in found:
        prediction = read_prediction(series, values)
        if first_n + len(candles) - 1 != prediction.n:
            raise InputError("id", prediction_id, "has other candles than it was made of", "see the archive's log")
        bundle = bundle_of(prediction.bundle)
        if bundle is None:
            raise BundleError(f"bundle {prediction.bundle}: is not to be found; push it, or give --bundle FOLDER")
        if bundle.manifest.feature_set.hash != FEATURE_SET.hash:
            raise BundleError(f"{bundle.path}: feature set expected {FEATURE_SET.hash}, found another")
        session = Session(bundle, threads=1, max_tokens=1_024)
        (heads,) = session.run([Job(session.acquire(), rows, fresh=True)])
        reproductions.append(Reproduction(prediction, len(candles), compared, equal, _difference(prediction, heads)))
    return reproductions


def _parse(prediction_id: str) -> tuple[Series, int]:
    key, _, t = prediction_id.rpartition(".")
    if not key or not t.isdecimal():
        rule, mend = "is no ID of a prediction", "write it as EURUSD.M15.1732233600000"
        raise InputError("id", prediction_id, rule, mend)
    return Series.from_key(key), int(t)


def _candles(vault: Vault, series: Series, t: int) -> tuple[Candles, int]:
    """The candles up to ``t`` that follow one another, and the number of the first; at most as many as are needed."""
    whole = vault.read(CANDLES, series, 0, t)
    table = whole.slice(max(0, whole.num_rows - NEEDED))
    numbers = table.column("n").to_numpy()
    if not len(numbers) or int(table.column("t")[-1].as_py()) != t:
        mend = "let natron archive run beside the system"
        raise InputError("id", f"{series.key}.{t}", "has no candle in the archive", mend)
    unbroken = np.flatnonzero(np.diff(numbers) != 1)
    start = int(unbroken[-1]) + 1 if len(unbroken) else 0
    found = np.zeros(len(numbers) - start, CANDLE_DTYPE)
    for name in "tohlcv":
        found[name] = table.column(name).to_numpy()[start:]
    if len(found) < min(NEEDED, int(numbers[-1])):
        rule = f"needs {min(NEEDED, int(numbers[-1]))} candles, of which the archive has {len(found)} in a row"
        raise InputError("id", f"{series.key}.{t}", rule, "choose a later one")
    return found, int(numbers[start])


def _compare_rows(vault: Vault, series: Series, times: np.ndarray, rows: Rows) -> tuple[int, int]:
    archived = {
        one["t"]: one["digest"]
        for one in vault.read(ROWS, series, int(times[0]), int(times[-1])).to_pylist()
        if one["feature_set"] == FEATURE_SET.hash
    }
    ours = {int(t): row_digest(row.astype("<f4", copy=False).tobytes()) for t, row in zip(times, rows, strict=True)}
    compared = [t for t in ours if t in archived]
    return len(compared), sum(ours[t] == archived[t] for t in compared)


def _difference(prediction: Prediction, heads: Heads) -> float:
    said = {
        "buy": prediction.buy_prob,
        "sell": prediction.sell_prob,
        "direction": prediction.direction_probs,
        "regime": prediction.regime_probs,
        **dict(zip(OUTLOOK_HEADS, prediction.outlook, strict=False)),
    }
    return max(float(np.abs(np.asarray(said[head]) - heads[head][-1]).max()) for head in HEADS if head in said)
