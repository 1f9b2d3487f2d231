"""Each equals a slow search through the chart; and the examples of the books are told right."""

from collections.abc import Callable

import numpy as np
import pytest
import talib

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import CANDLE_DTYPE, Candles

Reference = Callable[[Candles], np.ndarray]
CheckFamily = Callable[[dict[str, Reference], str, Candles], None]
Event = tuple[int, int]  # place, way


def atr(x: Candles) -> np.ndarray:
    return talib.ATR(x["h"], x["l"], x["c"], 14)


def levels(high: np.ndarray) -> np.ndarray:
    """Newest of the last 64 confirmed highs, NaN where there is none."""
    found = np.full(len(high), np.nan)
    for at in range(70, len(high)):
        for place in range(at - 3, at - 67, -1):
            if high[place] > high[place + 1 : place + 4].max() and high[place] >= high[place - 3 : place].max():
                found[at] = high[place]
                break
    return found


def breaks(x: Candles) -> list[Event]:
    top, bottom, close = levels(x["h"]), -levels(-x["l"]), x["c"]
    found = []
    for at in range(71, len(x)):
        if close[at] > top[at - 1] >= close[at - 1]:
            found.append((at, 1))
        elif close[at] < bottom[at - 1] <= close[at - 1]:
            found.append((at, -1))
    return found


def structure(same_way: bool) -> Reference:
    def reference(x: Candles) -> np.ndarray:
        events, values = breaks(x), np.zeros(len(x))
        for (older, way_before), (newer, way), (following, _) in zip(
            events[:-1], events[1:], [*events[2:], (len(x), 0)], strict=True
        ):
            for at in range(newer, min(following, older + 96)):
                values[at] = way * (1.0 - (at - newer) / 96) if (way == way_before) == same_way else 0.0
        return values

    return reference


def order_block(x: Candles) -> np.ndarray:
    body, unit, values = x["c"] - x["o"], atr(x), np.zeros(len(x))
    for at in range(100, len(x)):
        impulses = [place for place in range(at - 63, at + 1) if abs(body[place]) >= unit[at]]
        if impulses:
            newest = impulses[-1]
            blocks = [place for place in range(newest - 6, newest) if body[place] * body[newest] < 0]
            if blocks:
                middle = (x["h"][blocks[-1]] + x["l"][blocks[-1]]) / 2
                values[at] = (x["c"][at] - middle) / unit[at]
    return values


def fair_value_gap(x: Candles) -> np.ndarray:
    unit, values = atr(x), np.zeros(len(x))
    for at in range(100, len(x)):
        for place in range(at, at - 64, -1):
            if x["l"][place : at + 1].min() > x["h"][place - 2]:
                values[at] = (x["c"][at] - x["h"][place - 2]) / unit[at]
                break
            if x["h"][place : at + 1].max() < x["l"][place - 2]:
                values[at] = (x["c"][at] - x["l"][place - 2]) / unit[at]
                break
    return values


def liquidity_sweep(x: Candles) -> np.ndarray:
    top, bottom = np.roll(levels(x["h"]), 1), np.roll(-levels(-x["l"]), 1)
    over = np.where((x["h"] > top) & (x["c"] <= top), x["h"] - top, 0.0)
    under = np.where((x["l"] < bottom) & (x["c"] >= bottom), bottom - x["l"], 0.0)
    unit, values = atr(x), np.zeros(len(x))
    for at in range(100, len(x)):
        for age in range(16):
            if over[at - age] > 0.0 or under[at - age] > 0.0:
                values[at] = (under[at - age] - over[at - age]) * (1.0 - age / 16) / unit[at]
                break
    return values


def displacement(x: Candles) -> np.ndarray:
    body, values = x["c"] - x["o"], np.zeros(len(x))
    for at in range(8, len(x)):
        newest_first = body[at - 7 : at + 1][::-1]
        values[at] = newest_first[np.argmax(np.abs(newest_first))]
    return values / atr(x)


REFERENCES: dict[str, Reference] = {
    "break_of_structure": structure(same_way=True),
    "change_of_character": structure(same_way=False),
    "order_block_distance": order_block,
    "fair_value_gap": fair_value_gap,
    "liquidity_sweep": liquidity_sweep,
    "displacement_8": displacement,
}


def test_the_family_agrees_with_its_definitions(check_family: CheckFamily, counted_walk: Candles) -> None:
    check_family(REFERENCES, "smart_money", counted_walk)


def test_the_family_agrees_with_its_definitions_on_real_markets(
    check_family: CheckFamily, counted_markets: list[Candles]
) -> None:
    for candles in counted_markets:
        check_family(REFERENCES, "smart_money", candles[-5_000:])


def chart(closes: list[float]) -> Candles:
    """Three hundred candles around 100 that tell nothing, then one from each close to the next."""
    calm = 100.0 + 0.01 * (np.arange(300) % 2)
    close = np.concatenate([calm, closes])
    opened = np.concatenate([close[:1], close[:-1]])
    candles = np.zeros(len(close), CANDLE_DTYPE)
    candles["t"] = 900_000 * np.arange(1, len(close) + 1)
    candles["o"], candles["c"], candles["v"] = opened, close, 10.0
    candles["h"], candles["l"] = np.maximum(opened, close) + 0.005, np.minimum(opened, close) - 0.005
    return candles


def newest(candles: Candles, name: str) -> float:
    return float(compute_values(candles)[-1, FEATURE_SET.names.index(name)])


RALLY = [101.0, 102.0, 103.0, 102.5, 102.2, 102.0, 102.1, 102.3]


def test_a_second_close_above_a_swing_is_a_break_of_structure() -> None:
    again = [103.2, 104.0, 103.6, 103.4, 103.0]
    candles = chart([*RALLY, *again, 104.5])
    assert newest(candles, "break_of_structure") == 1.0
    assert newest(candles, "change_of_character") == 0.0


def test_a_close_below_the_swing_low_of_a_rally_is_a_change_of_character() -> None:
    candles = chart([*RALLY, 103.5, 103.8, 104.0, 101.0])
    assert newest(candles, "change_of_character") == -1.0
    assert newest(candles, "break_of_structure") == 0.0


def test_a_gap_between_three_candles_counts_until_it_is_filled() -> None:
    candles = chart([100.0, 103.0, 103.5])
    assert newest(candles, "fair_value_gap") > 0.0
    assert newest(chart([100.0, 103.0, 103.5, 99.9]), "fair_value_gap") <= 0.0


@pytest.mark.parametrize(("way", "sign"), [("h", -1.0), ("l", 1.0)])
def test_a_wick_beyond_a_swing_that_closes_back_is_a_sweep(way: str, sign: float) -> None:
    candles = chart([101.0, 102.0, 101.0, 100.0, 99.0, 98.0, 99.0, 100.0, 100.5, 100.4])
    candles[way][-1] += -sign * 4.0
    assert np.sign(newest(candles, "liquidity_sweep")) == sign
