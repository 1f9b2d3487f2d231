"""The label definitions that a bundle was taught, read back from its manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

from inference_worker.bundle import Manifest
from inference_worker.records import LabelRecord
from shared.settings.learning import LabelSettings
from trainer.backtest.source import first_unseen
from trainer.labels.directions import HOURS, DirectionCutoff, Profile
from trainer.labels.heads import FittedLabels
from trainer.labels.outcomes import VolatilityCutoff
from trainer.labels.regimes import RegimeCutoffs
from trainer.labels.setups import SetupCutoff

BPS = 1e-4  # a basis point, 1/10,000 of the price
_HORIZONS = {
    "setup_horizon": "buy",
    "regime_horizon": "regime",
    "direction_horizon": "direction",
    "win_horizon": "long_win",
    "volatility_horizon": "high_volatility",
}


@dataclass(frozen=True)
class TaughtLabels:
    """What one bundle's heads mean on one series.

    Attributes
    ----------
    taught
        The bundle was trained on this series. Else cut-offs of setups are the medians over its own series, hours count
        as alike, and a round trip costs the median of theirs.
    cost
        Of a round trip, a share of the price.
    fresh_from
        Open time, UTC epoch ms, from which on candles are new to the bundle: before it, it learned from them, or was
        chosen by them, or they are of the same dates.
    """

    labels: FittedLabels
    taught: bool
    cost: float
    heads: tuple[str, ...]
    fresh_from: int

    @property
    def horizon(self) -> int:
        """Candles until every label is known."""
        return max(self.labels.settings.horizons.values())


def taught_labels(manifest: Manifest, key: str) -> TaughtLabels:
    """Read what a bundle means on the series ``key``."""
    records = manifest.labels
    setups = _by_series(records["buy"].thresholds)
    profiles = _by_series(records["direction"].thresholds)
    costs = manifest.costs
    taught = key in setups
    cost_bps = costs.get(key, median(costs.values()) if costs else LabelSettings().cost_bps)
    volatility = records["high_volatility"].thresholds if "high_volatility" in records else {"high": np.inf}
    regime = records["regime"].thresholds
    labels = FittedLabels(
        settings=_settings(records),
        setups={key: _cutoff(setups[key] if taught else _usual(setups))},
        regime=RegimeCutoffs(**{name: regime[name] for name in ("volatile", "range", "strong", "trend")}),
        direction=DirectionCutoff(records["direction"].thresholds["neutral"]),
        volatility=VolatilityCutoff(volatility["high"]),
        profiles={key: _profile(profiles.get(key, {}))},
        costs_bps={key: cost_bps},
    )
    return TaughtLabels(labels, taught, cost_bps * BPS, tuple(manifest.heads), first_unseen(manifest, key))


def _settings(records: Mapping[str, LabelRecord]) -> LabelSettings:
    state = records["buy"].family == "state"
    ahead = {name: records[head].horizon for name, head in _HORIZONS.items() if head in records}
    known = {name: candles for name, candles in ahead.items() if candles}  # a state lies no candle ahead
    return LabelSettings(family="state" if state else "next_state", **known)


def _by_series(thresholds: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Series key -> name -> value of the thresholds that are a series' own: ``EURUSD.M15.volume``."""
    found: dict[str, dict[str, float]] = {}
    for name, value in thresholds.items():
        key, dot, own = name.rpartition(".")
        if dot:
            found.setdefault(key, {})[own] = value
    return found


def _usual(setups: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {name: median(one[name] for one in setups.values()) for name in ("conditions", "volume", "upper")}


def _cutoff(found: Mapping[str, float]) -> SetupCutoff:
    return SetupCutoff(int(found["conditions"]), found["volume"], found["upper"])


def _profile(found: Mapping[str, float]) -> Profile:
    return np.array([found.get(f"hour_{hour:02d}", 1.0) for hour in range(HOURS)])
