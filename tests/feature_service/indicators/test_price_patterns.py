"""Each degree equals its formula spelled out in numpy, and the extremes are the patterns of the books."""

from collections.abc import Callable

import numpy as np
import talib

from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]
CheckFamily = Callable[[dict[str, Reference], str, Candles], None]


def atr(x: Candles, length: int = 14) -> np.ndarray:
    return talib.ATR(x["h"], x["l"], x["c"], length)


def overlap(x: Candles) -> np.ndarray:
    high, low = np.roll(x["h"], 1), np.roll(x["l"], 1)
    both = np.maximum(np.minimum(x["h"], high) - np.maximum(x["l"], low), 0.0)
    either = np.maximum(x["h"], high) - np.minimum(x["l"], low)
    return np.divide(both, either, out=np.ones(len(x)), where=either > 0.0)


def engulfing(x: Candles) -> np.ndarray:
    body = x["c"] - x["o"]
    sizes = np.abs(body) + np.abs(np.roll(body, 1))
    return np.divide(body, sizes, out=np.zeros(len(x)), where=sizes > 0.0)


def run_move(x: Candles) -> np.ndarray:
    way = np.sign(np.diff(x["c"], prepend=x["c"][0]))
    moves = np.zeros(len(x))
    for at in range(20, len(x)):
        length = 1
        while length < 16 and way[at - length] == way[at] != 0:
            length += 1
        moves[at] = x["c"][at] - x["c"][at - length]
    return moves / atr(x)


def place_in_three(x: Candles) -> np.ndarray:
    high, low = talib.MAX(x["h"], 3), talib.MIN(x["l"], 3)
    return np.divide(100.0 * (x["c"] - low), high - low, out=np.full(len(x), 50.0), where=high > low)


REFERENCES: dict[str, Reference] = {
    "body": lambda x: talib.BOP(x["o"], x["h"], x["l"], x["c"]),
    "upper_wick": lambda x: (x["h"] - np.maximum(x["o"], x["c"])) / atr(x),
    "lower_wick": lambda x: (np.minimum(x["o"], x["c"]) - x["l"]) / atr(x),
    "gap": lambda x: (x["o"] - np.roll(x["c"], 1)) / atr(x),
    "range_overlap": overlap,
    "engulfing": engulfing,
    "run_move": run_move,
    "place_in_three": place_in_three,
}


def test_the_family_agrees_with_its_definitions(check_family: CheckFamily, counted_walk: Candles) -> None:
    check_family(REFERENCES, "price_pattern", counted_walk)


def test_the_family_agrees_with_its_definitions_on_real_markets(
    check_family: CheckFamily, counted_markets: list[Candles]
) -> None:
    for candles in counted_markets:
        check_family(REFERENCES, "price_pattern", candles)
