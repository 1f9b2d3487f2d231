"""The newest outcomes of every series and bundle, and the scores they add up to."""

from collections import Counter, deque
from collections.abc import Callable, Sequence

import redis
import structlog

from archive.scoring.candle_book import CandleBook
from archive.scoring.figures import LEAST, head_scores, regime_scores, rule_score
from archive.scoring.stage import ScoredLog, Teachings
from archive.scoring.taught import TaughtLabels
from shared.clock import Clock
from shared.codec import decode_outcome
from shared.contracts import Outcome, Reason, Series
from shared.metrics import ScorerMetrics
from shared.scores import Role, RuleScore, Score
from shared.series_stream import newest_before
from shared.settings.groups import ScoreSettings
from shared.settings.learning import BacktestSettings
from shared.stage import Entry

_log = structlog.get_logger()
END_T = 2**62
"""After every candle."""

_Page = dict[str, deque[Outcome]]  # bundle -> newest outcomes that count, newest last


class Ledger:
    """Keeps the newest outcomes of one log, read back from the broker where it has not seen a series yet.

    Parameters
    ----------
    on_outcome
        Called with each new outcome that counts.
    """

    def __init__(
        self,
        client: redis.Redis,
        log: ScoredLog,
        role: Role,
        book: CandleBook,
        teachings: Teachings,
        clock: Clock,
        settings: ScoreSettings,
        rules: BacktestSettings,
        metrics: ScorerMetrics,
        on_outcome: Callable[[Outcome, TaughtLabels], None] = lambda _outcome, _taught: None,
    ) -> None:
        self._client, self._log, self._role, self._book = client, log, role, book
        self._teachings, self._clock, self._settings, self._rules = teachings, clock, settings, rules
        self._metrics, self._on_outcome = metrics, on_outcome
        self._pages: dict[str, _Page] = {}
        self._changed: dict[tuple[str, str], Series] = {}  # series key and bundle, since scores were last asked for
        self._missed: Counter[str] = Counter()  # series key -> predictions without an outcome

    def add(self, series: Series, outcomes: Sequence[Outcome], missed: int) -> None:
        """Take new outcomes of a series, in order."""
        if missed:
            self._missed[series.key] += missed
            self._metrics.missed.inc(missed)
            _log.warning("predictions_unscored", series=series.key, predictions=missed, log=self._log.stage)
        page = self._page(series, outcomes[0].prediction.t if outcomes else END_T)
        for one in outcomes:
            taught = self._teachings.of(one.prediction.bundle, series.key)
            if self._enter(page, one) and taught is not None:
                self._changed[series.key, one.prediction.bundle] = series
                self._on_outcome(one, taught)

    def _page(self, series: Series, before_t: int) -> _Page:
        """A series' newest outcomes; those before ``before_t`` from the broker where it is new here."""
        page = self._pages.get(series.key)
        if page is None:
            page = self._pages[series.key] = {}

            def decode(entry: Entry) -> Outcome:
                return decode_outcome(entry.fields.get(b"m", b""))

            key = self._log.outcome_recent(series)
            for _, one in newest_before(
                self._client, key, before_t - 1, self._settings.window, decode, series.partition
            ):
                self._enter(page, one)
        return page

    def _enter(self, page: _Page, one: Outcome) -> bool:
        """Count an outcome; not while its prediction said WARMING: nothing was trained on such."""
        if one.prediction.reasons & Reason.WARMING:
            return False
        page.setdefault(one.prediction.bundle, deque(maxlen=self._settings.window)).append(one)
        return True

    def forget(self, partitions: Sequence[int] | None) -> None:
        """Drop these partitions' series, or all: what passed the gate is in the broker."""
        gone = None if partitions is None else set(partitions)
        for key in [key for key in self._pages if gone is None or Series.from_key(key).partition in gone]:
            del self._pages[key]

    def scores(self) -> list[Score]:
        """Scores of what has changed since they were last asked for."""
        changed, self._changed = self._changed, {}
        found = []
        for (key, bundle), series in changed.items():
            outcomes = list(self._page(series, END_T).get(bundle, ()))
            taught = self._teachings.of(bundle, key)
            if taught is not None and len(outcomes) >= LEAST:
                found.append(self._score(series, bundle, taught, outcomes))
        return found

    def _score(self, series: Series, bundle: str, taught: TaughtLabels, outcomes: list[Outcome]) -> Score:
        return Score(
            series=series.key,
            symbol=series.symbol,
            timeframe=series.timeframe,
            bundle=bundle,
            role=self._role,
            at_ms=self._clock.now_ms(),
            first=outcomes[0].prediction.t,
            last=outcomes[-1].prediction.t,
            candles=len(outcomes),
            missed=self._missed[series.key],
            taught=taught.taught,
            heads=head_scores(taught, outcomes),
            regimes=regime_scores(taught, outcomes),
            rule=self._rule(series, taught, outcomes),
        )

    def _rule(self, series: Series, taught: TaughtLabels, outcomes: list[Outcome]) -> RuleScore | None:
        """Over the newest outcomes that follow one another, and whose candles are at hand."""
        last = outcomes[-1].prediction.n
        first, candles = self._book.candles(series, outcomes[0].prediction.n, last, 0.0)
        run = [one for at, one in enumerate(reversed(outcomes)) if one.prediction.n == last - at >= first][::-1]
        if not run:
            return None
        return rule_score(self._settings.rule, self._rules, taught, run, candles[len(candles) - len(run) :])
