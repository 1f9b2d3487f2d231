"""A gateway beside a running system: what it shows is what the broker holds, and its halts hold everywhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_service.feature_set import FEATURE_SET
from gateway.testing import GatewayUnderTest
from inference_worker.bundle import Bundle
from inference_worker.registry import Registry
from inference_worker.service import bundle_folder
from inference_worker.testing import write_variant
from natron.traffic import read_traffic
from shared.broker import connect
from shared.contracts import Series
from shared.embedded_broker import EmbeddedBroker
from shared.names import Names
from shared.settings.groups import Settings
from shared.testing import guarded_broker

Start = Callable[..., GatewayUnderTest]
ODD = "BTC%2FUSDT"


def series_of(gateway: GatewayUnderTest) -> dict[str, Any]:
    return {one["symbol"]: one for one in gateway.ask("GET", "/v1/series")[2]["series"]}


def test_every_series_is_listed_with_the_state_of_its_feed(shown: GatewayUnderTest) -> None:
    found = series_of(shown)
    assert (found["EURUSD"]["state"], found["GOLD.r"]["state"]) == ("LIVE", "SILENT")
    assert found["BTC/USDT"]["state"] in {"LIVE", "CLOSED"}  # a replay that ended just now
    assert found["GOLD.r"]["missing"] == 9
    assert found["EURUSD"]["n"] == 800
    assert found["EURUSD"]["latest"]["time"] == found["EURUSD"]["time"]
    assert found["GOLD.r"]["latest"]["reasons"] == ["WARMING", "STALE"]
    assert "REPLAY" in found["BTC/USDT"]["latest"]["reasons"]


def test_candles_sent_back_are_answered_as_the_stream_answered_them(shown: GatewayUnderTest) -> None:
    candles = shown.ask("GET", "/v1/candles/EURUSD/M15?limit=1000")[2]
    assert candles["n"] == 800
    streamed = shown.ask("GET", "/v1/predictions/EURUSD/M15")[2]["predictions"][0]
    status, _, answered = shown.ask("POST", "/predict", candles)
    assert status == 200
    for name in ("time", "bundle", "feature_set", "direction_pred", "regime", "predictions", "policy", "valid_until"):
        assert answered[name] == streamed[name], name
    numbers = ("buy_prob", "sell_prob", "direction_probs", "confidence")
    for name in numbers:
        assert answered[name] == pytest.approx(streamed[name], abs=1e-5), name
    for name in ("outlook", "regime_probs"):
        assert answered[name] == pytest.approx(streamed[name], abs=1e-5), name


def test_predictions_are_the_latest_or_a_range(shown: GatewayUnderTest) -> None:
    (latest,) = shown.ask("GET", "/v1/predictions/EURUSD/M15")[2]["predictions"]
    t = latest["time"]
    assert set(latest["latency_us"]) == {"row", "queued", "inferred", "sent", "total"}
    four = shown.ask("GET", f"/v1/predictions/EURUSD/M15?from={t - 3 * 900_000}&to={t}")[2]["predictions"]
    assert [one["time"] for one in four] == [t - 2_700_000, t - 1_800_000, t - 900_000, t]
    two = shown.ask("GET", f"/v1/predictions/EURUSD/M15?to={(t - 900_000) // 1_000}&limit=2")[2]["predictions"]
    assert [one["time"] for one in two] == [t - 1_800_000, t - 900_000]
    everything = shown.ask("GET", "/v1/predictions/EURUSD/M15?limit=500")[2]["predictions"]
    assert len(everything) == 500
    assert (
        shown.ask("GET", "/v1/predictions/EURUSD/M15?from=2001-01-01&to=2001-02-01T00:00:00Z")[2]["predictions"] == []
    )


def test_symbols_with_a_slash_are_one_path_element_when_encoded(shown: GatewayUnderTest) -> None:
    found = shown.ask("GET", f"/v1/predictions/{ODD}/M5")[2]
    assert (found["symbol"], found["predictions"][0]["n"]) == ("BTC/USDT", 200)
    assert len(shown.ask("GET", f"/v1/candles/{ODD}/M5")[2]["candles"]) == 200


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/predictions/NONE/M15", 404, "symbol"),
        ("/v1/candles/EURUSD/M1", 404, "symbol"),
        ("/v1/predictions/EURUSD/15m", 422, "timeframe"),
        (f"/v1/predictions/{'x' * 65}/M15", 422, "symbol"),
        ("/v1/predictions/EURUSD%07/M15", 422, "symbol"),
        ("/v1/predictions/EURUSD/M15?limit=501", 422, "limit"),
        ("/v1/predictions/EURUSD/M15?limit=many", 422, "limit"),
        ("/v1/candles/EURUSD/M15?from=yesterday", 422, "from"),
        ("/v1/candles/EURUSD/M15?to=nan", 422, "to"),
        ("/v1/candles/EURUSD/M15?to=1e999", 422, "to"),
    ],
)
def test_what_is_not_there_or_cannot_be_is_named(shown: GatewayUnderTest, path: str, status: int, field: str) -> None:
    found = shown.ask("GET", path)
    assert (found[0], found[2]["error"]["field"]) == (status, field)


def test_the_system_shows_stages_members_dead_letters_and_bundles(
    shown: GatewayUnderTest, system: Any, eventually: Any
) -> None:
    p = Series("EURUSD", "M15").partition
    system.broker.client.xadd(system.broker.names.candles(p), {"m": b"junk", "n": 1, "a": 1})

    def buried() -> bool:
        return shown.ask("GET", "/v1/system")[2]["dead_letters"]["count"] > 0

    eventually(buried)
    found = shown.ask("GET", "/v1/system")[2]
    assert found["lag"] == {"features": 0, "champion": 0}
    traffic = read_traffic(system.broker.client, system.broker.names, FEATURE_SET.hash[:8])
    assert found["logs"] == {"candles": traffic.admitted, "rows": traffic.rows, "predictions": traffic.published}
    assert (len(found["members"]["feature_service"]), len(found["members"]["worker"])) == (1, 1)
    assert {name: set(one) for name, one in found["latency_ms"].items()} == {
        name: {"p50", "p99"} for name in ("row", "queued", "inferred", "total")
    }
    letter = found["dead_letters"]["newest"][0]
    assert (letter["reason"], letter["partition"]) == ("junk", p)
    assert letter["detail"]
    assert found["bundles"]["champion"] is None
    (worker,) = found["bundles"]["workers"].values()
    assert (worker["bundle"], worker["refused"]) == ("reference", "")


def test_a_halt_is_in_every_answer_until_it_is_lifted(shown: GatewayUnderTest, eventually: Any) -> None:
    candles = shown.ask("GET", "/v1/candles/EURUSD/M15?limit=700")[2]["candles"]
    request = {"symbol": "EURUSD", "timeframe": "M15", "candles": candles}

    def reasons() -> tuple[bool, bool, bool]:
        latest = shown.ask("GET", "/v1/predictions/EURUSD/M15")[2]["predictions"][0]["reasons"]
        answered = shown.ask("POST", "/predict", request)[2]["reasons"]
        other = shown.ask("GET", "/v1/predictions/GOLD.r/H1")[2]["predictions"][0]["reasons"]
        return "HALTED" in latest, "HALTED" in answered, "HALTED" in other

    status, _, found = shown.ask("POST", "/v1/halt", {"symbol": "EURUSD"})
    assert (status, [one["symbol"] for one in found["halted"]]) == (200, ["EURUSD"])
    eventually(lambda: reasons() == (True, True, False))
    assert [one["symbol"] for one in shown.ask("POST", "/v1/halt", {})[2]["halted"]] == [None, "EURUSD"]
    eventually(lambda: reasons() == (True, True, True))
    assert shown.ask("POST", "/v1/resume", {"symbol": None})[2] == {"halted": []}
    eventually(lambda: reasons() == (False, False, False))
    assert shown.ask("POST", "/v1/halt", {"symbol": "A\x07"})[0] == 422
    assert shown.ask("POST", "/v1/halt", {"all": True})[0] == 422


def test_another_site_s_page_halts_nothing(shown: GatewayUnderTest) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
        status, _, found = shown.ask("POST", "/v1/halt", {"symbol": None}, headers)
        assert (status, bool(found["error"]["rule"])) == (403, True)
    own = {"Origin": shown.url}
    assert shown.ask("POST", "/v1/resume", {"symbol": None}, own)[0] == 200


def test_nobody_scores_or_trades_until_somebody_says_so(shown: GatewayUnderTest, system: Any) -> None:
    assert shown.ask("GET", "/v1/scores")[2] == {"scores": [], "drift": []}
    assert shown.ask("GET", "/v1/trades")[2] == {"trades": []}
    key = system.broker.names.latest_scores(7)
    system.broker.client.hset(key, "score EURUSD.M15 reference", json.dumps({"series": "EURUSD.M15", "heads": {}}))
    system.broker.client.hset(key, "drift EURUSD.M15 reference", json.dumps({"series": "EURUSD.M15", "why": "x"}))
    system.broker.client.hset(key, "score junk reference", b"\xff{")
    found = shown.ask("GET", "/v1/scores")[2]
    system.broker.client.delete(key)
    assert found["scores"] == [{"series": "EURUSD.M15", "heads": {}}]
    assert found["drift"] == [{"series": "EURUSD.M15", "why": "x"}]


def test_metrics_count_requests_by_route(shown: GatewayUnderTest) -> None:
    shown.ask("GET", "/v1/series")
    shown.ask("GET", "/made/up")
    status, headers, text = shown.ask("GET", "/metrics")
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert b'natron_gateway_requests_total{route="/v1/series",status="200"}' in text
    assert b'natron_gateway_requests_total{route="none",status="404"}' in text
    assert b"natron_gateway_streams 0.0" in text
    assert b"/made/up" not in text


def test_without_a_broker_it_predicts_and_says_what_it_lacks(gateway: GatewayUnderTest) -> None:
    assert gateway.ask("GET", "/readyz")[0] == 200
    for path in ("/v1/series", "/v1/system", "/v1/predictions/EURUSD/M15", "/v1/scores", "/v1/trades", "/v1/stream"):
        status, headers, found = gateway.ask("GET", path)
        assert (status, headers["retry-after"]) == (503, "1")
        assert "no broker" in found["error"]["rule"]


def test_a_broker_that_goes_is_a_503_and_comes_back(start: Start, eventually: Any) -> None:
    with EmbeddedBroker() as broker:
        gateway = start(broker.url)
        eventually(lambda: gateway.ask("GET", "/readyz")[0] == 200)
        broker.stop()
        eventually(lambda: gateway.ask("GET", "/readyz")[0] == 503)
        assert "broker" in gateway.ask("GET", "/readyz")[2]["reasons"]
        status, headers, found = gateway.ask("GET", "/v1/series")
        assert (status, headers["retry-after"], found["error"]["rule"]) == (503, "1", "the broker is away")
        broker.start()
        eventually(lambda: gateway.ask("GET", "/readyz")[0] == 200)
        assert gateway.ask("GET", "/v1/series")[2] == {"series": []}


def test_a_promoted_bundle_is_taken_over_and_a_broken_one_is_not(start: Start, eventually: Any, tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        gateway = start(broker.url)
        registry, reference = Registry(connect(broker.url), Names()), Bundle.load(bundle_folder(Settings()))
        for bundle_id, shift in (("better", 0.0), ("drifts", 0.1), ("best", 0.0)):
            write_variant(reference, bundle_id, tmp_path / bundle_id, golden_shift=shift)
            registry.push(tmp_path / bundle_id)
        registry.promote("better")
        eventually(lambda: gateway.ask("GET", "/health")[2]["bundle"] == "better")
        registry.promote("drifts")
        registry.promote("best")
        eventually(lambda: gateway.ask("GET", "/health")[2]["bundle"] == "best")
        newcomer = start(broker.url)
        assert newcomer.ask("GET", "/v1/models")[2]["models"][0]["id"] == "best"


def test_the_rights_of_its_broker_user_are_enough(start: Start, eventually: Any, tmp_path: Path) -> None:
    with guarded_broker(tmp_path / "secrets") as broker:
        gateway = start(broker.url("gateway"))
        eventually(lambda: gateway.ask("GET", "/readyz")[0] == 200)
        for path in ("/v1/series", "/v1/system", "/v1/scores", "/v1/trades"):
            assert gateway.ask("GET", path)[0] == 200, path
        with httpx.stream("GET", f"{gateway.url}/v1/stream", timeout=60) as told:
            assert "event: missed" in told.iter_lines()
        assert gateway.ask("POST", "/v1/halt", {})[0] == 200
        assert gateway.ask("POST", "/v1/resume", {})[2] == {"halted": []}
        weak = start(broker.url("reader"))
        eventually(lambda: weak.ask("GET", "/v1/series")[0] == 200)
        status, _, found = weak.ask("POST", "/v1/halt", {})
        assert (status, found["error"]["rule"]) == (503, "the broker refuses it")
