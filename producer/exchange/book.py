"""What a feed knows of one series: which candles are closed, which of them may go, and what only REST can tell."""

from collections.abc import Iterable

from producer.exchange.row import Row
from shared.contracts import Series

_HELD_MAX = 512  # final frames kept while admission does not take them; what is dropped is fetched again
_STRAYS_MAX = 64


class Book:
    """Candles of one series on their way to admission; no clock, no waiting, no broker.

    A candle may go when it is closed (the exchange's own flag, or a successor in the same REST answer) and every
    candle before it is known: it follows the newest one directly, or a REST answer covers all in between.
    """

    def __init__(self, series: Series) -> None:
        self.series, self.asked = series, False
        self.newest: int | None = None
        self.heard: tuple[int, float] = (0, 0.0)  # t and volume of the latest candle seen on the stream
        self.strays: list[Row] = []  # closed, but not after the newest: for admission to judge
        self._held: dict[int, Row] = {}  # closed and after the newest
        self._covered_to: int | None = None  # all candles before this open time are held or admitted
        self._bell = 0  # a candle with this open time has begun (or: everything before it is closed)
        self._doubts = 1  # counts reasons to look at REST; answered when an answer began after the last one
        self._answered = 0

    def start(self, newest: int | None) -> None:
        """The broker's newest candle is known: go on after it."""
        self.asked, self.newest, self._covered_to = True, newest, None
        self._held = {t: row for t, row in self._held.items() if newest is None or t > newest}
        # A broker that lost its tail must not take them before what it lost: REST will show both.
        self.strays = [row for row in self.strays if newest is not None and row[0] <= newest]
        self.doubt()

    def compare(self, newest: int | None) -> bool:
        """Compare with the broker's newest; False where the broker has less than it had: begin anew there."""
        if newest is None or newest < (self.newest or 0):
            if newest != self.newest:
                self.start(newest)
                return False
        else:
            self._reach(newest)  # another instance of this feed was faster
        return True

    def forget(self) -> None:
        """The broker was lost: what it has must be asked again."""
        self.asked = False

    def doubt(self) -> None:
        """Something may have been missed: REST must be asked."""
        self._doubts += 1

    def see(self, t: int, volume: float = 0.0) -> None:
        """A candle was seen under way, or later."""
        self.heard = max(self.heard, (t, volume))
        self._bell = max(self._bell, t)

    def see_closed(self, row: Row) -> None:
        """A candle that the exchange itself calls final; the first word on it counts, as in admission."""
        t = row[0]
        self.see(t, row[5])
        if (self.newest is not None and t <= self.newest) or self._held.get(t, row) != row:
            self.strays = [*self.strays, row][-_STRAYS_MAX:]
        elif len(self._held) < _HELD_MAX and self.on_grid(t):
            self._held[t] = row
        self._bell = max(self._bell, t + 1)

    def on_grid(self, t: int) -> bool:
        """Whether an open time is a whole number of candles from what is known."""
        edge = self._edge()
        return edge is None or (t - edge) % self.series.width_ms == 0

    @property
    def doubts(self) -> int:
        """Mark to hand to ``answer`` later: taken before REST is asked."""
        return self._doubts

    @property
    def incomplete(self) -> bool:
        """Whether REST must be asked: never asked, doubted, or a closed candle is missing."""
        edge = self._edge()
        return self._answered < self._doubts or (self._bell > 0 if edge is None else self._bell > edge)

    def cover(self, since: int, closed: Iterable[Row], open_t: int) -> None:
        """Take a REST answer: ``closed`` are all candles with since <= t < open_t that the exchange has."""
        rows = {row[0]: row for row in closed}
        after = -1 if self.newest is None else self.newest
        # What the stream called final and REST does not know, though it knows later ones, never was.
        self._held = {t: row for t, row in self._held.items() if t < since or t >= open_t or t in rows}
        self._held |= {t: row for t, row in rows.items() if t > after}  # the record outweighs what was said live
        self._covered_to = max(self._covered_to or 0, open_t)

    def answer(self, doubts: int) -> None:
        """REST has answered everything that was in doubt when ``doubts`` was taken."""
        self._answered = max(self._answered, doubts)

    def ready(self, most: int) -> list[Row]:
        """Candles that may go now, in order."""
        edge = self._edge()
        if not self.asked or edge is None:
            return []
        return [self._held[t] for t in sorted(self._held) if t < edge][:most]

    def settle(self, rows: list[Row]) -> None:
        """Admission has them."""
        self._reach(rows[-1][0])

    def _reach(self, newest: int) -> None:
        self.newest = max(newest, self.newest or 0)
        self._held = {t: row for t, row in self._held.items() if t > self.newest}

    def _edge(self) -> int | None:
        """Everything before it is known; None for a series of which nothing is."""
        bounds = [self._covered_to] if self._covered_to is not None else []
        if self.newest is not None:
            bounds.append(self.newest + self.series.width_ms)
        if not bounds:
            return None
        edge = max(bounds)
        while edge in self._held:
            edge += self.series.width_ms
        return edge
