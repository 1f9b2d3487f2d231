"""What tests of every package share: a real broker, and simple candles."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import redis

from shared.broker import connect
from shared.contracts import CANDLE_DTYPE, Candles
from shared.embedded_broker import EmbeddedBroker
from shared.names import Names


@dataclass(frozen=True)
class BrokerUnderTest:
    """A real, empty server and a client of it."""

    server: EmbeddedBroker
    url: str
    client: redis.Redis
    names: Names

    def fill_level(self) -> int:
        """Keys it holds."""
        return int(self.client.dbsize())


@contextmanager
def broker_under_test() -> Iterator[BrokerUnderTest]:
    """Start a server of one's own and stop it at the end."""
    with EmbeddedBroker() as server:
        client = connect(server.url)
        yield BrokerUnderTest(server, server.url, client, Names())
        client.close()


def walk_candles(count: int, *, seed: int = 0, start_ms: int = 1_600_000_200_000, width_ms: int = 900_000) -> Candles:
    """(count,) candles of a gapless random walk around 1.1 with volume."""
    random = np.random.default_rng(seed)
    close = 1.1 * np.exp(np.cumsum(random.normal(0, 5e-4, count)))
    opens = np.concatenate([[1.1], close[:-1]])
    spread = np.abs(random.normal(0, 3e-4, (2, count)))
    candles = np.empty(count, CANDLE_DTYPE)
    candles["t"] = start_ms - start_ms % width_ms + width_ms * np.arange(count)
    candles["o"], candles["c"] = opens, close
    candles["h"] = np.maximum(opens, close) * (1 + spread[0])
    candles["l"] = np.minimum(opens, close) * (1 - spread[1])
    candles["v"] = random.integers(1, 1_000, count)
    return candles
