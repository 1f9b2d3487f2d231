"""Candles for the laws of features: random walks, nasty ones, and real ones where there are some."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shared.contracts import CANDLE_DTYPE, Candles

Walk = Callable[..., Candles]
STEP_MS = 900_000


def from_columns(o: np.ndarray, h: np.ndarray, l: np.ndarray, c: np.ndarray, v: np.ndarray) -> Candles:  # noqa: E741
    candles = np.zeros(len(c), CANDLE_DTYPE)
    candles["t"] = STEP_MS * np.arange(1, len(c) + 1)
    candles["o"], candles["c"], candles["v"] = o, c, v
    candles["h"] = np.maximum(h, np.maximum(o, c))
    candles["l"] = np.minimum(l, np.minimum(o, c))
    return candles


def random_walk(count: int, seed: int = 0, price: float = 1.1, volatility: float = 1e-3) -> Candles:
    """Close to close in independent steps, small gaps at the open, wicks and volumes at random."""
    random = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(random.normal(0.0, volatility, count)))
    opened = np.concatenate([[price], close[:-1]]) * (1.0 + volatility / 5 * random.normal(size=count))
    high = np.maximum(opened, close) * (1.0 + volatility * random.random(count))
    low = np.minimum(opened, close) * (1.0 - volatility * random.random(count))
    return from_columns(opened, high, low, close, np.floor(random.lognormal(6.0, 1.0, count)))


def sleepy_market(count: int, seed: int = 0) -> Candles:
    """Prices on a coarse grid that often stand still, and candles in which nothing is traded."""
    random = np.random.default_rng(seed)
    close = 1.1 + 1e-4 * np.cumsum(random.choice([-1, 0, 1], count, p=[0.05, 0.9, 0.05]))
    close[count // 2 : count // 2 + 600] = close[count // 2]
    opened = np.concatenate([[1.1], close[:-1]])
    wick = 1e-4 * random.choice([0, 1], (2, count), p=[0.9, 0.1])
    wick[:, count // 2 : count // 2 + 600] = 0.0
    return from_columns(opened, close + wick[0], close - wick[1], close, random.choice([0.0, 3.0, 7.0], count))


@pytest.fixture(scope="session")
def walk() -> Walk:
    """Maker of random walks: ``walk(count, seed, price, volatility)``."""
    return random_walk


@pytest.fixture(scope="session")
def nasty() -> dict[str, Candles]:
    """Legal candles that no market shows for long."""
    random = np.random.default_rng(7)
    count = 1_400
    calm = random_walk(count)
    found = {"sleepy": sleepy_market(count)}
    for price in (1e-300, 1e-8, 1.1, 1e8, 1e300):
        flat = np.full(count, price)
        found[f"flat at {price:g}"] = from_columns(flat, flat, flat, flat, np.zeros(count))
        found[f"walk at {price:g}"] = random_walk(count, seed=3, price=price)
    jumps = np.exp(np.cumsum(random.choice([-0.2, 0.0, 0.2], count)))
    before = np.concatenate([[1.0], jumps[:-1]])
    found["gaps of 20 %"] = from_columns(jumps, jumps, jumps, jumps, random.random(count))
    found["bodies of 20 %"] = from_columns(before, before, jumps, jumps, np.zeros(count))
    found["only up"] = random_walk(count).copy()
    up = np.exp(np.arange(count) / 50)
    found["only up"] = from_columns(up, up, up, up, np.zeros(count))
    found["only down"] = from_columns(1 / up, 1 / up, 1 / up, 1 / up, np.zeros(count))
    cliff = np.where(np.arange(count) < count // 2, 1e8, 1e-8)
    found["from 1e8 to 1e-8"] = from_columns(cliff, cliff, cliff, cliff, np.full(count, 1e300))
    found["from 1e-8 to 1e8"] = from_columns(1 / cliff, 1 / cliff, 1 / cliff, 1 / cliff, np.full(count, 1e-300))
    spiked = calm.copy()
    spiked["h"][::97] *= 1e6
    spiked["l"][::89] *= 1e-6
    found["spikes"] = spiked
    lull = calm.copy()
    for name in "ohlc":
        lull[name][500:1300] = calm["c"][499]
    lull["v"][500:1300] = 0.0
    found["a lull of 800 candles"] = lull
    return found


def rare_break(newest: float) -> Candles:
    """A break 95 candles ago of the oldest of 64 highs, which hangs on the candle three before that high.

    ``newest`` is the price that breaks 10 candles ago. The last candle is that of the lookback's end.
    """
    close = np.concatenate(
        [
            np.full(10, 90.0),
            [110.0, 97.0, 98.0, 100.0, 99.0, 98.5, 98.0],  # what is in the way, and the high
            97.9 - 0.1 * np.arange(63),
            [101.0],
            101.1 + 0.01 * np.arange(79),
            [101.5, 101.3, 101.4, 101.5, 101.6],  # confirm another high and a low
            newest + 0.01 * np.arange(11),
        ]
    )
    return from_columns(close, close + 0.001, close - 0.001, close, np.full(len(close), 10.0))


@pytest.fixture(scope="session")
def rare_breaks() -> list[Candles]:
    """Breaks of structure at the very end of what may be looked back on."""
    return [rare_break(104.0), rare_break(80.0)]


@pytest.fixture(scope="session")
def real_candles(market_data: Path) -> dict[str, Candles]:
    """The newest 30,000 candles of four markets."""
    files = {
        "EURUSD M15": ("EURUSD_M15_mt4_2019-2021.csv", ",", 0, 2),
        "XAUUSD M5": ("XAUUSD_M5_mt5_2025.csv", "\t", 1, 2),
        "GBPUSD H1": ("GBPUSD_H1_ejtrader_2012-2022.csv", ",", 1, 1),
        "BTCUSDT M15": ("BTCUSDT_M15_binance_2025-2026.csv", ",", 1, 1),
    }
    found = {}
    for name, (file, delimiter, header, first) in files.items():
        columns = range(first, first + 5)
        table = np.loadtxt(market_data / file, delimiter=delimiter, skiprows=header, usecols=columns)[-30_000:]
        found[name] = from_columns(*table.T)
    return found
