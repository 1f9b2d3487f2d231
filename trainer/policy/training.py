"""Phase 3: fit a policy on the training split, choose it on the validation split, and say what it is worth there."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from shared.settings.groups import Settings
from shared.settings.learning import RlSettings
from trainer.backtest.market import BPS, Floats
from trainer.chunks import LabelledSeries
from trainer.histories import Lesson
from trainer.model import Natron
from trainer.policy.arena import Arena, Ground, market_of
from trainer.policy.embeddings import embed
from trainer.policy.environment import Episode, TradingVector
from trainer.policy.network import FastPolicy, PolicyNetwork
from trainer.policy.ppo import collect, improve
from trainer.policy.validation import EDGES, Earnings, policy_earnings, threshold_earnings
from trainer.splits import Span
from trainer.supervised import predict

SURE = 2.5
"""Score on the validation split (standard errors above staying flat) from which a policy is kept at all: more than one
look would ask for, as the best of many looks is taken."""


@dataclass(frozen=True)
class PolicyReport:
    """What one improvement gave."""

    episodes: int  # so far
    of: int
    reward: float  # mean of a training decision, in usual moves
    entropy: float  # nats; log 3 = 1.1 knows nothing, 0 is sure
    validation: Earnings
    best: bool


@dataclass(frozen=True)
class PolicyFitted:
    """A policy, and how it did on the validation split, on which it was chosen.

    Attributes
    ----------
    network
        The kept one; it always stays flat where none was sure to beat that.
    learned
        Whether the kept one was learned.
    earnings
        ``policy`` (the kept one), ``newest`` (as the last improvement left it), ``threshold`` and ``flat``.
    samples
        (K, d) embeddings of the validation split, for the golden outputs.
    """

    network: PolicyNetwork
    learned: bool
    reports: tuple[PolicyReport, ...]
    earnings: Mapping[str, Earnings]
    horizon: int
    samples: NDArray[np.float32]
    settings: RlSettings

    @property
    def beats(self) -> bool:
        """Whether it earned more than the threshold rule and than staying flat."""
        found = self.earnings
        return found["policy"].log_equity > max(found["threshold"].log_equity, found["flat"].log_equity)


def fit_policy(
    model: Natron,
    lesson: Lesson,
    settings: Settings,
    seed: int,
    report: Callable[[PolicyReport], None] = lambda _: None,
) -> PolicyFitted:
    """Learn on the embeddings of a trained model; the test splits are never read.

    Parameters
    ----------
    report
        Called after every improvement, that is every ``training.rl.parallel`` episodes.

    Raises
    ------
    TrainingError
        No training split is long enough for one episode.
    """
    horizon = settings.labels.win_horizon
    train = [_ground(model, one, one.splits.train, settings) for one in lesson.series]
    held_out = [_ground(model, one, one.splits.validation, settings) for one in lesson.series]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = fit_on_grounds(train, held_out, settings.training.rl, horizon, seed, report)
    wins = [(_wins(model, one, one.splits.train), _wins(model, one, one.splits.validation)) for one in lesson.series]
    threshold = _threshold(train, held_out, wins, settings, horizon)
    earnings = {**found.earnings, "threshold": threshold, "flat": Earnings(0.0, 0.0, 0.0, 0)}
    return PolicyFitted(found.network, found.learned, found.reports, earnings, horizon, found.samples, found.settings)


def fit_on_grounds(
    train: Sequence[Ground],
    held_out: Sequence[Ground],
    settings: RlSettings,
    horizon: int,
    seed: int,
    report: Callable[[PolicyReport], None] = lambda _: None,
) -> PolicyFitted:
    """Learn on ``train``, keep what did best on ``held_out``; torch's generator gives the first weights."""
    arena = Arena.of(train, settings.episode_candles)
    generator = np.random.default_rng(seed)
    network = PolicyNetwork(arena.embedding.shape[1], settings.hidden)
    network.fit_input(arena.embedding)
    kept = copy.deepcopy(network)
    kept.abstain()
    best, learned, reports = SURE, False, []
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate, eps=1e-5)
    for at, count in enumerate(counts := _counts(settings)):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * (1 - at / len(counts))
        vector = TradingVector(arena, _episode(settings, horizon), count)
        rollout = collect(network, vector, settings, generator)
        entropy = improve(network, optimizer, rollout, settings, generator)
        found = policy_earnings(FastPolicy(network), held_out, horizon)
        better = found.score > best
        if better:
            best, learned, kept = found.score, True, copy.deepcopy(network)
        done = PolicyReport(
            sum(counts[: at + 1]), settings.episodes, float(rollout.rewards.mean()), entropy, found, better
        )
        reports.append(done)
        report(done)
    earnings = {"policy": policy_earnings(FastPolicy(kept), held_out, horizon), "newest": reports[-1].validation}
    samples = np.concatenate([ground.embedding[:: max(1, len(ground.embedding) // 8)] for ground in held_out])
    return PolicyFitted(kept, learned, tuple(reports), earnings, horizon, samples, settings)


def _counts(settings: RlSettings) -> list[int]:
    """Episodes of each improvement."""
    whole, rest = divmod(max(1, settings.episodes), settings.parallel)
    return [settings.parallel] * whole + ([rest] if rest else [])


def _episode(settings: RlSettings, horizon: int) -> Episode:
    return Episode(settings.episode_candles, horizon, settings.turnover_penalty_bps * BPS, settings.drawdown_penalty)


def _ground(model: Natron, series: LabelledSeries, span: Span, settings: Settings) -> Ground:
    return Ground(market_of(series, span, settings.backtest), embed(model, series, span))


def _wins(model: Natron, series: LabelledSeries, span: Span) -> dict[str, Floats]:
    """The two win probabilities at each candle of a span."""
    logits = predict(model, series, span)
    return {head: 1 / (1 + np.exp(logits[head][:, 0] - logits[head][:, 1])) for head in ("long_win", "short_win")}


def _threshold(
    train: Sequence[Ground],
    held_out: Sequence[Ground],
    wins: Sequence[tuple[dict[str, Floats], dict[str, Floats]]],
    settings: Settings,
    horizon: int,
) -> Earnings:
    """Earnings of the win heads above a threshold, which is chosen on the training split."""
    learned, held = [one[0] for one in wins], [one[1] for one in wins]
    earned = {edge: threshold_earnings(train, learned, settings.backtest, edge, horizon).log_equity for edge in EDGES}
    return threshold_earnings(held_out, held, settings.backtest, max(earned, key=earned.__getitem__), horizon)
