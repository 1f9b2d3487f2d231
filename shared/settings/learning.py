"""Settings of how models are made and judged: data, labels, model, training, evaluation, backtest."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MultipleOf
from pydantic import Field, field_validator, model_validator

from shared.settings.kinds import Count, Group, Positive, Share, Weight

PHASES = ("pretrain", "supervised", "rl")


class PerturbationSettings(Group):
    """What is done to training batches only, from the run's own generator."""

    noise: Annotated[float, Ge(0), Le(1)] = Field(
        0.0, description="standard deviation in interquartile ranges of each feature; 0: none"
    )
    feature_dropout: Annotated[float, Ge(0), Lt(1)] = Field(
        0.0, description="share of the features hidden (at their median) all through a chunk; 0: none"
    )
    candle_dropout: Annotated[float, Ge(0), Lt(1)] = Field(
        0.0, description="share of the candles hidden (at the medians); 0: none"
    )
    mirror: Annotated[float, Ge(0), Le(1)] = Field(
        0.5, description="share of the chunks read from inverse prices, whose labels are their own; every head gains"
    )
    heavy_max: Annotated[float, Ge(0)] = Field(
        0.0,
        description="times as many labels as of a head's rarest class that others are learned from in an epoch, the "
        "rest being left out of the loss at random; 0: all. Shifts probabilities towards rare classes",
    )

    @field_validator("heavy_max")
    @classmethod
    def _not_below_the_rarest(cls, value: float) -> float:
        if 0 < value < 1:
            raise ValueError("must be 0, or 1 and more: the rarest class is never left out")
        return value


class DataSettings(Group):
    """How a history is cut: shares of a series' candles, oldest first; the test part is the rest."""

    perturbation: PerturbationSettings = PerturbationSettings()

    train_share: Share = Field(0.70, description="most of the history, as it also fits scaler and thresholds")
    validation_share: Share = Field(0.15, description="picks the checkpoint and the temperatures")

    @model_validator(mode="after")
    def _leaves_a_test_part(self) -> "DataSettings":
        if self.train_share + self.validation_share >= 1:
            raise ValueError("train_share + validation_share must leave candles for the test part")
        return self


class CacheSettings(Group):
    """What was computed of a history before."""

    folder: str = Field(
        "", description="of features and labels of histories seen before; empty: compute them, which takes seconds"
    )


class FeaturesSettings(Group):
    """Feature rows as the model sees them."""

    clip: Annotated[float, Gt(0)] = Field(
        6.0, description="in interquartile ranges; scaled features beyond it say extreme and no more"
    )


class LabelSettings(Group):
    """What the heads learn; horizons in candles."""

    family: Literal["next_state", "state"] = Field(
        "next_state",
        description="of buy, sell and regime: state asks for the present one, which tests the pipe and is no skill",
    )

    setup_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        1, description="of buy and sell: a setup at the next candle can still be acted on at its close"
    )
    regime_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        5, description="of regime: far enough that today's regime does not answer it"
    )
    direction_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        3, description="of direction: the shortest outcome that outlives spread and noise of a candle"
    )
    win_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        12, description="of long_win and short_win: long enough that a move can outgrow its costs"
    )
    volatility_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        6, description="of high_volatility: as long as a stop placed now is near the price"
    )
    cost_bps: Annotated[float, Ge(0)] = Field(
        1.0, description="of a round trip, in 1/10,000 of the price, where the file has no spread"
    )
    min_conditions: Annotated[int, Ge(1), Le(6)] = Field(
        2, description="of six that a setup needs; raised by the fit where setups would be no event"
    )

    @property
    def horizons(self) -> dict[str, int]:
        """Head -> candles until its label is known."""
        ahead = self.family == "next_state"
        return {
            "buy": self.setup_horizon * ahead,
            "sell": self.setup_horizon * ahead,
            "direction": self.direction_horizon,
            "regime": self.regime_horizon * ahead,
            "long_win": self.win_horizon,
            "short_win": self.win_horizon,
            "high_volatility": self.volatility_horizon,
        }


class ModelSettings(Group):
    """Which model is trained."""

    attention: Literal["banded", "full"] = Field(
        "banded", description="full sees its 96 candles both ways, to compare with; it cannot stream, so has no bundle"
    )
    dropout: Annotated[float, Ge(0), Lt(1)] = Field(
        0.05,
        description="share of a block's contributions left out while training; without it the third epoch overfits",
    )
    preset: Literal["tiny", "small", "base"] = Field(
        "base",
        description="0.3, 1.5 or 4.8 million parameters; base is the largest that a core serves in a millisecond",
    )
    confidence_min: Annotated[float, Ge(0), Le(1)] = Field(
        0.0, description="predictions less confident say LOW_CONFIDENCE; 0: none, as rules of entry have their own"
    )
    expires_days: Count = Field(
        0,
        description="from the newest candle of the data until predictions say EXPIRED; 0: never",
    )


class PretrainSettings(Group):
    """Unsupervised pretraining: masked spans of candles, and two views of one candle."""

    epochs: Positive = Field(50, description="passes over the training part, at most; with the phase left out, none")
    patience: Positive = Field(5, description="epochs without a better validation loss before it stops")
    mask_share: Annotated[float, Gt(0), Le(0.5)] = Field(0.15, description="of the candles that are hidden")
    span_candles: Annotated[int, Ge(1), Le(8)] = Field(
        6, description="longest hidden span; a single hidden candle is read off its neighbours' averages"
    )
    contrast_weight: Annotated[float, Ge(0)] = Field(0.1, description="of InfoNCE beside the reconstruction")
    ablation: bool = Field(
        True, description="keep what was pretrained only where a short supervised run is better for it"
    )
    ablation_epochs: Positive = Field(2, description="of each of the two short runs: the head start shows early")


class HeadWeights(Group):
    """Of each head's loss in the sum; 0 leaves a head untaught."""

    buy: Weight = Field(1.0, description="of the setups' heads: nearly told by the present candle")
    sell: Weight = Field(1.0, description="as buy")
    direction: Weight = Field(1.5, description="little to learn, so it is learned only where it weighs more")
    regime: Weight = Field(3.0, description="the head with the most to learn")
    long_win: Weight = Field(0.2, description="as direction")
    short_win: Weight = Field(0.2, description="as direction")
    high_volatility: Weight = Field(1.0, description="learned early, and well")


class SupervisedSettings(Group):
    """Supervised training: how long, and on what."""

    epochs: Positive = Field(100, description="passes over the training part, at most; patience ends most runs")
    patience: Positive = Field(5, description="epochs without a better validation log-loss before it stops")
    label_smoothing: Annotated[float, Ge(0), Lt(0.5)] = Field(
        0.02, description="labels near a threshold are noise; more blurs the calibration"
    )
    balance: Annotated[float, Ge(0), Le(1)] = Field(
        0.0, description="a class weighs share ** -balance in its head's loss; 0: as often as it occurs"
    )
    chunk_rows: Annotated[int, Ge(160), MultipleOf(32)] = Field(
        640, description="rows a training sequence; 95 of them are context, 15 % overhead"
    )
    batch_chunks: Positive = Field(2, description="sequences a step, about 1,100 targets; more learn less an epoch")
    ema: Annotated[float, Ge(0), Lt(1)] = Field(
        0.998, description="decay a step of the averaged weights that are scored and kept; 0: the last step's"
    )
    present: Annotated[float, Ge(0)] = Field(
        0.3,
        description="weight of telling moves, relative volatility and trend of the candle itself, beside the heads'; "
        "dropped afterwards. 0: untaught",
    )
    weights: HeadWeights = HeadWeights()


class RlSettings(Group):
    """Reinforcement learning of the policy."""

    episodes: Positive = Field(1_000, description="of PPO, where rl is one of the phases: enough for so small a policy")
    episode_candles: Annotated[int, Ge(2)] = Field(
        256, description="decisions an episode: long enough for many trades, short enough for many starts"
    )
    parallel: Positive = Field(32, description="episodes side by side, whose steps one improvement is made of")
    turnover_penalty_bps: Annotated[float, Ge(0)] = Field(
        0.2, description="a fill, in 1/10,000 of the equity beyond its costs: real fills are worse than assumed ones"
    )
    drawdown_penalty: Annotated[float, Ge(0)] = Field(
        0.1, description="share of each increase of the drawdown: holding what earns nothing should cost something"
    )
    discount: Share = Field(0.95, description="of a reward one candle later; beyond 20 candles all is noise")
    smoothing: Share = Field(0.9, description="GAE's lambda: lower trusts the critic more, higher the rewards")
    clip: Share = Field(0.2, description="how far an improvement may move a probability, as a ratio")
    entropy: Annotated[float, Ge(0)] = Field(0.003, description="bonus in the loss: keeps trying what seems worse")
    noise: Annotated[float, Ge(0)] = Field(
        1.0, description="on embeddings while it learns, in their standard deviations: a policy must not know candles"
    )
    learning_rate: Annotated[float, Gt(0)] = Field(2e-3, description="of Adam, falling to 0 over all improvements")
    passes: Positive = Field(4, description="over each rollout; more overfit it")
    minibatch: Positive = Field(1_024, description="decisions a gradient step: single rewards are nearly pure noise")
    hidden: Positive = Field(64, description="channels of the policy's two layers: it reads what an encoder prepared")


class TrainingSettings(Group):
    """The phases of training."""

    phases: str = Field(
        "supervised", description="comma-separated, of pretrain, supervised and rl; supervised is always one of them"
    )
    pretrain: PretrainSettings = PretrainSettings()
    supervised: SupervisedSettings = SupervisedSettings()
    rl: RlSettings = RlSettings()
    seed: Count = Field(0, description="of weights, batches and order; the same seed gives the same bundle")
    threads: Positive = Field(2, description="torch's; bundles are equal bit for bit only for equal numbers of them")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where torch finds one")
    amp: Literal["auto", "off", "on"] = Field(
        "auto", description="bfloat16 products; auto: where the hardware has them, as a core with AVX512-BF16 or AMX"
    )

    @field_validator("phases")
    @classmethod
    def _known_phases(cls, value: str) -> str:
        named = value.split(",")
        if "supervised" not in named or len(set(named)) < len(named) or not set(named) <= set(PHASES):
            raise ValueError(f"must be some of {', '.join(PHASES)}, each once, supervised among them")
        return ",".join(phase for phase in PHASES if phase in named)


class OptimizationSettings(Group):
    """The optimiser and its schedule."""

    optimizer: Literal["adamw", "muon"] = Field(
        "muon", description="muon: the blocks' matrices by Muon, the rest by AdamW; half the epochs of AdamW alone"
    )
    learning_rate: Annotated[float, Gt(0)] = Field(2e-3, description="peak, reached after the warm-up")
    weight_decay: Annotated[float, Ge(0)] = Field(
        0.1, description="matrices only: norms and biases have nothing to shrink towards"
    )
    clip_norm: Annotated[float, Gt(0)] = Field(1.0, description="of all gradients together; only spikes are larger")
    warmup_steps: Count = Field(100, description="of a linear rise, as the optimiser's moments start empty")
    schedule: Literal["cosine", "plateau"] = Field(
        "cosine", description="cosine: fall as the two next say, then stay; plateau: lower it when validation stalls"
    )
    decay_epochs: Positive = Field(
        5, description="until a cosine has fallen; more overfits a long history, as later epochs find nothing new"
    )
    decay_steps: Count = Field(
        1_200, description="that a cosine takes at least: a short history needs more epochs for as many steps"
    )
    plateau_factor: Share = Field(0.4, description="of the rate that is left at each lowering")
    plateau_patience: Positive = Field(2, description="epochs without a better validation log-loss before a lowering")
    final_share: Annotated[float, Ge(0), Le(1)] = Field(0.05, description="of the peak rate that is left at the end")


class EvaluationSettings(Group):
    """What `natron evaluate` spends on baselines and intervals."""

    trials: Positive = Field(20, description="of optuna a head; more is rarely better than another feature")
    tuning_rows: Positive = Field(
        30_000, description="candles a trial sees: enough to rank settings, an eighth of the time of all"
    )
    baseline_rows: Positive = Field(
        250_000, description="candles that the tuned baselines are fitted on, at most: half as many are weaker"
    )
    baseline_seeds: Positive = Field(
        5, description="fits of each baseline beside a single model; their spread is shown"
    )
    block: Positive = Field(
        200, description="candles of a bootstrap block: twice the window, and longer than regimes and horizons last"
    )
    resamples: Annotated[int, Ge(100)] = Field(500, description="of the bootstrap; 95 % bounds need some hundred")
    walk_forward_share: Share = Field(
        0.5, description="newest part of the history that walk-forward folds test; the first fold learns from the rest"
    )


class BacktestSettings(Group):
    """Rules of entry, and costs beside the spread, in backtests and in the policy's environment."""

    edge: Annotated[float, Ge(0)] = Field(
        1.0, description="expected move over the round trip's cost from which the rule expected_value enters"
    )
    min_direction_prob: Annotated[float, Ge(0), Le(1)] = Field(
        0.4, description="of the direction that is entered; chance gives 0.33, honest models seldom exceed 0.5"
    )
    min_setup_prob: Annotated[float, Gt(0), Le(1)] = Field(
        0.6, description="of a setup that is entered; a setup is no profit, so more would not make it one"
    )
    max_age_s: Annotated[int, Ge(1)] = Field(
        60,
        description="from a candle's close to the next one's open, at most, for an entry: the EA's MaxAgeS",
    )
    commission_bps: Annotated[float, Ge(0), Lt(10_000)] = Field(
        0.0, description="each side, in 1/10,000 of what is traded; most retail accounts pay by the spread alone"
    )
    slippage_bps: Annotated[float, Ge(0), Lt(10_000)] = Field(
        0.1, description="that each market fill is worse by, in 1/10,000 of the price: a tenth of a pip or so"
    )
    placebo_draws: Annotated[int, Ge(1), Le(100_000)] = Field(
        200, description="of the same trades at random times; a percentile is then sure to 3 points or so"
    )
