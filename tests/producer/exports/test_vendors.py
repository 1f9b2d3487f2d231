"""What other vendors' files carry: old encodings, zones in headers, halves of volumes, billionths, closing stamps."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from producer.exports.export import Export
from producer.inspection import Inspection, inspect
from producer.sample import sample_candles
from shared.contracts import Candles
from shared.errors import FormatError

CANDLES = sample_candles(400, "M15", 6)


def lines(stamp: str, *, sep: str = ",", shift_s: int = 0) -> list[str]:
    """Rows of the sample."""
    return [
        sep.join([f"{moment(t, shift_s):{stamp}}", *(f"{x:.5f}" for x in prices), f"{v:.0f}"])
        for t, *prices, v in CANDLES.tolist()
    ]


def moment(t: float, shift_s: int = 0) -> datetime:
    return datetime.fromtimestamp(t / 1000, UTC) + timedelta(seconds=shift_s)


def read(path: Path, rows: list[str], encoding: str = "utf-8") -> Candles:
    (path / "x.csv").write_bytes(("\n".join(rows) + "\n").encode(encoding))
    return np.concatenate([block.candles for block in Export(path / "x.csv").blocks()])


@pytest.mark.parametrize(
    ("encoding", "header"),
    [
        ("gbk", "时间,开盘,最高,最低,收盘,成交量"),
        ("big5", "日期,開盤價,最高價,最低價,收盤價,成交量"),
        ("cp932", "日付,始値,高値,安値,終値,出来高"),
        ("cp949", "일자,시가,고가,저가,종가,거래량"),
        ("cp1251", "Дата,Открытие,Максимум,Минимум,Закрытие,Объем"),
        ("cp1250", "Data,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen"),
    ],
)
def test_headers_in_the_encodings_of_old_are_words(tmp_path: Path, encoding: str, header: str) -> None:
    found = read(tmp_path, [header, *lines("%Y-%m-%d %H:%M")], encoding)
    assert (found["t"] == CANDLES["t"]).all()
    assert (found["v"] == CANDLES["v"]).all()
    assert inspect(tmp_path / "x.csv").columns["open"] == header.split(",")[1]


def test_a_time_of_day_without_signs_beside_a_chinese_date_is_found_by_its_name(tmp_path: Path) -> None:
    rows = [
        "000001 平安银行 15分钟线",
        "日期\t时间\t开盘\t最高\t最低\t收盘\t成交量",
        *lines("%Y/%m/%d\t%H%M", sep="\t"),
    ]
    assert (read(tmp_path, [*rows, "数据来源"], "gbk")["t"] == CANDLES["t"]).all()


@pytest.mark.parametrize(
    ("name", "hours"), [("Time (EET)", 2), ("Date (UTC+3)", 3), ("Time [GMT-05:00]", -5), ("Time (Asia/Tokyo)", 9)]
)
def test_a_zone_in_the_name_of_the_column_is_the_zone(tmp_path: Path, name: str, hours: int) -> None:
    rows = [f"{name},Open,High,Low,Close,Volume", *lines("%Y.%m.%d %H:%M:%S")]
    winter = CANDLES["t"] - hours * 3_600_000
    found = read(tmp_path, rows)["t"]
    assert (found == winter).mean() > 0.2
    assert inspect(tmp_path / "x.csv").tz_source == "stamps"


def test_a_zone_in_a_header_that_may_change_in_summer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="--tz"):
        read(tmp_path, ["Time (EST),Open,High,Low,Close,Volume", *lines("%Y.%m.%d %H:%M:%S")])


def test_one_change_of_the_day_tells_the_order_of_a_date(tmp_path: Path) -> None:
    rows = [
        f"03/{3 + at // 200:02d}/2024 {at % 200 // 10:02d}:{at % 10:02d},1.1,1.2,1.0,1.1{at % 7},5" for at in range(400)
    ]
    found = read(tmp_path, ["Date,Open,High,Low,Close,Volume", *rows])
    assert moment(found["t"][-1]).strftime("%m-%d") == "03-04"


@pytest.mark.parametrize("names", ["Up,Down", "UpVolume,DownVolume"])
def test_volumes_of_rises_and_falls_are_added_up(tmp_path: Path, names: str) -> None:
    rows = [f"{line},7" for line in lines("%m/%d/%Y,%H:%M")]
    found = read(tmp_path, [f"Date,Time,Open,High,Low,Close,{names}", *rows])
    assert (found["v"] == CANDLES["v"] + 7).all()


def test_a_volume_before_nameless_prices_is_found(tmp_path: Path) -> None:
    rows = [f"{t // 1000:.0f},{v:.0f},{c:.5f},{h:.5f},{low:.5f},{o:.5f}" for t, o, h, low, c, v in CANDLES.tolist()]
    found = read(tmp_path, rows)
    assert (found["o"] == np.round(CANDLES["o"], 5)).all()
    assert (found["v"] == CANDLES["v"]).all()


def test_the_volume_of_the_day_so_far_is_no_volume_newest_first_either(tmp_path: Path) -> None:
    total = np.cumsum(CANDLES["v"] + 1)
    rows = lines("%Y-%m-%d %H:%M:%S")
    rows = [
        f"{row.rpartition(',')[0]},{sum_:.0f},{v:.0f}" for row, sum_, v in zip(rows, total, CANDLES["v"], strict=True)
    ]
    assert (read(tmp_path, rows[::-1])["v"] == CANDLES["v"]).all()


def test_prices_in_billionths_are_known_by_databentos_header_and_else_refused(tmp_path: Path) -> None:
    rows = [
        ",".join(str(int(x)) for x in (t * 1_000_000, *(round(p, 5) * 1e9 for p in prices), v))
        for t, *prices, v in CANDLES.tolist()
    ]
    found = read(tmp_path, ["ts_event,open,high,low,close,volume", *rows])
    assert np.allclose(found["c"], CANDLES["c"], atol=1e-5)
    with pytest.raises(FormatError, match="--points"):
        read(tmp_path, ["time,open,high,low,close,volume", *rows])


def sessions(first: str, count: int, width_min: int) -> list[str]:
    """Ten days of candles whose stamps begin at ``first`` each day."""
    rng = random.Random(3)
    rows, price = [], 100.0
    for day in range(10):
        for at in range(count):
            t = datetime.fromisoformat(f"2024-03-{4 + day:02d} {first}") + timedelta(minutes=at * width_min)
            close = price + rng.gauss(0, 0.1)
            rows.append(f"{t:%Y-%m-%d %H:%M},{price},{max(price, close) + 0.05},{min(price, close) - 0.05},{close},9")
            price = close
    return ["Date,Open,High,Low,Close,Volume", *rows]


def told(path: Path, rows: list[str]) -> Inspection:
    (path / "x.csv").write_text("\n".join(rows))
    return inspect(path / "x.csv")


@pytest.mark.parametrize(
    ("first", "count", "width", "closes"),
    [
        ("09:31", 390, 1, True), ("09:30", 390, 1, False), ("09:35", 78, 5, True), ("09:30", 78, 5, False),
        ("09:30", 79, 5, False), ("09:45", 26, 15, True), ("09:30", 26, 15, False), ("00:05", 286, 5, False),
        ("09:20", 75, 5, True), ("09:15", 25, 15, False),
    ],
)  # fmt: skip
def test_sessions_that_end_on_the_half_hour_tell_of_closing_stamps(
    tmp_path: Path, first: str, count: int, width: int, closes: bool
) -> None:
    notes = told(tmp_path, sessions(first, count, width)).notes
    assert any("--stamps close" in note for note in notes) == closes


@pytest.mark.parametrize(
    ("clock", "closes"), [("16:00", True), ("17:30", True), ("00:00", False), ("09:30", False), ("22:00", False)]
)
def test_days_at_an_hour_of_the_afternoon_tell_of_closing_stamps(tmp_path: Path, clock: str, closes: bool) -> None:
    rows = [f"2024-03-{day:02d} {clock},100,101,99,100,9" for day in range(4, 25) if day % 7 not in {2, 3}]
    notes = told(tmp_path, ["Date,Open,High,Low,Close,Volume", *rows]).notes
    assert any("--stamps close" in note for note in notes) == closes


WALKS: dict[str, Callable[[random.Random, float], float]] = {
    "continuous": lambda _, price: price,
    "gaps": lambda rng, price: price + rng.gauss(0, 0.15),
    "jumps": lambda rng, price: price + rng.gauss(0, 0.5),
    "no walk": lambda rng, _: 100 + rng.gauss(0, 0.1),
}


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("count", [60, 400])
def test_nameless_prices_in_any_order_are_read_right_or_refused(tmp_path: Path, walk: str, count: int) -> None:
    rng, price, rows = random.Random(count), 100.0, []
    for at in range(count):
        o = WALKS[walk](rng, price)
        c = (100 if walk == "no walk" else o) + rng.gauss(0, 0.1)
        h, low = max(o, c) + abs(rng.gauss(0, 0.05)), min(o, c) - abs(rng.gauss(0, 0.05))
        rows.append((1_717_200_000 + 900 * at, o, h, low, c))
        price = c
    right = 0
    for order in permutations(range(1, 5)):
        try:
            found = read(
                tmp_path, [",".join(f"{row[k]:.4f}" if k else str(row[0]) for k in (0, *order)) for row in rows]
            )
        except FormatError:
            continue
        right += 1
        for column, name in enumerate("ohlc", 1):
            assert (found[name] == [round(row[column], 4) for row in rows]).all(), order
    assert right == 24 or walk != "continuous"


@pytest.mark.parametrize(
    "content", [b"", bytes(range(256)) * 9, b"%PDF-1.7", b"PK\x03\x04 cut", b"a,b\n1,2\n", b"[]", b"{,"]
)
def test_a_file_that_is_refused_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.bin"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"odd\.bin"):
        Export(path)
