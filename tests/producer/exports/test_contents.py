"""Archives, MetaTrader history files, Feather and JSON: what is inside, and what is refused."""

import bz2
import gzip
import json
import lzma
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from producer.exports.export import Export
from producer.exports.options import ReadOptions
from producer.inspection import inspect
from shared.contracts import Candles
from shared.errors import FormatError

ROWS = [f"2021-03-0{1 + k // 96} {k // 4 % 24:02}:{15 * (k % 4):02},1.1,1.2,1.0,1.15,{k % 7}" for k in range(400)]
TEXT = "\n".join(["time,open,high,low,close,volume", *ROWS]).encode()


def read(path: Path, **options: str) -> Candles:
    return np.concatenate([block.candles for block in Export(path, ReadOptions(**options)).blocks()])  # type: ignore[arg-type]


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_text_is_read_as_if_it_were_plain(tmp_path: Path, pack: object) -> None:
    (tmp_path / "x").write_bytes(pack(TEXT))  # type: ignore[operator]
    (tmp_path / "y").write_bytes(TEXT)
    assert (read(tmp_path / "x") == read(tmp_path / "y")).all()


def test_an_archive_within_an_archive_is_opened_and_told(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", {"folder/x.csv.gz": gzip.compress(TEXT)})
    notes = inspect(path).notes
    assert any("zip, gzip" in note for note in notes)
    assert len(read(path)) == 400


def test_a_report_beside_the_table_and_what_macs_add_are_passed_over(tmp_path: Path) -> None:
    members = {"a.csv": TEXT, "a.txt": b"status: ok", "__MACOSX/._a.csv": b"x", ".DS_Store": b"x"}
    assert len(read(archive(tmp_path / "x.zip", members))) == 400


def test_several_tables_in_an_archive_are_refused_by_name_until_one_is_chosen(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", {"a.csv": TEXT, "b.csv": b"\n".join(TEXT.split(b"\n")[:200])})
    with pytest.raises(FormatError, match=r"a\.csv.*b\.csv.*--member"):
        Export(path)
    assert len(read(path, member="b.csv")) == 199


@pytest.mark.parametrize("cut", [30, 500, 2_000])
@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_a_damaged_archive_is_refused(tmp_path: Path, kind: str, cut: int) -> None:
    path = archive(tmp_path / "x", {"a.csv": TEXT})
    if kind == "gzip":
        path.write_bytes(gzip.compress(TEXT))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(FormatError):
        Export(path)


def test_a_workbook_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="save the sheet as CSV"):
        Export(archive(tmp_path / "x.xlsx", {"[Content_Types].xml": b"", "xl/workbook.xml": b""}))


def history(version: int, minutes: int, count: int = 300, step_min: int = 15) -> bytes:
    head = struct.pack("<i64s12siiii52x", version, b"(C)", b"EURUSD", minutes, 5, 0, 0)
    rows = []
    for k in range(count):
        t, o, h, low, c = 1_614_556_800 + 60 * step_min * k, 1.1 + k / 7e5, 1.2, 1.0, 1.15
        rows.append(
            struct.pack("<i5d", t, o, low, h, c, 9.0)
            if version == 400
            else struct.pack("<q4dqiq", t, o, h, low, c, 9, 3, 0)
        )
    return head + b"".join(rows)


@pytest.mark.parametrize("version", [400, 401])
def test_a_history_file_gives_its_doubles_back_to_the_bit_on_the_brokers_clock(tmp_path: Path, version: int) -> None:
    (tmp_path / "EURUSD15.hst").write_bytes(history(version, 15))
    candles = read(tmp_path / "EURUSD15.hst", tz="+02:00")
    assert candles["o"].tolist() == [1.1 + k / 7e5 for k in range(300)]
    assert candles["t"][0] == (1_614_556_800 - 7_200) * 1000
    assert (candles["h"] == 1.2).all()
    assert (candles["l"] == 1.0).all()
    assert (candles["v"] == 9).all()


@pytest.mark.parametrize("version", [400, 401])
def test_a_history_file_cut_within_a_candle_loses_that_candle_alone_and_says_so(tmp_path: Path, version: int) -> None:
    (tmp_path / "x.hst").write_bytes(history(version, 15)[:-5])
    export = Export(tmp_path / "x.hst")
    assert sum(len(block.candles) for block in export.blocks()) == 299
    assert export.tally.document()["fields"]["lines"] == [301]


def test_a_history_file_whose_head_contradicts_its_candles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.hst").write_bytes(history(401, 60))
    with pytest.raises(FormatError, match=r"H1.*contradicted.*M15"):
        Export(tmp_path / "x.hst")
    assert len(read(tmp_path / "x.hst", timeframe="M15")) == 300


def test_a_history_file_without_candles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.hst").write_bytes(history(401, 15)[:100])
    with pytest.raises(FormatError, match="without candles"):
        Export(tmp_path / "x.hst")


def test_feather_without_pyarrow_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.feather").write_bytes(b"ARROW1\0\0" + bytes(100))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FormatError, match=r"natron\[parquet\]"):
        Export(tmp_path / "x.feather")


def test_a_list_of_rows_is_read_in_pieces_like_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[1_614_556_800_000 + 900_000 * k, 1.1, 1.2, 1.0, 1.15 + k / 1e6, k % 9] for k in range(500)]
    (tmp_path / "x.json").write_text(json.dumps(rows))
    whole = read(tmp_path / "x.json")
    for size in (1, 7, 1000):
        monkeypatch.setattr("producer.exports.json_tables._CHUNK_CHARACTERS", size)
        assert (read(tmp_path / "x.json") == whole).all()
    assert whole["c"].tolist() == [row[4] for row in rows]


def test_several_tables_of_a_document_are_refused_by_place_until_one_is_chosen(tmp_path: Path) -> None:
    rows = [[1_614_556_800_000 + 900_000 * k, 1.1, 1.2, 1.0, 1.15, k % 9] for k in range(50)]
    (tmp_path / "x.json").write_text(json.dumps({"result": {"BTC": rows, "ETH": rows[:40]}}))
    with pytest.raises(FormatError, match=r"result\.BTC.*result\.ETH.*--member"):
        Export(tmp_path / "x.json")
    assert len(read(tmp_path / "x.json", member="result.ETH")) == 40


@pytest.mark.parametrize(
    "text", ['{"error": "limit reached"}', "[]", "{}", "[1, 2, 3]", '{"a": [1, 2', "[[1,2,3,4,5,6]\n[2"]
)
def test_json_without_candles_or_cut_short_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(FormatError):
        Export(tmp_path / "x.json")


def test_a_section_in_brackets_does_not_make_a_table_json(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"[EURUSD M15]\n" + TEXT)
    assert len(read(tmp_path / "x.csv")) == 400
