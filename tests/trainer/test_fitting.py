"""fit_model: what it depends on, what it must not look at, and that an interrupted run ends as if it were not."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE
from shared.errors import TrainingError
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from trainer.chunks import LabelledSeries
from trainer.epochs import Progress
from trainer.histories import Lesson
from trainer.run import Fitted, fit_model
from trainer.run_folder import EpochReport
from trainer.splits import Span, Splits

FLAGS = {
    "model.preset": "tiny",
    "training.threads": 1,
    "training.device": "cpu",
    "training.phases": "pretrain,supervised",
    "training.pretrain.epochs": 2,
    "training.pretrain.ablation_epochs": 1,
    "training.supervised.epochs": 3,
    "training.supervised.chunk_rows": 192,
    "model.dropout": 0.1,
}
SPLITS = Splits(Span(100, 900), Span(1_000, 1_200), Span(1_300, 1_500))


def make_lesson() -> Lesson:
    """Two series of noise in which the label of every head follows from the newest row."""
    random = np.random.default_rng(3)
    series = []
    for key in ("A.M15", "B.M15"):
        rows = random.normal(size=(1_500, 98)).astype(np.float32)
        labels = {head: (rows[:, 0] > 0.5).astype(np.int8) for head in HEADS}
        series.append(LabelledSeries(key, rows, labels, SPLITS, np.zeros(1_500, CANDLE_DTYPE), np.zeros(1_500)))
    return Lesson(tuple(series), None, ())  # type: ignore[arg-type] - nothing of the labels' fit is looked at


def make_settings(**flags: object) -> Settings:
    return load_settings(None, {}, FLAGS | {key.replace("__", "."): value for key, value in flags.items()})


def same_bits(one: Fitted, other: Fitted) -> bool:
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    return make_lesson()


@pytest.fixture(scope="module")
def reference(lesson: Lesson) -> Fitted:
    return fit_model(lesson, make_settings(), 5)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(lesson: Lesson, reference: Fitted) -> None:
    assert same_bits(fit_model(lesson, make_settings(), 5), reference)
    assert not same_bits(fit_model(lesson, make_settings(), 6), reference)


def test_garbage_in_the_test_split_changes_no_bit(lesson: Lesson, reference: Fitted) -> None:
    ruined = []
    for one in lesson.series:
        rows, labels = one.rows.copy(), {head: values.copy() for head, values in one.labels.items()}
        rows[SPLITS.validation.stop :] = np.nan
        for values in labels.values():
            values[SPLITS.validation.stop :] = 99
        ruined.append(replace(one, rows=rows, labels=labels))
    assert same_bits(fit_model(replace(lesson, series=tuple(ruined)), make_settings(), 5), reference)


def test_the_validation_split_is_not_learned_from_but_chooses(lesson: Lesson, reference: Fitted) -> None:
    late = np.arange(1_500) >= 950
    turned = tuple(
        replace(one, labels={head: np.where(late, 1 - label, label) for head, label in one.labels.items()})
        for one in lesson.series
    )
    other = fit_model(replace(lesson, series=turned), make_settings(), 5)
    assert [one.training_loss for one in other.pretraining] == [one.training_loss for one in reference.pretraining]
    assert other.epochs[0].validation_log_loss > reference.epochs[0].validation_log_loss


def test_every_phase_reports_and_the_ablation_says_what_it_compared(reference: Fitted) -> None:
    assert [one.task for one in reference.pretraining] == ["pretrain"] * 2
    assert [one.epoch for one in reference.epochs] == [1, 2, 3]
    better = reference.facts["pretrain.pretrained"] < reference.facts["pretrain.fresh"]  # type: ignore[operator]
    assert reference.facts["pretrain.kept"] == int(better)


class _StopError(Exception):
    pass


def _stop_after(count: int) -> Callable[[Progress], None]:
    left = iter(range(count))

    def watch(_: Progress) -> None:
        if next(left, None) is None:
            raise _StopError

    return watch


@pytest.mark.parametrize("steps", [1, 9, 14, 21, 30])
def test_a_run_that_stops_at_any_step_goes_on_to_the_same_bits(
    lesson: Lesson, reference: Fitted, tmp_path: Path, steps: int
) -> None:
    with pytest.raises(_StopError):
        fit_model(lesson, make_settings(), 5, out=tmp_path / "run", progress=_stop_after(steps))
    resumed = fit_model(lesson, make_settings(), 5, out=tmp_path / "run", resume=True)
    assert same_bits(resumed, reference)
    assert (resumed.epochs, resumed.pretraining, resumed.facts) == (
        reference.epochs,
        reference.pretraining,
        reference.facts,
    )
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert len(lines) == 2 + 1 + 1 + 3


def test_without_resume_a_run_starts_anew(lesson: Lesson, reference: Fitted, tmp_path: Path) -> None:
    fit_model(lesson, make_settings(), 5, out=tmp_path / "run")
    epochs: list[EpochReport] = []
    again = fit_model(lesson, make_settings(), 5, epochs.append, tmp_path / "run")
    assert same_bits(again, reference)
    assert len(epochs) == 2 + 1 + 1 + 3


def test_a_run_of_other_settings_or_data_is_not_resumed(lesson: Lesson, tmp_path: Path) -> None:
    settings = make_settings(training__phases="supervised", training__supervised__epochs=1)
    fit_model(lesson, settings, 5, out=tmp_path / "run")
    other = make_settings(training__phases="supervised", training__supervised__epochs=2)
    with pytest.raises(TrainingError, match=r"training\.supervised\.epochs = 2: is not what the run"):
        fit_model(lesson, other, 5, out=tmp_path / "run", resume=True)
    changed = replace(lesson.series[0], rows=lesson.series[0].rows + 1)
    with pytest.raises(TrainingError, match=r"A\.M15"):
        fit_model(replace(lesson, series=(changed, lesson.series[1])), settings, 5, out=tmp_path / "run", resume=True)


def test_full_attention_learns_and_is_calibrated_on_the_same_chunks(lesson: Lesson) -> None:
    splits = Splits(Span(100, 165), Span(200, 240), Span(250, 300))
    few = replace(lesson, series=(replace(lesson.series[0], splits=splits),))
    flags = {"model__attention": "full", "training__phases": "supervised", "training__supervised__epochs": 3}
    found = fit_model(few, make_settings(**flags, training__supervised__chunk_rows=160), 5)
    assert np.isfinite(found.best.validation_log_loss)
    assert found.best.validation_log_loss < 0.9


def test_a_gpu_that_is_not_there_is_refused(lesson: Lesson) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(TrainingError, match="finds no GPU"):
        fit_model(lesson, make_settings(training__device="cuda"), 5)


# Run by the interpreter that is to be killed, and by those of a torchrun.
SCRIPT = """
import importlib.util, json, sys
from pathlib import Path
import numpy as np
spec = importlib.util.spec_from_file_location("lesson", sys.argv[1])
module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)
from trainer.run import fit_model
out = Path(sys.argv[2])
settings = module.make_settings(**json.loads(sys.argv[4]))
fitted = fit_model(module.make_lesson(), settings, 5, out=out, resume=sys.argv[3] == "resume")
if fitted.main:
    np.savez(out / "weights.npz", **{name: value.numpy() for name, value in fitted.model.state_dict().items()})
    losses = [[one.training_loss, one.validation_log_loss] for one in fitted.epochs]
    (out / "losses.json").write_text(json.dumps(losses))
"""


def _start(out: Path, mode: str, flags: str = "{}", **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, __file__, str(out), mode, flags]
    return subprocess.Popen(command, env={**os.environ, **environment})


@pytest.mark.slow
def test_a_killed_process_goes_on_to_the_same_bits(reference: Fitted, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = _start(out, "new")
    deadline = time.monotonic() + 240
    while not list(out.glob("checkpoints/pretrain/checkpoint.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(float(np.random.default_rng().uniform(0, 2)))  # any moment will do
    process.kill()
    process.wait()
    assert _start(out, "resume").wait(240) == 0
    found = np.load(out / "weights.npz")
    for name, value in reference.model.state_dict().items():
        np.testing.assert_array_equal(found[name], value.numpy(), err_msg=name)


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(lesson: Lesson, tmp_path: Path) -> None:
    # Muon's own products are bfloat16, whatever the settings: they make 1e-3 of the last bit of a sum of gradients.
    flags = {
        "training.amp": "off",
        "model.dropout": 0.0,
        "training.supervised.epochs": 2,
        "optimization.optimizer": "adamw",
    }
    alone = fit_model(lesson, load_settings(None, {}, FLAGS | flags), 5)
    text = json.dumps({name.replace(".", "__"): value for name, value in flags.items()})
    ports = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": "2"}
    processes = [_start(tmp_path / "run", "new", text, **ports, RANK=str(rank)) for rank in range(2)]
    assert [process.wait(240) for process in processes] == [0, 0]
    found = np.array(json.loads((tmp_path / "run" / "losses.json").read_text()))
    expected = [[one.training_loss, one.validation_log_loss] for one in alone.epochs]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
