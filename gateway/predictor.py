"""Candles of a request to a prediction: the stream's own features and graph, without a stream."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from gateway.shapes import PredictRequest, candles_of, series_of
from inference_worker.bundle import EMBEDDING, OUTLOOK_HEADS
from inference_worker.reasons import Abstention
from inference_worker.session import Heads, Job, Session
from producer.zones import parse_zone
from shared.clock import Clock
from shared.contracts import CANDLE_DTYPE, WINDOW, Candles, Prediction, Reason, Rows, Series
from shared.errors import BundleError, CandleError, InputError

NEEDED = FEATURE_SET.lookback + WINDOW - 1
"""Candles that a prediction is a function of; with fewer it says WARMING."""


@dataclass(frozen=True)
class Question:
    """A checked request."""

    series: Series
    candles: Candles  # (N,), closed, N >= WINDOW


class Predictor:
    """Answers questions in batches with one session, which no other thread may use meanwhile.

    Raises
    ------
    BundleError
        The bundle was trained on another feature set than this installation computes.
    """

    def __init__(self, session: Session, clock: Clock, confidence_min: float = 0.0) -> None:
        self._session, self._clock = session, clock
        self.manifest = session.bundle.manifest
        ours, theirs = FEATURE_SET.hash, self.manifest.feature_set.hash
        if ours != theirs:
            raise BundleError(f"bundle {self.manifest.id} is of feature set {theirs}, this installation of {ours}")
        self._abstention = Abstention(self.manifest, confidence_min)
        self._outlook = [head for head in OUTLOOK_HEADS if head in self.manifest.heads]
        compute_history(np.array([(1, 1.0, 1.0, 1.0, 1.0, 0.0)], CANDLE_DTYPE))  # compiled before somebody waits for it

    def check(self, request: PredictRequest) -> Question:
        """Turn a request into candles.

        Raises
        ------
        InputError
            Something in it cannot be, or its last candle has not closed yet.
        """
        candles = candles_of(request.candles, parse_zone(request.tz))
        series = series_of(request, candles)
        closes_ms = int(candles["t"][-1]) + series.width_ms
        if closes_ms > self._clock.now_ms():
            field = f"candles[{len(candles) - 1}].time"
            rule = f"this {series.timeframe} candle closes at {closes_ms}, which is ahead"
            raise InputError(field, int(candles["t"][-1]), rule, "leave the unfinished candle out")
        return Question(series, candles)

    def now_us(self) -> int:
        """Its clock's time, UTC epoch microseconds."""
        return self._clock.now_us()

    @property
    def runtime(self) -> str:
        """What runs the graph: one of ``inference_worker.runtimes``."""
        return self._session.runtime

    def answer(self, questions: Sequence[Question]) -> list[Prediction | InputError]:
        """Predict at the last candle of each question; blocks while it computes.

        A question whose prices are so far apart that its features leave float32 has an InputError for an answer.
        """
        begun_us = self._clock.now_us()
        windows = [_window(question.candles) for question in questions]
        row_us = self._clock.now_us()
        slots = [self._session.acquire() for _ in questions]
        jobs = [Job(slot, window, fresh=True) for slot, window in zip(slots, windows, strict=True)]
        answers = self._session.run(jobs)
        for slot in slots:
            self._session.release(slot)
        inferred_us = self._clock.now_us()
        stamps = (begun_us, row_us, row_us, inferred_us)
        reasons = [self._abstention.reasons(window, heads)[-1] for window, heads in zip(windows, answers, strict=True)]
        return [self._prediction(*found, stamps) for found in zip(questions, answers, reasons, strict=True)]

    def _policy(self, heads: Heads) -> tuple[float, ...]:
        """Action and size for an account without a position, as the stream gives them; () without a policy."""
        if self._session.policy is None:
            return ()
        action = float(self._session.policy.flat_actions(heads[EMBEDDING][-1:])[0])
        return action, abs(action)

    def _prediction(
        self, question: Question, heads: Heads, reasons: int, stamps: tuple[int, int, int, int]
    ) -> Prediction | InputError:
        if not all(np.isfinite(values[-1]).all() for values in heads.values()):
            rule = "its prices are too far apart for the features to be numbers"
            return CandleError("candles", len(question.candles), rule, "send candles as they were")
        count = len(question.candles)
        reasons |= int(Reason.WARMING) if count < NEEDED else 0
        return Prediction(
            question.series, int(question.candles["t"][-1]), count,
            float(heads["buy"][-1]), float(heads["sell"][-1]),
            tuple(heads["direction"][-1].tolist()), tuple(heads["regime"][-1].tolist()),
            tuple(float(heads[head][-1]) for head in self._outlook), self._policy(heads),
            reasons, self.manifest.id, FEATURE_SET.hash, *stamps,
        )  # fmt: skip


def _window(candles: Candles) -> Rows:
    """(96, F) rows up to the last candle: older candles than ``NEEDED`` change no bit of them."""
    return compute_history(candles[-NEEDED:], WINDOW)
