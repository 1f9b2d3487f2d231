"""Reading the predictions logs of all partitions: order, junk, holds (logic alone, on a fake broker)."""

import fakeredis

from shared.broker import broker_ms
from shared.codec import encode_prediction
from shared.contracts import Prediction, Series
from shared.names import Names
from shared.prediction_log import HOLD_MS, PredictionLog

NAMES = Names()


def prediction(symbol: str, t: int) -> Prediction:
    regimes = (0.1, 0.2, 0.3, 0.2, 0.1, 0.1)
    return Prediction(
        Series(symbol, "M15"), t, 96, 0.5, 0.5, (0.2, 0.3, 0.5), regimes, (), (), 0, "b", "ab" * 32, 1, 2, 3, 4
    )


def broker() -> fakeredis.FakeRedis:
    client = fakeredis.FakeRedis(protocol=2)
    client.response_callbacks.pop("XREAD", None)
    client.response_callbacks.pop("XREVRANGE", None)
    return client


def publish(client: fakeredis.FakeRedis, symbol: str, t: int) -> int:
    made = prediction(symbol, t)
    client.xadd(NAMES.predictions(made.series.partition), {"m": encode_prediction(made)})
    return made.series.partition


def test_every_partition_is_read_in_order_and_once() -> None:
    client = broker()
    for t in (1, 2, 3):
        publish(client, "EURUSD", t)
        publish(client, "XAUUSD", t)
    log = PredictionLog(client, NAMES, from_start=True)
    found = [item.prediction for item in log.read(block_ms=0) if item.prediction]
    for symbol in ("EURUSD", "XAUUSD"):
        assert [one.t for one in found if one.series.symbol == symbol] == [1, 2, 3]
    assert log.read(block_ms=0) == []


def test_what_was_there_before_is_passed_over_unless_asked_for() -> None:
    client = broker()
    publish(client, "EURUSD", 1)
    log = PredictionLog(client, NAMES, from_start=False)
    publish(client, "EURUSD", 2)
    assert [item.prediction.t for item in log.read(block_ms=0) if item.prediction] == [2]


def test_junk_is_told_and_passed_over() -> None:
    client = broker()
    p = publish(client, "EURUSD", 1)
    client.xadd(NAMES.predictions(p), {"m": b"rubbish"})
    publish(client, "EURUSD", 2)
    found = PredictionLog(client, NAMES, from_start=True).read(block_ms=0)
    assert [item.prediction is None for item in found] == [False, True, False]
    assert "does not decode" in found[1].fault


def test_a_hold_names_the_place_that_was_read_and_when_it_ends() -> None:
    client = broker()
    p = publish(client, "EURUSD", 1)
    log = PredictionLog(client, NAMES, from_start=True)
    log.read(block_ms=0)
    before_ms = broker_ms(client)
    log.hold("me")
    place, until_ms = client.hget(NAMES.position(p), "hold:me").decode().split(" ")
    assert place == log.positions[p]
    assert before_ms + HOLD_MS <= int(until_ms) <= broker_ms(client) + HOLD_MS
    log.release("me")
    assert client.hget(NAMES.position(p), "hold:me") is None
