"""The wire: replies in order, refusals as errors, and no reply of one call ever read by another."""

import pytest
import redis

from shared.broker import alone
from shared.testing import BrokerUnderTest
from shared.wire import ask, exchange, sent


def test_replies_come_in_the_order_of_the_commands_and_refusals_stand_among_them(broker: BrokerUnderTest) -> None:
    replies = exchange(broker.client, [("SET", "a", 1), ("HGET", "a", "field"), ("GET", b"a")])
    assert (replies[0], replies[2]) == (b"OK", b"1")
    assert isinstance(replies[1], redis.exceptions.ResponseError)


def test_a_refused_command_that_is_asked_alone_raises(broker: BrokerUnderTest) -> None:
    broker.client.set("a", 1)
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        ask(broker.client, "HGET", "a", "field")
    assert ask(broker.client, "GET", "a") == b"1"


def test_other_work_may_be_done_before_the_replies_are_read(broker: BrokerUnderTest) -> None:
    with sent(broker.client, [("INCR", "a"), ("INCR", "a")]) as replies:
        broker.client.incr("b")
        assert replies() == [1, 2]
        assert replies() == [1, 2]


@pytest.mark.parametrize("of_one_connection", [False, True])
def test_replies_that_nobody_read_are_nobody_else_s(broker: BrokerUnderTest, of_one_connection: bool) -> None:
    client = alone(broker.client) if of_one_connection else broker.client
    with pytest.raises(ZeroDivisionError), sent(client, [("INCR", "a")]):
        raise ZeroDivisionError
    assert ask(client, "ECHO", "mine") == b"mine"


def test_a_lost_connection_is_noticed_once_and_then_opened_again(broker: BrokerUnderTest) -> None:
    client = alone(broker.client)
    ask(client, "PING")
    broker.client.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(redis.exceptions.ConnectionError):
        ask(client, "PING")
    assert ask(client, "PING") == b"PONG"
