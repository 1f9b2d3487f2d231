"""Training at base size: an epoch over 65,000 candles and its memory; a candle beside training on separate windows."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as nnf
from torch import Tensor

from benchmarks.measurement import Measurement, best_seconds
from benchmarks.peers.plain_encoder import PlainEncoder
from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS
from producer.sample import sample_candles
from shared.contracts import WINDOW, Series
from shared.settings.loading import load_settings
from trainer.chunks import CONTEXT
from trainer.histories import History, prepare_lesson
from trainer.machine import open_machine
from trainer.model import PRESETS, Natron
from trainer.optimization import Optimizers
from trainer.run import fit_model
from trainer.run_folder import EpochReport
from trainer.supervised import multi_task_loss

CANDLES = 65_000
WINDOWS = 64  # a step of the peer
SETTINGS = load_settings(
    None,
    {},
    {
        "model.preset": "base",
        "training.phases": "supervised",
        "training.supervised.epochs": 2,
        "training.threads": 2,
        "training.device": "cpu",
    },
)


def run() -> list[Measurement]:
    """Measure."""
    child = subprocess.run([sys.executable, "-m", __name__], check=True, capture_output=True)
    whole = json.loads(child.stdout.splitlines()[-1])
    torch.set_num_threads(2)
    with open_machine(SETTINGS.training) as machine:
        amp = machine.amp
    ours, plain = {}, {}
    for name, on in (("float32", False), ("bfloat16", True)):
        if on <= amp:
            ours[name], plain[name] = _chunk_us(on), _window_us(on)
    return [
        Measurement("an epoch over 65,000 candles", "s", "lower", whole["epoch_s"], goal="<= 20 s on two cores"),
        Measurement("memory of the process", "GB", "lower", whole["memory_gb"], goal="<= 1.5 GB"),
        *(
            Measurement(
                f"a training candle, {name}", "us", "lower", ours[name], "separate windows", plain[name], ">= 50 x"
            )
            for name in ours
        ),
    ]


def _chunk_us(amp: bool) -> float:
    """Microseconds a target: forward, backward and optimiser on long chunks."""
    supervised = SETTINGS.training.supervised
    count, length = supervised.batch_chunks, supervised.chunk_rows
    model = Natron(FEATURE_SET.size, PRESETS["base"], names=FEATURE_SET.names, dropout=SETTINGS.model.dropout).train()
    rows = torch.randn(count, length, FEATURE_SET.size)
    labels = {head: torch.randint(len(classes), (count, length)) for head, classes in HEADS.items()}

    def forward() -> Tensor:
        return multi_task_loss(model(rows).logits, labels, supervised.label_smoothing)

    return _step_us(model, forward, amp, count * (length - CONTEXT))


def _window_us(amp: bool) -> float:
    """The same of a plain encoder on windows of 96 rows, one target each."""
    model = PlainEncoder().train()
    rows = torch.randn(WINDOWS, WINDOW, FEATURE_SET.size)
    labels = torch.randint(2, (WINDOWS,))

    def forward() -> Tensor:
        return nnf.cross_entropy(model(rows).float(), labels)

    return _step_us(model, forward, amp, WINDOWS)


def _step_us(model: torch.nn.Module, forward: Callable[[], Tensor], amp: bool, targets: int) -> float:
    optimizers = Optimizers(model, SETTINGS.optimization)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            loss = forward()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizers.step(1.0)

    step()
    return 1e6 * best_seconds(step, repeats=4) / targets


def _epoch() -> dict[str, float]:
    """Train for two epochs; the second one's seconds, scoring included, and the peak of memory."""
    candles = sample_candles(CANDLES, "M15", 1)
    history = History(Series("SAMPLE", "M15"), candles, "UTC", "0" * 64)
    lesson = prepare_lesson([history], SETTINGS.data, SETTINGS.labels)
    marks = [time.perf_counter()]

    def mark(_: EpochReport) -> None:
        marks.append(time.perf_counter())

    fit_model(lesson, SETTINGS, 0, mark)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024 / 1e9
    return {"epoch_s": marks[-1] - marks[-2], "memory_gb": peak}


if __name__ == "__main__":
    print(json.dumps(_epoch()))
