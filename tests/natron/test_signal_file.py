"""Signals as a file for the strategy tester: server time, signed, and never of what was trained on without a mark."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bridge.lines import SignalLine, decode_line
from bridge.signature import verify
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from natron.cli import app
from natron.signal_file import SignalFile, of_signals
from producer.candle_file import CandleWriter
from producer.zones import parse_zone
from shared.contracts import WINDOW, Candles, Series
from shared.errors import InputError
from shared.settings.groups import Settings
from shared.testing import walk_candles
from trainer.backtest.market import Market
from trainer.backtest.signals import read_signals
from trainer.backtest.source import Source

KEY = bytes(range(32))
COUNT = 240
AUTUMN_MS = 1_603_584_000_000  # Sunday, 25 October 2020, 00:00 UTC: at 01:00 UTC the broker's clock is set back


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load(bundle_folder(Settings()))


def _made(bundle: Bundle, candles: Candles, *, unseen: bool = True) -> SignalFile:
    source = Source(Series("EURUSD.r", "M15"), candles, Market.of(candles, np.zeros(len(candles))), ())
    signals = read_signals(bundle, candles, 900_000, Settings().inference)
    return of_signals(source, signals, bundle.manifest, parse_zone("broker-eu"), (0, len(candles)), unseen=unseen)


@pytest.fixture(scope="module")
def made(bundle: Bundle) -> SignalFile:
    return _made(bundle, walk_candles(COUNT, start_ms=AUTUMN_MS - 120 * 900_000))


def _decoded(made: SignalFile) -> list[SignalLine]:
    found = [decode_line(line, KEY) for line in list(made.lines(KEY))[1:]]
    return [one for one in found if isinstance(one, SignalLine)]


def test_each_prediction_has_a_line_in_server_time(made: SignalFile, bundle: Bundle) -> None:
    lines = _decoded(made)
    assert [one.seq for one in lines] == list(range(1, len(made) + 1))
    for one, row, t in zip(lines, made.rows, made.server_ms, strict=True):
        assert one.prediction.t == t
        assert one.prediction.n == row + 1
        assert one.prediction.buy_prob == pytest.approx(made.signals.heads["buy"][row], abs=1e-9)
        assert one.prediction.reasons == made.signals.reasons[row]
        assert one.prediction.bundle == bundle.manifest.id


def test_the_broker_s_clock_shows_no_stamp_twice(made: SignalFile) -> None:
    assert (np.diff(made.server_ms) > 0).all()
    assert made.repeated == 4  # the hour that comes twice
    assert len(made) == COUNT - (WINDOW - 1) - 4


def test_the_first_line_says_for_which_chart_and_whether_it_was_trained_on(made: SignalFile, bundle: Bundle) -> None:
    head = verify(next(iter(made.lines(KEY))), KEY).split("|")
    assert head[0] == "T1"
    assert head[4:] == ["EURUSD%2Er", "900", str(len(made)), "0"]
    seen = _made(bundle, walk_candles(COUNT), unseen=False)
    other = verify(next(iter(seen.lines(KEY))), KEY).split("|")
    assert other[-1] == "1"
    assert other[1] != head[1]


def test_the_same_history_gives_the_same_lines(made: SignalFile) -> None:
    assert list(made.lines(KEY)) == list(made.lines(KEY))


def _export(folder: Path, *options: str) -> object:
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"bridge": KEY.hex(), "client": KEY.hex()}))
    keys.chmod(0o600)
    command = ["export-signals", "--bundle", str(bundle_folder(Settings())), "--csv", str(folder / "NEW_M15.csv")]
    command += ["--tz", "broker-eu", "--keys", str(keys), "--out", str(folder / "signals.csv")]
    return CliRunner().invoke(app, [*command, "--last-closed", *options])


def _write(folder: Path, start_ms: int) -> None:
    candles = walk_candles(COUNT, start_ms=start_ms)
    candles["t"] += 7_200_000  # as the broker's clock shows them in winter
    writer = CandleWriter(folder / "NEW_M15.csv")
    writer.write(candles)
    writer.close()


def test_the_command_refuses_what_the_bundle_was_trained_on_unless_it_is_forced(tmp_path: Path, bundle: Bundle) -> None:
    first_ms = min(record.first for record in bundle.manifest.data)
    _write(tmp_path, first_ms // 900_000 * 900_000)
    refused = _export(tmp_path)
    assert isinstance(refused.exception, InputError)  # type: ignore[attr-defined]
    assert "--force" in str(refused.exception)  # type: ignore[attr-defined]
    assert not (tmp_path / "signals.csv").exists()
    forced = _export(tmp_path, "--force")
    assert "IN-SAMPLE" in forced.output  # type: ignore[attr-defined]
    head = (tmp_path / "signals.csv").read_bytes().split(b"\r\n")[0]
    assert verify(head, KEY).endswith("|1")


def test_the_command_writes_the_unseen(tmp_path: Path, bundle: Bundle) -> None:
    last_ms = max(record.last for record in bundle.manifest.data)
    _write(tmp_path, last_ms // 900_000 * 900_000 + 900_000)
    done = _export(tmp_path)
    assert f"{COUNT - WINDOW + 1} signals of NEW.M15, out-of-sample, in broker-eu time" in done.output  # type: ignore[attr-defined]
    assert len((tmp_path / "signals.csv").read_bytes().split(b"\r\n")) == COUNT - WINDOW + 3
