"""Predictions to outcomes: the stage between a predictions log and its outcomes log."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import redis

from archive.scoring.candle_book import CandleBook
from archive.scoring.resolution import REACH, resolve
from archive.scoring.taught import TaughtLabels
from shared.broker import fields_of
from shared.codec import decode_kept_prediction, decode_outcome, decode_prediction, encode_outcome
from shared.contracts import WINDOW, Outcome, Prediction, Series
from shared.errors import JunkError
from shared.names import Names
from shared.series_stream import newest_before, newest_t
from shared.stage import Entry, Kept, Output, Pass, Result, StageKeys

RECALLED = 96
"""Predictions of a series that are read back: no horizon is longer."""
SCANNED_MAX = 4_096
"""Entries of a partition's log that are looked through for them."""
_PAGE = 512
WAIT_S = 5.0
"""So long may a candle come later than its prediction; both stand in the broker already."""


@dataclass(frozen=True, slots=True)
class Told:
    """A prediction, and where it stands in its log."""

    id: str
    prediction: Prediction


class Teachings(Protocol):
    """What bundles were taught."""

    def of(self, bundle: str, key: str) -> TaughtLabels | None:
        """Labels of a bundle on a series; None where the bundle is not to be found."""
        ...


class Listener(Protocol):
    """Whoever wants the outcomes of a stage as they are made."""

    def add(self, series: Series, outcomes: Sequence[Outcome], missed: int) -> None:
        """Take outcomes of a series, in order, and the number of predictions that will have none."""
        ...

    def forget(self, partitions: Sequence[int] | None) -> None:
        """Drop what is known of these partitions, or of all."""
        ...


@dataclass(frozen=True)
class ScoredLog:
    """The streams of one kind of predictions; the callables take a partition, or a series."""

    stage: str
    service: str
    predictions: Callable[[int], str]
    recent: Callable[[Series], str]
    outcomes: Callable[[int], str]
    outcome_recent: Callable[[Series], str]
    keyless: bool  # messages in ``recent`` lack the series key at their end


def champion_log(names: Names) -> ScoredLog:
    """Streams of the champion's predictions."""
    return ScoredLog(
        "scorer",
        "scorer",
        names.predictions,
        lambda series: names.recent(series.partition, series.key),
        names.outcomes,
        lambda series: names.outcome_recent(series.partition, series.key),
        keyless=True,
    )


def shadow_log(names: Names, bundle: str) -> ScoredLog:
    """Streams of a challenger's predictions."""
    return ScoredLog(
        f"scorer:{bundle}",
        f"scorer:{bundle}",
        lambda p: names.shadow(p, bundle),
        lambda series: names.shadow_recent(series.partition, bundle, series.key),
        lambda p: names.shadow_outcomes(p, bundle),
        lambda series: names.shadow_outcome_recent(series.partition, bundle, series.key),
        keyless=False,
    )


@dataclass(slots=True)
class _Waiting:
    """Predictions of one series that have no outcome yet, oldest first."""

    partition: int
    predictions: deque[Prediction] = field(default_factory=deque)
    n: int = 0  # of the newest prediction read


@dataclass(frozen=True, slots=True)
class _Due:
    """A prediction whose outcome is due at an entry."""

    at: int  # place among the messages
    prediction: Prediction
    taught: TaughtLabels


class ScoringStage:
    """Gives every prediction its outcome, at the entry of the candle that ends its longest horizon."""

    def __init__(
        self,
        client: redis.Redis,
        log: ScoredLog,
        book: CandleBook,
        teachings: Teachings,
        listener: Listener,
        keep: tuple[int, int],
    ) -> None:
        """``keep``: newest predictions, and likewise outcomes, kept a partition's log; newest outcomes of a series."""
        self._client, self._log, self._book = client, log, book
        self._teachings, self._listener = teachings, listener
        self._waiting: dict[str, _Waiting] = {}
        self.keys = StageKeys(
            stage=log.stage,
            service=log.service,
            holds_input=False,
            input_keep=keep[0],
            output_keep=keep[0],
            side_keep=keep[1],
        )

    def input_log(self, p: int) -> str:
        """Predictions log."""
        return self._log.predictions(p)

    def output_log(self, p: int) -> str:
        """Outcomes log."""
        return self._log.outcomes(p)

    def side(self, series: Series) -> str:
        """A series' newest outcomes."""
        return self._log.outcome_recent(series)

    def source(self, series: Series) -> str:
        """A series' newest predictions; trimmed by whoever makes them."""
        return self._log.recent(series)

    def decode(self, entry: Entry) -> Told:
        """Read a prediction."""
        prediction = decode_prediction(entry.fields.get(b"m", b""))
        if prediction.series.partition != entry.partition:
            raise JunkError(f"{prediction.series.key} belongs to partition {prediction.series.partition}")
        return Told(entry.id, prediction)

    def forget(self, partitions: Sequence[int] | None = None) -> None:
        """Drop what waits in these partitions, or all: another instance may have gone on."""
        gone = None if partitions is None else set(partitions)
        for key in [key for key, one in self._waiting.items() if gone is None or one.partition in gone]:
            del self._waiting[key]
        self._listener.forget(partitions)

    def process(self, messages: Sequence[Told]) -> list[Result]:
        """The outcome that is due at each prediction, or nothing."""
        results: list[Result] = [Pass()] * len(messages)
        due: dict[tuple[str, str], list[_Due]] = {}  # (series, bundle) -> in order
        lost: Counter[str] = Counter()
        for at, told in enumerate(messages):
            key = told.prediction.series.key
            waiting, unread = self._place(told)
            found, passed = self._due(waiting, at) if waiting else (None, 0)
            if found is not None:
                due.setdefault((key, found.prediction.bundle), []).append(found)
            lost[key] += unread + passed
        made: dict[str, list[Outcome]] = {told.prediction.series.key: [] for told in messages}
        for (key, _), several in due.items():
            resolved = self._resolve(several)
            lost[key] += len(several) - len(resolved)
            for at, outcome in resolved:
                one = outcome.prediction
                results[at] = Output(one.series, Kept(one.t, encode_outcome(outcome), one.n))
                made[key].append(outcome)
        for key, outcomes in made.items():
            if outcomes or lost[key]:
                in_order = sorted(outcomes, key=lambda outcome: outcome.prediction.n)
                self._listener.add(Series.from_key(key), in_order, lost[key])
        return results

    def _place(self, told: Told) -> tuple[_Waiting | None, int]:
        """Put a prediction behind those that wait; how many before it were never read."""
        one = told.prediction
        waiting = self._waiting.get(one.series.key)
        if waiting is None:
            earlier = self._recall(told)
            waiting = _Waiting(one.series.partition, deque(earlier), earlier[-1].n if earlier else 0)
            self._waiting[one.series.key] = waiting
        elif one.n <= waiting.n:
            return None, 0  # a repeat: its candle has been placed
        lost = one.n - waiting.n - 1 if waiting.n else 0
        waiting.predictions.append(one)
        waiting.n = one.n
        return waiting, lost

    def _recall(self, told: Told) -> list[Prediction]:
        """The predictions directly before this one whose outcomes are still to come.

        Of the series' own newest ones; where the log has run ahead of this stage, of the log.
        """
        one = told.prediction
        series, p = one.series, one.series.partition
        done_t = newest_t(self._client, self.side(series), _decode_outcome, p)
        wanted = min(RECALLED, one.n - WINDOW)

        def decode(entry: Entry) -> Prediction:
            message = entry.fields.get(b"m", b"")
            return decode_kept_prediction(message, series) if self._log.keyless else decode_prediction(message)

        newest = newest_before(self._client, self.source(series), one.t - 1, wanted, decode, p) if wanted else []
        found = _run_before(one, [kept for _, kept in reversed(newest)])
        if len(found) < wanted and (not found or found[0].t > done_t):
            found = _run_before(one, self._scan(told, wanted))
        return [earlier for earlier in found if earlier.t > done_t]

    def _scan(self, told: Told, wanted: int) -> Iterator[Prediction]:
        """Predictions of a series before this one in the log, newest first."""
        series, end = told.prediction.series, "(" + told.id
        for _ in range(0, SCANNED_MAX, _PAGE):
            entries = self._client.execute_command(
                "XREVRANGE", self._log.predictions(series.partition), end, "-", "COUNT", _PAGE
            )
            for raw in entries:
                try:
                    one = decode_prediction(fields_of(raw).get(b"m", b""))
                except JunkError:
                    continue
                if one.series == series:
                    wanted -= 1
                    yield one
            if wanted <= 0 or len(entries) < _PAGE:
                return
            end = "(" + entries[-1][0].decode()

    def _due(self, waiting: _Waiting, at: int) -> tuple[_Due | None, int]:
        """The newest prediction that is due at message ``at``, and how many have no entry to be told at.

        One is due at a time, unless a bundle with a shorter horizon took over, or a bundle is not to be found.
        """
        found: _Due | None = None
        passed = 0
        while waiting.predictions:
            oldest = waiting.predictions[0]
            taught = self._teachings.of(oldest.bundle, oldest.series.key)
            if taught is not None and oldest.n + taught.horizon > waiting.n:
                break
            waiting.predictions.popleft()
            passed += found is not None or taught is None
            found = _Due(at, oldest, taught) if taught is not None else found
        return found, passed

    def _resolve(self, several: Sequence[_Due]) -> list[tuple[int, Outcome]]:
        """Outcomes of one series and bundle, each with the place of its message."""
        taught, series = several[0].taught, several[0].prediction.series
        first, last = several[0].prediction.n, several[-1].prediction.n + taught.horizon
        first_n, candles = self._book.candles(series, first - REACH, last, WAIT_S)
        places = {one.prediction.n: one.at for one in several}
        outcomes = resolve(taught, series.key, candles, first_n, [one.prediction for one in several])
        return [(places[outcome.prediction.n], outcome) for outcome in outcomes]


def _run_before(one: Prediction, newest_first: Iterable[Prediction]) -> list[Prediction]:
    """Those that lead up to ``one`` without a hole, oldest first."""
    found: list[Prediction] = []
    for earlier in newest_first:
        if earlier.n != one.n - len(found) - 1:
            break
        found.append(earlier)
    return found[::-1]


def _decode_outcome(entry: Entry) -> Outcome:
    return decode_outcome(entry.fields.get(b"m", b""))
