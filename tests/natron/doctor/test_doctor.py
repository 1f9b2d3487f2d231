"""The doctor finds what is wrong, says how it is mended, and exits with 1 on errors alone."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from natron.cli import app
from natron.doctor.finding import Finding, Health
from natron.doctor.installation import look_at_installation
from natron.doctor.ports import look_at_ports
from natron.doctor.system import look_at_system
from shared.addresses import free_port
from shared.clock import SimulatedClock, SystemClock
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest


def by_name(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.about: finding for finding in findings}


def settings(broker: BrokerUnderTest, **more: Any) -> Settings:
    flags = {name.replace("__", "."): value for name, value in more.items()}
    return load_settings(None, {}, {"system.broker_url": broker.url, **flags})


@pytest.fixture
def eviction(broker: BrokerUnderTest) -> Iterator[None]:
    broker.client.config_set("maxmemory-policy", "allkeys-lru")
    yield
    broker.client.config_set("maxmemory-policy", "noeviction")


def test_a_sound_installation_has_no_error_and_no_mend_without_need() -> None:
    for finding in look_at_installation(Settings()):
        assert finding.health is not Health.ERROR, finding
        assert bool(finding.mend) == (finding.health is not Health.OK) or finding.health is Health.ABSENT, finding


def test_a_broken_bundle_and_a_runtime_that_is_missing_are_errors(tmp_path: Path) -> None:
    values = load_settings(None, {}, {"inference.bundle": str(tmp_path), "inference.runtime": "cuda"})
    found = by_name(look_at_installation(values))
    assert found["bundle"].health is Health.ERROR
    assert found["gpu"].health is Health.ERROR
    assert "natron[gpu]" in found["gpu"].mend


def test_a_broker_that_may_evict_is_an_error(broker: BrokerUnderTest, eviction: None) -> None:
    found = by_name(look_at_system(settings(broker), SystemClock()))
    assert (found["eviction"].health, "noeviction" in found["eviction"].mend) == (Health.ERROR, True)


def test_a_broker_without_a_file_and_nobody_at_work_are_warnings(broker: BrokerUnderTest) -> None:
    found = by_name(look_at_system(settings(broker), SystemClock()))
    assert {name: one.health for name, one in found.items()} == {
        "broker": Health.OK, "eviction": Health.OK, "durability": Health.WARNING, "memory": Health.OK,
        "clocks": Health.OK, "feature_service": Health.WARNING, "worker": Health.WARNING,
    }  # fmt: skip
    assert all(one.mend for one in found.values() if one.health is Health.WARNING)


@pytest.mark.parametrize(("behind_ms", "health"), [(5_000, Health.WARNING), (-60_000, Health.ERROR)])
def test_clocks_that_disagree_are_found(broker: BrokerUnderTest, behind_ms: int, health: Health) -> None:
    clock = SimulatedClock(SystemClock().now_ms() - behind_ms)
    found = by_name(look_at_system(settings(broker), clock))
    assert (found["clocks"].health, "chrony" in found["clocks"].mend) == (health, True)


def test_a_broker_that_is_away_is_one_error() -> None:
    values = load_settings(None, {}, {"system.broker_url": f"redis://127.0.0.1:{free_port()}"})
    (found,) = look_at_system(values, SystemClock())
    assert (found.health, "system.broker_url" in found.mend) == (Health.ERROR, True)


def test_an_absent_bridge_is_no_error_and_a_stranger_on_its_port_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.listen()
        taken, free = stranger.getsockname()[1], free_port()
        flags = {"bridge.signals_bind": f"tcp://127.0.0.1:{taken}", "bridge.requests_bind": f"tcp://127.0.0.1:{free}"}
        found = by_name(look_at_ports(load_settings(None, {}, {**flags, "gateway.port": free})))
    healths = [found[name].health for name in ("bridge signals", "bridge requests", "gateway")]
    assert healths == [Health.ERROR, Health.ABSENT, Health.ABSENT]


def test_the_command_exits_with_1_on_errors_alone(broker: BrokerUnderTest, tmp_path: Path) -> None:
    arguments = ["doctor", "--json", "--broker", broker.url]
    for port in ("bridge.signals_bind", "bridge.requests_bind"):
        arguments += ["--set", f"{port}=tcp://127.0.0.1:{free_port()}"]
    well = CliRunner().invoke(app, arguments)
    assert well.exit_code == 0, well.output
    ill = CliRunner().invoke(app, [*arguments, "--set", f"inference.bundle={tmp_path}"])
    assert ill.exit_code == 1
    assert {"error"} == {one["health"] for one in json.loads(ill.stdout) if one["about"] == "bundle"}
