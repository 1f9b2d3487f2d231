"""What comes in on the ROUTER socket: who may say it, what is done with it, and what is answered."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import structlog

from bridge.answers import Answers
from bridge.ea_lines import (
    NAMED_MAX,
    NOTHING_WANTED_MS,
    AckLine,
    PlaceLine,
    PlaceQuery,
    PresenceLine,
    PushLine,
    Refusal,
    TakenLine,
)
from bridge.fields import PPM
from bridge.intake import BUSY_GIVE_UP_S, Confirmed, Delivery, Dropped, Intake, Job, Placed, Question, Report
from bridge.ledger import Ledger
from bridge.lines import HelloLine, Line, decode_line, encode_line
from bridge.presences import Presences
from bridge.rate_limit import CANDLES, LINES, RateLimit
from bridge.stats import BridgeStats
from bridge.tears import Tears
from bridge.trust import Client, Trust, claimed_client
from producer.zones import Zone, parse_zone
from shared.clock import Clock
from shared.contracts import Ack, Series, encode_symbol
from shared.delivery import DeliveryReasons
from shared.errors import InputError, JunkError

HELLO = b"H1|"
OUTSTANDING_MAX = 320
"""Jobs of one connection that may be under way: more than the 256 acks that an EA repeats at once."""
_log = structlog.get_logger()


class Desk:
    """Reads requests, hands them to ``Answers`` or ``Intake``, and writes what these say as lines."""

    def __init__(
        self,
        trust: Trust,
        clock: Clock,
        stats: BridgeStats,
        reasons: DeliveryReasons,
        intake: Intake,
        presences: Presences,
    ) -> None:
        self._trust = trust
        self._clock, self._stats, self._intake, self._presences = clock, stats, intake, presences
        self._answers = Answers(trust, clock, stats, reasons, self._hear)
        self._lines, self._candles = RateLimit(clock, LINES), RateLimit(clock, CANDLES)
        self._outstanding: Counter[bytes] = Counter()
        self._tears = Tears(clock)
        self._ready: deque[Placed | Confirmed] = deque()  # answers that need no broker

    def take(self, peer: bytes, frames: list[bytes], user: str | None, ledger: Ledger | None) -> Iterator[bytes] | None:
        """Take a message; returns the lines that answer a HELLO, None where nothing is to be sent now.

        Parameters
        ----------
        user
            Whom the connection logged on as; None where no credentials are asked for.
        ledger
            None: no session has begun, so no HELLO can be answered.
        """
        try:
            client = claimed_client(b"".join(frames[:1]), self._trust, user)
            if frames[0].startswith(HELLO) and len(frames) == 1 and ledger is not None:
                return self._answers.to(frames[0], ledger)
            self._request(peer, client, decode_line(frames[0], client.key), frames[1:], ledger)
        except JunkError as error:
            self._stats.requests_refused += 1
            _log.warning("request_refused", reason=str(error))
        return None

    def believe(self, trust: Trust) -> None:
        """Go by other keys from here on."""
        self._trust = self._answers.trust = trust

    def _hear(self, line: HelloLine, client: Client, ledger: Ledger) -> None:
        """Note who says HELLO, and let the lines of a symbol that it spells in its own way go out that way as well."""
        presence = self._presences.seen(client.name, line.symbol, self._clock.now_ms())
        presence.tell_lag(_lag(line.symbol, line.session, line.seq, ledger))
        if line.symbol is None or self._trust.lists(line.symbol):
            return
        symbol = self._known_as(client, line.symbol)
        if symbol != line.symbol and not ledger.follow(line.symbol, symbol):
            _log.warning("symbol_not_mapped", client=client.name, symbol=line.symbol, to=symbol)

    def replies(self, session: str) -> Iterator[tuple[bytes, bytes]]:
        """Connection and line of each answer that is due."""
        while (found := self._intake.outcome()) is not None:
            self._outstanding[found.peer] -= 1
            if self._outstanding[found.peer] == 0:
                del self._outstanding[found.peer]
            if isinstance(found, Dropped):
                self._lose(found.job)
            else:
                self._ready.append(found)
        while self._ready:
            outcome = self._ready.popleft()
            yield outcome.peer, encode_line(self._line(outcome, session), self._trust.bridge)

    def _line(self, outcome: Placed | Confirmed, session: str) -> PlaceLine | TakenLine:
        now_ms = self._clock.now_ms()
        if isinstance(outcome, Placed):
            refusals = outcome.refusals
            return PlaceLine(
                session, now_ms, outcome.wire, outcome.candle_ms, outcome.wait_ms, outcome.admitted, len(refusals),
                refusals[:NAMED_MAX],
            )  # fmt: skip
        return TakenLine(session, outcome.number, now_ms, outcome.symbol)

    def _request(self, peer: bytes, client: Client, line: Line, more: list[bytes], ledger: Ledger | None) -> None:
        if not self._lines.admits(client.name):
            if isinstance(line, AckLine):
                self._tears.tear(peer, line.run, line.number)
            raise JunkError(f"client {client.name}: above the rate limit")
        if isinstance(line, PushLine) and len(more) == 1:
            self._push(peer, client, line, more[0])
        elif more:
            raise JunkError(f"kind: {len(more)} frames behind a line that has none")
        elif isinstance(line, PlaceQuery):
            self._ask(peer, client, line)
        elif isinstance(line, AckLine):
            self._report(peer, client, line)
        elif isinstance(line, PresenceLine):
            presence = self._presences.seen(client.name, line.symbol, self._clock.now_ms())
            presence.tell_lag(_lag(line.symbol, line.session, line.seq, ledger))
        else:
            raise JunkError("kind: no line that a client sends")

    def _ask(self, peer: bytes, client: Client, line: PlaceQuery) -> None:
        self._presences.seen(client.name, line.series.symbol, self._clock.now_ms())
        series = self._permitted(peer, client, line.series)
        if series is not None:
            self._submit(Question(peer, line.series, series))

    def _push(self, peer: bytes, client: Client, line: PushLine, frame: bytes) -> None:
        self._presences.seen(client.name, line.series.symbol, self._clock.now_ms()).pushes += 1
        if not self._candles.admits(client.name, line.count):
            raise JunkError(f"client {client.name}: {line.count} candles above the rate limit")
        series = self._permitted(peer, client, line.series)
        if series is None:
            self._stats.candles_refused += line.count
            return
        zone = _zone(client.tz) if client.tz else None
        until_s = self._clock.monotonic_s() + BUSY_GIVE_UP_S
        self._submit(Delivery(peer, line, frame, series, client.source, zone, until_s))

    def _permitted(self, peer: bytes, client: Client, wire: Series) -> Series | None:
        """Natron's series of a client's; None where it may not push it, which it is then told."""
        try:
            return replace(wire, symbol=client.resolve(wire.symbol))
        except InputError as error:
            self._stats.requests_refused += 1
            _log.warning("push_refused", client=client.name, series=wire.key, reason=str(error))
            self._ready.append(Placed(peer, wire, NOTHING_WANTED_MS, refusals=(Refusal(0, "not_allowed"),)))
            return None

    def _report(self, peer: bytes, client: Client, line: AckLine) -> None:
        self._presences.seen(client.name, line.symbol, self._clock.now_ms()).acks += 1
        if self._tears.hides(peer, line.run, line.number):
            return
        symbol, spelled = self._known_as(client, line.symbol), encode_symbol(line.symbol) + "."
        of = line.id
        if of.startswith(spelled):
            of = f"{encode_symbol(symbol)}.{of.removeprefix(spelled)}"
        ack = Ack(
            client.name, symbol, line.run, line.number, line.sent_ms, self._clock.now_ms(), of, line.event, line.side,
            line.lots_ppm / PPM, line.price_points, line.detail,
        )  # fmt: skip
        self._submit(Report(peer, line.symbol, ack))

    def _known_as(self, client: Client, symbol: str) -> str:
        """Natron's name of a symbol that a client reads or trades, pushed or not."""
        try:
            return client.resolve(symbol)
        except InputError:
            return symbol

    def _submit(self, job: Job) -> None:
        if self._outstanding[job.peer] < OUTSTANDING_MAX and self._intake.submit(job):
            self._outstanding[job.peer] += 1
            return
        self._lose(job)
        raise JunkError("request: too many are under way")

    def _lose(self, job: Job) -> None:
        if isinstance(job, Report):
            self._tears.tear(job.peer, job.ack.run, job.ack.number)


def _lag(symbol: str | None, session: str, seq: int, ledger: Ledger | None) -> int | None:
    """Lines that a client lacks and should have by now; None where it stands in another session."""
    if ledger is None or session != ledger.session:
        return None
    return max(0, ledger.settled(symbol) - seq)


@lru_cache(maxsize=256)
def _zone(tz: str) -> Zone:
    return parse_zone(tz)
