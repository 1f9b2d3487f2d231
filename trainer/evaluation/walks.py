"""Markets in which nothing can be known: what a figure shows on them is no skill.

Mirrored walks are matched to a history: each candle is mirrored at the close before it with probability 1/2, so the
sign of every return is a fair coin while ranges, volatility, volume and times stay what they were. Gaussian walks have
one volatility throughout.
"""

import numpy as np

from shared.contracts import CANDLE_DTYPE, Candles

SIGMA = 1e-3  # standard deviation of a gaussian walk's log returns
STEPS = 8  # trades within one of its candles
QUARTER_MS = 900_000
FIRST_T = 1_577_836_800_000  # 2020-01-01
VOLUME_SHAPE = 4.0  # of a gamma distribution: volumes that vary by half their mean


def mirrored_walk(candles: Candles, seed: int) -> Candles:
    """(N,) candles of a history with the sign of every return drawn anew."""
    random = np.random.default_rng(seed)
    signs = random.choice([-1.0, 1.0], len(candles))
    last = np.log(np.concatenate([candles["o"][:1], candles["c"][:-1]]))
    moves = {name: (np.log(candles[name]) - last) * signs for name in "ohlc"}
    base = last[0] + np.concatenate([[0.0], np.cumsum(moves["c"])[:-1]])
    walk = candles.copy()
    for name in "oc":
        walk[name] = np.exp(base + moves[name])
    top, bottom = np.maximum(moves["h"], moves["l"]), np.minimum(moves["h"], moves["l"])
    # Logarithms round: the extremes are held where a candle's law needs them.
    walk["h"] = np.maximum(np.exp(base + top), np.maximum(walk["o"], walk["c"]))
    walk["l"] = np.minimum(np.exp(base + bottom), np.minimum(walk["o"], walk["c"]))
    return walk


def gaussian_walk(count: int, seed: int) -> Candles:
    """(count,) candles of a walk of one volatility, eight independent steps each."""
    random = np.random.default_rng(seed)
    steps = random.normal(scale=SIGMA / STEPS**0.5, size=(count, STEPS))
    path = np.cumsum(steps).reshape(count, STEPS)
    start = np.concatenate([[0.0], path[:-1, -1]])
    candles = np.zeros(count, CANDLE_DTYPE)
    candles["t"] = FIRST_T + QUARTER_MS * np.arange(count)
    candles["o"], candles["c"] = 100 * np.exp(start), 100 * np.exp(path[:, -1])
    candles["h"] = 100 * np.exp(np.maximum(start, path.max(1)))
    candles["l"] = 100 * np.exp(np.minimum(start, path.min(1)))
    candles["v"] = random.gamma(VOLUME_SHAPE, 100.0, count)
    return candles


def planted_walk(count: int, seed: int, strength: float) -> Candles:
    """(count,) candles whose returns follow the one before: a correlation of ``strength`` (0..1).

    The last return is in its row, so the next three candles are there to be foreseen.
    """
    random = np.random.default_rng(seed)
    shocks = random.normal(scale=SIGMA * (1 - strength**2) ** 0.5, size=count)
    moves = shocks.copy()
    for at in range(1, count):
        moves[at] += strength * moves[at - 1]
    close = np.cumsum(moves)
    candles = gaussian_walk(count, seed)
    start = np.concatenate([[0.0], close[:-1]])
    noise = np.abs(random.normal(scale=SIGMA / 4, size=(2, count)))
    candles["o"], candles["c"] = 100 * np.exp(start), 100 * np.exp(close)
    candles["h"] = 100 * np.exp(np.maximum(start, close) + noise[0])
    candles["l"] = 100 * np.exp(np.minimum(start, close) - noise[1])
    return candles
