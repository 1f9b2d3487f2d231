"""Many clients at once, slow ones among them, and several bridges: nobody misses a line, nobody waits for another."""

from contextlib import ExitStack

import pytest
import zmq

from bridge.ea_lines import PresenceLine
from bridge.lines import NO_SESSION, HelloLine, SignalLine, decode_line, encode_line, symbol_topics
from bridge.testing import push_of
from shared.contracts import Series
from shared.testing import walk_candles

EAS, SYMBOLS, LINES = 50, 10, 8
CANDLES = walk_candles(4)


class _Subscriber:
    """The signals' side of one Expert Advisor: ten symbols, and the last number of each."""

    def __init__(self, socket, address, symbols, key):
        self.socket, self._key = socket, key
        for symbol in symbols:
            self.socket.subscribe(symbol_topics(symbol))
        self.socket.connect(address)
        self.seq = dict.fromkeys(symbols, 0)
        self.beaten = set()

    def read(self):
        while self.socket.poll(0):
            line = decode_line(self.socket.recv_multipart()[1], self._key)
            if isinstance(line, SignalLine):
                symbol = line.prediction.series.symbol
                assert line.seq == self.seq[symbol] + 1, "a gap"
                self.seq[symbol] = line.seq
            else:
                self.beaten.add(line.symbol)


@pytest.fixture
def opened():
    """Opens sockets that linger nowhere."""
    with zmq.Context() as context, ExitStack() as stack:

        def make(kind):
            one = stack.enter_context(context.socket(kind))
            one.linger = 0
            return one

        yield make


def test_fifty_advisors_of_ten_symbols_push_and_hear_without_a_gap(
    start_bridge, advisor, predictions, keys, opened, eventually, broker
):
    bridge = start_bridge()
    books = [[f"S{ea}.{at}" for at in range(SYMBOLS)] for ea in range(EAS)]
    subscribers = [_Subscriber(opened(zmq.SUB), bridge.addresses.signals, book, keys.bridge) for book in books]
    advisors = [advisor(bridge, f"ea-{at}") for at in range(EAS)]

    def all_hear():
        for one in subscribers:
            one.read()
        return all(one.beaten == set(one.seq) for one in subscribers)

    eventually(all_hear)
    for ea, book in zip(advisors, books, strict=True):
        for symbol in book:
            line, frame = push_of(ea.name, Series(symbol, "M15"), CANDLES)
            ea.send(line, frame)
    for at in range(LINES):
        predictions.publish(*[predictions.make(at, symbol=symbol) for book in books for symbol in book])

    def all_read():
        for one in subscribers:
            one.read()
        return all(seq == LINES for one in subscribers for seq in one.seq.values())

    eventually(all_read)
    answers = [ea.reply() for ea in advisors for _ in range(SYMBOLS)]
    assert {(one.admitted, one.refused) for one in answers} == {(len(CANDLES), 0)}
    assert bridge.stats.candles_admitted == EAS * SYMBOLS * len(CANDLES)
    assert sum(broker.client.xlen(broker.names.candles(p)) for p in range(64)) == bridge.stats.candles_admitted


def test_a_client_that_reads_nothing_slows_nobody(start_bridge, connect, predictions, opened):
    bridge = start_bridge()
    stuck, asking = opened(zmq.SUB), opened(zmq.DEALER)
    for one, address in ((stuck, bridge.addresses.signals), (asking, bridge.addresses.requests)):
        one.rcvhwm, one.rcvbuf = 1, 4_096
        one.connect(address)
    stuck.subscribe(b"sig.")
    client = connect(bridge)
    client.resynchronised()
    sent = [one.id for at in range(0, 10_000, 1_000) for one in predictions.series(1_000, start=at)]
    assert [one.line.prediction.id for one in client.signals(len(sent))] == sent
    assert client.client.stats.gaps == 0


def test_an_answer_nobody_takes_delays_no_other_answer(start_bridge, connect, predictions, keys, opened):
    bridge = start_bridge()
    predictions.publish(*[predictions.make(0, symbol=f"S{at}") for at in range(2_000)])
    first = connect(bridge)
    first.signals(1)
    stuck = opened(zmq.DEALER)
    stuck.rcvhwm, stuck.rcvbuf = 1, 4_096
    stuck.connect(bridge.addresses.requests)
    for _ in range(20):
        stuck.send(encode_line(HelloLine("stuck", None, NO_SESSION, 0, 1), keys.client))
    assert len({one.line.prediction.id for one in connect(bridge).signals(2_000)}) == 2_000


def test_two_bridges_send_the_same_signals_under_their_own_numbers(start_bridge, connect, predictions):
    clients = [connect(start_bridge()) for _ in range(2)]
    for client in clients:
        client.resynchronised()
    sent = [one.id for one in predictions.series(50)]
    heard = [client.signals(50) for client in clients]
    assert [[one.line.prediction.id for one in lines] for lines in heard] == [sent, sent]
    assert heard[0][0].line.session != heard[1][0].line.session


def test_who_is_behind_is_seen(start_bridge, advisor, predictions, eventually):
    """No other client is there: what one says of itself may cross what is published meanwhile."""
    bridge = start_bridge()
    predictions.series(5)
    eventually(lambda: bridge.ledger.settled("EURUSD") == 5)
    late = advisor(bridge, "late")
    late.send(PresenceLine("late", "EURUSD", bridge.ledger.session, 3, 1))
    eventually(lambda: bridge.bridge.client_lag_lines == 2)
    late.send(PresenceLine("late", "EURUSD", "0" * 16, 3, 1))  # of a session that is over: not known
    eventually(lambda: bridge.bridge.client_lag_lines == 0)
    shown = {one["client"]: one for one in bridge.bridge._presences.document()}
    assert shown["late"]["lag_lines"] is None


def test_lines_that_have_just_left_are_no_lag(start_bridge, advisor, predictions, eventually):
    bridge = start_bridge()
    predictions.series(5)
    eventually(lambda: bridge.ledger.settled("EURUSD") == 5)
    bridge.ledger.settle = lambda: None  # from here on everything is young
    predictions.series(5, start=5)
    eventually(lambda: bridge.ledger.seq("EURUSD") == 10)
    late = advisor(bridge, "late")
    for seq in (5, 4):
        late.send(PresenceLine("late", "EURUSD", bridge.ledger.session, seq, 1))
    eventually(lambda: bridge.bridge.client_lag_lines == 1)
