"""The runtime that serves is the fastest of those whose answers are the golden ones."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_worker import fastest, runtimes
from inference_worker.bundle import Bundle
from inference_worker.fastest import open_session
from inference_worker.runtimes import Arrays, Graph, open_graph
from inference_worker.session import TOLERANCE, Job, Session
from shared.contracts import WINDOW
from shared.errors import BundleError

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
    cpu = INSTALLED["cpu"]
    fake = {
        name: lambda content, threads, pair=pair: Clocked(cpu(content, threads), *pair)
        for name, pair in offered.items()
    }
    monkeypatch.setattr(runtimes, "runtimes", lambda: fake)
    monkeypatch.setattr(fastest, "runtimes", lambda: fake)


def chosen(bundle: Bundle, runtime: str = "auto") -> str:
    return open_session(bundle, threads=1, max_tokens=256, runtime=runtime, now_s=lambda: Clocked.now_s).runtime


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
        open_graph("none", bundle.graph, 1)


@pytest.mark.parametrize("runtime", ["cuda", "tensorrt", "openvino"])
def test_a_runtime_of_this_machine_keeps_law_7(bundle: Bundle, runtime: str) -> None:
    if runtime not in INSTALLED:
        pytest.skip(f"{runtime} is not installed here, or this machine has no device for it")
    try:
        session = Session(bundle, 1, 256, runtime)
    except BundleError as error:
        pytest.skip(f"{runtime} is refused here: {error}")
    rows = bundle.manifest.golden.rows.array[0]
    cpu, slot = Session(bundle, 1, 256), session.acquire()
    session.run([Job(slot, rows, fresh=True)])
    step = session.run([Job(slot, rows[:1], fresh=False)])[0]
    window = np.concatenate([rows[1:], rows[:1]])
    whole = cpu.run([Job(cpu.acquire(), window, fresh=True)])[0]
    for head, values in step.items():
        assert np.abs(values[0] - whole[head][WINDOW - 1]).max() <= TOLERANCE
