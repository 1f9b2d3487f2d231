"""Every metric is declared in shared/metrics.py, and every one declared there is used."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from bridge.stats import BridgeStats
from shared.contracts import Reason
from shared.metrics import (
    AlertMetrics,
    ArchiveMetrics,
    BridgeMetrics,
    FeedMetrics,
    GatewayMetrics,
    Metrics,
    ReplayMetrics,
    ScorerMetrics,
    Watched,
)

ROOT = Path(__file__).parents[2]
DECLARING = ROOT / "shared" / "metrics.py"
PACKAGES = ("natron", "shared", "producer", "feature_service", "inference_worker", "bridge", "gateway", "archive")
MEMBERS: list[Watched] = [
    Metrics("worker"),
    FeedMetrics(),
    ReplayMetrics(),
    BridgeMetrics(),
    GatewayMetrics(),
    ScorerMetrics(),
    ArchiveMetrics(),
    AlertMetrics(),
]


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path != DECLARING:
                yield path, ast.parse(path.read_text())


def declared() -> set[str]:
    return {
        target.attr
        for node in ast.walk(ast.parse(DECLARING.read_text()))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Attribute)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr in {"_counter", "_gauge", "_histogram"}
    }


def used() -> set[str]:
    """Attributes of whatever is called metrics: ``self._metrics.lag``, ``world.metrics.candles``."""
    found = set()
    for tree in [*(tree for _, tree in sources()), ast.parse(DECLARING.read_text())]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute | ast.Name):
                owner = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
                if owner.lstrip("_") in {"metrics", "watched"}:
                    found.add(node.attr)
    return found


METHODS = {"readiness", "registry", "serve", "count_reasons", "count_by"}
OWN = {"ready", "reasons"}
"""Set by the class itself: a function of the readiness, and what ``count_reasons`` counts."""


def test_every_metric_declared_is_used() -> None:
    assert declared()
    assert declared() - OWN <= used()
    assert "count_reasons" in used()


def test_every_metric_used_is_declared() -> None:
    assert used() - METHODS <= declared()


def test_nobody_else_makes_metrics() -> None:
    importing = {
        str(path.relative_to(ROOT))
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prometheus_client")
    }
    # The first and the last serve them; a door is given one to count with, and the reference reads what all are.
    assert importing == {"shared/monitor.py", "producer/watched_door.py", "natron/reference.py", "gateway/meter.py"}


def test_the_bridge_s_counts_are_those_it_keeps() -> None:
    assert set(BridgeMetrics.COUNTS) == {field.name for field in fields(BridgeStats)}
    metrics = BridgeMetrics()
    metrics.count_by(lambda: dict.fromkeys(BridgeMetrics.COUNTS, 3))
    assert b"natron_bridge_lines_sent_total 3.0" in generate_latest(metrics.registry)


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: type(member).__name__)
def test_names_begin_alike_and_every_process_says_whether_it_is_ready(member: Watched) -> None:
    names = {family.name for family in member.registry.collect()}
    assert all(name.startswith("natron_") for name in names)
    assert any(name.endswith("_ready") for name in names)


def test_reasons_are_counted_by_their_words() -> None:
    metrics = Metrics("worker")
    metrics.count_reasons([0, Reason.GAP, Reason.GAP | Reason.REPLAY])
    text = generate_latest(metrics.registry).decode()
    assert 'natron_worker_reasons_total{reason="GAP"} 2.0' in text
    assert 'natron_worker_reasons_total{reason="REPLAY"} 1.0' in text
