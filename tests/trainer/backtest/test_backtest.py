"""A backtest of a file: only what the bundle has not seen, no look into the future, and every figure in the files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import Bundle, Manifest
from inference_worker.service import bundle_folder
from inference_worker.session import Job, Session
from producer.candle_file import CandleWriter
from shared.contracts import WINDOW, Candles, Reason
from shared.errors import InputError
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from shared.testing import walk_candles
from trainer.backtest.backtest import BacktestReport, check_rule, run_backtest
from trainer.backtest.engine import Exits
from trainer.backtest.files import check_folder, write_files
from trainer.backtest.market import Charge
from trainer.backtest.request import BacktestRequest
from trainer.backtest.signals import history_reasons, read_signals
from trainer.request import CsvSpec

COUNT = 900
SETTINGS = load_settings(None, {}, {"backtest.min_setup_prob": 0.3, "backtest.placebo_draws": 20})


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load(bundle_folder(Settings()))


def later(manifest: Manifest) -> int:
    """An open time after all that a bundle knows, on the grid of M15."""
    return -(-max(record.last for record in manifest.data) // 900_000) * 900_000 + 900_000


def written(path: Path, candles: Candles) -> Path:
    writer = CandleWriter(path)
    writer.write(candles)
    writer.close()
    return path


def report(bundle: Bundle, path: Path, **changes: object) -> BacktestReport:
    request = BacktestRequest(bundle, CsvSpec(path, "NEW", "M15", "UTC"), "setup", settings=SETTINGS, last_closed=True)
    return run_backtest(replace(request, **changes))


@pytest.fixture(scope="module")
def candles(bundle: Bundle) -> Candles:
    return walk_candles(COUNT, seed=7, start_ms=later(bundle.manifest))


@pytest.fixture(scope="module")
def found(bundle: Bundle, candles: Candles, tmp_path_factory: pytest.TempPathFactory) -> BacktestReport:
    return report(bundle, written(tmp_path_factory.mktemp("csv") / "NEW_M15.csv", candles))


def test_signals_are_the_answers_of_windows_and_warming_ones_carry_their_reason(
    bundle: Bundle, candles: Candles
) -> None:
    signals = read_signals(bundle, candles, 900_000, Settings().inference)
    from feature_service.pipeline import compute_history

    rows, session = compute_history(candles), Session(bundle, 1, 1_024)
    slot = session.acquire()
    for end in (WINDOW, 300, COUNT):
        heads = session.run([Job(slot, rows[end - WINDOW : end], True)])[0]
        assert abs(signals.heads["buy"][end - 1] - heads["buy"][-1]) <= 1.1e-5  # and half a millionth by the wire
    assert np.isnan(signals.heads["direction"][: WINDOW - 1]).all()
    warming = signals.reasons & Reason.WARMING > 0
    assert warming.sum() == FEATURE_SET.lookback + WINDOW - 2
    assert warming[: warming.sum()].all()


def test_reasons_of_the_bundle_forbid_entries_as_a_worker_would(bundle: Bundle, candles: Candles) -> None:
    doubting = load_settings(None, {}, {"inference.confidence_min": 0.99}).inference
    reasons = read_signals(bundle, candles, 900_000, doubting).reasons
    assert (reasons & Reason.LOW_CONFIDENCE > 0).mean() > 0.9
    expired = replace(bundle, manifest=bundle.manifest.model_copy(update={"expires_ms": int(candles["t"][800])}))
    late = read_signals(expired, candles, 900_000, Settings().inference).reasons & Reason.EXPIRED > 0
    assert np.flatnonzero(late).tolist() == list(range(800, COUNT))


def test_a_hole_in_a_learned_calendar_is_a_gap_at_the_candle_after_it() -> None:
    candles = np.delete(walk_candles(4 * 24 * 70, seed=1), slice(6_000, 6_010))
    reasons = history_reasons(candles, 900_000)
    assert np.flatnonzero(reasons & Reason.GAP).tolist() == [6_000]


def test_no_trade_is_entered_before_the_first_prediction_without_a_reason(found: BacktestReport) -> None:
    assert found.unseen
    assert len(found.outcome.trades) > 3
    assert found.outcome.trades.entered.min() >= FEATURE_SET.lookback + WINDOW - 2


def test_the_future_changes_no_trade_that_has_ended(
    bundle: Bundle, candles: Candles, found: BacktestReport, tmp_path: Path
) -> None:
    cut = COUNT - 60
    other = candles.copy()
    for name in "ohlc":
        other[name][cut:] *= 1.01
    changed = report(bundle, written(tmp_path / "NEW_M15.csv", other))
    ended = int((found.outcome.trades.left < cut).sum())
    assert ended > 2
    assert (found.outcome.trades.exit[:ended] == changed.outcome.trades.exit[:ended]).all()
    assert (found.outcome.equity[: cut - 1] == changed.outcome.equity[: cut - 1]).all()


def test_costs_and_baselines_stand_beside_it(found: BacktestReport) -> None:
    figures = found.by_costs
    assert figures[0.0].log_equity > figures[1.0].log_equity > figures[2.0].log_equity
    assert len({one.trades for one in figures.values()}) == 1
    assert found.baselines["flat"].log_equity == 0
    assert found.baselines["hold"].trades == 1
    assert found.baselines["persistence"].trades > 10
    assert 0 <= found.placebo.percentile <= 1
    # 1 bps of spread (labels.cost_bps) and two fills of 0.1 bps
    assert found.cost_bps == pytest.approx(1.2, abs=0.01)
    assert any("labels.cost_bps" in note for note in found.notes)


def test_candles_that_the_bundle_was_trained_on_are_refused_or_marked(
    bundle: Bundle, candles: Candles, tmp_path: Path
) -> None:
    old = candles.copy()
    old["t"] -= candles["t"][0] - 1_600_000_200_000
    path = written(tmp_path / "NEW_M15.csv", old)
    with pytest.raises(InputError) as error:
        report(bundle, path)
    assert "--all" in error.value.mend
    assert not report(bundle, path, everything=True).unseen


def test_of_a_series_that_was_trained_on_only_the_test_span_is_traded(
    bundle: Bundle, candles: Candles, tmp_path: Path
) -> None:
    split = bundle.manifest.splits[0]
    symbol, timeframe = split.series.split(".")
    old = candles.copy()
    old["t"] -= candles["t"][400] - split.test.first
    path = written(tmp_path / "X.csv", old)
    spec = CsvSpec(path, symbol, timeframe, "UTC")
    tested = report(bundle, path, csv=spec)
    assert tested.market.times[0] == split.test.first
    assert len(tested.market) == 500


def test_a_rule_that_the_bundle_cannot_answer_is_refused(bundle: Bundle) -> None:
    bare = bundle.manifest.model_copy(update={"heads": ("buy", "sell", "direction", "regime"), "policy": None})
    for rule in ("policy", "expected_value"):
        with pytest.raises(InputError) as error:
            check_rule(rule, bare)
        assert error.value.field == "rule"


@pytest.mark.parametrize("change", [{"rule": "hope"}, {"trials": 0}, {"commission": Charge(price=3.5)}])
def test_requests_that_make_no_sense_are_refused(bundle: Bundle, change: dict[str, object]) -> None:
    with pytest.raises(InputError):
        report(bundle, Path("nowhere.csv"), **change)


@pytest.mark.parametrize("table_format", ["csv", "parquet"])
def test_files_hold_the_trades_and_the_curve(found: BacktestReport, tmp_path: Path, table_format: str) -> None:
    write_files(found, tmp_path / "out", table_format)
    read = pd.read_csv if table_format == "csv" else pd.read_parquet
    trades, equity = (read(tmp_path / "out" / f"{name}.{table_format}") for name in ("trades", "equity"))
    assert trades["result"].sum() == pytest.approx(found.figures.log_equity, abs=1e-9)
    assert equity["log_equity"].iloc[-1] == pytest.approx(found.figures.log_equity)
    assert set(trades["entry_time"]) <= set(equity["t"])
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert document["sample"] == "out-of-sample"
    assert document["figures"]["costs x 1"]["trades"] == len(trades)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError):
        check_folder(tmp_path / "file" / "out", "csv")
    with pytest.raises(InputError):
        check_folder(tmp_path, "xlsx")


def test_stops_are_measured_in_the_range_of_the_candle_that_gave_the_order(
    bundle: Bundle, candles: Candles, tmp_path: Path
) -> None:
    path = written(tmp_path / "NEW_M15.csv", candles)
    free = {"spread": Charge(), "slippage": Charge(), "commission": Charge()}
    tight = report(bundle, path, exits=Exits(12, stop=1.0), **free)
    trades, table = tight.outcome.trades, tight.market.table
    stopped = (trades.reason == 2) & (trades.held > 1)
    assert stopped.any()
    lost = (trades.entry - trades.exit) * trades.side
    assert (lost[stopped] >= table[trades.entered - 1, -1][stopped] * (1 - 1e-9)).all()
