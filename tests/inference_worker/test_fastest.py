"""The runtime that serves is the fastest of those whose answers are the golden ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from inference_worker import fastest, runtimes
from inference_worker.bundle import HEADS, Bundle
from inference_worker.fastest import open_session
from inference_worker.graph import Arrays, Graph
from inference_worker.runtimes import Runtime, open_graph
from inference_worker.session import TOLERANCE, Job, Session
from shared.contracts import WINDOW
from shared.errors import BundleError
from trainer.variants import _fp16, _int8

INSTALLED = runtimes.runtimes()


class Clocked:
    """A runtime that takes a known time a call, and may be off."""

    now_s = 0.0

    def __init__(self, graph: Graph, seconds: float, off: float = 0.0) -> None:
        self._graph, self._seconds, self._off = graph, seconds, off

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[np.generic]]) -> Arrays:
        Clocked.now_s += self._seconds
        return [values + np.float32(self._off) for values in self._graph.run(outputs, feed)]


def offer(monkeypatch: pytest.MonkeyPatch, **offered: tuple[float, float]) -> None:
    """Install runtimes of these times and errors instead of the real ones."""
    cpu = INSTALLED["cpu"].open

    def fake_runtime(name: str, pair: tuple[float, float]) -> Runtime:
        return Runtime(lambda *given: Clocked(cpu(*given), *pair), exact="-" not in name)

    fake = {name: fake_runtime(name, pair) for name, pair in offered.items()}
    monkeypatch.setattr(runtimes, "runtimes", lambda: fake)
    monkeypatch.setattr(fastest, "runtimes", lambda: fake)


def chosen(bundle: Bundle, runtime: str = "auto", drift_max: float = TOLERANCE) -> str:
    return open_session(
        bundle, threads=1, max_tokens=256, runtime=runtime, drift_max=drift_max, now_s=lambda: Clocked.now_s
    ).runtime


def test_auto_takes_the_fastest_that_answers_right(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, cpu=(2.0, 0.0), cuda=(1.0, 0.0), tensorrt=(0.5, 1e-3))
    assert chosen(bundle) == "cuda"
    assert chosen(bundle, "cpu") == "cpu"


def test_a_runtime_that_drifts_is_refused_by_name(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, cpu=(1.0, 1e-3), cuda=(1.0, 2e-3))
    with pytest.raises(BundleError, match=r"golden output.*; .*golden output"):
        chosen(bundle)
    with pytest.raises(BundleError, match="golden output"):
        chosen(bundle, "cuda")


def test_a_runtime_that_is_not_installed_is_refused_with_those_that_are(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r"runtime none: is not installed here; there are cpu"):
        open_graph("none", bundle, 1)


def test_the_log_holds_the_whole_table_in_one_event(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several events of a kind all but the first were left out."""
    offer(monkeypatch, cpu=(0.002, 0.0), cuda=(0.001, 0.0), tensorrt=(0.0005, 1e-3))
    with capture_logs() as logs:
        chosen(bundle)
    (event,) = [one for one in logs if one["event"] == "runtimes_tried"]
    assert event["chosen"] == "cuda"
    assert [(row["runtime"], row.get("step_ms")) for row in event["table"]] == [
        ("cpu", 2.0),
        ("cuda", 1.0),
        ("tensorrt", None),
    ]
    assert "golden output" in event["table"][2]["refused"]


def test_runtimes_of_fewer_bits_serve_only_where_their_drift_is_allowed(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, **{"cpu": (2.0, 0.0), "cuda-fp16": (1.0, 1e-3), "openvino-bf16": (0.5, 2e-2)})
    assert chosen(bundle) == "cpu"
    assert chosen(bundle, drift_max=5e-3) == "cuda-fp16"
    assert chosen(bundle, drift_max=5e-2) == "openvino-bf16"
    with pytest.raises(BundleError, match=r"at most 1e-05 is allowed \(inference.drift_max\); runtime cuda-fp16"):
        chosen(bundle, "cuda-fp16")


@pytest.fixture(scope="session")
def variants(bundle: Bundle) -> Bundle:
    """The reference bundle with its graph in fewer bits beside it."""
    return replace(bundle, variants={"int8": _int8(bundle.graph), "fp16": _fp16(bundle.graph)})


def test_a_variant_is_served_by_name_and_one_that_the_bundle_lacks_is_refused(variants: Bundle, bundle: Bundle) -> None:
    assert Session(variants, 1, 256, "cpu-int8", 0.05).runtime == "cpu-int8"
    with pytest.raises(BundleError, match="golden output"):
        Session(variants, 1, 256, "cpu-int8")
    with pytest.raises(BundleError, match=r"has no variant int8; `natron export --variants int8` makes it"):
        Session(bundle, 1, 256, "cpu-int8")


HARDWARE = {"cuda": "GPU", "tensorrt": "GPU", "openvino": "OpenVINO"}


@pytest.mark.parametrize(
    ("runtime", "drift_max"),
    [
        ("cuda", TOLERANCE), ("tensorrt", TOLERANCE), ("openvino", TOLERANCE),
        ("cpu-int8", 0.05), ("cuda-fp16", 0.05), ("tensorrt-fp16", 0.05),
        ("openvino-bf16", 0.05), ("openvino-int8", 0.05),
    ],
)  # fmt: skip
def test_a_runtime_of_this_machine_keeps_law_7(variants: Bundle, runtime: str, drift_max: float) -> None:
    if runtime not in INSTALLED:
        missing = HARDWARE[runtime.partition("-")[0]]
        pytest.skip(f"{runtime} is not installed here, or this machine has no {missing} for it")
    try:
        session = Session(variants, 1, 256, runtime, drift_max)
    except BundleError as error:
        if runtime.startswith(("cpu", "openvino")):
            raise
        pytest.skip(f"{runtime} does not start here: {error}")
    rows = variants.manifest.golden.rows.array[0]
    cpu, slot = Session(variants, 1, 256), session.acquire()
    session.run([Job(slot, rows, fresh=True)])
    step = session.run([Job(slot, rows[:1], fresh=False)])[0]
    window = np.concatenate([rows[1:], rows[:1]])
    whole = cpu.run([Job(cpu.acquire(), window, fresh=True)])[0]
    for head, values in step.items():
        if head in HEADS:
            assert np.abs(values[0] - whole[head][WINDOW - 1]).max() <= drift_max
