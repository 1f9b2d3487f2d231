"""Kinds and traps that a hostile reading found: each was refused, or read wrong, before."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from producer.exports.export import Export
from producer.exports.options import ReadOptions
from producer.exports.testing import Kinds, table
from producer.sample import sample_candles
from shared.contracts import Candles
from shared.errors import FormatError

KINDS = Kinds()
HEAD = "time,open,high,low,close,volume\n"


def epoch(t: datetime) -> int:
    return int(t.timestamp())


def line(t: datetime, p: list[str], v: str) -> str:
    return ",".join([f"{t:%Y-%m-%d %H:%M:%S}", *p, v])


@KINDS.add("M15")
def numpy_savetxt(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: " ".join(f"{float(x):.18e}" for x in (epoch(t), *p, v)))


@KINDS.add("H1")
def epoch_ms_in_powers_of_ten(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{epoch(t) * 1000:.12E}", *p, v]), HEAD)


@KINDS.add("M15")
def midnight_as_24_00(candles: Candles) -> bytes:
    def row(t: datetime, p: list[str], v: str) -> str:
        midnight = (t.hour, t.minute) == (0, 0)
        day = t - timedelta(days=1) if midnight else t
        return ",".join([f"{day:%Y.%m.%d}", "24:00" if midnight else f"{t:%H:%M}", *p, v])

    return table(candles, row, "Date,Time,Open,High,Low,Close,Volume\n")


@KINDS.add("M15")
def italian_spreadsheet(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ";".join([f"{t:%d/%m/%Y;%H.%M}", *p, v]).replace(".", ",").replace(
        f"{t:%H,%M}", f"{t:%H.%M}", 1), "Data;Ora;Apertura;Massimo;Minimo;Chiusura;Volume\n")  # fmt: skip


@KINDS.add("M15")
def danish_stamps(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ";".join([f"{t:%d-%m-%Y %H.%M}", *p, v]), "Tid;Open;High;Low;Close;Volume\n")


@KINDS.add("D1")
def frankfurt(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ";".join([f"{t:%d.%m.%y}", *p, f"{int(v) * 3}", v]),
                 "Datum;Eröffnung;Tageshoch;Tagestief;Schlusskurs;Umsatz (EUR);Umsatz (Stück)\n",
                 encoding="cp1252")  # fmt: skip


@KINDS.add("D1")
def amsterdam(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ";".join([f"{t:%d/%m/%Y}", *p, p[3], v, "23"]),
                 'Date;Open;High;Low;Last;Close;"Number of Shares";"Number of Trades"\n')  # fmt: skip


@KINDS.add("M15", file="x.jsonl")
def mongo_export(candles: Candles) -> bytes:
    def row(t: datetime, p: list[str], v: str) -> str:
        stamp = {"$date": f"{t:%Y-%m-%dT%H:%M:%S}.000Z"}
        return json.dumps({"_id": {"$oid": f"{epoch(t):024x}"}, "ts": stamp, **dict(zip("ohlc", map(float, p), strict=True)),
                           "v": {"$numberLong": v}})  # fmt: skip

    return table(candles, row)


@KINDS.add("M15", volume=False)
def interactive_brokers_without_volume(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}+00:00", *p, "-1.0", "-1.0", "-1"]),
                 "date,open,high,low,close,volume,average,barCount\n")  # fmt: skip


@KINDS.add("M15")
def quotes_in_quotes(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: line(t, p, v) + ',"{""a"": 1, ""b"": [2,3]}"', HEAD.replace("\n", ",meta\n"))


@KINDS.add("M15")
def closes_one_second_early(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: line(t + timedelta(seconds=899), p, v), HEAD)


@pytest.mark.parametrize("name", KINDS.known)
def test_every_kind_gives_its_candles_back(tmp_path: Path, name: str) -> None:
    assert KINDS.known[name].outcome(tmp_path) == "right"


def read(path: Path, content: bytes, **options: str) -> Candles:
    path.write_bytes(content)
    export = Export(path, ReadOptions(**options))  # type: ignore[arg-type]
    return np.concatenate([block.candles for block in export.blocks()])


@pytest.mark.parametrize(("first", "then"), [("H1", "M1"), ("M1", "H1"), ("M5", "M15"), ("M1", "D1")])
@pytest.mark.parametrize("option", [None, "M1"])
def test_a_file_of_two_timeframes_is_refused_with_its_lines(
    tmp_path: Path, first: str, then: str, option: str | None
) -> None:
    early, late = sample_candles(700, first, 1), sample_candles(300, then, 2)
    early["t"] += int(late["t"][0] - early["t"][-1]) // 86_400_000 * 86_400_000 - 10 * 86_400_000
    options = {"timeframe": option} if option in (first, then) else {}
    with pytest.raises(FormatError, match=r"lines \d+ to \d+.*split the file|contradicted"):
        read(tmp_path / "x.csv", table(early, line, HEAD) + table(late, line), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeframe", ["M5", "H1"])
@pytest.mark.parametrize("seed", range(6))
def test_a_market_that_trades_now_and_then_is_on_the_grid_of_its_own_timeframe(
    tmp_path: Path, timeframe: str, seed: int
) -> None:
    candles = sample_candles(6_000, timeframe, 3)
    thin = candles[np.random.default_rng(seed).random(len(candles)) < 0.12]
    assert len(read(tmp_path / "x.csv", table(thin, line, HEAD))) == len(thin)
    assert Export(tmp_path / "x.csv").grid.timeframe == timeframe


@pytest.mark.parametrize("months", [24, 120])
def test_months_are_refused_with_a_day_of_the_last_one_too(tmp_path: Path, months: int) -> None:
    candles = sample_candles(months + 1, "D1", 3)
    days = [datetime(2015 + k // 12, k % 12 + 1, 1, tzinfo=UTC) for k in range(months)]
    candles["t"] = [1_000 * epoch(day) for day in [*days, days[-1] + timedelta(days=1)]]
    with pytest.raises(FormatError, match="months have no fixed width"):
        read(tmp_path / "x.csv", table(candles, line, HEAD))


def test_months_before_the_days_are_refused_with_their_lines(tmp_path: Path) -> None:
    months = [datetime(1985 + k // 12, k % 12 + 1, 1, tzinfo=UTC) for k in range(120)]
    days = [datetime(1995, 1, 2, tzinfo=UTC) + timedelta(days=k) for k in range(3_000)]
    days = [day for day in days if day.weekday() < 5]
    candles = sample_candles(len(months) + len(days), "D1", 3)
    candles["t"] = [1_000 * epoch(day) for day in [*months, *days]]
    with pytest.raises(FormatError, match=r"lines 2 to 1\d\d = 'a month'.*D1"):
        read(tmp_path / "x.csv", table(candles, line, HEAD))


def test_a_market_with_an_hour_a_candle_at_week_ends_is_read_where_its_timeframe_is_told(tmp_path: Path) -> None:
    candles = sample_candles(4_000, "M15", 3)
    candles["t"] = candles["t"][0] + 900_000 * np.arange(len(candles))
    weekend = (candles["t"] // 86_400_000 + 4) % 7 % 6 == 0  # Sunday is 0
    kept = candles[~weekend | (candles["t"] % 3_600_000 == 0)]
    content = table(kept, line, HEAD)
    with pytest.raises(FormatError, match="or say --timeframe M15"):
        read(tmp_path / "x.csv", content)
    assert len(read(tmp_path / "x.csv", content, timeframe="M15")) == len(kept)


def test_a_price_that_never_moves_is_no_time_of_day(tmp_path: Path) -> None:
    days = [datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=k) for k in range(200)]
    rows = "".join(f"{day:%Y-%m-%d},1.00,1.0{k % 7},0.9{k % 5},1.00,{100 + k}\n" for k, day in enumerate(days))
    found = read(tmp_path / "x.csv", rows.encode())
    assert len(found) == 200
    assert set(found["o"]) == {1.0}


def test_rows_in_no_order_are_refused(tmp_path: Path) -> None:
    candles = sample_candles(400, "M15", 3)
    with pytest.raises(FormatError, match="sort the file"):
        read(tmp_path / "x.csv", table(np.random.default_rng(1).permutation(candles), line, HEAD))


def test_days_before_1970_are_refused_by_line_and_do_not_hide_those_after(tmp_path: Path) -> None:
    candles = sample_candles(9_000, "D1", 3)
    candles["t"] -= int(candles["t"][2_500])
    rows = table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d}", *p, v]), "Date,Open,High,Low,Close,Volume\n")
    assert len(read(tmp_path / "x.csv", rows)) == 9_000 - 2_501


def test_two_markets_side_by_side_are_refused(tmp_path: Path) -> None:
    names = [f"{symbol}_{price}" for symbol in ("EURUSD", "GBPUSD") for price in ("open", "high", "low", "close")]
    candles = sample_candles(300, "M15", 3)
    rows = table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M}", *p, *(f"{float(x) + 0.2:.5f}" for x in p)]),
                 ",".join(["time", *names]) + "\n")  # fmt: skip
    with pytest.raises(FormatError, match=r"EURUSD.*GBPUSD"):
        read(tmp_path / "x.csv", rows)


def test_a_page_of_html_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="page of HTML"):
        read(tmp_path / "x.csv", b"<!DOCTYPE html>\n<html><body>Log in, please; 1.5, 2.5</body></html>\n" * 30)
