"""``natron bench`` lists its groups, refuses others, and keeps what it measured with where and how."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from benchmarks import groups
from benchmarks.measurement import Measurement
from natron.cli import app
from shared.errors import InputError

GROUPS = {
    "features", "inference", "latency", "bridge", "burst", "replay", "failover", "scaling", "memory", "broker",
    "gateway", "training",
}  # fmt: skip


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """The command silences the log of its process; other tests listen to theirs."""
    yield
    structlog.reset_defaults()


def test_every_group_is_listed_with_what_it_measures() -> None:
    result = CliRunner().invoke(app, ["bench", "--list"])
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert set(lines) >= GROUPS
    assert all(text.strip().endswith(".") for text in lines.values())


def test_a_group_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(InputError, match=r"speed.*features, inference"):
        groups.check_groups(["speed"])


@pytest.mark.parametrize(("better", "ratio"), [("lower", 4.0), ("higher", 0.25)])
def test_figures_are_kept_beside_their_peers_with_hardware_and_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better: str, ratio: float
) -> None:
    row = Measurement("a row", "us", better, 2.0, "a peer", 8.0, "<= 3 us")
    monkeypatch.setattr(groups, "run_group", lambda _: [row])
    result = CliRunner().invoke(app, ["bench", "features", "--json", "--out", str(tmp_path)])
    shown = json.loads(result.stdout)["features"]
    kept = json.loads((tmp_path / "features.json").read_text())
    assert shown == kept["rows"]
    assert set(shown[0]) == {"name", "unit", "better", "value", "peer", "peer_value", "ratio", "goal"}
    assert shown[0]["ratio"] == ratio
    assert kept["command"] == "natron bench features"
    assert {"python", "onnxruntime", "natron"} <= set(kept["versions"])
    assert {"cpu", "cores", "load"} <= set(kept["hardware"])
