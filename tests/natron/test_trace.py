"""One candle's way: every step in the order of its time, and the instance that did it."""

import threading

import pytest

from feature_service.feature_set import FEATURE_SET
from feature_service.service import run as run_features
from inference_worker.service import run as run_worker
from natron.trace import Trace, TraceStep
from shared.admission import Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SimulatedClock, SystemClock
from shared.contracts import WINDOW, Series
from shared.errors import InputError
from shared.names import Names
from shared.passages import PASSAGES_KEEP, PassageNote, passage_notes
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("EUR|USD", "M15")
CANDLES = walk_candles(120)


def work(broker: BrokerUnderTest, count: int = len(CANDLES)) -> None:
    """Admit and process ``count`` candles, in two batches."""
    door = Admission(broker.client, broker.names, SimulatedClock(2_000_000_000_000), AdmissionLimits(10_000, 10, 10))
    for start, end in ((0, 100), (100, count)):
        if start < end:
            door.admit(SERIES, CANDLES[start:end], 0, "ea:demo")
            for run, name in ((run_features, "features-a"), (run_worker, "worker-b")):
                context = ServiceContext(
                    connect(broker.url), broker.names, SystemClock(), threading.Event(), f"{name}-{start}"
                )
                run(Settings(), context, until_idle=True)


def steps(broker: BrokerUnderTest, at: int) -> list[TraceStep]:
    return Trace(broker.client, broker.names, FEATURE_SET.hash).steps(SERIES, int(CANDLES["t"][at]))


def test_every_step_is_told_in_order_with_its_instance(broker: BrokerUnderTest) -> None:
    work(broker)
    p = SERIES.partition
    last = broker.client.execute_command("XREVRANGE", broker.names.predictions(p), "+", "-", "COUNT", 1)[0][0].decode()
    sent_us = SystemClock().now_us()
    broker.client.execute_command(*PassageNote("bridge", "bridge-c", "0-0", last, 9, sent_us).command(broker.names, p))
    found = steps(broker, 110)
    assert [(step.name, step.instance) for step in found] == [
        ("admitted", ""), ("row", "features-a-100"), ("row_published", "features-a-100"), ("queued", "worker-b-100"),
        ("inferred", "worker-b-100"), ("published", "worker-b-100"), ("sent", "bridge-c"),
    ]  # fmt: skip
    times = [step.at_us for step in found]
    assert None not in times
    assert times == sorted(times)  # type: ignore[type-var]
    assert found[0].detail["source"] == "ea:demo"
    assert (found[0].detail["n"], found[4].detail["n"]) == (111, 111)
    assert found[1].detail["batch"] == 20
    assert found[4].detail["bundle"] == "reference"


def test_each_batch_is_told_from_the_others(broker: BrokerUnderTest) -> None:
    work(broker)
    assert {step.instance for step in steps(broker, 97) if step.instance} == {"features-a-0", "worker-b-0"}


def test_a_candle_before_the_96th_has_a_row_and_no_prediction(broker: BrokerUnderTest) -> None:
    work(broker, 50 + WINDOW // 2)
    assert [step.name for step in steps(broker, 60)] == ["admitted", "row", "row_published"]


def test_what_the_broker_does_not_keep_is_said_in_one_sentence(broker: BrokerUnderTest) -> None:
    with pytest.raises(InputError, match=r"no candle of EUR%7CUSD\.M15 that the broker keeps"):
        steps(broker, 3)


def test_notes_are_bounded_and_junk_among_them_is_passed_over(broker: BrokerUnderTest) -> None:
    names, client = Names(), broker.client
    for at in range(3 * PASSAGES_KEEP):
        client.execute_command(*PassageNote("copy", "one", "0-0", f"{at}-0", 1, at).command(names, 5))
    client.xadd(names.passages(5), {"junk": b"\xff"})
    notes = passage_notes(client, names, 5)
    assert PASSAGES_KEEP <= len(notes) < PASSAGES_KEEP + 100
    assert notes[-1].at_us == 3 * PASSAGES_KEEP - 1
