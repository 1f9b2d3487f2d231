"""Acks: each number of a run once, in order, whoever takes it; and what is none is junk."""

from dataclasses import replace

import msgpack
import pytest

from shared.ack_log import AckLog
from shared.codec import decode_ack, encode_ack
from shared.contracts import Ack
from shared.errors import JunkError

ACK = Ack("ea-1", "EURUSD.r", "17", 1, 5, 6, "EURUSD%2Er.M15.900000", "ordered", 1, 0.25, 110_000, "ticket 7")


@pytest.fixture
def log(broker):
    return AckLog(broker.client, broker.names, keep=1_000)


def _numbers(log):
    return [ack.number for _, ack in log.read()]


def test_an_ack_survives_the_log(log):
    log.append([ACK])
    assert [ack for _, ack in log.read()] == [ACK]


def test_each_number_is_taken_once_whoever_brings_it(log, broker):
    other = AckLog(broker.client, broker.names, keep=1_000)
    assert log.append([ACK, replace(ACK, number=2)]) == [1, 2]
    assert other.append([replace(ACK, number=at) for at in (1, 2, 3)]) == [2, 2, 3]
    assert _numbers(log) == [1, 2, 3]


def test_runs_clients_and_symbols_count_for_themselves(log):
    others = [replace(ACK, run="18"), replace(ACK, client="ea-2"), replace(ACK, symbol="EURUSD")]
    assert log.append([ACK, *others]) == [1, 1, 1, 1]
    assert len(log.read()) == 4


def test_reading_goes_on_after_an_entry_and_passes_junk_over(log, broker):
    log.append([ACK])
    broker.client.xadd(broker.names.acks, {"m": b"junk"})
    log.append([replace(ACK, number=2)])
    (first, _), (_, second) = log.read()
    assert second.number == 2
    assert [ack.number for _, ack in log.read(first)] == [2]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x14", b"\x14\xc1", b"\x14" + msgpack.packb([1]), b"\x13" + encode_ack(ACK)[1:], encode_ack(ACK)[:-1],
     encode_ack(ACK) + b"\0", b"\x14" + msgpack.packb(list(range(12))), b"\x14" + b"\x91" * 5_000],
)  # fmt: skip
def test_what_is_no_ack_is_junk(data):
    with pytest.raises(JunkError):
        decode_ack(data)
