"""Bundles in the broker: whole or refused; the champion's number only rises."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_worker.bundle import Bundle
from inference_worker.registry import CHUNK_BYTES, PAST_CHAMPIONS, Line, Promotion, Registry
from shared.errors import BundleError, InputError
from shared.testing import BrokerUnderTest

Variant = Callable[..., Path]


def test_a_pushed_bundle_comes_back_bit_for_bit(broker: BrokerUnderTest, variant: Variant) -> None:
    registry, folder = Registry(broker.client, broker.names), variant("one")
    registry.push(folder)
    registry.push(folder)  # again is no harm
    found, put = registry.load("one"), Bundle.load(folder)
    assert (found.manifest, found.graph) == (put.manifest, put.graph)
    assert registry.ids == ["one"]
    sums = found.manifest.files.values()
    pieces = [broker.client.llen(broker.names.bundle_chunks(sha256)) for sha256 in sums]
    assert pieces == [-(-(folder / name).stat().st_size // CHUNK_BYTES) for name in found.manifest.files]


def test_another_bundle_of_the_same_id_is_refused(broker: BrokerUnderTest, variant: Variant, tmp_path: Path) -> None:
    registry = Registry(broker.client, broker.names)
    registry.push(variant("one"))
    other = variant("two", seed=7)
    manifest = (other / "manifest.json").read_text().replace('"two"', '"one"')
    twin = tmp_path / "twin"
    shutil.copytree(other, twin)
    (twin / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match="another bundle that was pushed"):
        registry.push(twin)
    assert registry.load("one").manifest.seed == Bundle.load(variant("one")).manifest.seed


def test_a_half_written_bundle_is_none(broker: BrokerUnderTest, variant: Variant) -> None:
    registry = Registry(broker.client, broker.names)
    with pytest.raises(BundleError, match="is not in the broker"):
        registry.load("one")
    bundle = registry.push(variant("one"))
    key = broker.names.bundle_chunks(bundle.manifest.files["model.onnx"])
    last = broker.client.rpop(key)
    with pytest.raises(BundleError, match=r"model\.onnx: sha256 expected"):
        registry.promote("one")
    assert registry.line().champion == Promotion()
    broker.client.rpush(key, bytes(last)[:-1] + b"?")
    with pytest.raises(BundleError, match=r"model\.onnx: sha256 expected"):
        registry.load("one")
    registry.push(variant("one"))
    assert registry.load("one").graph == bundle.graph


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["one", "two", "back"]), max_size=40))
def test_numbers_only_rise_and_rollback_goes_back_step_by_step(
    broker: BrokerUnderTest, monkeypatch: pytest.MonkeyPatch, steps: list[str]
) -> None:
    broker.client.delete(broker.names.champion)
    registry, stack = Registry(broker.client, broker.names), [""]
    monkeypatch.setattr(registry, "load", lambda bundle_id: bundle_id)
    for number, step in enumerate(steps, 1):
        if step != "back":
            registry.promote(step)
            stack = [*stack, step][-PAST_CHAMPIONS - 1 :]
        elif len(stack) > 1:
            stack.pop()
            assert registry.rollback().bundle == stack[-1]
        else:
            with pytest.raises(InputError, match="has no champion before it"):
                registry.rollback()
            return
        assert registry.line().champion == Promotion(number, stack[-1])
    assert isinstance(registry.line(), Line)
    assert [one.bundle for one in registry.line().past] == stack[:-1]
