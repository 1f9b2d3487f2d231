"""A bridge that the test moves: real sockets, ledger and answers; it also takes what EAs send."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import zmq
from harness.terminal import PATIENCE_S, START_MS, Terminal

from bridge.lines import (
    EndLine,
    HeartbeatLine,
    HelloLine,
    decode_line,
    encode_line,
    encode_signal,
    heartbeat_topic,
    signal_body,
    signal_topic,
)
from bridge.signature import sign, verify
from shared.contracts import Prediction, Series

CLOSED_MS = START_MS - 900_000
"""The candle that has just closed when the simulated clock begins."""


class Keys(NamedTuple):
    """Key that the bridge signs with, and that of its client."""

    bridge: bytes
    client: bytes


KEYS = Keys(bytes(range(32)), bytes(range(32, 64)))


class TerminalClock:
    """The bridge's clock: the terminal's simulated one, and so far ahead of it."""

    ahead_ms = 0

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def now_ms(self) -> int:
        return self._terminal.utc_ms + self.ahead_ms

    def now_us(self) -> int:
        return self.now_ms() * 1_000

    def monotonic_s(self) -> float:
        return self.now_ms() / 1_000


def shares(up: int, down: int) -> tuple[float, ...]:
    return (down / 100, up / 100, (100 - up - down) / 100)


def prediction(t: int = CLOSED_MS, symbol: str = "EURUSD", timeframe: str = "M15", **changes: object) -> Prediction:
    """One that every rule takes for long."""
    values: dict[str, object] = {
        "series": Series(symbol, timeframe), "t": t, "n": 500, "buy_prob": 0.8, "sell_prob": 0.1,
        "direction_probs": shares(70, 20), "regime_probs": (0.5, 0.1, 0.1, 0.1, 0.1, 0.1), "outlook": (0.7, 0.2, 0.3),
        "policy": (1.0, 0.5), "reasons": 0, "bundle": "tiny-1", "feature_set": "0a" * 32, "admitted_us": 1,
        "row_us": 2, "queued_us": 3, "inferred_us": 4,
    }  # fmt: skip
    return Prediction(**(values | changes))  # type: ignore[arg-type]


class Ledger:
    """What was published in this session, a symbol's lines numbered from 1; and the answers to HELLO."""

    def __init__(self, session: str, clock: TerminalClock) -> None:
        self._session, self._clock = session, clock
        self._sent: dict[str, list[Prediction]] = {}

    def append(self, one: Prediction) -> int:
        self._sent.setdefault(one.series.symbol, []).append(one)
        return self.seq(one.series.symbol)

    def seq(self, symbol: str) -> int:
        return len(self._sent.get(symbol, []))

    def answer(self, hello: HelloLine) -> Iterator[bytes]:
        """From the ring where the client is of this session, else the newest of each timeframe."""
        assert hello.symbol is not None
        sent, seq = self._sent.get(hello.symbol, []), self.seq(hello.symbol)
        ours = hello.session == self._session
        if ours:
            lines = list(enumerate(sent[hello.seq :], hello.seq + 1))
        else:
            lines = [(seq, one) for one in {one.series.timeframe: one for one in sent}.values()]
        now_ms = self._clock.now_ms()
        for number, one in lines:
            yield encode_signal(self._session, number, now_ms, signal_body(one), KEYS.bridge, snapshot=not ours)
        yield encode_line(EndLine(self._session, seq, now_ms, hello.symbol, len(lines)), KEYS.bridge)


@dataclass
class BridgeDouble:
    """Sockets, ledger and answers of a bridge, moved by the test; it also takes what EAs send."""

    terminal: Terminal
    session: str = "00000000000000aa"
    mute: bool = False
    replies: bool = False
    beats: bool = True
    held_ms: dict[str, int] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    bulks: list[bytes] = field(default_factory=list)
    confirm: bool = True
    busy_ms: int = 0
    refusals: str = ""

    def __post_init__(self) -> None:
        self.clock = TerminalClock(self.terminal)
        self.begin(self.session)
        self.context = zmq.Context()
        self.open(0, 0)

    def open(self, signals: int, requests: int) -> None:
        self.signals, self.requests = self.context.socket(zmq.XPUB), self.context.socket(zmq.ROUTER)
        self.signals.bind(f"tcp://127.0.0.1:{signals or '*'}")
        self.requests.bind(f"tcp://127.0.0.1:{requests or '*'}")

    @property
    def ports(self) -> tuple[int, int]:
        return tuple(
            int(one.getsockopt(zmq.LAST_ENDPOINT).decode().rpartition(":")[2]) for one in (self.signals, self.requests)
        )  # type: ignore[return-value]

    def begin(self, session: str) -> None:
        """The same process in a new session: connections stay."""
        self.session, self.ledger = session, Ledger(session, self.clock)
        self._beat_due = 0

    def restart(self, session: str) -> None:
        """Another process in its place: connections break."""
        ports = self.ports
        self.signals.close(0)
        self.requests.close(0)
        self.begin(session)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.open(*ports)
            except zmq.ZMQError:  # the operating system still holds a port
                self.signals.close(0)
                self.requests.close(0)
                assert time.monotonic() < deadline

    def append(self, one: Prediction) -> tuple[bytes, bytes]:
        seq = self.ledger.append(one)
        return signal_topic(one), encode_signal(self.session, seq, self.clock.now_ms(), signal_body(one), KEYS.bridge)

    def publish(self, one: Prediction) -> bytes:
        topic, line = self.append(one)
        self.signals.send_multipart([topic, line])
        return line

    def send(self, topic: bytes, line: bytes) -> None:
        self.signals.send_multipart([topic, line])

    def beat(self, symbol: str = "EURUSD") -> None:
        line = HeartbeatLine(self.session, self.ledger.seq(symbol), self.clock.now_ms(), symbol)
        self.signals.send_multipart([heartbeat_topic(symbol), encode_line(line, KEYS.bridge)])

    def attend(self) -> None:
        while self.signals.poll(0):
            self.signals.recv()
        while self.requests.poll(0):
            peer, *frames = self.requests.recv_multipart()
            if not self.mute:
                self._take(peer, frames)
        if self.beats and self.clock.now_ms() >= self._beat_due:
            self._beat_due = self.clock.now_ms() + 1_000
            self.beat()

    def _take(self, peer: bytes, frames: list[bytes]) -> None:
        text = verify(frames[0], KEYS.client)
        self.received.append(text)
        kind, _, symbol, *fields = text.split("|")
        if kind == "H1":
            hello = decode_line(frames[0], KEYS.client)
            assert isinstance(hello, HelloLine)
            for line in self.ledger.answer(hello):
                self.requests.send_multipart([peer, line])
        elif kind in {"Q1", "C1"} and self.replies:
            if kind == "C1":
                self.bulks.append(frames[1])
                self.held_ms[symbol] = self.held_ms.get(symbol, 0) if self.busy_ms else int(fields[3])
            held = self.held_ms.get(symbol, 0)
            rest = f"|{self.busy_ms}|0|{self.refusals or '0|'}" if self.busy_ms or self.refusals else ""
            self.reply(peer, f"R1|{self.session}|0|{self.clock.now_ms()}|{symbol}|{fields[1]}|{held}{rest}")
        elif kind == "A1" and self.confirm:
            self.reply(peer, f"K1|{self.session}|{fields[1]}|{self.clock.now_ms()}|{symbol}")

    def reply(self, peer: bytes, body: str) -> None:
        self.requests.send_multipart([peer, sign(body, KEYS.bridge)])

    def acks(self) -> list[list[str]]:
        return [text.split("|") for text in self.received if text.startswith("A1|")]
