"""The loop and the gate: exactly once and in order, whoever runs, pauses, fails or dies."""

import threading
from collections.abc import Callable, Sequence

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.admission import Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SimulatedClock
from shared.codec import decode_candle
from shared.consumer import DEAD_ALLOWED, Consumer, ConsumerLimits
from shared.contracts import Candle, Series
from shared.dead_letters import dead_letters
from shared.errors import JunkError, StageHaltedError, SystemicError
from shared.gate import Passage
from shared.membership import RENEWAL_S, TIME_TO_LIVE_MS, Membership, share_out
from shared.metrics import Metrics
from shared.names import Names
from shared.stage import Entry, Kept, Output, Pass, Result, StageKeys
from shared.testing import BrokerUnderTest, walk_candles

SERIES = [Series("EURUSD", "M15"), Series("GBPUSD", "M15"), Series("XAU|USD", "M5")]


class Copying:
    """A stage that copies candles to the features log; a hook may fail or interfere on the way."""

    def __init__(self, names: Names, hook: Callable[[Candle], None] = lambda _: None) -> None:
        self._names, self._hook = names, hook
        self.forgotten = 0
        self.keys = StageKeys("copy", "copier", input_keep=10, output_keep=0, side_keep=50, source_keep=20)

    def input_log(self, p: int) -> str:
        return self._names.candles(p)

    def output_log(self, p: int) -> str:
        return self._names.features(p, "copied")

    def side(self, series: Series) -> str:
        return self._names.window(series.partition, "copied", series.key)

    def source(self, series: Series) -> str:
        return self._names.history(series.partition, series.key)

    def decode(self, entry: Entry) -> Candle:
        if b"m" not in entry.fields:
            raise JunkError("no message")
        return decode_candle(entry.fields[b"m"], entry.fields[b"n"], entry.fields[b"a"])

    def process(self, messages: Sequence[Candle]) -> list[Result]:
        for candle in messages:
            self._hook(candle)
        # Even candles become nothing, as rows before the 96th do.
        return [Pass() if c.n % 2 == 0 else Output(c.series, Kept(c.t, _message(c), c.n)) for c in messages]

    def forget(self, partitions: Sequence[int] | None = None) -> None:  # noqa: ARG002 - it has no caches
        self.forgotten += 1


def _message(candle: Candle) -> bytes:
    return b"\x12" + candle.t.to_bytes(8, "little") + str(candle.n).encode()


def consumer(broker: BrokerUnderTest, stage: Copying, instance: str = "one", count: int = 7) -> Consumer[Candle]:
    client = connect(broker.url)
    membership = Membership(client, broker.names, "copier", instance, SimulatedClock(0))
    limits = ConsumerLimits(read_count=count, batch=2 * count, max_backlog=10_000, max_attempts=3)
    return Consumer(
        client,
        broker.names,
        stage,
        membership,
        SimulatedClock(0),
        limits,
        Metrics("copier"),
        threading.Event(),
    )


def admit(broker: BrokerUnderTest, count: int, start: int = 0) -> None:
    limits = AdmissionLimits(max_backlog=100_000, reject_keep=10, dead_keep=10)
    door = Admission(broker.client, broker.names, SimulatedClock(2_000_000_000_000), limits)
    for at, series in enumerate(SERIES):
        door.admit(series, walk_candles(start + count, seed=at)[start:], 0, "csv")


def copied(broker: BrokerUnderTest) -> dict[str, list[int]]:
    """Series -> numbers of the candles copied, in the order of the log."""
    numbers = {}
    for series in SERIES:
        log = broker.names.features(series.partition, "copied")
        entries = broker.client.execute_command("XRANGE", log, "-", "+")
        numbers[series.key] = [int(entry[1][1][9:]) for entry in entries]
    return numbers


def odd(count: int) -> dict[str, list[int]]:
    return {series.key: list(range(1, count + 1, 2)) for series in SERIES}


def test_every_entry_is_finished_once_and_in_order(broker: BrokerUnderTest) -> None:
    assert len({series.partition for series in SERIES}) == len(SERIES)
    admit(broker, 40)
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    assert copied(broker) == odd(40)
    admit(broker, 10, start=40)
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    assert copied(broker) == odd(50)


def test_outputs_carry_the_ids_of_their_inputs(broker: BrokerUnderTest) -> None:
    admit(broker, 5)
    read = broker.client.execute_command("XRANGE", broker.names.candles(SERIES[0].partition), "-", "+")
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    written = broker.client.execute_command("XRANGE", broker.names.features(SERIES[0].partition, "copied"), "-", "+")
    assert [entry[0] for entry in written] == [entry[0] for entry in read][::2]


def test_logs_are_trimmed_to_what_is_kept_and_never_below_what_is_unread(broker: BrokerUnderTest) -> None:
    admit(broker, 200)
    one = consumer(broker, Copying(broker.names))
    log = broker.names.candles(SERIES[0].partition)
    one.turn(0)
    unread = 200 - 7
    assert unread <= broker.client.xlen(log) <= 200
    one.run(until_idle=True)
    # `~` trims whole nodes of at most 100 entries.
    assert 10 <= broker.client.xlen(log) < 10 + 100
    assert broker.client.xlen(broker.names.history(SERIES[0].partition, SERIES[0].key)) <= 20 + 1
    assert broker.client.xlen(broker.names.window(SERIES[0].partition, "copied", SERIES[0].key)) == 50
    groups = broker.client.xinfo_groups(log)
    assert [(group["name"], group["lag"]) for group in groups] == [(b"copy", 0)]


class DiedError(BaseException):
    """A process that stops where it stands: nothing in Natron catches it."""


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deaths=st.lists(st.integers(1, 60), min_size=1, max_size=6), count=st.integers(1, 9))
def test_whoever_dies_wherever_the_result_is_the_same(broker: BrokerUnderTest, deaths: list[int], count: int) -> None:
    broker.client.flushall()
    admit(broker, 20)
    for at, death in enumerate(deaths):
        seen = 0

        def die(_: Candle, death: int = death) -> None:
            nonlocal seen
            seen += 1
            if seen == death:
                raise DiedError

        dying = consumer(broker, Copying(broker.names, die), instance=f"dying-{at}", count=count)
        try:
            dying.run(until_idle=True)
        except DiedError:
            broker.client.delete(broker.names.members("copier"))  # its membership expires
    consumer(broker, Copying(broker.names), count=count).run(until_idle=True)
    buried = sum(letter.reason == "failed" for letter in dead_letters(broker.client, broker.names))
    assert sum(map(len, copied(broker).values())) + buried >= sum(map(len, odd(20).values()))
    for key, numbers in copied(broker).items():
        assert numbers == sorted(set(numbers)), key
    if buried == 0:
        assert copied(broker) == odd(20)


def test_a_batch_finished_by_another_instance_is_dropped_whole(broker: BrokerUnderTest) -> None:
    admit(broker, 20)
    rival = consumer(broker, Copying(broker.names), instance="one")  # the same name: both hold every partition
    raced = False

    def race(_: Candle) -> None:
        nonlocal raced
        if not raced:
            raced = True
            rival.run(until_idle=True)

    slow_stage = Copying(broker.names, race)
    consumer(broker, slow_stage, instance="one").run(until_idle=True)
    assert raced
    assert copied(broker) == odd(20)
    assert slow_stage.forgotten >= 1
    assert not list(dead_letters(broker.client, broker.names))


def test_junk_is_buried_and_what_follows_goes_on(broker: BrokerUnderTest) -> None:
    log = broker.names.candles(SERIES[0].partition)
    broker.client.xadd(log, {"rubbish": "1"})
    admit(broker, 5)
    broker.client.xadd(log, {"m": b"\x11short", "n": "x", "a": "1"})
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    assert copied(broker) == odd(5)
    letters = list(dead_letters(broker.client, broker.names))
    assert [(letter.reason, letter.origin, letter.stage) for letter in letters] == [("junk", log, "copy")] * 2


def test_junk_in_the_output_log_and_in_a_side_stream_stops_nothing(broker: BrokerUnderTest) -> None:
    admit(broker, 5)
    p, key = SERIES[0].partition, SERIES[0].key
    broker.client.xadd(broker.names.features(p, "copied"), {"m": b"\x12" + bytes(8) + b"0"}, id="9999999999999-7")
    broker.client.xadd(broker.names.window(p, "copied", key), {"junk": "1"})
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    assert copied(broker)[key] == [0, 1, 3, 5]
    assert [letter.reason for letter in dead_letters(broker.client, broker.names)] == ["junk"]


def test_a_copy_of_a_finished_entry_is_a_repeat(broker: BrokerUnderTest) -> None:
    admit(broker, 5)
    log = broker.names.candles(SERIES[0].partition)
    first = broker.client.execute_command("XRANGE", log, "-", "+", "COUNT", 1)[0][1]
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    broker.client.execute_command("XADD", log, "*", *first)
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    assert copied(broker) == odd(5)
    assert [letter.reason for letter in dead_letters(broker.client, broker.names)] == ["repeat"]


def test_an_entry_that_always_fails_is_buried_after_three_attempts_and_alone(broker: BrokerUnderTest) -> None:
    admit(broker, 20)
    tries = 0

    def poison(candle: Candle) -> None:
        nonlocal tries
        if candle.n == 7 and candle.series == SERIES[0]:
            tries += 1
            raise ValueError("poison")

    consumer(broker, Copying(broker.names, poison)).run(until_idle=True)
    expected = odd(20)
    expected[SERIES[0].key].remove(7)
    assert copied(broker) == expected
    letters = list(dead_letters(broker.client, broker.names))
    assert [(letter.reason, letter.detail) for letter in letters] == [("failed", "ValueError: poison")]
    assert tries == 1 + 3  # once in the batch, then alone


def test_an_entry_that_kills_its_process_is_buried_after_three_deaths_alone(broker: BrokerUnderTest) -> None:
    admit(broker, 9)

    def deadly(candle: Candle) -> None:
        if candle.n == 5 and candle.series == SERIES[0]:
            raise DiedError

    deaths = 0
    for life in range(10):
        try:
            consumer(broker, Copying(broker.names, deadly), instance=f"life-{life}").run(until_idle=True)
            break
        except DiedError:
            deaths += 1
            broker.client.delete(broker.names.members("copier"))
    expected = odd(9)
    expected[SERIES[0].key].remove(5)
    assert copied(broker) == expected
    assert deaths == 1 + 3  # once in the batch, then alone
    assert [letter.reason for letter in dead_letters(broker.client, broker.names)] == ["failed"]


def test_too_many_failures_stop_the_stage_instead_of_draining_its_log(broker: BrokerUnderTest) -> None:
    admit(broker, 60)

    def broken(_: Candle) -> None:
        raise ValueError("a fault of the stage")

    with pytest.raises(StageHaltedError):
        consumer(broker, Copying(broker.names, broken)).run(until_idle=True)
    failed = [letter for letter in dead_letters(broker.client, broker.names) if letter.reason == "failed"]
    assert DEAD_ALLOWED < len(failed) < 60


def test_a_systemic_fault_buries_nothing_and_moves_nothing(broker: BrokerUnderTest) -> None:
    admit(broker, 5)

    def systemic(_: Candle) -> None:
        raise SystemicError("no room")

    with pytest.raises(SystemicError):
        consumer(broker, Copying(broker.names, systemic)).run(until_idle=True)
    assert not list(dead_letters(broker.client, broker.names))
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    assert copied(broker) == odd(5)


def test_a_systemic_fault_on_one_entry_may_last_however_long(broker: BrokerUnderTest) -> None:
    """Each try left its mark, and the next one took the mark for a death: the fourth try buried the entry."""
    admit(broker, 1)
    waited = 0

    def systemic(_: Candle) -> None:
        nonlocal waited
        waited += 1
        if waited <= 3 * len(SERIES) * 3:
            raise SystemicError("no room")

    for _ in range(3 * len(SERIES) * 3):  # as one instance that stands back and comes again
        with pytest.raises(SystemicError):
            consumer(broker, Copying(broker.names, systemic)).run(until_idle=True)
    consumer(broker, Copying(broker.names, systemic)).run(until_idle=True)
    assert copied(broker) == odd(1)
    assert not list(dead_letters(broker.client, broker.names))


def test_back_pressure_is_no_failure_of_the_entry_that_waits_alone(broker: BrokerUnderTest) -> None:
    """Each refusal of the gate was counted as one more attempt on the entry that a predecessor had died near."""
    admit(broker, 7)

    def deadly(candle: Candle) -> None:
        if candle.n == 7:
            raise DiedError

    with pytest.raises(DiedError):
        consumer(broker, Copying(broker.names, deadly)).run(until_idle=True)
    broker.client.delete(broker.names.members("copier"))
    stage = Copying(broker.names)
    membership = Membership(broker.client, broker.names, "copier", "two", SimulatedClock(0))
    limits = ConsumerLimits(read_count=7, batch=7, max_backlog=2, max_attempts=3)
    held = Consumer(
        broker.client, broker.names, stage, membership, SimulatedClock(0), limits, Metrics("c"), threading.Event()
    )
    for _ in range(40):
        held.turn(0)
    membership.leave()
    consumer(broker, stage).run(until_idle=True)
    assert copied(broker) == odd(7)
    assert not list(dead_letters(broker.client, broker.names))


def test_a_broker_without_memory_refuses_the_batch_whole(broker: BrokerUnderTest) -> None:
    admit(broker, 5)
    broker.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            consumer(broker, Copying(broker.names)).run(until_idle=True)
    finally:
        broker.client.config_set("maxmemory", 0)
    consumer(broker, Copying(broker.names)).run(until_idle=True)
    assert copied(broker) == odd(5)


def test_a_full_output_log_holds_the_batch_back_without_losing_it(broker: BrokerUnderTest) -> None:
    admit(broker, 30)
    stage = Copying(broker.names)
    client = connect(broker.url)
    membership = Membership(client, broker.names, "copier", "one", SimulatedClock(0))
    limits = ConsumerLimits(read_count=4, batch=4, max_backlog=5, max_attempts=3)
    held = Consumer(client, broker.names, stage, membership, SimulatedClock(0), limits, Metrics("c"), threading.Event())
    for _ in range(10):
        held.turn(0)
    log = broker.names.features(SERIES[0].partition, "copied")
    assert 5 <= client.xlen(log) < 5 + 4
    assert [passage.name for passage in Passage] == ["DONE", "MOVED", "SUPERSEDED", "FULL"]
    consumer(broker, stage).run(until_idle=True)
    assert copied(broker) == odd(30)


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=12, unique=True), st.integers(1, 64))
def test_partitions_are_shared_out_evenly_and_whole(members: list[str], partitions: int) -> None:
    shares = share_out(members, partitions)
    assert sorted(p for share in shares.values() for p in share) == list(range(partitions))
    assert max(map(len, shares.values())) <= -(-partitions // len(members))
    assert shares == share_out(reversed(members), partitions)


def test_nobody_holds_anything_where_nobody_lives() -> None:
    """It raised StopIteration."""
    assert share_out([], 64) == {}


def test_an_instance_that_stops_renewing_is_gone_after_its_time(broker: BrokerUnderTest) -> None:
    clock = SimulatedClock(0)
    one = Membership(broker.client, broker.names, "copier", "one", clock)
    two = Membership(broker.client, broker.names, "copier", "two", clock)
    assert one.renew() == ["one"]
    assert two.renew() == ["one", "two"]
    key = broker.names.members("copier")
    broker.client.zincrby(key, -TIME_TO_LIVE_MS - 1, "one")
    assert two.renew() == ["two"]
    two.leave()
    assert broker.client.zcard(key) == 0


def test_an_instance_whose_time_runs_out_is_missed_at_that_moment_not_at_the_next_renewal(
    broker: BrokerUnderTest,
) -> None:
    """It took three seconds to expire and up to one more until somebody looked: more than four in all."""
    clock = SimulatedClock(0)
    one = Membership(broker.client, broker.names, "copier", "one", clock)
    two = Membership(broker.client, broker.names, "copier", "two", clock)
    one.renew()
    two.renew()
    assert two.due_in_s() == RENEWAL_S
    broker.client.zincrby(broker.names.members("copier"), -TIME_TO_LIVE_MS + 600, "one")  # 2.4 s have passed
    two.renew()
    assert 0 < two.due_in_s() <= 0.601
    broker.client.zincrby(broker.names.members("copier"), -601, "one")
    clock.sleep(0.61)
    assert two.due()
    assert two.renew() == ["two"]
    assert two.due_in_s() == pytest.approx(RENEWAL_S)


def test_what_an_instance_leaves_is_taken_over_at_the_next_turn_not_at_the_next_renewal(
    broker: BrokerUnderTest,
) -> None:
    """The clocks here stand still: nobody's renewal comes due."""
    one, two = (consumer(broker, Copying(broker.names), name) for name in ("one", "two"))
    one.turn(0)
    two.turn(0)
    one._membership.expire()
    one.turn(0)
    assert len(one._positions) == len(two._positions) == 32
    two._stop.set()
    two.run()
    one.turn(0)  # hears of it
    one.turn(0)
    assert len(one._positions) == 64
