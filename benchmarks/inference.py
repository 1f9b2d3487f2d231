"""One prediction on one core, base preset, float32: a step, a burst, a backlog, beside windows computed anew."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.bundles import write_untrained_bundle
from benchmarks.measurement import Measurement, best_seconds
from benchmarks.peers.plain_encoder import PlainEncoder, window_session
from feature_service.pipeline import compute_history
from inference_worker.bundle import Bundle
from inference_worker.session import SERIES_A_CALL, Job, Session
from producer.sample import sample_candles
from shared.contracts import WINDOW, Rows

BURST, BACKLOG = SERIES_A_CALL, 64
OTHER_BURSTS = (16, 32)
CALLS_S = 2.0
"""So long is each of them called again and again; the shortest call counts, of the slow ones as of the quick ones."""


def run() -> list[Measurement]:
    """Measure."""
    rows = compute_history(sample_candles(2_000, "M15", 1))[1_000:]  # (1000, F)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Bundle.load(write_untrained_bundle(Path(folder, "base"), "base"))
    session = Session(bundle, threads=1, max_tokens=2_048)
    window_us, windows_us = _onnx_window_us(rows, 1), _onnx_window_us(rows, BURST)
    eager_us = _eager_window_us(rows)
    step_us, burst_us, backlog_us = _step_us(session, rows), _burst_us(session, rows, BURST), _backlog_us(session, rows)
    window, windows = "onnxruntime, a window of 96", f"onnxruntime, {BURST} windows of 96"
    return [
        Measurement("one candle of one series", "us", "lower", step_us, window, window_us, ">= 7 x"),
        Measurement("the same", "us", "lower", step_us, "torch eager, a window, 2 threads", eager_us),
        Measurement(f"a candle in a burst of {BURST} series", "us", "lower", burst_us, window, window_us, ">= 40 x"),
        Measurement("the same", "us", "lower", burst_us, windows, windows_us),
        *(
            Measurement(
                f"a candle in a burst of {size} series", "us", "lower", _burst_us(session, rows, size),
                f"in one of {BURST}", burst_us,
            )
            for size in OTHER_BURSTS
        ),
        Measurement(f"a candle in a backlog of {BACKLOG}", "us", "lower", backlog_us, window, window_us),
    ]  # fmt: skip


def _warm_slot(session: Session, rows: Rows) -> int:
    slot = session.acquire()
    session.run([Job(slot, rows[:WINDOW], fresh=True)])
    return slot


def _step_us(session: Session, rows: Rows) -> float:
    slot = _warm_slot(session, rows)
    return _us(lambda: session.run([Job(slot, rows[:1], fresh=False)]), 1)


def _burst_us(session: Session, rows: Rows, size: int) -> float:
    slots = [_warm_slot(session, rows[at:]) for at in range(size)]
    return _us(lambda: session.run([Job(slot, rows[at : at + 1], fresh=False) for at, slot in enumerate(slots)]), size)


def _backlog_us(session: Session, rows: Rows) -> float:
    slot = _warm_slot(session, rows)
    return _us(lambda: session.run([Job(slot, rows[WINDOW : WINDOW + BACKLOG], fresh=False)]), BACKLOG)


def _onnx_window_us(rows: Rows, count: int) -> float:
    session = window_session(threads=1)
    windows = np.stack([rows[at : at + WINDOW] for at in range(count)])
    return _us(lambda: session.run(None, {"rows": windows}), count)


def _eager_window_us(rows: Rows) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    model, window = PlainEncoder().eval(), torch.from_numpy(rows[:WINDOW].copy())[None]
    with torch.no_grad():
        found = _us(lambda: model(window), 1)
    torch.set_num_threads(threads)
    return found


def _us(work: Callable[[], object], count: int) -> float:
    """Microseconds a candle."""
    once_s = best_seconds(work, repeats=3)
    return 1e6 * best_seconds(work, repeats=max(20, int(CALLS_S / once_s))) / count
