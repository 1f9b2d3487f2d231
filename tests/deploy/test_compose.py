"""compose.yaml is sound, locked down, and what it runs works: each container's command as a process here."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import validate

from archive.storage.kinds import CANDLES, PREDICTIONS
from archive.storage.vault import Vault
from feature_service.feature_set import FEATURE_SET
from producer.sample import sample_candles, write_candles
from shared.addresses import free_port
from shared.contracts import Series
from shared.names import Names
from shared.prediction_log import PredictionLog
from shared.testing import GuardedBroker, await_true, listening

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"].startswith("natron:")}


def test_it_follows_the_compose_specification() -> None:
    validate(COMPOSE, get_builtin_schema("vendor.compose-spec"))


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_every_container_is_locked_down(name: str) -> None:
    one = COMPOSE["services"][name]
    assert one["read_only"] is True
    assert int(one["user"].split(":")[0]) > 0
    assert one["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in one["security_opt"]
    assert one["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert "healthcheck" in one or name == "train"
    assert all(port.startswith("127.0.0.1:") for port in one.get("ports", []))


def test_no_secret_stands_in_the_file_and_each_is_made_by_natron_secrets(guarded: GuardedBroker) -> None:
    made = {path.name for path in guarded.secrets.iterdir()}
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./deploy/secrets/{name}"}
        assert name in made
    for one in COMPOSE["services"].values():
        for variable, value in one.get("environment", {}).items():
            assert not any(word in variable for word in ("PASSWORD", "KEY", "SECRET")) or str(value).startswith("/")


def test_a_service_is_given_the_secrets_that_its_settings_name_and_no_others() -> None:
    for name, one in OURS.items():
        named = {Path(value).name for value in one.get("environment", {}).values() if "/run/secrets/" in str(value)}
        assert named == set(one.get("secrets", [])), name


def test_it_scales_workers_and_has_the_profiles() -> None:
    assert "ports" not in COMPOSE["services"]["worker"]
    assert "container_name" not in COMPOSE["services"]["worker"]
    profiles = {profile for one in COMPOSE["services"].values() for profile in one.get("profiles", [])}
    assert profiles == {"gpu", "monitoring", "train", "exchange"}


def test_the_image_installs_an_extra_that_exists_and_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    assert text.index("USER 10001:10001") < text.index("ENTRYPOINT")
    project = (ROOT / "pyproject.toml").read_text()
    for one in OURS.values():
        for extra in one["build"]["args"]["EXTRA"].split(","):
            assert f"\n{extra} = [" in project


def expanded(text: str) -> str:
    """Compose's ``${NAME:-default}`` as its default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


class Container:
    """A service's command as a process, its files and addresses put where they are here."""

    def __init__(self, name: str, guarded: GuardedBroker, folder: Path) -> None:
        self.one, self._port = OURS[name], free_port()
        self._places = {
            "/run/secrets": str(guarded.secrets), "/var/lib/natron": str(folder), "0.0.0.0": "127.0.0.1",
            "broker:6379": f"127.0.0.1:{guarded.port}", "127.0.0.1:6379": f"127.0.0.1:{guarded.port}",
        }  # fmt: skip
        environ = {key: self._here(expanded(str(value))) for key, value in self.one["environment"].items()}
        port = {"gateway": "NATRON_GATEWAY_PORT"}.get(name)
        environ |= {key: str(self._port) for key in (port, *environ) if key and key.endswith("_PORT")}
        if name == "bridge":
            environ |= {
                f"NATRON_BRIDGE_{door}_BIND": f"tcp://127.0.0.1:{free_port()}" for door in ("SIGNALS", "REQUESTS")
            }
        environ["NATRON_ALERTS_EVERY_S"] = "1"
        self.log = folder / f"{name}.log"
        self._output = self.log.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "natron", *map(expanded, self.one["command"])],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environ},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def _here(self, value: str) -> str:
        for there, here in self._places.items():
            value = value.replace(there, here)
        return value

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._output.close()

    def healthy(self, path: str = "/readyz") -> bool:
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        _, _, flag, code = self.one["healthcheck"]["test"]
        code = expanded(code).replace("9100", str(self._port)).replace("5000", str(self._port)).replace("/readyz", path)
        return subprocess.run([sys.executable, flag, code], capture_output=True, check=False).returncode == 0


@contextmanager
def container(name: str, guarded: GuardedBroker, folder: Path) -> Iterator[Container]:
    one = Container(name, guarded, folder)
    try:
        yield one
    finally:
        one.stop()


def replay(guarded: GuardedBroker, file: Path) -> dict[str, Any]:
    url = f"redis://producer@127.0.0.1:{guarded.port}"
    environ = {"NATRON_SYSTEM_BROKER_PASSWORD_FILE": str(guarded.secrets / "producer")}
    arguments = ["producer", "replay", "--csv", str(file), "--symbol", "X", "--timeframe", "M15", "--json"]
    command = [sys.executable, "-m", "natron", *arguments, "--broker", url]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_all_containers_become_healthy_and_predict_each_as_its_own_user(guarded: GuardedBroker, tmp_path: Path) -> None:
    candles = FEATURE_SET.lookback + 120
    write_candles(sample_candles(candles, "M15", 1), tmp_path / "x.csv")
    with ExitStack() as stack:
        names = ("feature-service", "worker", "bridge", "gateway", "score", "archive", "alerts")
        started = {name: stack.enter_context(container(name, guarded, tmp_path)) for name in names}
        for name, one in started.items():
            await_true(one.healthy, f"{name} healthy")
        for one in started.values():  # which were told 127.0.0.1 where compose says 0.0.0.0
            assert {address for address, _ in listening(one.process.pid)} == {"127.0.0.1"}
        replay(guarded, tmp_path / "x.csv")
        log, found = PredictionLog(guarded.client("reader"), Names(), from_start=True), []
        await_true(lambda: (found.extend(log.read(50)), len(found) == candles - 1 - 95)[1], "predictions")
        assert [one.prediction.n for one in found if one.prediction] == list(range(96, candles))
        series, names, operator = Series("X", "M15"), Names(), guarded.client("operator")
        await_true(lambda: bool(operator.xlen(names.outcomes(series.partition))), "an outcome")
        operator.hset(names.drift, series.key, "seen by a test")
        await_true(lambda: operator.hget(names.alerts, f"drift {series.key}") is not None, "an alert")
        with closing(Vault(tmp_path)) as vault:
            for kind, count in ((CANDLES, candles - 1), (PREDICTIONS, candles - 1 - 95)):
                await_true(
                    lambda kind=kind, count=count: vault.read(kind, series).num_rows == count, f"archived {kind}"
                )
    refused: Any = guarded.client("operator").execute_command("ACL LOG")
    assert [(one["username"], one["context"], one["object"]) for one in refused] == []


def test_a_feed_is_alive_while_its_exchange_is_away(guarded: GuardedBroker, tmp_path: Path) -> None:
    with container("exchange", guarded, tmp_path) as feed:
        await_true(lambda: feed.healthy("/healthz"), "a feed that answers")


def test_training_reads_the_folder_it_is_given(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "natron", *map(expanded, OURS["train"]["command"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "/data/history.csv" in done.stderr) == (2, True)
