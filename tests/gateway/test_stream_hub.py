"""Queues of live events are bounded, keep order, and end with the newest of every series."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.stream_hub import QUEUE_MAX, Event, StreamHub, Subscription
from shared.errors import BusyError


def event(series: str, at: int, kind: str = "prediction") -> Event:
    return Event(kind, series, lambda: str(at))


async def taken(subscription: Subscription) -> list[Event]:
    return await subscription.take(0.01)


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=900), min_size=1, max_size=6), st.booleans())
def test_whatever_comes_the_queue_is_bounded_and_ends_with_the_newest_of_each(
    batches: list[list[str]], paced: bool
) -> None:
    async def run() -> None:
        subscription = Subscription(frozenset(), frozenset(), 1e-6 if paced else 0.0)
        at, newest, offered = 0, {}, 0
        for batch in batches:
            events = []
            for series in batch:
                at += 1
                newest[series] = str(at)
                events.append(event(series, at))
            offered += len(events)
            subscription.offer(events)
            assert len(subscription._waiting) <= QUEUE_MAX
        found = await taken(subscription)
        missed = [one for one in found if one.kind == "missed"]
        told = [one for one in found if one.kind != "missed"]
        assert {one.series: one.text for one in told} == newest
        numbers = [int(one.text) for one in told]
        assert numbers == sorted(numbers)
        if paced:
            assert (len(told), missed) == (len(newest), [])
        elif len(told) < offered:
            assert f'"count": {offered - len(told)}' in missed[0].text

    asyncio.run(run())


def test_a_client_gets_the_series_and_kinds_it_asked_for_and_what_concerns_everybody() -> None:
    async def run() -> None:
        subscription = Subscription(frozenset({"a"}), frozenset({"candle", "halts"}), 0.0)
        subscription.offer([event("a", 1), event("a", 2, "candle"), event("b", 3, "candle"), event("", 4, "halts")])
        subscription.offer([event("", 5, "broker"), event("", 6, "missed")])
        assert [one.text for one in await taken(subscription)] == ["2", "4", "6"]
        assert await taken(subscription) == []

    asyncio.run(run())


def test_text_is_made_once_and_only_if_somebody_wants_it() -> None:
    made: list[int] = []

    def render() -> str:
        made.append(1)
        return "{}"

    async def run() -> None:
        hub = StreamHub(3)
        clients = [hub.open(), hub.open(), hub.open(["other"])]
        shared = Event("candle", "a", render)
        hub.publish([shared])
        assert made == []
        texts = [one.text for client in clients[:2] for one in await taken(client)]
        assert (texts, made, await taken(clients[2])) == (["{}", "{}"], [1], [])

    asyncio.run(run())


def test_clients_are_counted_and_the_one_too_many_is_refused() -> None:
    async def run() -> None:
        missed: list[int] = []
        hub = StreamHub(2, missed.append)
        first, _ = hub.open(), hub.open()
        with pytest.raises(BusyError, match="2 clients"):
            hub.open()
        hub.close(first)
        slow = hub.open()
        hub.publish([event("a", at) for at in range(QUEUE_MAX + 10)])
        assert len(slow._waiting) == 1
        assert missed == [2 * (QUEUE_MAX + 9)]

    asyncio.run(run())
