"""Rules and dashboards use metrics that exist, and every alert has a runbook."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from archive.alerts.rules import RULES
from shared import metrics as declared

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").rglob("*.json"))
ENDINGS = ("_total", "_bucket", "_count", "_sum", "_created")
ENTRIES = [
    rule for path in RULE_FILES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in ENTRIES if "alert" in rule]
RECORDED = {rule["record"] for rule in ENTRIES if "record" in rule}


def exposed() -> set[str]:
    """Every name that some process exposes."""
    members: list[declared.Watched] = [declared.Metrics("worker"), declared.Metrics("feature_service")]
    bridge = declared.BridgeMetrics()
    bridge.count_by(lambda: dict.fromkeys(declared.BridgeMetrics.COUNTS, 0))
    members += [bridge, declared.ScorerMetrics(), declared.ArchiveMetrics(), declared.AlertMetrics()]
    members += [declared.FeedMetrics(), declared.ReplayMetrics()]
    families = [family for member in members for family in member.registry.collect()]
    samples = {sample.name for family in families for sample in family.samples}
    return (
        samples
        | {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
        | {family.name + ending for family in families if family.type == "histogram" for ending in ENDINGS}
    )


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in ENTRIES)
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def test_every_metric_that_is_used_exists() -> None:
    used = {name for one in expressions() for name in re.findall(r"natron[_:][a-z0-9_:]+", one)}
    assert len(used) > 20
    assert used - RECORDED <= exposed()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here: apt-get install prometheus")
def test_prometheus_itself_understands_rules_and_configuration() -> None:
    configuration = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    for words in (["rules", *map(str, RULE_FILES)], ["config", "--syntax-only", str(configuration)]):
        done = subprocess.run(["promtool", "check", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_of_the_composition_is_scraped() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    watched = {name for name, one in compose.items() if one["image"].startswith("natron:")} - {"train"}
    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    named = {name for job in jobs for one in job.get("dns_sd_configs", []) for name in one["names"]}
    named |= {one["labels"]["service"] for job in jobs for one in job.get("static_configs", [])}
    assert named == watched
    keys = {Path(job["authorization"]["credentials_file"]).name for job in jobs}
    assert keys <= set(compose["prometheus"]["secrets"])


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_s_panels_do_not_share_a_place(path: Path) -> None:
    panels = json.loads(path.read_text())["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len({panel["id"] for panel in panels}) == len(panels)


def section(name: str) -> str:
    pages = re.split(r"^## ", (ROOT / "docs" / "runbooks.md").read_text(), flags=re.MULTILINE)[1:]
    return {page.partition("\n")[0]: page for page in pages}[name]


@pytest.mark.parametrize("name", [*RULES, *(rule["alert"] for rule in ALERTS)])
def test_every_alert_has_a_runbook(name: str) -> None:
    page = section(name)
    assert all(f"**{part}:**" in page for part in ("Means", "First", "Mend"))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_rule_names_its_runbook_and_how_urgent_it_is(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{rule['alert'].lower()}"
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
