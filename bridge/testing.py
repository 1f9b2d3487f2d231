"""An Expert Advisor's side of the ROUTER socket, for tests and benches: lines and frames as MetaTrader sends them."""

import hashlib

import numpy as np
import zmq

from bridge.bulk import RATES
from bridge.ea_lines import AckLine, PlaceLine, PlaceQuery, PushLine, TakenLine
from bridge.lines import Line, decode_line, encode_line
from shared.contracts import Candles, Series

PATIENCE_MS = 30_000


def bulk_of(candles: Candles) -> bytes:
    """Candles (N,) as MqlRates, ticks as volume."""
    rates = np.zeros(len(candles), RATES)
    rates["time"] = candles["t"] // 1_000
    for price, name in (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"), ("tick_volume", "v")):
        rates[price] = candles[name]
    return rates.tobytes()


def push_of(client: str, series: Series, candles: Candles, sent_ms: int = 1) -> tuple[PushLine, bytes]:
    """Line and frame that push candles."""
    frame = bulk_of(candles)
    digest = hashlib.sha256(frame).hexdigest()
    return PushLine(client, series, sent_ms, len(candles), int(candles["t"][-1]), digest), frame


class ExpertAdvisor:
    """A connection of one client."""

    def __init__(
        self, address: str, name: str, bridge_key: bytes, client_key: bytes, login: tuple[str, str] | None = None
    ) -> None:
        self.name, self._bridge_key, self._client_key = name, bridge_key, client_key
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        if login is not None:
            self.socket.plain_username, self.socket.plain_password = (text.encode() for text in login)
        self.socket.connect(address)

    def close(self) -> None:
        """Leave."""
        self._context.destroy(linger=0)

    def send(self, line: Line, *frames: bytes) -> None:
        """Send a line of this client's."""
        self.socket.send_multipart([encode_line(line, self._client_key), *frames])

    def reply(self, patience_ms: int = PATIENCE_MS) -> PlaceLine | TakenLine | None:
        """Take the next answer to what an EA sends; None where none comes."""
        while self.socket.poll(patience_ms):
            line = decode_line(self.socket.recv(), self._bridge_key)
            if isinstance(line, PlaceLine | TakenLine):
                return line
        return None

    def place(self, series: Series) -> PlaceLine:
        """Ask where a series stands."""
        self.send(PlaceQuery(self.name, series, 1))
        return self._placed()

    def push(self, series: Series, candles: Candles) -> PlaceLine:
        """Push candles (N,), N <= 256, and wait for the answer."""
        line, frame = push_of(self.name, series, candles)
        self.send(line, frame)
        return self._placed()

    def _placed(self) -> PlaceLine:
        line = self.reply()
        assert isinstance(line, PlaceLine), line
        return line

    def tell(self, number: int, symbol: str = "EURUSD", run: str = "1", event: str = "ordered") -> None:
        """Send an ack."""
        of = "" if event == "filled" else f"{Series(symbol, 'M15').key}.900000"
        self.send(AckLine(self.name, symbol, run, number, 1, of, event, 1, 250_000, 110_000, "ticket 7"))
