"""Synthetic histories and small models for the trainer's tests."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from feature_service.feature_set import FEATURE_SET
from shared.contracts import CANDLE_DTYPE, Candles
from trainer.export import export_graph
from trainer.model import PRESETS, Natron

QUARTER_MS = 900_000
FIRST_T = 1_577_836_800_000  # 2020-01-01


@pytest.fixture(scope="session")
def make_candles() -> Callable[[int, int], Candles]:
    """(count, seed) -> candles of a market with trends, changing volatility and changing volume."""

    def make(count: int, seed: int) -> Candles:
        random = np.random.default_rng(seed)
        sigma = 1e-3 * np.exp(np.convolve(random.normal(size=count + 99), np.full(100, 0.05), "valid"))
        drift = np.convolve(random.normal(size=count + 19), np.full(20, 0.1), "valid") * sigma
        close = 100 * np.exp(np.cumsum(drift + sigma * random.normal(size=count)))
        candles = np.zeros(count, CANDLE_DTYPE)
        candles["t"] = FIRST_T + QUARTER_MS * np.arange(count)
        candles["c"] = close
        candles["o"] = np.concatenate([[100.0], close[:-1]])
        top, bottom = np.maximum(candles["o"], close), np.minimum(candles["o"], close)
        candles["h"] = top * (1 + 0.5 * sigma * random.exponential(size=count))
        candles["l"] = bottom / (1 + 0.5 * sigma * random.exponential(size=count))
        candles["v"] = random.gamma(2, 100, count)
        return candles

    return make


@pytest.fixture(scope="session")
def model() -> Natron:
    """A tiny model with weights large enough that every part of it matters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = Natron(FEATURE_SET.size, PRESETS["tiny"], names=FEATURE_SET.names)
        with torch.no_grad():
            for weight in model.parameters():
                torch.nn.init.normal_(weight, std=0.2)
            model.centre.normal_()
            model.scale.uniform_(0.5, 2)
            model.temperature.uniform_(0.8, 1.5)
    return model.eval()


@pytest.fixture(scope="session")
def graph(model: Natron) -> bytes:
    """The tiny model as it is exported."""
    return export_graph(model)
