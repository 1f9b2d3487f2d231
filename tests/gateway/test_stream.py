"""/v1/stream tells what is published as it is published, over server-sent events and WebSocket alike."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_socket

from gateway.testing import GatewayUnderTest
from producer.sample import sample_candles
from shared.contracts import Series

Told = tuple[str, Any]


@contextmanager
def listening(gateway: GatewayUnderTest, query: str = "") -> Iterator[Iterator[Told]]:
    """Events of a connection, once the gateway said that it begins."""
    with httpx.stream("GET", f"{gateway.url}/v1/stream?{query}", timeout=60) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = _events(response.iter_lines())
        yield events


def _events(lines: Iterator[str]) -> Iterator[Told]:
    kind = ""
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


def until_begun(events: Iterator[Told]) -> list[Told]:
    """What comes before the stream's own beginning: how things stand."""
    told = []
    for kind, data in events:
        if kind == "missed":
            return told
        told.append((kind, data))
    raise AssertionError("it never began")


def test_candles_come_before_their_predictions_in_order(shown: GatewayUnderTest, system: Any) -> None:
    series = Series("SSE", "M5")
    with listening(shown, f"series={series.key}") as events:
        assert until_begun(events) == [("broker", {"connected": True}), ("halts", {"halted": []})]
        system.admit(series, sample_candles(100, "M5", 4), flags=1)
        candles, predictions = [], []
        for kind, data in events:
            if kind == "candle":
                assert (data["series"], data["symbol"]) == (series.key, "SSE")
                candles.append(data["n"])
            elif kind == "prediction":
                assert data["n"] <= candles[-1]
                assert data["reasons"][0] == "WARMING"
                predictions.append(data["n"])
            if len(predictions) == 5:
                break
        assert candles == list(range(1, 101))
        assert predictions == list(range(96, 101))


def test_a_websocket_gets_the_same_and_paced_streams_the_newest(shown: GatewayUnderTest, system: Any) -> None:
    series = Series("SOCKET", "M5")
    url = f"ws://127.0.0.1:{shown.port}/v1/stream?series={series.key}&kinds=prediction"
    with open_socket(url) as every, open_socket(url + "&pace_ms=300") as paced:
        for client in (every, paced):
            while json.loads(client.recv(60))["event"] != "missed":
                pass
        system.admit(series, sample_candles(130, "M5", 5), flags=1)
        got = [json.loads(every.recv(60))["data"]["n"] for _ in range(35)]
        assert got == list(range(96, 131))
        newest = 0
        count = 0
        while newest < 130:
            message = json.loads(paced.recv(60))
            if message["event"] == "prediction":
                newest, count = message["data"]["n"], count + 1
        assert count < 35


def test_halts_are_told(shown: GatewayUnderTest) -> None:
    with listening(shown, "kinds=halts") as events:
        assert until_begun(events) == [("halts", {"halted": []})]
        shown.ask("POST", "/v1/halt", {"symbol": "EURUSD"})
        assert next(data for kind, data in events if kind == "halts") == {"halted": ["EURUSD"]}
        shown.ask("POST", "/v1/resume", {})
        assert next(data for kind, data in events if kind == "halts") == {"halted": []}


def test_what_cannot_be_asked_for_is_refused(shown: GatewayUnderTest) -> None:
    for query in ("kinds=everything", "pace_ms=-1", "pace_ms=1000000"):
        status, _, found = shown.ask("GET", f"/v1/stream?{query}")
        assert (status, found["error"]["field"]) == (422, query.partition("=")[0])
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        with (
            pytest.raises(InvalidStatus, match="403"),
            open_socket(f"ws://127.0.0.1:{shown.port}/v1/stream", additional_headers=headers),
        ):
            pass


def test_clients_that_leave_are_forgotten(shown: GatewayUnderTest, eventually: Callable[..., None]) -> None:
    def streams() -> bytes:
        text: bytes = shown.ask("GET", "/metrics")[2]
        return next(line for line in text.splitlines() if line.startswith(b"natron_gateway_streams "))

    eventually(lambda: streams().endswith(b" 0.0"))
    with closing(socket.create_connection(("127.0.0.1", shown.port))) as raw:
        raw.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with open_socket(f"ws://127.0.0.1:{shown.port}/v1/stream"):
            eventually(lambda: streams().endswith(b" 2.0"))
    eventually(lambda: streams().endswith(b" 0.0"))
