"""The label of every head at every candle: fitted on training candles, then computed for any series."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inference_worker.bundle import HEADS
from inference_worker.records import LabelRecord
from shared.contracts import Candles
from shared.settings.learning import LabelSettings
from trainer.costs import Costs
from trainer.labels import directions, outcomes, regimes, setups
from trainer.labels.technicals import Technicals

UNLABELLED = -1
STATE_HEADS = ("buy", "sell", "regime")  # heads that ask what the state will be, not what will happen

Labels = dict[str, NDArray[np.int8]]  # head -> (N,) class, UNLABELLED where unknown


@dataclass(frozen=True)
class LabelSource:
    """Candles of one series, and which of them thresholds may be fitted on."""

    key: str
    candles: Candles  # (N,)
    train: NDArray[np.bool_]  # (N,)
    costs: Costs  # (N,) of a round trip begun at each candle, a share of the price

    @property
    def usual_cost_bps(self) -> float:
        """Median cost over the training candles, in 1/10,000 of the price."""
        return float(np.median(self.costs[self.train])) * 10_000


@dataclass(frozen=True)
class FittedLabels:
    """Label definitions with the thresholds of a training split."""

    settings: LabelSettings
    setups: Mapping[str, setups.SetupCutoff]  # series key -> its cut-offs
    regime: regimes.RegimeCutoffs
    direction: directions.DirectionCutoff
    volatility: outcomes.VolatilityCutoff
    profiles: Mapping[str, directions.Profile]  # series key -> usual returns by hour
    costs_bps: Mapping[str, float]  # series key -> usual cost of a round trip

    def state(self, key: str, candles: Candles) -> Labels:
        """Family ``state``: buy, sell and regime of each candle itself."""
        x, cutoff = Technicals.of(candles), self.setups[key]
        bullish, bearish = cutoff.count(setups.SetupInputs.of(x))
        inputs = regimes.RegimeInputs.of(x)
        # A setup is told wherever a regime is, so that one mask says where a series is known.
        unknown = ~inputs.known
        buy, sell = cutoff.buy(bullish, bearish), cutoff.buy(bearish, bullish)
        buy[unknown], sell[unknown] = UNLABELLED, UNLABELLED
        return {"buy": buy, "sell": sell, "regime": self.regime.regime(inputs)}

    def compute(self, key: str, candles: Candles, costs: Costs) -> Labels:
        """Label every candle of a series with what each head must foresee; unknown futures are UNLABELLED."""
        z = directions.standardised_moves(candles, self.profiles[key], self.settings.direction_horizon)
        ahead = {
            head: _later(labels, self.settings.horizons[head]) for head, labels in self.state(key, candles).items()
        }
        found = {**ahead, "direction": self.direction.direction(z), **self._outcomes(candles, costs)}
        return {head: found[head] for head in HEADS}

    def _outcomes(self, candles: Candles, costs: Costs) -> Labels:
        returns = outcomes.trade_returns(candles, self.settings.win_horizon)
        cost = np.concatenate([costs[1:], costs[-1:]])  # the trade begins at the next candle
        ratios = outcomes.volatility_ratios(candles, self.settings.volatility_horizon)
        return {
            "long_win": outcomes.wins(returns, cost),
            "short_win": outcomes.wins(-returns, cost),
            "high_volatility": self.volatility.high_volatility(ratios),
        }

    def document(self) -> dict[str, Any]:
        """Everything but the settings, JSON-able; ``from_document`` gives the same labels, bit for bit."""
        return {
            "setups": {key: asdict(cutoff) for key, cutoff in self.setups.items()},
            "regime": asdict(self.regime),
            "direction": asdict(self.direction),
            "volatility": asdict(self.volatility),
            "profiles": {key: profile.tolist() for key, profile in self.profiles.items()},
            "costs_bps": dict(self.costs_bps),
        }

    @classmethod
    def from_document(cls, settings: LabelSettings, document: Mapping[str, Any]) -> Self:
        """Undo ``document``."""
        return cls(
            settings,
            {key: setups.SetupCutoff(**cutoff) for key, cutoff in document["setups"].items()},
            regimes.RegimeCutoffs(**document["regime"]),
            directions.DirectionCutoff(**document["direction"]),
            outcomes.VolatilityCutoff(**document["volatility"]),
            {key: np.array(profile) for key, profile in document["profiles"].items()},
            document["costs_bps"],
        )

    def records(self) -> dict[str, LabelRecord]:
        """Describe definitions and thresholds for the manifest."""
        setup: dict[str, float] = {}
        for key, found in self.setups.items():
            setup |= {f"{key}.conditions": float(found.conditions), f"{key}.volume": found.volume}
            setup |= {f"{key}.upper": found.upper}
        cut = self.regime
        regime = {"volatile": cut.volatile, "range": cut.range, "strong": cut.strong, "trend": cut.trend}
        direction = {"neutral": self.direction.neutral}
        for key, profile in self.profiles.items():
            direction |= {f"{key}.hour_{hour:02d}": float(factor) for hour, factor in enumerate(profile)}
        win = {f"{key}.cost_bps": cost for key, cost in self.costs_bps.items()}
        texts = {
            "buy": (setups.DEFINITION, setup),
            "sell": (setups.DEFINITION, setup),
            "direction": (directions.DEFINITION, direction),
            "regime": (regimes.DEFINITION, regime),
            "long_win": (outcomes.WIN_DEFINITION, win),
            "short_win": (outcomes.WIN_DEFINITION, win),
            "high_volatility": (
                outcomes.VOLATILITY_DEFINITION,
                {"high": self.volatility.high, "reference": float(outcomes.REFERENCE_CANDLES)},
            ),
        }
        return {
            head: LabelRecord(
                family=self.settings.family if head in STATE_HEADS else "outcome",
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
    conditions, inputs, moves, ratios = [], [], [], []
    profiles = {}
    for source in sources:
        x = Technicals.of(source.candles)
        regime = regimes.RegimeInputs.of(x)
        profiles[source.key] = directions.fit_profile(source.candles, source.train)
        z = directions.standardised_moves(source.candles, profiles[source.key], settings.direction_horizon)
        ratio = outcomes.volatility_ratios(source.candles, settings.volatility_horizon)
        use = source.train & regime.known & ~np.isnan(z)
        ratios.append(ratio[source.train & ~np.isnan(ratio)])
        conditions.append(setups.SetupInputs.of(x).where(use))
        inputs.append(np.stack([regime.volatility, regime.move, regime.trend])[:, use])
        moves.append(z[use])
    z_all = np.concatenate(moves)
    if not len(z_all) or not any(map(len, ratios)):
        raise ValueError("no training candle is known well enough to fit thresholds on")
    return FittedLabels(
        settings,
        dict(zip(profiles, setups.fit_setups(conditions, settings.min_conditions), strict=True)),
        regimes.RegimeCutoffs.fit(*np.concatenate(inputs, 1)),
        directions.DirectionCutoff.fit(z_all),
        outcomes.VolatilityCutoff.fit(np.concatenate(ratios)),
        profiles,
        {source.key: source.usual_cost_bps for source in sources},
    )


def newest_resolved(labels: NDArray[np.int8], horizon: int) -> NDArray[np.int8]:
    """(N,) label known at each candle's close, that of ``horizon`` candles before: persistence repeats it."""
    known = np.full(len(labels), UNLABELLED, np.int8)
    known[horizon:] = labels[: len(labels) - horizon]
    return known


def _later(states: NDArray[np.int8], horizon: int) -> NDArray[np.int8]:
    labels = np.full(len(states), UNLABELLED, np.int8)
    labels[: len(states) - horizon] = states[horizon:]
    return labels
