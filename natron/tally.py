"""Counting signals as they arrive: what is missing, what came twice, and how long each took. Memory per series only."""

from dataclasses import dataclass, field

import numpy as np

from shared.contracts import WINDOW, Prediction

_BINS_PER_DECADE = 100


class LatencyHistogram:
    """Latencies in logarithmic bins of 2.3 %: quantiles without keeping every value."""

    def __init__(self) -> None:
        self._counts = np.zeros(10 * _BINS_PER_DECADE, np.int64)  # 1 us .. 10,000 s

    def add(self, latency_us: int) -> None:
        """Count one latency in microseconds."""
        at = round(np.log10(max(1, latency_us)) * _BINS_PER_DECADE)
        self._counts[min(at, len(self._counts) - 1)] += 1

    def quantile_ms(self, share: float) -> float | None:
        """Milliseconds that ``share`` of the latencies do not exceed; None where there are none."""
        total = int(self._counts.sum())
        if not total:
            return None
        at = int(np.searchsorted(np.cumsum(self._counts), share * total))
        return float(round(10 ** (at / _BINS_PER_DECADE) / 1_000, 3))


@dataclass
class Tally:
    """What a client of the bridge received; every series' signals must count up from the first full window."""

    received: int = 0
    duplicated: int = 0
    lost: int = 0
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)
    _newest_n: dict[str, int] = field(default_factory=dict)

    def add(self, prediction: Prediction, latency_us: int) -> None:
        """Count one signal."""
        key = prediction.series.key
        newest_n = self._newest_n.get(key, WINDOW - 1)
        if prediction.n <= newest_n:
            self.duplicated += 1
            return
        self.received += 1
        self.lost += prediction.n - newest_n - 1
        self.latencies.add(latency_us)
        self._newest_n[key] = prediction.n
