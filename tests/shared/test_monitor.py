"""What a process tells those who watch it: alive whatever the broker does, ready only when it can work."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from shared.metrics import Metrics
from shared.monitor import Monitor


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("worker", "bundle")


@pytest.fixture
def monitor(metrics: Metrics) -> Iterator[Monitor]:
    one = Monitor(metrics.registry, metrics.readiness, 0)
    yield one
    one.close()


def get(monitor: Monitor, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{monitor.port}{path}", timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_process_is_healthy_from_the_first_moment_and_not_ready_until_all_is_met(
    monitor: Monitor, metrics: Metrics
) -> None:
    assert get(monitor, "/healthz")[0] == 200
    status, body = get(monitor, "/readyz")
    assert (status, json.loads(body)["reasons"]) == (503, {"broker": "not yet", "bundle": "not yet"})
    metrics.readiness.met("broker")
    assert json.loads(get(monitor, "/readyz")[1])["reasons"] == {"bundle": "not yet"}
    metrics.readiness.met("bundle")
    assert get(monitor, "/readyz") == (200, '{"ready": true, "reasons": {}}\n')
    assert "natron_worker_ready 1.0" in get(monitor, "/metrics")[1]


def test_a_lost_broker_makes_it_unready_with_the_reason_and_leaves_it_healthy(
    monitor: Monitor, metrics: Metrics
) -> None:
    metrics.readiness.met("bundle")
    metrics.readiness.unmet("broker", "Connection refused")
    status, body = get(monitor, "/readyz")
    assert (status, json.loads(body)) == (503, {"ready": False, "reasons": {"broker": "Connection refused"}})
    assert get(monitor, "/healthz")[0] == 200
    assert "natron_worker_ready 0.0" in get(monitor, "/metrics")[1]


def test_any_other_path_is_not_found(monitor: Monitor) -> None:
    assert get(monitor, "/")[0] == 404


def test_instances_that_share_a_port_take_the_next_ones(metrics: Metrics, monitor: Monitor) -> None:
    second = metrics.serve(monitor.port)
    assert second is not None
    assert second.port > monitor.port
    second.close()
    assert metrics.serve(0) is None
