"""The manifests are what Kubernetes and KEDA understand, agree with each other, and lock every pod down."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import validate
from typer.testing import CliRunner

from inference_worker.registry import Registry
from natron.cli import app
from shared.acl import rights
from shared.metrics import Metrics
from shared.names import Names
from shared.settings.loading import load_settings
from shared.testing import GuardedBroker

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
VERSION = "1.29"
DOCUMENTS = [
    (path.name, document) for path in sorted(FOLDER.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text())
]
BY_KIND: dict[str, dict[str, Any]] = {}
for _, one in DOCUMENTS:
    BY_KIND.setdefault(one["kind"], {})[one.get("metadata", {}).get("name", "")] = one
PODS = {
    name: one["spec"].get("jobTemplate", one)["spec"]["template"]
    for kind in ("Deployment", "StatefulSet", "CronJob")
    for name, one in BY_KIND[kind].items()
}

# The parts of KEDA's custom resource that are used here, closed against misspelling (keda.sh/v1alpha1 ScaledObject).
SCALED_OBJECT = {
    "type": "object", "required": ["scaleTargetRef", "triggers"], "additionalProperties": False,
    "properties": {
        "scaleTargetRef": {
            "type": "object", "required": ["name"], "additionalProperties": False,
            "properties": {name: {"type": "string"} for name in ("name", "kind", "apiVersion")},
        },
        **{name: {"type": "integer", "minimum": 0} for name in (
            "minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "idleReplicaCount",
            "initialCooldownPeriod",
        )},
        "advanced": {
            "type": "object", "additionalProperties": False,
            "properties": {
                "restoreToOriginalReplicaCount": {"type": "boolean"},
                "horizontalPodAutoscalerConfig": {
                    "type": "object", "additionalProperties": False,
                    "properties": {"name": {"type": "string"}, "behavior": {"type": "object"}},
                },
                "scalingModifiers": {"type": "object"},
            },
        },
        "fallback": {"type": "object"},
        "triggers": {
            "type": "array", "minItems": 1,
            "items": {
                "type": "object", "required": ["type", "metadata"],
                "properties": {
                    "type": {"const": "prometheus"},
                    "metadata": {
                        "type": "object", "required": ["serverAddress", "query", "threshold"],
                        "additionalProperties": {"type": "string"}, # KEDA reads text alone
                    },
                },
            },
        },
    },
}  # fmt: skip


@pytest.mark.parametrize(("file", "document"), DOCUMENTS, ids=[f"{file}:{one['kind']}" for file, one in DOCUMENTS])
def test_every_object_follows_its_schema(file: str, document: dict[str, Any]) -> None:
    if document["kind"] == "ScaledObject":
        validate(document["spec"], SCALED_OBJECT)
        behavior = document["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}}
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}
        spec = {"scaleTargetRef": target, "maxReplicas": 2, "behavior": behavior}
        kubernetes_validate.validate({**scaler, "spec": spec}, VERSION, strict=True)
    elif document["kind"] != "Kustomization":
        kubernetes_validate.validate(document, VERSION, strict=True)


def test_every_file_is_applied() -> None:
    (listed,) = (one["resources"] for file, one in DOCUMENTS if file == "kustomization.yaml")
    assert sorted(listed) == sorted({file for file, _ in DOCUMENTS} - {"kustomization.yaml"})


@pytest.mark.parametrize("name", sorted(PODS))
def test_every_pod_is_locked_down(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        if name != "retrain":
            assert container["readinessProbe"]
            assert container["livenessProbe"]


def arguments() -> Iterator[tuple[str, list[str]]]:
    for name, pod in PODS.items():
        for container in pod["spec"]["containers"]:
            if container["image"].startswith("natron:") and "args" in container:
                yield name, container["args"]


@pytest.mark.parametrize(("name", "words"), list(arguments()))
def test_what_a_pod_runs_is_a_command_with_settings_that_exist(name: str, words: list[str]) -> None:
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    environ = {one["name"]: one["value"] for one in PODS[name]["spec"]["containers"][0]["env"]}
    settings = load_settings(None, environ, {})
    if settings.system.broker_url:
        assert settings.system.broker_url.split("//")[1].split("@")[0] in rights(Names())


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_what_a_pod_mounts_it_declares_and_its_labels_are_selected(kind: str) -> None:
    for one in BY_KIND[kind].values():
        template = one["spec"]["template"]
        assert one["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        declared = {volume["name"] for volume in template["spec"]["volumes"]}
        declared |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        mounted = {mount["name"] for mount in template["spec"]["containers"][0]["volumeMounts"]}
        assert mounted == declared


def test_the_volumes_claims_and_secrets_that_a_pod_names_are_there() -> None:
    claims = {
        f"{claim['metadata']['name']}-{name}-0"
        for name, one in BY_KIND["StatefulSet"].items()
        for claim in one["spec"]["volumeClaimTemplates"]
    }
    told = (FOLDER.parent / "README.md").read_text()
    for name, pod in PODS.items():
        for volume in pod["spec"]["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, name
            if "secret" in volume:
                user = volume["secret"]["secretName"].replace("-", "_")
                assert re.search(rf"generic {user}|for user in .*\b{user}\b", told), (name, user)


def test_who_retrains_may_push_and_promote(guarded: GuardedBroker) -> None:
    registry = Registry(guarded.client("retrainer"), Names())
    pushed = registry.push(Path(__file__).parents[2] / "models" / "reference").manifest.id
    assert registry.promote(pushed) == registry.line().champion
    operator = guarded.client("operator")
    operator.delete(*operator.scan_iter(match="natron:*"))


def test_budgets_and_policies_select_pods_that_exist() -> None:
    labels = [pod["metadata"]["labels"].items() for pod in PODS.values()]
    for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        for name, one in BY_KIND[kind].items():
            wanted = one["spec"][field].get("matchLabels", {}).items()
            assert any(wanted <= had for had in labels), name
    assert {"worker", "feature-service", "gateway"} == set(BY_KIND["PodDisruptionBudget"])


def test_nothing_is_reachable_that_no_policy_opens() -> None:
    nothing = BY_KIND["NetworkPolicy"]["nothing"]["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_workers_scale_by_a_metric_that_they_have() -> None:
    (trigger,) = BY_KIND["ScaledObject"]["worker"]["spec"]["triggers"]
    known = {sample.name for metric in Metrics("worker").registry.collect() for sample in metric.samples}
    assert trigger["metadata"]["query"].split("(")[1].split("{")[0] in known


def test_a_gpu_worker_asks_for_a_gpu_where_there_is_one() -> None:
    spec = PODS["worker-gpu"]["spec"]
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
