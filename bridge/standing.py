"""Where a client stands: the bridge's session, and the last number it has of each symbol."""

import enum
from collections import deque

from bridge.lines import NO_SESSION

_SESSIONS_LEFT_MAX = 64


class Verdict(enum.Enum):
    """What a number means to a client."""

    NEXT = enum.auto()
    OLD = enum.auto()
    GAP = enum.auto()
    NEW_SESSION = enum.auto()


class Standing:
    """Memory of one integer a symbol."""

    def __init__(self) -> None:
        self.session = NO_SESSION
        self._left: deque[str] = deque(maxlen=_SESSIONS_LEFT_MAX)
        self._seq: dict[str, int] = {}

    def seq(self, symbol: str | None) -> int:
        """Return the last number held; 0 for a symbol never heard of, and for all (None)."""
        return 0 if symbol is None else self._seq.get(symbol, 0)

    @property
    def total(self) -> int:
        """Sum of the last numbers held of all symbols."""
        return sum(self._seq.values())

    def judge(self, session: str, symbol: str, seq: int) -> Verdict:
        """Compare a live line's number with what is held. Lines of sessions that were left are old."""
        if session != self.session:
            return Verdict.OLD if session in self._left else Verdict.NEW_SESSION
        held = self.seq(symbol)
        if seq == held + 1:
            return Verdict.NEXT
        return Verdict.OLD if seq <= held else Verdict.GAP

    def enter(self, session: str) -> bool:
        """Go over to a session, forgetting the one before; False for one that was left."""
        if session in self._left:
            return False
        if session != self.session:
            self._left.append(self.session)
            self.session = session
            self._seq.clear()
        return True

    def move(self, symbol: str, seq: int) -> None:
        """Stand at ``seq``, never going back."""
        self._seq[symbol] = max(seq, self.seq(symbol))
