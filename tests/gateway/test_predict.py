"""/predict answers as the stream would, and refuses what is no candle with the field, the value and the rule."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from feature_service.pipeline import compute_history
from gateway.testing import GatewayUnderTest, request_of
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from inference_worker.session import Job, Session
from producer.sample import sample_candles
from shared.contracts import REGIMES, WINDOW
from shared.settings.groups import Settings


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(Bundle.load(bundle_folder(Settings())), 1, 2_048)


def test_the_answer_is_what_the_stream_says_of_the_same_candles(gateway: GatewayUnderTest, session: Session) -> None:
    rows = compute_history(sample_candles(700, "M15", 1))
    heads = session.run([Job(session.acquire(), rows, fresh=True)])[0]
    status, _, found = gateway.ask("POST", "/predict", request_of(700))
    assert status == 200
    assert (found["symbol"], found["timeframe"], found["n"], found["reasons"]) == ("EURUSD", "M15", 700, [])
    assert found["buy_prob"] == pytest.approx(float(heads["buy"][-1]), abs=1e-5)
    np.testing.assert_allclose(found["direction_probs"], heads["direction"][-1], atol=1e-5)
    np.testing.assert_allclose([found["regime_probs"][name] for name in REGIMES], heads["regime"][-1], atol=1e-5)


@pytest.mark.parametrize(("count", "reasons"), [(WINDOW, ["WARMING"]), (592, ["WARMING"]), (593, [])])
def test_too_short_a_history_is_answered_with_warming(
    gateway: GatewayUnderTest, count: int, reasons: list[str]
) -> None:
    status, _, found = gateway.ask("POST", "/predict", request_of(count))
    assert (status, found["reasons"], found["n"]) == (200, reasons, count)


def test_text_times_in_a_brokers_zone_are_the_same_candles(gateway: GatewayUnderTest) -> None:
    request = request_of(120)
    winter = 1_704_067_200_000  # 2024-01-01 00:00 UTC, 02:00 at a European broker
    for at, candle in enumerate(request["candles"]):
        candle["time"] = f"2024-01-{2 + at // 96:02} {at // 4 % 24:02}:{at % 4 * 15:02}:00"
    _, _, utc = gateway.ask("POST", "/predict", request)
    _, _, broker = gateway.ask("POST", "/predict", request | {"tz": "broker-eu"})
    assert utc["time"] == winter + 86_400_000 + 119 * 900_000
    assert utc["time"] - broker["time"] == 2 * 3_600_000


def test_seconds_and_milliseconds_are_told_by_their_size(gateway: GatewayUnderTest) -> None:
    request = request_of(100)
    _, _, expected = gateway.ask("POST", "/predict", request)
    for candle in request["candles"]:
        candle["time"] //= 1_000
    assert gateway.ask("POST", "/predict", request)[2]["time"] == expected["time"]


def test_the_timeframe_is_told_by_the_candles(gateway: GatewayUnderTest) -> None:
    request = request_of(100)
    del request["timeframe"], request["symbol"]
    status, _, found = gateway.ask("POST", "/predict", request)
    assert (status, found["timeframe"]) == (200, "M15")


def _with(field: str, value: object, at: int = 7) -> dict[str, Any]:
    request = request_of(100)
    request["candles"][at][field] = value
    return request


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (_with("high", 0.0001), "candles[7].high"),
        (_with("low", 99), "candles[7].low"),
        (_with("close", -1), "candles[7].close"),
        (_with("volume", -1), "candles[7].volume"),
        (_with("open", "1.2"), "candles[7].open"),
        (_with("open", float("nan")), "candles[7].open"),
        (_with("open", float("inf")), "candles[7].open"),
        (_with("time", "yesterday"), "candles[7].time"),
        (_with("time", 1e300), "candles[7].time"),
        (_with("extra", 1), "candles[7].extra"),
        (_with("time", request_of(100)["candles"][6]["time"]), "candles[7].time"),
        (_with("time", request_of(100)["candles"][20]["time"]), "candles[8].time"),
        (_with("time", 4_102_444_800_000, at=99), "candles[99].time"),
        (request_of(95), "candles"),
        (request_of(100, timeframe="M5"), "timeframe"),
        (request_of(100, timeframe="15m"), "timeframe"),
        (request_of(100, tz="Mars/Olympus"), "tz"),
        (request_of(100, symbol="A\x07"), "symbol"),
        (request_of(100, symbol="ä" * 33), "symbol"),
        ({}, "candles"),
        ([], "body"),
    ],
)
def test_a_wrong_request_is_refused_with_its_field(gateway: GatewayUnderTest, request_: object, field: str) -> None:
    status, _, found = gateway.ask("POST", "/predict", request_)
    assert (status, found["error"]["field"]) == (422, field)
    assert found["error"]["rule"]
    assert found["error"]["mend"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, json.dumps({"candles": 1})[:-1].encode()])
def test_what_is_no_json_is_a_400(gateway: GatewayUnderTest, body: bytes) -> None:
    status, _, found = gateway.ask("POST", "/predict", body)
    assert (status, found["error"]["field"]) == (400, "body")


def test_a_batch_answers_in_order_and_a_wrong_one_stops_no_other(gateway: GatewayUnderTest) -> None:
    batch = [request_of(100), {"candles": []}, request_of(700, symbol="GOLD"), _with("low", 99)]
    status, _, found = gateway.ask("POST", "/predict_batch", {"batch": batch})
    assert status == 200
    first, second, third, fourth = found["results"]
    assert (first["symbol"], third["symbol"]) == ("EURUSD", "GOLD")
    assert (second["error"]["field"], fourth["error"]["field"]) == ("candles", "candles[7].low")
    alone = gateway.ask("POST", "/predict", batch[2])[2]
    assert third | {"latency_us": {}} == alone | {"latency_us": {}}


def test_many_at_once_get_their_own_answers(gateway: GatewayUnderTest) -> None:
    requests = [request_of(100 + at, symbol=f"S{at}") for at in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda request: gateway.ask("POST", "/predict", request)[2], requests))
    assert [(found["symbol"], found["n"]) for found in answers] == [(f"S{at}", 100 + at) for at in range(40)]
