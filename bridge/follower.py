"""What a client makes of the lines that reach it: which to give on, and when to ask where things stand."""

from dataclasses import dataclass

from bridge.events import Cause, Event, Origin, Resynchronised, Signal
from bridge.lines import EndLine, HeartbeatLine, SignalLine
from bridge.standing import Standing, Verdict
from bridge.stats import ClientStats


@dataclass(slots=True)
class Question:
    """What a HELLO asks, and what came in answer: ``symbol`` None asks for all.

    ``session`` is the one it was asked in. ``lines`` counts those of the symbol being answered, ``ends`` the
    symbols that are complete; ``torn`` says that something of the answer is missing: it must be asked again.
    """

    symbol: str | None
    cause: Cause
    session: str
    lines: int = 0
    ends: int = 0
    torn: bool = False


class Follower:
    """Follows one symbol, or all. While ``question`` stands, live lines wait: its answer covers them."""

    def __init__(self, symbol: str | None, stats: ClientStats) -> None:
        self._symbol, self._stats = symbol, stats
        self._standing = Standing()
        self.question: Question | None = None
        self._ask(symbol, Cause.START)

    @property
    def session(self) -> str:
        """The session it is in; ``0`` before the first."""
        return self._standing.session

    def seq(self, symbol: str | None) -> int:
        """Return the last number held of a symbol; 0 for all (None)."""
        return self._standing.seq(symbol)

    @property
    def progress(self) -> int:
        """How far it is: the sum of the last numbers held."""
        return self._standing.total

    def _ask(self, symbol: str | None, cause: Cause) -> Question:
        self.question = Question(symbol, cause, self.session)
        return self.question

    def renew(self, question: Question) -> Question:
        """Raise the question as if for the first time: what came in answer so far does not count any more."""
        moved = question.session != self.session  # then the other symbols are unknown as well
        return self._ask(self._symbol if moved else question.symbol, question.cause)

    def live(self, line: SignalLine | HeartbeatLine, symbol: str, received_us: int) -> Signal | None:
        """Take a line from the subscription."""
        verdict = self._standing.judge(line.session, symbol, line.seq)
        if verdict is Verdict.NEW_SESSION:
            self._ask(self._symbol, Cause.SESSION)
        elif isinstance(line, HeartbeatLine):
            if verdict is not Verdict.OLD:
                self._ask(symbol, Cause.HEARTBEAT)
        elif verdict is Verdict.NEXT:
            return self._give(line, symbol, Origin.LIVE, received_us)
        elif verdict is Verdict.GAP:
            self._stats.gaps += 1
            self._ask(symbol, Cause.GAP)
        else:
            self._stats.duplicates += 1
        return None

    def _give(self, line: SignalLine, symbol: str, origin: Origin, received_us: int) -> Signal:
        if origin is not Origin.SNAPSHOT:
            self._standing.move(symbol, line.seq)
        self._stats.lines += 1
        return Signal(line, origin, received_us)

    def answer(self, line: SignalLine | EndLine, received_us: int) -> Event | None:
        """Take a line of an answer; one that nobody asked for any more is dropped."""
        question = self.question
        if question is None or not self._standing.enter(line.session):
            self._stats.duplicates += 1
            return None
        if isinstance(line, SignalLine):
            return self._answer_signal(line, question, received_us)
        if line.symbol is None:
            question.torn |= question.ends < line.count
        elif question.symbol in {None, line.symbol}:
            self._end_symbol(line, line.symbol, question)
        return self._finish(question) if line.symbol == question.symbol else None

    def _answer_signal(self, line: SignalLine, question: Question, received_us: int) -> Signal | None:
        symbol = line.prediction.series.symbol
        question.lines += 1
        if line.snapshot:
            if line.seq >= self.seq(symbol):
                return self._give(line, symbol, Origin.SNAPSHOT, received_us)
            self._stats.duplicates += 1
            return None
        verdict = self._standing.judge(line.session, symbol, line.seq)
        if verdict is Verdict.NEXT:
            return self._give(line, symbol, Origin.RESENT, received_us)
        question.torn |= verdict is Verdict.GAP
        self._stats.duplicates += verdict is Verdict.OLD
        return None

    def _end_symbol(self, line: EndLine, symbol: str, question: Question) -> None:
        question.torn |= question.lines < line.count
        if not question.torn:
            self._standing.move(symbol, line.seq)
        question.lines = 0
        question.ends += 1

    def _finish(self, question: Question) -> Resynchronised | None:
        """Close the question if its answer is whole; a torn one stands, and is asked again in time."""
        if question.torn:
            return None
        self.question = None
        if question.symbol != self._symbol and question.session != self.session:
            self._ask(self._symbol, Cause.SESSION)  # asked about a gap, answered by a new session
        return Resynchronised(question.symbol, self.session, question.cause)
