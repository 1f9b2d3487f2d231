"""A retrained bundle replaces the champion only where it is better for sure, and the paper trail says why."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from archive.retraining.retraining import JOURNAL, Bench, retrain
from archive.retraining.verdict import compare
from archive.storage.kinds import CANDLES, Record
from archive.storage.vault import Vault
from inference_worker.bundle import Bundle, write_manifest
from inference_worker.service import bundle_folder
from inference_worker.testing import write_variant
from natron.commands.retrain import read_period
from producer.sample import sample_candles
from shared.clock import SimulatedClock
from shared.contracts import Candles, Rows, Series
from shared.errors import InputError, TrainingError
from shared.settings.groups import RetrainSettings, Settings
from shared.settings.loading import load_settings
from trainer.evaluation.answers import Served, Spoken
from trainer.histories import History
from trainer.request import TrainingRequest, TrainingResult
from trainer.splits import Span

SERIES = Series("SAMPLE.r", "M15")
NOW_MS = 1_800_000_000_000


def fill(folder: Path, series: Series, candles: Candles) -> None:
    """Archive candles as if they had come through the logs."""
    vault = Vault(folder, write=True)
    records = [
        Record(CANDLES, series.key, "", dict(zip("tohlcv", one, strict=True)) | {"n": n, "flags": 0, "admitted_us": 0})
        for n, one in enumerate(candles.tolist(), 1)
    ]
    vault.append(records, {}, [])
    vault.close()


@pytest.mark.parametrize("better", [True, False])
def test_a_retraining_leaves_a_paper_trail_and_promotes_by_the_rule_alone(
    tmp_path: Path, history: History, challenger: Path, monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    """What is trained is another bundle under a new name: trainer's own tests train."""
    fill(tmp_path / "archive", SERIES, history.candles)
    fill(tmp_path / "archive", Series("SHORT", "M15"), history.candles[:500])
    reference = unlearned(Bundle.load(challenger))
    promoted: list[Path] = []

    def train(request: TrainingRequest, report: object) -> TrainingResult:
        assert [(one.symbol, one.timeframe, one.tz) for one in request.csv] == [(SERIES.symbol, "M15", "UTC")]
        write_variant(Bundle.load(challenger), request.out.name, request.out)
        made = with_splits(Bundle.load(request.out), history)
        write_manifest(request.out, made.manifest)
        return TrainingResult(request.out, made.manifest, (), request.run_folder, {}, 0, ("a note",), 0.0)

    def promote(bundle: Path) -> int:
        assert (bundle.parent / "decision.json").exists()  # the record comes first
        promoted.append(bundle)
        return 7

    monkeypatch.setattr("archive.retraining.retraining.train", train)
    if better:
        blur(monkeypatch, lambda bundle: bundle is reference)
    said: list[str] = []
    bench = Bench(tmp_path / "archive", tmp_path / "made", lambda: reference, promote, SimulatedClock(NOW_MS))
    assert bench.last_ms is None
    found = retrain(bench, load_settings(None, {}, {"retrain.candles_min": 200}), said.append)
    assert any("SHORT.M15: 500 candles are fewer" in one for one in said)
    record = json.loads((tmp_path / "made" / JOURNAL).read_text())
    assert (found.promote, promoted) == ((7, [found.bundle]) if better else (None, []))
    assert (record["promoted"], record["promote"]) == (found.promote, better)
    assert (record["champion"], record["challenger"]) == (reference.manifest.id, found.bundle.name)
    assert record["data"][0]["candles"] == len(history.candles) - 1
    assert "same candles" in record["rule"]
    assert bench.last_ms == NOW_MS


@pytest.mark.parametrize("failing", ["champion", "train", "compare"])
def test_what_came_to_nothing_leaves_no_copy_of_the_candles(
    tmp_path: Path, history: History, challenger: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    fill(tmp_path / "archive", SERIES, history.candles)

    def lost(*_: object) -> None:
        raise ConnectionError("broker away")

    def train(request: TrainingRequest, report: object) -> TrainingResult:
        if failing == "train":
            raise TrainingError("labels", "buy", "hold one class", "give a longer history")
        write_variant(Bundle.load(challenger), request.out.name, request.out)
        return TrainingResult(request.out, Bundle.load(request.out).manifest, (), request.run_folder, {}, 0, (), 0.0)

    def champion() -> Bundle:
        if failing == "champion":
            lost()
        return Bundle.load(challenger)

    monkeypatch.setattr("archive.retraining.retraining.train", train)
    if failing == "compare":
        monkeypatch.setattr("archive.retraining.retraining.compare", lost)
    bench = Bench(tmp_path / "archive", tmp_path / "made", champion, None, SimulatedClock(NOW_MS))
    with pytest.raises((ConnectionError, TrainingError)):
        retrain(bench, load_settings(None, {}, {"retrain.candles_min": 200}))
    assert not list((tmp_path / "made").iterdir())
    Vault(tmp_path / "archive", write=True).close()  # nothing holds it


def test_a_promotion_that_the_broker_did_not_take_is_on_record(
    tmp_path: Path, history: History, challenger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "archive", SERIES, history.candles)
    reference = unlearned(Bundle.load(challenger))

    def train(request: TrainingRequest, report: object) -> TrainingResult:
        write_variant(Bundle.load(challenger), request.out.name, request.out)
        made = with_splits(Bundle.load(request.out), history)
        write_manifest(request.out, made.manifest)
        return TrainingResult(request.out, made.manifest, (), request.run_folder, {}, 0, (), 0.0)

    def promote(_: Path) -> int:
        raise ConnectionError("broker away")

    monkeypatch.setattr("archive.retraining.retraining.train", train)
    blur(monkeypatch, lambda bundle: bundle is reference)
    bench = Bench(tmp_path / "archive", tmp_path / "made", lambda: reference, promote, SimulatedClock(NOW_MS))
    with pytest.raises(ConnectionError):
        retrain(bench, load_settings(None, {}, {"retrain.candles_min": 200}))
    record = json.loads((tmp_path / "made" / JOURNAL).read_text())
    assert (record["promote"], record["promoted"], bench.last_ms) == (True, None, NOW_MS)


def blur(monkeypatch: pytest.MonkeyPatch, which: Callable[[Bundle], bool]) -> None:
    """Let some bundles' answers be nearer to knowing nothing."""

    class Blurred(Served):
        def __init__(self, bundle: Bundle, threads: int) -> None:
            super().__init__(bundle, threads)
            self._blur = which(bundle)

        def answer(self, rows: Rows, span: Span) -> Spoken:
            found = super().answer(rows, span)
            return {head: (one * 0.7 + 0.3 / one.shape[1] if self._blur else one) for head, one in found.items()}

    monkeypatch.setattr("archive.retraining.verdict.Served", Blurred)


def test_an_archive_without_a_long_series_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, SERIES, sample_candles(500, "M15", 5))
    bench = Bench(tmp_path, tmp_path / "made", lambda: pytest.fail("not asked"), None, SimulatedClock(NOW_MS))
    with pytest.raises(TrainingError, match="holds no series"):
        retrain(bench, Settings())


def test_a_bundle_is_not_better_than_itself(folder: Path, challenger: Path, history: History) -> None:
    champion, other = unlearned(Bundle.load(folder)), with_splits(Bundle.load(challenger), history)
    verdict = compare(champion, other, [history], RetrainSettings(candles_min=100), 1)
    assert verdict.difference is not None
    assert (verdict.difference.value, verdict.promote) == (0, False)
    assert verdict.heads["buy"].champion_accuracy == verdict.heads["buy"].challenger_accuracy
    assert sum(verdict.candles.values()) > 500


@pytest.mark.parametrize("worse", ["champion", "challenger"])
def test_a_bundle_that_answers_worse_is_not_promoted_and_a_better_one_is(
    folder: Path, challenger: Path, history: History, monkeypatch: pytest.MonkeyPatch, worse: str
) -> None:
    champion, other = unlearned(Bundle.load(folder)), with_splits(Bundle.load(challenger), history)
    blur(monkeypatch, lambda bundle: bundle is {"champion": champion, "challenger": other}[worse])
    found = compare(champion, other, [history], RetrainSettings(candles_min=100), 1)
    assert found.difference is not None
    assert found.promote == (worse == "champion")
    assert found.difference.excludes_zero


def test_candles_that_the_champion_learned_from_are_not_compared(
    folder: Path, challenger: Path, history: History
) -> None:
    champion, other = unlearned(Bundle.load(folder)), with_splits(Bundle.load(challenger), history)
    tested = other.manifest.splits[0]
    learned = champion.manifest.model_copy(update={"splits": (tested.model_copy(update={"validation": tested.test}),)})
    verdict = compare(Bundle(champion.path, learned, champion.graph), other, [history], RetrainSettings(), 1)
    assert (verdict.candles, verdict.promote) == ({}, False)
    assert "fewer than" in verdict.why


def unlearned(bundle: Bundle) -> Bundle:
    """The bundle as if it had learned from nothing."""
    return Bundle(bundle.path, bundle.manifest.model_copy(update={"splits": ()}), bundle.graph)


def with_splits(bundle: Bundle, history: History) -> Bundle:
    """The bundle as if its newest 800 candles had been its test split."""
    times = history.candles["t"]
    base = Bundle.load(bundle_folder(Settings())).manifest.splits[0]
    span = base.test.model_copy(update={"first": int(times[-800]), "last": int(times[-1]), "candles": 800})
    splits = (base.model_copy(update={"series": history.series.key, "test": span}),)
    return Bundle(bundle.path, bundle.manifest.model_copy(update={"splits": splits}), bundle.graph)


@pytest.mark.parametrize(("text", "seconds"), [("7d", 604_800), ("12h", 43_200), ("2w", 1_209_600)])
def test_periods_are_hours_days_or_weeks(text: str, seconds: int) -> None:
    assert read_period(text) == seconds


@pytest.mark.parametrize("text", ["7", "0d", "d", "1.5d", "-1d", "7 days"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--every"):
        read_period(text)
