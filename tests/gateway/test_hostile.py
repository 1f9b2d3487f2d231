"""Whatever is sent, the answer is a 4xx that says why, in bounded memory, and the next request is served."""

import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.testing import GatewayUnderTest, request_of

BODY_MB = 100
GROWTH_MB = 80
"""More than one largest body being parsed, less than a body that is kept whole."""


def resident_mb() -> float:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - not a file on a disk
        return int(file.read().split()[1]) * 4_096 / 2**20


def chunks(total: int) -> Iterator[bytes]:
    piece = b" " * 2**20
    for _ in range(total >> 20):
        yield piece


def test_a_hundred_megabytes_are_refused_without_being_held(gateway: GatewayUnderTest) -> None:
    before = resident_mb()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    connection.request("POST", "/predict", chunks(BODY_MB << 20))  # chunked: its length is not said
    assert connection.getresponse().status == 413
    connection.close()
    headers = {"Content-Length": str(BODY_MB << 20)}
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    connection.putrequest("POST", "/predict")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413  # before a byte of it
    connection.close()
    assert resident_mb() - before < GROWTH_MB


def test_a_million_candles_are_refused(gateway: GatewayUnderTest) -> None:
    candle = b'{"time":1,"open":1,"high":1,"low":1,"close":1,"volume":1}'
    body = b'{"candles":[' + b",".join([candle] * 1_000_000) + b"]}"
    assert gateway.ask("POST", "/predict", body)[0] == 413
    short = b'{"candles":[' + b",".join([candle] * 10_001) + b"]}"
    status, _, found = gateway.ask("POST", "/predict", short)
    assert (status, found["error"]["field"]) == (422, "candles")


def priced(low: float, high: float) -> dict[str, Any]:
    request = request_of(600)
    for at, candle in enumerate(request["candles"]):
        price = high if at % 2 else low
        candle.update(open=price, high=price, low=price, close=price)
    return request


def with_first(field: str, value: object) -> bytes:
    return json.dumps(request_of(100)).replace(f'"{field}": ', f'"{field}": {value}, "x": ', 1).encode()


BODIES: dict[str, bytes] = {
    "an integer beyond floats": with_first("open", "1" + "0" * 400),
    "a time beyond integers": with_first("time", "1" + "0" * 400),
    "an integer of 5,000 digits": with_first("time", "9" * 5_000),
    "1e999": with_first("close", "1e999"),
    "NaN": with_first("close", "NaN"),
    "-Infinity": with_first("volume", "-Infinity"),
    "the year 1": with_first("time", '"0001-01-01"'),
    "the year 9999": with_first("time", '"9999-12-31T23:59:59-23:59"'),
    "a time with a NUL": with_first("time", '"2024-01-01\\u0000"'),
    "half a surrogate": json.dumps(request_of(100)).replace("EURUSD", "\\ud800").encode(),
    "deep arrays": b'{"candles":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep objects": b'{"candles":' * 50_000 + b"1" + b"}" * 50_000,
    "UTF-16": json.dumps(request_of(96)).encode("utf-16"),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + json.dumps({"candles": 1}).encode(),
    "gzip": gzip.compress(json.dumps(request_of(96)).encode()),
    "Latin-1": '{"candles": [], "symbol": "ä"}'.encode("latin-1"),
    "two documents": b"{}{}",
    "a lone number": b"1",
    "nothing but keys": json.dumps({f"k{at}": at for at in range(50_000)}).encode(),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/predict", "/predict_batch", "/v1/halt"])
def test_a_hostile_body_is_a_4xx_with_field_and_rule(gateway: GatewayUnderTest, path: str, name: str) -> None:
    status, _, found = gateway.ask("POST", path, BODIES[name])
    error = found["error"]
    assert status in {400, 422} or (status == 503 and path == "/v1/halt")
    assert error["rule"]
    assert len(json.dumps(error)) < 1_000


@pytest.mark.parametrize(
    ("low", "high"), [(1e-308, 1e308), (1e-300, 1e-299), (1e307, 1.7e308), (5e-324, 5e-324), (1, 1)]
)
def test_prices_at_the_ends_of_floats_are_answered_or_refused(
    gateway: GatewayUnderTest, low: float, high: float
) -> None:
    status, _, found = gateway.ask("POST", "/predict", priced(low, high))
    assert status in {200, 422}
    if status == 200:
        assert 0 <= found["buy_prob"] <= 1
    else:
        assert found["error"]["field"].startswith("candles")
    status, _, found = gateway.ask("POST", "/predict_batch", {"batch": [priced(low, high), request_of(100)]})
    assert status == 200
    assert "id" in found["results"][1]


def test_volumes_at_the_end_of_floats_are_answered_or_refused(gateway: GatewayUnderTest) -> None:
    request = request_of(600)
    for candle in request["candles"]:
        candle["volume"] = 1.7e308
    assert gateway.ask("POST", "/predict", request)[0] in {200, 422}


def test_a_body_of_unknown_keys_is_refused_without_a_list_of_them(gateway: GatewayUnderTest) -> None:
    keys = ",".join(f'"k{at}":0' for at in range(5_000))
    for body in (f'{{"candles":[],{keys}}}', f'{{"candles":[{{{keys}}}]}}'):
        status, _, found = gateway.ask("POST", "/predict", body.encode())
        assert (status, found["error"]["field"]) == (422, "body")
    _, _, found = gateway.ask("POST", "/predict_batch", f'{{"batch":[{{"candles":[],{keys}}}]}}'.encode())
    assert found["results"][0]["error"]["field"] == "body"


@pytest.mark.parametrize("value", [None, True, [1], {}])
def test_a_time_of_no_kind_is_named_by_its_field_alone(gateway: GatewayUnderTest, value: object) -> None:
    request = request_of(96)
    request["candles"][5]["time"] = value
    status, _, found = gateway.ask("POST", "/predict", request)
    assert status == 422
    assert (found["error"]["field"], found["error"]["rule"]) == ("candles[5].time", "must be a text or a number")


def test_a_number_of_a_thousand_digits_is_not_sent_back(gateway: GatewayUnderTest) -> None:
    status, _, found = gateway.ask("POST", "/predict", b'{"candles":' + b"1" * 1_000 + b"}")
    assert status == 422
    assert len(found["error"]["value"]) < 130


def test_after_all_that_it_answers(gateway: GatewayUnderTest) -> None:
    assert gateway.ask("POST", "/predict", request_of(700))[0] == 200
