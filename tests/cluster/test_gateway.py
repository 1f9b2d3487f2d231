"""A gateway shows a cluster as it shows one server."""

from collections.abc import Iterator
from itertools import islice

import httpx
import pytest

from gateway.service import build
from gateway.testing import GatewayUnderTest
from shared.admission import Admission, AdmissionLimits
from shared.clock import SystemClock
from shared.contracts import Series
from shared.local_cluster import LocalCluster
from shared.names import Names
from shared.settings.loading import load_settings
from shared.testing import await_true, walk_candles


@pytest.fixture
def gateway(cluster: LocalCluster) -> Iterator[GatewayUnderTest]:
    flags = {"system.broker_url": cluster.url_of("gateway"), "inference.runtime": "cpu"}
    running = GatewayUnderTest(build(load_settings(None, {}, flags), SystemClock()))
    yield running
    running.stop()


def test_series_of_every_node_are_listed_streamed_and_halted(cluster: LocalCluster, gateway: GatewayUnderTest) -> None:
    await_true(lambda: gateway.ask("GET", "/readyz")[0] == 200, "a gateway that is ready")
    admission = Admission(cluster.client("producer"), Names(), SystemClock(), AdmissionLimits(1_000, 10, 10))
    shown = [Series(f"SHOWN{at}", "M15") for at in range(12)]
    candles = walk_candles(5)
    with httpx.stream("GET", f"{gateway.url}/v1/stream?kinds=candle", timeout=60) as stream:
        lines = stream.iter_lines()
        assert "event: missed" in lines
        for series in shown:
            admission.admit(series, candles, 0, "ea:test")
        told = list(islice((line for line in lines if line == "event: candle"), 60))
    assert len(told) == 60
    found = {one["series"]: one["n"] for one in gateway.ask("GET", "/v1/series")[2]["series"]}
    assert {series.key: 5 for series in shown}.items() <= found.items()
    system = gateway.ask("GET", "/v1/system")[2]
    assert system["broker"]["servers"] == 3
    assert gateway.ask("POST", "/v1/halt", {"symbol": "SHOWN1"})[2]["halted"][0]["symbol"] == "SHOWN1"
    assert gateway.ask("POST", "/v1/resume", {})[2] == {"halted": []}
