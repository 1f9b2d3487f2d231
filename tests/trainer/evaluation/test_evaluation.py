"""A whole small evaluation: every figure beside its baselines, recomputable, and nothing computed twice."""

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from inference_worker.bundle import HEADS, Bundle
from shared.contracts import Candles
from shared.errors import InputError
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from trainer.evaluation.answers import bundle_settings
from trainer.evaluation.evaluation import evaluate
from trainer.evaluation.predictions import ESTIMATORS
from trainer.evaluation.request import EvaluationRequest, EvaluationResult
from trainer.request import CsvSpec, TrainingRequest
from trainer.training import train

pytestmark = pytest.mark.slow

MakeCandles = Callable[[int, int], Candles]
FLAGS = {
    "model.preset": "tiny",
    "training.supervised.epochs": 1,
    "training.threads": 1,
    "evaluation.trials": 2,
    "evaluation.tuning_rows": 1_000,
    "evaluation.baseline_rows": 2_000,
    "evaluation.baseline_seeds": 2,
    "evaluation.resamples": 100,
}
BESIDE = ("model", "majority", "persistence", "logistic", "lightgbm", "walk", "walk_persistence", "walk_model")


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(None, {}, FLAGS)


@pytest.fixture(scope="module")
def csv(make_candles: MakeCandles, tmp_path_factory: pytest.TempPathFactory) -> tuple[CsvSpec, ...]:
    folder = tmp_path_factory.mktemp("csv")
    specs = []
    for seed, symbol in enumerate(("ONE.r", "TWO")):
        candles = make_candles(6_500, 30 + seed)
        path = folder / f"{symbol}.csv"
        table = pd.DataFrame({name: candles[name] for name in ("t", "o", "h", "l", "c", "v")})
        table.columns = ["time", "open", "high", "low", "close", "volume"]
        table.to_csv(path, index=False)
        specs.append(CsvSpec(path, symbol, "M15", "UTC"))
    return tuple(specs)


@pytest.fixture(scope="module")
def bundle(csv: tuple[CsvSpec, ...], settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "small"
    train(TrainingRequest(csv, out, settings))
    return out


@pytest.fixture(scope="module")
def result(
    bundle: Path, csv: tuple[CsvSpec, ...], settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> EvaluationResult:
    return evaluate(EvaluationRequest(bundle, csv, tmp_path_factory.mktemp("out"), settings, publish=True))


def _recompute(folder: Path) -> float:
    worst: float = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "recompute.py"))["worst_difference"](folder)
    return worst


def test_every_figure_stands_beside_baselines_and_walks(result: EvaluationResult) -> None:
    rows = result.metrics["figures"]
    assert {(row["series"], row["head"]) for row in rows} == {
        (series, head) for series in ("ONE%2Er.M15", "TWO.M15", "all") for head in HEADS
    }
    for row in rows:
        assert set(BESIDE) <= set(row)
        assert row["model"]["seeds"] == 1
        assert row["majority"]["mean"]["log_loss_skill"] == 0


def test_a_sceptic_recomputes_every_figure_from_the_table(result: EvaluationResult) -> None:
    assert _recompute(result.out) < 2e-6
    metrics = (result.out / "metrics.json").read_text()
    assert '"candles": ' in metrics
    table = pd.read_parquet(result.out / "predictions.parquet")
    changed = table.assign(label=np.where(table["head"] == "buy", 1 - table["label"], table["label"]).astype(np.int8))
    other = result.out.parent / "changed"
    other.mkdir()
    changed.to_parquet(other / "predictions.parquet")
    (other / "metrics.json").write_text(metrics)
    assert _recompute(other) > 0.01


def test_nothing_is_said_of_files_that_the_bundle_was_trained_on(result: EvaluationResult) -> None:
    assert not [note for note in result.notes if "taught" in note or "older" in note]


def test_the_table_holds_probabilities_of_every_estimator(result: EvaluationResult) -> None:
    table = pd.read_parquet(result.out / "predictions.parquet")
    for head, classes in HEADS.items():
        part = table[table["head"] == head]
        assert set(part["seed"]) == {0, 1}
        for estimator in ESTIMATORS:
            p = part[[f"p_{estimator}_{index}" for index in range(len(classes))]].to_numpy(np.float64)
            np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)


def test_the_model_is_measured_beside_intervals_of_its_lead(result: EvaluationResult) -> None:
    found = result.metrics["differences"]
    assert {one["metric"] for one in found} == {"accuracy", "log_loss", "auc"}
    for one in found:
        assert one["low"] <= one["value"] <= one["high"]


def test_the_reading_is_counted_and_the_bundle_still_loads(result: EvaluationResult, bundle: Path) -> None:
    assert Bundle.load(bundle).manifest.test_split_reads >= 2
    assert (bundle / "report" / "report.html").exists()
    assert sum(path.stat().st_size for path in (bundle / "report").iterdir()) < 1_500_000


def test_the_report_needs_nothing_but_itself(result: EvaluationResult) -> None:
    page = (result.out / "report.html").read_text()
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page


def test_what_was_computed_is_not_computed_again(
    result: EvaluationResult, bundle: Path, csv: tuple[CsvSpec, ...], settings: Settings, tmp_path: Path
) -> None:
    said: list[str] = []
    again = evaluate(
        EvaluationRequest(bundle, csv, tmp_path / "again", settings, cache=result.out / "cache"), said.append
    )
    assert said == ["mirrored walks", "figures"]
    assert again.metrics["figures"] == result.metrics["figures"]


def test_refits_and_a_fold_have_the_same_table(
    result: EvaluationResult, bundle: Path, csv: tuple[CsvSpec, ...], settings: Settings, tmp_path: Path
) -> None:
    request = EvaluationRequest(bundle, csv, tmp_path / "refits", settings, 2, 1, cache=result.out / "cache")
    found = evaluate(request)
    rows = {(row["fold"], row["series"], row["head"]): row for row in found.metrics["figures"]}
    assert {fold for fold, _, _ in rows} == {0, 1}
    assert rows[0, "all", "regime"]["model"]["seeds"] == 2
    assert rows[0, "all", "regime"]["model"]["std"]["log_loss"] > 0
    assert _recompute(request.out) < 2e-6


def test_a_bundle_is_measured_with_the_settings_it_was_made_with(bundle: Path, settings: Settings) -> None:
    made, notes = bundle_settings(Bundle.load(bundle).manifest, load_settings(None, {}, {"training.threads": 1}))
    assert not notes
    assert made.training == settings.training
    assert made.model == settings.model
    assert made.evaluation != settings.evaluation


def test_a_folder_that_cannot_be_is_refused(bundle: Path, csv: tuple[CsvSpec, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        evaluate(EvaluationRequest(bundle, csv, tmp_path / "file" / "out"))
