"""A file's candles into the broker as if they were live: behind ``natron producer replay``."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from producer.candle_file import CandleFile
from producer.exports.export import Export
from producer.pace import Pace
from producer.replay_report import ReplayReport
from producer.replay_request import ReplayRequest
from shared.admission import Verdict
from shared.broker import LOST
from shared.clock import Clock
from shared.contracts import CANDLE_DTYPE, Candles, Flag, Series
from shared.errors import BrokerError, BusyError, TailLostError

_BUSY_S = (0.01, 0.25)  # first and longest wait while what comes next is full
_HELD = (Verdict.ADMITTED, Verdict.DUPLICATE)  # the broker has the candle
_AWAY_S = (0.05, 2.0)  # first and longest wait while the broker is away

log = structlog.get_logger()


class Door(Protocol):
    """What a replay needs of ``shared.admission.Admission``."""

    def newest(self, series: Series) -> int | None:
        """Open time of the newest admitted candle, None for a new series."""
        ...

    def admit(self, series: Series, candles: Candles, flags: int, source: str, after: int = 0) -> list[Verdict]:
        """Admit a batch of candles of a series that is known to hold the candle of ``after``."""
        ...


class Replay:
    """One file on its way into the broker; run it again at will: nothing is admitted twice.

    Parameters
    ----------
    file
        Read instead of the request's path: candles that are resampled or made of ticks.
    """

    def __init__(
        self,
        admission: Door,
        clock: Clock,
        request: ReplayRequest,
        on_progress: Callable[[int, float], None] | None = None,
        file: CandleFile | None = None,
    ) -> None:
        self._admission, self._clock, self._request = admission, clock, request
        self._on_progress, self._file = on_progress, file
        self._passed: Counter[str] = Counter()  # outside and open, of this pass over the file
        self._settled: Counter[str] = Counter()  # the others, of all passes
        self._again = 0  # rows that are settled, but come once more
        self._known = 0  # newest of the series when last asked
        self._held = 0  # newest that the broker said it has
        self._wait_s = _AWAY_S[0]
        self._pace = Pace(clock, request.speed, request.series.width_ms)

    def run(self) -> ReplayReport:
        """Replay to the end; blocks while admission is busy or the broker is away.

        Raises
        ------
        InputError
            The file cannot be opened.
        FormatError
            Its format is not certain, or contradicts the timeframe.
        """
        request = self._request
        timeframe = request.series.timeframe
        export = self._file or Export(request.path, replace(request.options, timeframe=timeframe))
        self._connect()
        while True:
            try:
                for candles in self._closed(export):
                    self._send(candles)
                break
            except TailLostError as error:
                log.warning("broker_lost_candles", error=str(error))
                self._go_back()
        refused = export.tally.total
        counts = self._passed + self._settled
        return ReplayReport(
            read=counts.total() + refused,
            refused=refused,
            refusals=export.tally.document(),
            tz=export.tz,
            tz_source=export.tz_source,
            notes=export.notes,
            **{name: counts[name] for name in ("known", "outside", "open", *Verdict)},
        )

    def _closed(self, export: CandleFile) -> Iterator[Candles]:
        """Candles that have a successor, within range and limit; what is open at the end of the file is withheld."""
        left = self._request.limit
        held = np.empty(0, CANDLE_DTYPE)
        for block in export.blocks():
            rows = np.concatenate([held, block.candles])
            cut = _last_begins(rows["t"])
            held = rows[cut:]
            wanted = self._inside(rows[:cut])[:left]
            yield wanted
            if self._on_progress is not None:
                self._on_progress(self._passed.total() + self._settled.total(), block.fraction)
            if left is not None:
                left -= len(wanted)
                if left == 0:
                    return
        held = self._inside(held)
        if self._request.last_closed:
            yield held[:left]
        else:
            self._passed["open"] += len(held)

    def _inside(self, candles: Candles) -> Candles:
        """Drop and count candles that are not between from and to."""
        request, t = self._request, candles["t"]
        inside = np.ones(len(t), np.bool_)
        if request.from_ms is not None:
            inside &= t >= request.from_ms
        if request.to_ms is not None:
            inside &= t < request.to_ms
        self._passed["outside"] += int((~inside).sum())
        return candles[inside]

    def _go_back(self) -> None:
        """Read the file from its beginning again; what is settled is sent where the broker lost it, and not counted."""
        self._passed.clear()
        self._again = self._settled.total()
        self._held = 0
        self._connect()

    def _connect(self) -> None:
        """Ask for the newest candle; rows up to it are known.

        Raises
        ------
        TailLostError
            It is before one that the broker has held.
        """
        wait_s = _AWAY_S[0]
        while True:
            try:
                newest = self._admission.newest(self._request.series) or 0
            except (BrokerError, *LOST) as error:
                log.warning("broker_away", error=str(error), again_in_s=wait_s)
                self._clock.sleep(wait_s)
                wait_s = min(2 * wait_s, _AWAY_S[1])
            else:
                break
        if newest < self._held:
            raise TailLostError(f"the newest candle is that of {newest}, it was that of {self._held}")
        self._known = self._held = newest

    def _send(self, candles: Candles) -> None:
        """Send candles, each once it is due; after a lost connection go on after the newest that arrived."""
        again, candles = candles[: self._again], candles[self._again :]
        self._again -= len(again)
        self._resend(again)
        candles = self._unknown(candles)
        while len(candles):
            due = self._pace.wait(candles["t"])
            batch = candles[: min(due, self._request.batch)]
            try:
                verdicts = self._admit(batch)
            except (BrokerError, *LOST) as error:
                self._stand_back(error)
                self._connect()
                candles = self._unknown(candles)
            else:
                self._settled.update(verdicts)
                candles = candles[len(batch) :]

    def _resend(self, candles: Candles) -> None:
        """Send at once what the broker lost of candles that are settled."""
        candles = candles[candles["t"] > self._known]
        while len(candles):
            batch = candles[: self._request.batch]
            try:
                self._admit(batch)
            except (BrokerError, *LOST) as error:
                self._stand_back(error)
                self._connect()
                candles = candles[candles["t"] > self._known]
            else:
                candles = candles[len(batch) :]

    def _admit(self, batch: Candles) -> list[Verdict]:
        """Admit, and while what comes next is full, wait."""
        wait_s = _BUSY_S[0]
        request = self._request
        while True:
            try:
                verdicts = self._admission.admit(request.series, batch, int(Flag.REPLAY), request.source, self._held)
            except BusyError:
                self._clock.sleep(wait_s)
                wait_s = min(2 * wait_s, _BUSY_S[1])
            else:
                held = [t for t, verdict in zip(batch["t"].tolist(), verdicts, strict=True) if verdict in _HELD]
                self._held = max([self._held, *held])
                self._wait_s = _AWAY_S[0]
                return verdicts

    def _stand_back(self, error: Exception) -> None:
        """Wait, longer each time: a broker that is full or read-only refuses at once, and yet says who is newest."""
        log.warning("broker_lost", error=str(error), again_in_s=self._wait_s)
        self._clock.sleep(self._wait_s)
        self._wait_s = min(2 * self._wait_s, _AWAY_S[1])

    def _unknown(self, candles: Candles) -> Candles:
        """Drop and count those that the broker already knew when last asked."""
        after = candles["t"] > self._known
        self._settled["known"] += len(candles) - int(after.sum())
        return candles[after]


def _last_begins(t: NDArray[np.int64]) -> int:
    """Where the run of equal stamps at the end begins: a repeated row is no successor."""
    others = np.flatnonzero(t != t[-1]) if t.size else t
    return int(others[-1]) + 1 if others.size else 0
