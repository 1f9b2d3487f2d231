"""What a bridge has sent in its session: a number, a ring and the newest predictions for each symbol."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from bridge.lines import signal_body
from shared.codec import decode_prediction, encode_prediction
from shared.contracts import Prediction, Series

RING_LINES = 4_096
"""Predictions kept of each symbol to answer gaps from; no more than the broker keeps of a partition."""
RING_LINES_ALL = 262_144
"""Predictions kept of all symbols together, about 60 MB; above 64 symbols the rings get shorter."""

SPELLINGS_MAX = 256
"""Spellings beside the symbols' own that lines are made for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A prediction, its bytes as the broker holds them, and the body of its line."""

    prediction: Prediction
    message: bytes
    body: str


@dataclass(slots=True)
class _Track:
    """One symbol. The ring's last message is that of ``seq``; ``newest`` is timeframe -> (t, message)."""

    seq: int = 0
    ring: deque[bytes] = field(default_factory=deque)
    newest: dict[str, tuple[int, bytes]] = field(default_factory=dict)


class Ledger:
    """The bridge's memory of one session.

    It holds messages, not lines: a line sent again is made again, with the time and reasons of that moment.

    Parameters
    ----------
    ring_lines
        Predictions kept of each symbol.
    """

    def __init__(self, session: str, newest: Iterable[Entry], ring_lines: int = RING_LINES) -> None:
        self.session, self._ring_lines = session, ring_lines
        self._tracks: dict[str, _Track] = {}
        self._spelt: dict[str, str] = {}  # a client's spelling -> the symbol it means
        self._noted: tuple[dict[str, int], dict[str, int]] = {}, {}  # numbers at the last two looks
        for entry in newest:
            self._keep(entry)

    def renewed(self, session: str) -> "Ledger":
        """Another session that begins where this one stands."""
        held = [message for symbol in self.symbols for message in self.newest(symbol)]
        fresh = Ledger(session, [_entry(decode_prediction(message)) for message in held])
        fresh._spelt = dict(self._spelt)
        return fresh

    def follow(self, spelling: str, symbol: str) -> bool:
        """Keep a symbol's lines under a client's own spelling of it as well.

        Returns
        -------
        bool
            False where that spelling is a symbol with predictions of its own, or stands for another one.
        """
        if spelling in self._spelt:
            return self._spelt[spelling] == symbol
        if spelling in self._tracks or len(self._spelt) >= SPELLINGS_MAX:
            return False
        self._spelt[spelling] = symbol
        for message in self.newest(symbol):
            self._keep(_spelt(decode_prediction(message), spelling))
        return True

    def spellings(self, entry: Entry) -> list[Entry]:
        """The entry, and its copies for clients that spell its symbol otherwise."""
        symbol = entry.prediction.series.symbol
        if not self._spelt:
            return [entry]
        self._spelt.pop(symbol, None)  # it has predictions of its own now
        return [entry, *(_spelt(entry.prediction, name) for name, meant in self._spelt.items() if meant == symbol)]

    def _track(self, symbol: str) -> _Track:
        return self._tracks.setdefault(symbol, _Track())

    def _keep(self, entry: Entry) -> bool:
        series, t = entry.prediction.series, entry.prediction.t
        newest = self._track(series.symbol).newest
        if series.timeframe in newest and t <= newest[series.timeframe][0]:
            return False
        newest[series.timeframe] = (t, entry.message)
        return True

    def append(self, entry: Entry) -> int | None:
        """Give a prediction its number; None where its candle is not after the newest known one."""
        if not self._keep(entry):
            return None
        track = self._track(entry.prediction.series.symbol)
        track.seq += 1
        track.ring.append(entry.message)
        bound = max(1, min(self._ring_lines, RING_LINES_ALL // len(self._tracks)))
        while len(track.ring) > bound:
            track.ring.popleft()
        return track.seq

    @property
    def symbols(self) -> list[str]:
        """Symbols with predictions."""
        return list(self._tracks)

    def seq(self, symbol: str) -> int:
        """Return the last number sent for a symbol; 0 before its first line."""
        track = self._tracks.get(symbol)
        return track.seq if track else 0

    def settle(self) -> None:
        """Note what was sent by now; called once a second."""
        self._noted = self._noted[1], {symbol: track.seq for symbol, track in self._tracks.items()}

    def settled(self, symbol: str | None) -> int:
        """Return how many lines of a symbol, or of all (None), left a second ago or earlier.

        What is younger may have crossed what a client says of itself: it is not behind for that.
        """
        return sum(self._noted[0].values()) if symbol is None else self._noted[0].get(symbol, 0)

    def since(self, symbol: str, seq: int) -> Sequence[bytes] | None:
        """Messages of the lines after ``seq``, oldest first; None where the ring does not hold them all."""
        track = self._tracks.get(symbol, _Track())
        missing = track.seq - seq
        if not 0 <= missing <= len(track.ring):
            return None
        return list(islice(track.ring, len(track.ring) - missing, None))

    def newest(self, symbol: str) -> Sequence[bytes]:
        """Message of the newest prediction of each series of a symbol."""
        track = self._tracks.get(symbol)
        return [message for _, message in track.newest.values()] if track else []


def _spelt(prediction: Prediction, spelling: str) -> Entry:
    """The same prediction under another spelling of its symbol."""
    return _entry(replace(prediction, series=Series(spelling, prediction.series.timeframe)))


def _entry(prediction: Prediction) -> Entry:
    return Entry(prediction, encode_prediction(prediction), signal_body(prediction))
