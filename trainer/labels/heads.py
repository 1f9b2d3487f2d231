"""The label of every head at every candle: fitted on training candles, then computed for any series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_worker.bundle import HEADS, LabelRecord
from shared.contracts import Candles
from shared.settings.groups import LabelSettings
from trainer.labels import directions, outcomes, regimes, setups
from trainer.labels.technicals import Technicals

UNLABELLED = -1
_STATES = ("buy", "sell", "regime")  # heads that ask what the state will be, not what will happen

Labels = dict[str, NDArray[np.int8]]  # head -> (N,) class, UNLABELLED where unknown


@dataclass(frozen=True)
class LabelSource:
    """Candles of one series, and which of them thresholds may be fitted on."""

    key: str
    candles: Candles  # (N,)
    train: NDArray[np.bool_]  # (N,)


@dataclass(frozen=True)
class FittedLabels:
    """Label definitions with the thresholds of a training split."""

    settings: LabelSettings
    setup: setups.SetupCutoff
    regime: regimes.RegimeCutoffs
    direction: directions.DirectionCutoff
    volatility: outcomes.VolatilityCutoff
    profiles: Mapping[str, directions.Profile]  # series key -> usual returns by hour

    def state(self, candles: Candles) -> Labels:
        """Family ``state``: buy, sell and regime of each candle itself."""
        x = Technicals.of(candles)
        bullish, bearish = setups.count_conditions(x)
        inputs = regimes.RegimeInputs.of(x)
        # A setup is told wherever a regime is, so that one mask says where a series is known.
        unknown = ~inputs.known
        buy, sell = self.setup.buy(bullish, bearish), self.setup.buy(bearish, bullish)
        buy[unknown], sell[unknown] = UNLABELLED, UNLABELLED
        return {"buy": buy, "sell": sell, "regime": self.regime.regime(inputs)}

    def compute(self, key: str, candles: Candles) -> Labels:
        """Label every candle of a series with what each head must foresee; unknown futures are UNLABELLED."""
        z = directions.standardised_moves(candles, self.profiles[key], self.settings.direction_horizon)
        ahead = {head: _later(labels, self.settings.horizons[head]) for head, labels in self.state(candles).items()}
        found = {**ahead, "direction": self.direction.direction(z), **self._outcomes(candles)}
        return {head: found[head] for head in HEADS}

    def _outcomes(self, candles: Candles) -> Labels:
        returns = outcomes.trade_returns(candles, self.settings.win_horizon)
        cost = self.settings.cost_bps / 10_000
        ratios = outcomes.volatility_ratios(candles, self.settings.volatility_horizon)
        return {
            "long_win": outcomes.wins(returns, cost),
            "short_win": outcomes.wins(-returns, cost),
            "high_volatility": self.volatility.high_volatility(ratios),
        }

    def records(self) -> dict[str, LabelRecord]:
        """Describe definitions and thresholds for the manifest."""
        setup = {"conditions": float(self.setup.conditions)}
        cut = self.regime
        regime = {"volatile": cut.volatile, "range": cut.range, "strong": cut.strong, "trend": cut.trend}
        direction = {"neutral": self.direction.neutral}
        for key, profile in self.profiles.items():
            direction |= {f"{key}.hour_{hour:02d}": float(factor) for hour, factor in enumerate(profile)}
        texts = {
            "buy": (setups.DEFINITION, setup),
            "sell": (setups.DEFINITION, setup),
            "direction": (directions.DEFINITION, direction),
            "regime": (regimes.DEFINITION, regime),
            "long_win": (outcomes.WIN_DEFINITION, {"cost_bps": self.settings.cost_bps}),
            "short_win": (outcomes.WIN_DEFINITION, {"cost_bps": self.settings.cost_bps}),
            "high_volatility": (
                outcomes.VOLATILITY_DEFINITION,
                {"high": self.volatility.high, "reference": float(outcomes.REFERENCE_CANDLES)},
            ),
        }
        return {
            head: LabelRecord(
                family="next_state" if head in _STATES else "outcome",
                horizon=self.settings.horizons[head],
                classes=classes,
                definition=texts[head][0],
                thresholds=texts[head][1],
            )
            for head, classes in HEADS.items()
        }


def fit_labels(settings: LabelSettings, sources: Sequence[LabelSource]) -> FittedLabels:
    """Fit every threshold on the training candles of all series together: what they bound is scale-free.

    Raises
    ------
    ValueError
        No training candle has a known regime.
    """
    counts, inputs, moves, ratios = [], [], [], []
    profiles = {}
    for source in sources:
        x = Technicals.of(source.candles)
        regime = regimes.RegimeInputs.of(x)
        profiles[source.key] = directions.fit_profile(source.candles, source.train)
        z = directions.standardised_moves(source.candles, profiles[source.key], settings.direction_horizon)
        ratio = outcomes.volatility_ratios(source.candles, settings.volatility_horizon)
        use = source.train & regime.known & ~np.isnan(z)
        ratios.append(ratio[source.train & ~np.isnan(ratio)])
        counts.append(np.stack(setups.count_conditions(x))[:, use])
        inputs.append(np.stack([regime.volatility, regime.move, regime.trend])[:, use])
        moves.append(z[use])
    z_all = np.concatenate(moves)
    if not len(z_all) or not any(map(len, ratios)):
        raise ValueError("no training candle is known well enough to fit thresholds on")
    bullish, bearish = np.concatenate(counts, 1)
    return FittedLabels(
        settings,
        setups.SetupCutoff.fit(bullish, bearish, settings.min_conditions),
        regimes.RegimeCutoffs.fit(*np.concatenate(inputs, 1)),
        directions.DirectionCutoff.fit(z_all),
        outcomes.VolatilityCutoff.fit(np.concatenate(ratios)),
        profiles,
    )


def newest_resolved(labels: NDArray[np.int8], horizon: int) -> NDArray[np.int8]:
    """(N,) label known at each candle's close, that of ``horizon`` candles before: persistence repeats it."""
    known = np.full(len(labels), UNLABELLED, np.int8)
    known[horizon:] = labels[:-horizon]
    return known


def _later(states: NDArray[np.int8], horizon: int) -> NDArray[np.int8]:
    labels = np.full(len(states), UNLABELLED, np.int8)
    labels[:-horizon] = states[horizon:]
    return labels
