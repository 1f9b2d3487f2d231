"""A reader that holds nobody back: what it missed is counted to the entry, and an alarm comes before."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.admission import Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SimulatedClock
from shared.codec import decode_candle
from shared.consumer import Consumer, ConsumerLimits
from shared.contracts import Candle, Series
from shared.membership import Membership
from shared.metrics import Metrics
from shared.names import Names
from shared.stage import Entry, Pass, Result, StageKeys
from shared.testing import BrokerUnderTest, walk_candles
from shared.trim_alarm import TrimAlarm

SERIES = Series("EURUSD", "M15")
KEYS = StageKeys("watch", "watcher", holds_input=False, input_keep=100)
MAX = 400


class Watching:
    """A stage that notes the candles it is given, while somebody trims what it reads."""

    def __init__(self, broker: BrokerUnderTest) -> None:
        self._names, self._broker = broker.names, broker
        self.seen: list[int] = []
        self.trim_to: int | None = None
        self.keys = KEYS

    def input_log(self, p: int) -> str:
        return self._names.candles(p)

    def output_log(self, p: int) -> str:
        return self._names.shadow(p, "watch")

    def side(self, series: Series) -> str:
        return self._names.shadow_recent(series.partition, "watch", series.key)

    def source(self, series: Series) -> str:
        return self._names.history(series.partition, series.key)

    def decode(self, entry: Entry) -> Candle:
        return decode_candle(entry.fields[b"m"], entry.fields[b"n"], entry.fields[b"a"])

    def process(self, messages: Sequence[Candle]) -> list[Result]:
        self.seen += [candle.n for candle in messages]
        if self.trim_to is not None:
            trim(self._broker, self.trim_to)
        return [Pass() for _ in messages]

    def forget(self, partitions: Sequence[int] | None = None) -> None:
        pass


def trim(broker: BrokerUnderTest, keep: int) -> None:
    broker.client.xtrim(Names().candles(SERIES.partition), maxlen=keep, approximate=False)


class Reader:
    def __init__(self, broker: BrokerUnderTest) -> None:
        clock, client = SimulatedClock(0), connect(broker.url)
        self.stage, self.metrics, self.admitted = Watching(broker), Metrics("watcher"), 0
        self._door = Admission(client, broker.names, SimulatedClock(2**41), AdmissionLimits(100_000, 10, 10))
        self._candles = walk_candles(MAX)
        self.consumer = Consumer(
            client, broker.names, self.stage, Membership(client, broker.names, "watcher", "one", clock), clock,
            ConsumerLimits(read_count=7, batch=7, max_backlog=10_000, max_attempts=3), self.metrics, threading.Event(),
        )  # fmt: skip

    def admit(self, count: int) -> None:
        self._door.admit(SERIES, self._candles[self.admitted : self.admitted + count], 0, "csv")
        self.admitted += count

    @property
    def missed(self) -> int:
        return int(self.metrics.entries_missed._value.get())


OPERATIONS = st.one_of(
    st.tuples(st.just("admit"), st.integers(1, 12)),
    st.tuples(st.just("turn"), st.none() | st.integers(0, 20)),
    st.tuples(st.just("trim"), st.integers(0, 20)),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=25))
def test_what_was_trimmed_before_it_was_read_is_counted_to_the_entry(
    broker: BrokerUnderTest, operations: list[tuple[str, int | None]]
) -> None:
    broker.client.flushall()
    reader = Reader(broker)
    reader.admit(1)
    reader.consumer.turn(0)  # it has a position: what goes from here on, it misses
    for kind, value in operations:
        if kind == "admit":
            assert value is not None
            reader.admit(value)
        elif kind == "trim":
            assert value is not None
            trim(broker, value)
        else:
            reader.stage.trim_to = value
            reader.consumer.turn(0)
    reader.stage.trim_to = None
    reader.admit(1)
    reader.consumer.run(until_idle=True)
    assert reader.stage.seen == sorted(set(reader.stage.seen))
    assert reader.stage.seen[-1] == reader.admitted
    assert reader.missed == reader.admitted - len(reader.stage.seen)
    group = broker.client.xinfo_groups(broker.names.candles(SERIES.partition))[0]
    assert group["lag"] == 0
    assert reader.metrics.lag._value.get() == 0


def test_what_was_gone_before_a_reader_began_was_not_for_it(broker: BrokerUnderTest) -> None:
    reader = Reader(broker)
    reader.admit(50)
    trim(broker, 10)
    reader.consumer.run(until_idle=True)
    assert reader.stage.seen == list(range(41, 51))
    assert reader.missed == 0


def test_the_alarm_comes_while_everything_is_still_there(broker: BrokerUnderTest) -> None:
    reader = Reader(broker)
    reader.admit(90)
    with capture_logs() as logs:
        reader.consumer.turn(0)
    alarm = next(event for event in logs if event["event"] == "reader_falls_behind")
    assert (alarm["waiting"], alarm["kept"], alarm["log_level"]) == (83, 100, "error")
    assert reader.metrics.room._value.get() == 17
    assert reader.missed == 0


@pytest.mark.parametrize("keys", [replace(KEYS, holds_input=True), replace(KEYS, input_keep=0)])
def test_a_stage_that_holds_its_input_has_nothing_to_fear(keys: StageKeys) -> None:
    with capture_logs() as logs:
        TrimAlarm(keys, Metrics("watcher")).look({0: 10_000}, 0)
    assert logs == []
