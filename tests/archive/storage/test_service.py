"""Everything that went through the logs is in the archive once, wherever its writer is killed."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from structlog.testing import capture_logs

from archive.scoring.service import run as run_scorer
from archive.storage.export import export_candles
from archive.storage.kinds import ACKS, CANDLES, FILLS, OUTCOMES, PREDICTIONS, ROWS, read_prediction
from archive.storage.reproduction import reproduce
from archive.storage.service import run
from archive.storage.vault import PARTS_MAX, Vault, month_of
from inference_worker.bundle import Bundle
from shared.ack_log import AckLog
from shared.codec import decode_prediction
from shared.contracts import WINDOW, Ack, Series
from shared.errors import BundleError, InputError
from shared.settings.groups import Settings
from trainer.files import read_spec
from trainer.histories import History
from trainer.request import CsvSpec

STREAMED = 760
HORIZON = 12


class Killed(BaseException):
    """The end of a process, at the place that raises it."""


@pytest.fixture(scope="module")
def filled(stream: Any, history: History) -> Any:
    """A broker through which candles have gone, scored."""
    stream.push(history.series, history.candles[-STREAMED:])
    run_scorer(stream.settings(), stream.context(), until_idle=True)
    return stream


def archive(stream: Any, folder: Path, **flags: object) -> None:
    flags = {"archive__folder": str(folder), "archive__row_months": 0, **flags}  # these candles are years old
    run(stream.settings(**flags), stream.context(), until_idle=True)


def whole(folder: Path, stream: Any, history: History) -> None:
    """Assert that the archive holds everything once, in order, as it was published."""
    vault = Vault(folder)
    candles = vault.read(CANDLES, history.series)
    assert candles.column("n").to_pylist() == list(range(1, STREAMED + 1))
    assert candles.column("c").to_pylist() == history.candles["c"][-STREAMED:].tolist()
    assert vault.read(ROWS, history.series).column("n").to_pylist() == list(range(1, STREAMED + 1))
    log = stream.log(stream.broker.names.predictions(history.series.partition))
    kept = [read_prediction(history.series, one) for one in vault.read(PREDICTIONS, history.series).to_pylist()]
    assert kept == [decode_prediction(message) for message in log]
    outcomes = vault.read(OUTCOMES, history.series).column("n").to_pylist()
    assert outcomes == list(range(WINDOW, STREAMED - HORIZON + 1))
    named = {one.path for one in vault.catalog.files()}
    assert named == {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")}
    vault.close()


def test_everything_is_archived_once(filled: Any, history: History, tmp_path: Path) -> None:
    archive(filled, tmp_path)
    archive(filled, tmp_path)  # a second life finds nothing new
    whole(tmp_path, filled, history)
    vault = Vault(tmp_path)
    assert {one.month for one in vault.catalog.files()} == {month_of(t) for t in history.candles["t"][-STREAMED:]}
    vault.close()


@pytest.mark.parametrize("place", ["fsync", "commit", "unlink"])
def test_a_writer_that_is_killed_anywhere_loses_and_doubles_nothing(
    filled: Any, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    deaths, calls = Counter[str](), Counter[str]()
    real = {"fsync": os.fsync, "unlink": Path.unlink}

    def dying(kind: str, *arguments: Any, **more: Any) -> Any:
        calls[kind] += 1
        if kind == place and calls[kind] % 5 == 0 and deaths[kind] < 4:
            deaths[kind] += 1
            raise Killed
        return real[kind](*arguments, **more)

    monkeypatch.setattr(os, "fsync", lambda handle: dying("fsync", handle))
    monkeypatch.setattr(Path, "unlink", lambda path, **more: dying("unlink", path, **more))
    append = Vault.append

    def appended(vault: Vault, *arguments: Any) -> None:
        append(vault, *arguments)
        calls["commit"] += 1
        if place == "commit" and calls["commit"] % 2 and deaths["commit"] < 4:
            deaths["commit"] += 1
            raise Killed  # after it, before anybody knows

    monkeypatch.setattr(Vault, "append", appended)
    monkeypatch.setattr("archive.storage.vault.PARTS_MAX", 1)
    for _ in range(12):
        try:
            archive(filled, tmp_path, archive__write_rows=200, system__log_keep=256)
        except Killed:
            continue
    assert deaths[place]
    monkeypatch.undo()
    archive(filled, tmp_path)
    whole(tmp_path, filled, history)


def test_many_files_of_a_month_become_one(filled: Any, history: History, tmp_path: Path) -> None:
    archive(filled, tmp_path)
    vault = Vault(tmp_path, write=True)
    rows = vault.read(CANDLES, history.series)
    [month, *_] = sorted({one.month for one in vault.catalog.files(CANDLES)})
    other = Series("OTHER", "M15")
    for at in range(PARTS_MAX + 1):
        vault.catalog.change(added=[vault._write(CANDLES, other.key, month, rows.slice(10 * at, 10))])
    assert vault.compact() == 1
    assert len(vault.catalog.files(CANDLES, other.key)) == 1
    assert vault.read(CANDLES, other).equals(rows.slice(0, 10 * (PARTS_MAX + 1)))
    assert vault.expire({ROWS: 1}, 2_000_000_000_000) > 0
    assert not vault.catalog.files(ROWS)
    assert vault.catalog.files(CANDLES)
    vault.close()


def test_candles_that_were_trimmed_unread_come_from_the_history(filled: Any, history: History, tmp_path: Path) -> None:
    """Of another series: its log is cut while nobody archives."""
    other, candles = Series("CUT", "M15"), history.candles[-400:]
    client, names = filled.broker.client, filled.broker.names
    filled.push(other, candles[:100])
    archive(filled, tmp_path)
    filled.push(other, candles[100:300])
    client.xtrim(names.candles(other.partition), maxlen=0, approximate=False)
    filled.push(other, candles[300:])
    archive(filled, tmp_path)
    vault = Vault(tmp_path)
    assert vault.read(CANDLES, other).column("n").to_pylist() == list(range(1, 401))
    vault.close()


@pytest.mark.parametrize(
    ("keep", "waiting", "alarmed"), [(100, 49, False), (100, 50, True), (4_000, 1_023, False), (4_000, 1_024, True)]
)
def test_the_alarm_comes_while_everything_is_still_there(
    filled: Any, history: History, tmp_path: Path, keep: int, waiting: int, alarmed: bool
) -> None:
    """So many entries wait in logs that keep so many; no read takes more than 1,024 of each, however many they keep."""
    archive(filled, tmp_path, system__log_keep=keep)
    other = Series(f"WAITS{waiting}", "M15")
    filled.push(other, history.candles[-waiting:])
    with capture_logs() as logs:
        archive(filled, tmp_path, system__log_keep=keep)
    alarms = [event for event in logs if event["event"] == "reader_falls_behind"]
    assert bool(alarms) is alarmed
    assert all(
        (event["stage"], event["waiting"], event["log_level"]) == ("archive", min(keep // 2, 1_024), "error")
        for event in alarms
    )
    assert not [event for event in logs if event["event"] == "archive_missed"]


def test_what_was_trimmed_unread_is_counted_to_the_row(filled: Any, history: History, tmp_path: Path) -> None:
    other, names = Series("LOST", "M15"), filled.broker.names
    filled.push(other, history.candles[-300:-200])
    archive(filled, tmp_path)
    filled.push(other, history.candles[-200:-100])
    filled.broker.client.xtrim(names.predictions(other.partition), maxlen=3, approximate=False)
    with capture_logs() as logs:
        archive(filled, tmp_path)
    missed = [(event["kind"], event["series"], event["rows"]) for event in logs if event["event"] == "archive_missed"]
    assert missed == [(PREDICTIONS, other.key, 97)]


def test_acks_and_fills_are_archived_once_each_in_their_own_files(filled: Any, tmp_path: Path) -> None:
    log = AckLog(filled.broker.client, filled.broker.names, 1_000)
    events = ("ordered", "filled", "state", "closed")
    acks = [
        Ack("one", "EUR|USD", "r1", at, 5, 1_700_000_000_000, "", event, 1, 0.1, 7, "deal")
        for at, event in enumerate(events, 1)
    ]
    log.append(acks[:3])
    archive(filled, tmp_path, archive__ack_months=0)
    log.append(acks)  # told again, with one more
    archive(filled, tmp_path, archive__ack_months=0)
    vault = Vault(tmp_path)
    found = {
        kind: [one for part in vault.catalog.files(kind) for one in pq.read_table(tmp_path / part.path).to_pylist()]
        for kind in (ACKS, FILLS)
    }
    said = {kind: sorted((one["n"], one["event"]) for one in rows) for kind, rows in found.items()}
    assert said == {ACKS: [(1, "ordered"), (3, "state")], FILLS: [(2, "filled"), (4, "closed")]}
    assert {part.series for part in vault.catalog.files(FILLS)} == {"EUR%7CUSD"}
    vault.close()


def test_one_writer_at_a_time(filled: Any, tmp_path: Path) -> None:
    vault = Vault(tmp_path, write=True)
    with pytest.raises(InputError, match="written by another process"):
        archive(filled, tmp_path)
    vault.close()
    with pytest.raises(InputError, match="holds no archive"):
        Vault(tmp_path / "elsewhere")


def test_a_prediction_comes_out_again_as_it_was_published(
    filled: Any, history: History, tmp_path: Path, folder: Path
) -> None:
    archive(filled, tmp_path)
    vault = Vault(tmp_path)
    bundle = Bundle.load(folder)
    newest = f"{history.series.key}.{history.candles['t'][-1]}"
    early = f"{history.series.key}.{history.candles['t'][-STREAMED + WINDOW]}"  # its window holds what was before all
    for prediction_id in (newest, early):
        [found] = reproduce(vault, prediction_id, lambda _: bundle)
        assert found.same
        assert (found.rows_compared, found.rows_equal) == (WINDOW, WINDOW)
    with pytest.raises(InputError, match="not in the archive"):
        reproduce(vault, f"{history.series.key}.900000", lambda _: bundle)
    with pytest.raises(InputError, match="no ID"):
        reproduce(vault, "EURUSD", lambda _: bundle)
    with pytest.raises(BundleError, match="not to be found"):
        reproduce(vault, newest, lambda _: None)
    vault.close()


def test_an_altered_archive_is_found_out(filled: Any, history: History, tmp_path: Path, folder: Path) -> None:
    archive(filled, tmp_path)
    vault = Vault(tmp_path)
    rows, read = Vault.read, Vault.read

    def altered(self: Vault, kind: str, *bounds: Any) -> Any:
        table = read(self, kind, *bounds)
        if kind == CANDLES:
            closes = table.column("c").to_numpy().copy()
            closes[-50] = (table.column("o")[-50].as_py() + closes[-50]) / 2 + 1e-5
            return table.set_column(table.schema.get_field_index("c"), "c", [closes])
        return table

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Vault, "read", altered)
        [found] = reproduce(vault, f"{history.series.key}.{history.candles['t'][-1]}", lambda _: Bundle.load(folder))
    assert not found.same
    assert found.rows_equal < found.rows_compared
    assert rows is read
    vault.close()


def test_exported_candles_are_those_that_were_admitted(filled: Any, history: History, tmp_path: Path) -> None:
    archive(filled, tmp_path / "archive")
    vault = Vault(tmp_path / "archive")
    csv, first = tmp_path / "out.csv", int(history.candles["t"][-700])
    assert export_candles(vault, history.series, csv, first) == 700
    assert pyarrow.csv.read_csv(csv).column_names == ["time", "open", "high", "low", "close", "volume"]
    read, _ = read_spec(CsvSpec(csv, history.series.symbol, "M15", "UTC"))
    assert read.candles.tolist() == history.candles[-700:-1].tolist()
    with pytest.raises(InputError, match="has no such candles"):
        export_candles(vault, Series("NONE", "M15"), csv)
    assert Settings().archive.candle_months == 0
    vault.close()
