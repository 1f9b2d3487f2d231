"""No key, too often, too much: refused before anything is parsed; probes are always answered."""

import http.client
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.doorman import Rate
from gateway.service import build
from gateway.testing import GatewayUnderTest, request_of
from shared.clock import SimulatedClock, SystemClock
from shared.errors import InputError
from shared.settings.loading import load_settings

KEY, NEXT_KEY, OLD_KEY = "0123456789abcdef0123", "next-0123456789abcdef", "old-0123456789abcdef"
MONITOR_KEY = "monitor-0123456789abcdef"


@pytest.fixture(scope="module")
def locked(start: Callable[..., GatewayUnderTest], tmp_path_factory: pytest.TempPathFactory) -> GatewayUnderTest:
    file = tmp_path_factory.mktemp("keys") / "api-key"
    file.write_text(f"{KEY}\n{NEXT_KEY} until=2999-01-31\n{OLD_KEY} until=2020-01-31\n")
    watch = file.with_name("monitor-key")
    watch.write_text(MONITOR_KEY)
    return start(monitor_key_file=str(watch), key_file=str(file), body_bytes_max="100000")


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": "wrong"}, {"Authorization": f"Bearer {KEY}x"}, {"X-API-Key": OLD_KEY}]
)
def test_without_a_key_that_is_in_force_nothing_is_answered(locked: GatewayUnderTest, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/predict"), ("GET", "/v1/models"), ("GET", "/openapi.json"), ("GET", "/nope")):
        status, _, found = locked.ask(method, path, headers=headers)
        assert (status, found["error"]["mend"]) == (401, "send it as X-API-Key")


@pytest.mark.parametrize("headers", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {NEXT_KEY}"}])
def test_with_the_key_it_is(locked: GatewayUnderTest, headers: dict[str, str]) -> None:
    assert locked.ask("POST", "/predict", request_of(100), headers)[0] == 200


def test_the_key_of_a_monitor_opens_the_metrics_and_nothing_else(locked: GatewayUnderTest) -> None:
    watch = {"Authorization": f"Bearer {MONITOR_KEY}"}
    assert locked.ask("GET", "/v1/models", headers=watch)[0] == 401
    assert locked.ask("POST", "/predict", request_of(100), watch)[0] == 401
    connection = http.client.HTTPConnection("127.0.0.1", locked.port)
    for headers, status in ((watch, 200), ({"X-API-Key": KEY}, 200), ({}, 401)):
        connection.request("GET", "/metrics", headers=headers)
        response = connection.getresponse()
        assert (response.status, b"natron_" in response.read()) == (status, status == 200)
    connection.close()


def test_probes_need_no_key(locked: GatewayUnderTest) -> None:
    status, _, found = locked.ask("GET", "/health")
    assert status == 200
    assert (found["status"], found["model_loaded"], found["bundle"]) == ("ok", True, "reference")
    assert locked.ask("GET", "/readyz")[0] == 200


def test_a_body_over_the_limit_is_a_413_whether_or_not_it_says_its_length(locked: GatewayUnderTest) -> None:
    key = {"X-API-Key": KEY}
    assert locked.ask("POST", "/predict", b" " * 100_001, key)[0] == 413
    connection = http.client.HTTPConnection("127.0.0.1", locked.port)
    connection.request("POST", "/predict", iter([b" " * 60_000] * 3), key)
    response = connection.getresponse()
    assert (response.status, b"at most 100000" in response.read()) == (413, True)
    connection.close()


def test_too_many_requests_are_told_when_to_come_back(start: Callable[..., GatewayUnderTest]) -> None:
    narrow = start(rate_per_s="0.001", rate_burst="2")
    assert [narrow.ask("GET", "/v1/features")[0] for _ in range(3)] == [200, 200, 429]
    assert narrow.ask("GET", "/v1/features")[1]["retry-after"] == "1"
    assert narrow.ask("GET", "/health")[0] == 200


def test_tokens_come_back_with_time_and_each_client_has_its_own() -> None:
    clock = SimulatedClock(1_000)
    rate = Rate(2.0, 2.0, clock)
    assert [rate.take("a") for _ in range(3)] == [True, True, False]
    assert rate.take("b")
    clock.sleep(0.5)
    assert [rate.take("a") for _ in range(2)] == [True, False]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])  # refused before it listens
def test_an_address_that_others_reach_needs_a_key(host: str) -> None:
    settings = load_settings(None, {}, {"gateway.host": host})
    with pytest.raises(InputError, match="needs a key"):
        build(settings, SystemClock())


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    with pytest.raises(InputError, match="at least 16"):
        build(load_settings(None, {}, {"gateway.key_file": str(tmp_path / "key")}), SystemClock())


def test_unknown_paths_and_methods_are_json_too(gateway: GatewayUnderTest) -> None:
    assert gateway.ask("GET", "/nope")[0] == 404
    status, headers, found = gateway.ask("GET", "/predict")
    assert (status, headers["allow"], found["error"]["rule"]) == (405, "POST", "method not allowed")


def test_models_and_features_describe_what_predicts(gateway: GatewayUnderTest) -> None:
    assert len(gateway.ask("GET", "/v1/features")[2]["features"]) == 98
    (model,) = gateway.ask("GET", "/v1/models")[2]["models"]
    assert model["id"] == "reference"
    assert "/predict_batch" in gateway.ask("GET", "/openapi.json")[2]["paths"]
