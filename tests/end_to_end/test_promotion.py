"""Promotions and rolling restarts under load: nothing lost, twice, out of order, or from an older bundle."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from inference_worker.bundle import Bundle
from inference_worker.registry import Registry
from inference_worker.service import bundle_folder
from inference_worker.testing import write_variant
from shared.contracts import Candles
from shared.settings.groups import Settings

Sample = tuple[Path, Candles]
PROMOTIONS = 20


def served(registry: Registry, number: int) -> bool:
    """Whether both workers serve this promotion, or a later one."""
    workers = registry.workers().values()
    return len(workers) == 2 and all(one.promote >= number for one in workers)


@pytest.fixture
def registry(up: Any, tmp_path: Path) -> Registry:
    """With twenty bundles of one graph, whose IDs tell them apart."""
    found, reference = Registry(up.client, up.names), Bundle.load(bundle_folder(Settings()))
    for number in range(1, PROMOTIONS + 1):
        write_variant(reference, f"b{number:02}", tmp_path / f"b{number:02}")
        found.push(tmp_path / f"b{number:02}")
    return found


def test_twenty_promotions_under_load_lose_repeat_and_reorder_nothing(
    up: Any, await_true: Any, sample: Sample, expected: Any, registry: Registry, same_log: Any
) -> None:
    feed = up.feed("promoted", sample[1])
    feed.send(300)
    for number in range(1, PROMOTIONS + 1):
        feed.send(20)
        assert registry.promote(f"b{number:02}").number == number
        if number % 5 == 0:
            name = f"b{number:02}"
            feed.await_true(lambda number=number: served(registry, number), f"both workers serve {name}")
            feed.await_true(lambda name=name: feed.newest.bundle == name, f"{name} predicts")
    feed.send(len(sample[1]))
    await_true(lambda: len(up.predictions("promoted")) >= len(expected.t), "all predictions")
    found = up.predictions("promoted")
    same_log(found, expected)
    order = ["reference", *(f"b{number:02}" for number in range(1, PROMOTIONS + 1))]
    places = [order.index(prediction.bundle) for prediction in found]
    assert places == sorted(places)
    assert {5, 10, 15, 20} <= set(places)


def test_the_command_line_pushes_promotes_refuses_and_rolls_back(
    up: Any, await_true: Any, registry: Registry, tmp_path: Path
) -> None:
    reference = Bundle.load(bundle_folder(Settings()))
    for name, shift in (("sound", 0.0), ("drifts", 1e-3)):
        write_variant(reference, name, tmp_path / name, golden_shift=shift)
        assert name in up.ask("bundle", "push", str(tmp_path / name))
    assert "sound" in up.ask("bundle", "promote", "sound", "--wait", "60")
    with pytest.raises(AssertionError):  # it exits 1, the refusal on stdout
        up.ask("bundle", "promote", "drifts", "--wait", "60")
    status = json.loads(up.ask("bundle", "status", "--json"))
    assert status["champion"]["bundle"] == "drifts"
    assert {one["bundle"] for one in status["workers"].values()} == {"sound"}
    assert all("golden output" in one["refused"] for one in status["workers"].values())
    up.ask("bundle", "rollback", "--wait", "60")
    status = json.loads(up.ask("bundle", "status", "--json"))
    assert {one["bundle"] for one in status["workers"].values()} == {"sound"}
    assert {one["refused"] for one in status["workers"].values()} == {""}


def test_a_rolling_restart_of_every_service_under_load_changes_nothing(
    up: Any, await_true: Any, sample: Sample, expected: Any, same_log: Any
) -> None:
    feed = up.feed("rolling", sample[1])
    feed.send(300)
    for part in ("feature-service-1", "worker-1", "worker-2", "bridge"):
        before = up.run["pids"][part]
        up.signal(part, signal.SIGTERM)
        feed.await_true(
            lambda part=part, before=before: up.run["pids"][part] != before and up.whole(), f"{part} is back"
        )
    feed.send(len(sample[1]))
    await_true(lambda: len(up.predictions("rolling")) >= len(expected.t), "all predictions")
    same_log(up.predictions("rolling"), expected)
