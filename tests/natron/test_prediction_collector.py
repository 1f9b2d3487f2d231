"""The collector says what the log says: repeats, junk, and nothing that a broker has forgotten."""

import redis

from natron.prediction_collector import PredictionCollector
from shared.clock import SimulatedClock
from shared.codec import encode_prediction
from shared.contracts import WINDOW, Prediction, Series
from shared.names import Names
from shared.testing import BrokerUnderTest

SERIES = Series("EURUSD", "M15")


def publish(broker: BrokerUnderTest, *numbers: int) -> list[bytes]:
    """Append predictions of candles 96 + number."""
    return [
        broker.client.xadd(
            broker.names.predictions(SERIES.partition),
            {
                "m": encode_prediction(
                    Prediction(
                        SERIES, 900_000 * number + 900_000, WINDOW + number, 0.5, 0.5, (0.2, 0.3, 0.5), (0.1,) * 6,
                        (), (), 0, "b", "ab" * 32, 1, 2, 3, 4,
                    )
                )
            },
        )
        for number in numbers
    ]  # fmt: skip


def collector(client: redis.Redis, names: Names) -> PredictionCollector:
    return PredictionCollector(client, names, SimulatedClock(0), "test")


def numbers(one: PredictionCollector) -> list[int]:
    return [prediction.n - WINDOW for prediction in one.log.predictions]


def test_repeats_are_kept_and_junk_is_counted(broker: BrokerUnderTest) -> None:
    publish(broker, 0, 1, 1)
    broker.client.xadd(broker.names.predictions(SERIES.partition), {"junk": "1"})
    one = collector(broker.client, broker.names)
    assert one.turn(0) == 4
    assert (numbers(one), one.log.junk) == ([0, 1, 1], 1)


def test_what_is_not_read_is_held(broker: BrokerUnderTest) -> None:
    collector(broker.client, broker.names).turn(0)
    assert broker.client.hexists(broker.names.position(SERIES.partition), "hold:test")


def test_what_a_broker_has_forgotten_does_not_count_and_its_second_coming_is_no_repeat(broker: BrokerUnderTest) -> None:
    ids = publish(broker, *range(600))
    one = collector(broker.client, broker.names)
    while one.turn(0):
        pass
    broker.client.xdel(broker.names.predictions(SERIES.partition), *ids[300:])
    publish(broker, *range(300, 602))
    one.expect_loss()
    while one.turn(0):
        pass
    assert numbers(one) == list(range(602))
    assert one.log.forgotten == 300


def test_a_broker_that_has_forgotten_everything_is_read_from_the_start(broker: BrokerUnderTest) -> None:
    publish(broker, 0, 1)
    one = collector(broker.client, broker.names)
    one.turn(0)
    broker.client.flushall()
    publish(broker, 0, 1, 2)
    one.expect_loss()
    one.turn(0)
    assert numbers(one) == [0, 1, 2]


def test_a_broker_that_forgot_nothing_is_read_on(broker: BrokerUnderTest) -> None:
    publish(broker, 0, 1)
    one = collector(broker.client, broker.names)
    one.turn(0)
    publish(broker, 2)
    one.expect_loss()
    one.turn(0)
    assert (numbers(one), one.log.forgotten) == ([0, 1, 2], 0)
