"""Files in, candles out: bad rows by line, chunking, encodings, order, clocks, contradictions."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producer.exports.export import Export
from producer.exports.options import ReadOptions
from producer.sample import sample_candles, write_candles
from shared.contracts import Candles
from shared.errors import FormatError, InputError

STAMP = "%Y.%m.%d,%H:%M"


def mt4(count: int = 200, start: str = "2021-03-01 00:00", step_min: int = 15, stamp: str = STAMP) -> list[str]:
    """Lines of a MetaTrader 4 export: a slow saw-tooth, prices of five digits."""
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()
    lines = []
    for k in range(count):
        moment = datetime.fromtimestamp(begin + k * step_min * 60, UTC)
        o = 1.1 + (k % 37) * 1e-4
        c = 1.1 + ((k + 1) % 37) * 1e-4
        lines.append(
            f"{moment.strftime(stamp)},{o:.5f},{max(o, c) + 7e-5:.5f},{min(o, c) - 9e-5:.5f},{c:.5f},{100 + k}"
        )
    return lines


def save(path: Path, lines: list[str], end: str = "\r\n", encoding: str = "utf-8") -> Path:
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def read(path: Path, block_bytes: int = 1 << 20, **options: str) -> tuple[Export, Candles]:
    export = Export(path, ReadOptions(**options), block_bytes)  # type: ignore[arg-type]
    return export, np.concatenate([block.candles for block in export.blocks()])


@pytest.mark.parametrize(
    ("bad", "reason", "field", "value"),
    [
        ("2021.03.02,02:00,1.1,1.0,0.9,1.05,5", "high", "high", "1.0"),
        ("2021.03.02,02:00,1.1,1.2,1.15,1.2,5", "low", "low", "1.15"),
        ("2021.03.02,02:00,0,1.2,0,1.1,5", "not_positive", "open", "0"),
        ("2021.03.02,02:00,1.1,1.2,-1,1.1,5", "not_positive", "low", "-1"),
        ("2021.03.02,02:00,1.1,1.2,1.0,NaN,5", "not_finite", "close", "NaN"),
        ("2021.03.02,02:00,1.1,inf,1.0,1.1,5", "not_finite", "high", "inf"),
        ("2021.03.02,02:00,1.1,1e999,1.0,1.1,5", "not_finite", "high", "1e999"),
        ("2021.03.02,02:00,1.1,abc,1.0,1.1,5", "text", "high", "abc"),
        ("2021.03.02,02:00,1.1,,1.0,1.1,5", "text", "high", ""),
        ("2021.03.02,02:00,1.1,1.2,1.0,1.1,-5", "volume", "volume", "-5"),
        ("2021.03.02,02:00,1.1,1.2,1.0,1.1,nan", "not_finite", "volume", "nan"),
        ("2021.03.02,02:07,1.1,1.2,1.0,1.1,5", "grid", "time", "02:07"),
        ("2021.03.32,02:00,1.1,1.2,1.0,1.1,5", "time", "time", "2021.03.32"),
        ("hello,02:00,1.1,1.2,1.0,1.1,5", "time", "time", "hello"),
        ("2021.03.02,02:00,1.1,1.2,1.0", "fields", "fields", "5"),
        ("2021.03.02,02:00,1.1,1.2,1.0,1.1,5,6,7", "fields", "fields", "9"),
        ("total garbage", "fields", "fields", "1"),
    ],
)
def test_a_bad_row_is_refused_with_line_field_and_value_and_the_rest_goes_through(
    tmp_path: Path, bad: str, reason: str, field: str, value: str
) -> None:
    lines = mt4()
    lines.insert(104, bad)
    export, candles = read(save(tmp_path / "x.csv", lines))
    assert len(candles) == 200
    refused = export.tally.document()
    assert list(refused) == [reason]
    assert refused[reason]["count"] == 1
    assert refused[reason]["examples"] == [{"line": 105, "field": field, "value": value}]
    assert refused[reason]["rule"]


def test_blank_lines_count_as_lines_and_nothing_else(tmp_path: Path) -> None:
    lines = mt4()
    lines[10:10] = ["", "   "]
    lines.insert(50, "junk")
    export, candles = read(save(tmp_path / "x.csv", lines))
    assert len(candles) == 200
    assert export.tally.document()["fields"]["lines"] == [51]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    block_bytes=st.integers(120, 4_000),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "utf-32", "utf-16-be"]),
)
def test_candles_do_not_depend_on_how_the_file_is_chunked_or_encoded(
    tmp_path: Path, block_bytes: int, encoding: str
) -> None:
    lines = mt4(150)
    lines[70] = "2021.03.02,02:00,junk"
    whole = read(save(tmp_path / "a.csv", lines))
    parts = read(save(tmp_path / "b.csv", lines, encoding=encoding), 4 * block_bytes)
    assert (whole[1] == parts[1]).all()
    assert whole[0].tally.document() == parts[0].tally.document()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_known(tmp_path: Path, end: str) -> None:
    assert len(read(save(tmp_path / "x.csv", mt4(), end=end))[1]) == 200


def test_a_file_with_the_newest_row_first_is_read_oldest_first_with_its_own_line_numbers(
    tmp_path: Path,
) -> None:
    lines = mt4()
    lines[20] = "junk"
    lines.reverse()
    export, candles = read(save(tmp_path / "x.csv", lines), 700)
    assert export.layout.descending
    assert len(candles) == 199
    assert (np.diff(candles["t"]) > 0).all()
    assert export.tally.document()["fields"]["lines"] == [180]
    assert int(next(iter(export.blocks())).lines[0]) == 200


def test_backward_and_repeated_rows_go_through_as_they_are(tmp_path: Path) -> None:
    lines = mt4()
    lines[101:101] = [lines[100], lines[40]]
    _, candles = read(save(tmp_path / "x.csv", lines))
    assert len(candles) == 202
    assert candles["t"][101] == candles["t"][100]
    assert candles["t"][102] == candles["t"][40]


def test_a_timeframe_that_the_data_contradicts_is_an_error_that_names_the_right_one(tmp_path: Path) -> None:
    hourly = save(tmp_path / "h1.csv", mt4(step_min=60))
    with pytest.raises(FormatError, match="H1"):
        Export(hourly, ReadOptions(timeframe="M15"))
    with pytest.raises(FormatError, match="M15"):
        Export(save(tmp_path / "m15.csv", mt4()), ReadOptions(timeframe="H1"))
    assert Export(hourly, ReadOptions(timeframe="H1")).grid.timeframe == "H1"


@pytest.mark.parametrize("step_min", [1, 5, 15, 30, 60, 240, 1440])
def test_the_timeframe_is_inferred_from_the_steps(tmp_path: Path, step_min: int) -> None:
    names = {1: "M1", 5: "M5", 15: "M15", 30: "M30", 60: "H1", 240: "H4", 1440: "D1"}
    assert Export(save(tmp_path / "x.csv", mt4(step_min=step_min))).grid.timeframe == names[step_min]


def test_broker_time_becomes_utc_on_both_sides_of_the_change(tmp_path: Path) -> None:
    lines = mt4(400, "2021-03-26 20:00")
    lines = [line for line in lines if not line.startswith("2021.03.28,03")]  # the hour that the clock skips
    export, candles = read(save(tmp_path / "x.csv", lines), tz="broker-eu")
    assert export.tally.total == 0
    assert (np.diff(candles["t"]) == 900_000).all()


def test_stamps_in_a_skipped_hour_are_refused(tmp_path: Path) -> None:
    export, candles = read(save(tmp_path / "x.csv", mt4(400, "2021-03-26 20:00")), tz="broker-eu")
    assert export.tally.document()["nonexistent"]["count"] == 4
    assert len(candles) == 396


@pytest.mark.parametrize("step_min", [15, 60])
@pytest.mark.parametrize("block_bytes", [200, 1 << 20])
def test_a_repeated_hour_is_told_apart_by_order(tmp_path: Path, step_min: int, block_bytes: int) -> None:
    lines = mt4(400, "2021-10-30 00:00", step_min)
    at = next(k for k, line in enumerate(lines) if line.startswith("2021.10.31,04:00"))
    repeat = 60 // step_min
    lines[at:at] = lines[at - repeat : at]
    export, candles = read(save(tmp_path / "x.csv", lines), block_bytes, tz="broker-eu")
    assert export.tally.total == 0
    assert (np.diff(candles["t"]) == step_min * 60_000).all()


def test_a_repeated_hour_that_stands_there_once_is_refused_as_ambiguous(tmp_path: Path) -> None:
    export, candles = read(save(tmp_path / "x.csv", mt4(400, "2021-10-30 00:00")), tz="broker-eu")
    assert export.tally.document()["ambiguous"]["count"] == 4
    assert len(candles) == 396


def test_days_open_at_the_brokers_midnight_summer_and_winter(tmp_path: Path) -> None:
    _, candles = read(save(tmp_path / "x.csv", mt4(300, "2021-01-01 00:00", 1440)), tz="broker-eu")
    assert len(candles) == 300
    assert set((candles["t"] // 3_600_000 % 24).tolist()) == {21, 22}


def test_stamps_that_carry_an_offset_keep_it_and_the_report_says_so(tmp_path: Path) -> None:
    lines = mt4(stamp="%Y-%m-%dT%H:%M:00-06:00")
    export, candles = read(save(tmp_path / "x.csv", ["time,open,high,low,close,volume", *lines]), tz="broker-eu")
    assert (export.tz, export.tz_source, export.tz_unused) == ("UTC", "stamps", "broker-eu")
    assert candles["t"][0] == datetime(2021, 3, 1, 6, tzinfo=UTC).timestamp() * 1000


def test_no_zone_is_utc_and_said_to_be_assumed(tmp_path: Path) -> None:
    export, candles = read(save(tmp_path / "x.csv", mt4()))
    assert (export.tz, export.tz_source) == ("UTC", "assumed")
    assert candles["t"][0] == datetime(2021, 3, 1, tzinfo=UTC).timestamp() * 1000


def test_dates_that_repeat_because_the_time_of_day_is_missing_are_refused(tmp_path: Path) -> None:
    lines = [line.split(",")[0] + "," + line.split(",", 2)[2] for line in mt4()]
    with pytest.raises(FormatError, match="repeats"):
        Export(save(tmp_path / "x.csv", lines))


def test_a_row_of_another_symbol_is_refused_and_two_symbols_in_the_sample_refuse_the_file(
    tmp_path: Path,
) -> None:
    header = "<TICKER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"
    lines = [header, *(f"EURUSD,{line}" for line in mt4(8_000))]
    lines[4_000] = "GBPUSD" + lines[4_000][6:]
    export, candles = read(save(tmp_path / "x.csv", lines))
    assert len(candles) == 7_999
    assert export.tally.document()["symbol"]["lines"] == [4_001]
    lines[1:100] = ["GBPUSD" + line[6:] for line in lines[1:100]]
    with pytest.raises(FormatError, match="several symbols"):
        Export(save(tmp_path / "x.csv", lines))


@pytest.mark.parametrize(
    "order", ["open,high,low,close", "close,open,high,low", "open,close,high,low", "low,high,close,open"]
)
@pytest.mark.parametrize("headed", [True, False])
def test_any_order_of_the_prices_is_found_by_name_or_by_the_numbers(tmp_path: Path, order: str, headed: bool) -> None:
    source = sample_candles(500, "M15", 2)
    lines = [f"time,{order},volume"] if headed else []
    for candle in source:
        stamp = datetime.fromtimestamp(candle["t"] / 1000, UTC)
        prices = ",".join(repr(float(candle[name[0]])) for name in order.split(","))
        lines.append(f"{stamp:%Y-%m-%d %H:%M:%S},{prices},{candle['v']:.0f}")
    _, candles = read(save(tmp_path / "x.csv", lines))
    assert (candles == source).all()


def test_a_header_that_the_numbers_contradict_is_refused_and_the_option_settles_it(tmp_path: Path) -> None:
    path = save(tmp_path / "x.csv", ["date,clock,high,low,open,close,volume", *mt4()])
    with pytest.raises(FormatError, match="--columns"):
        Export(path)
    roles = ("date", "clock", "open", "high", "low", "close", "volume")
    assert len(np.concatenate([b.candles for b in Export(path, ReadOptions(columns=roles)).blocks()])) == 200


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", ",", " "])
def test_every_delimiter_is_recognised(tmp_path: Path, delimiter: str) -> None:
    lines = [line.replace(",", delimiter) for line in mt4()]
    export, candles = read(save(tmp_path / "x.csv", lines))
    assert export.layout.dialect.delimiter == delimiter
    assert len(candles) == 200


def test_decimal_commas_are_recognised_and_an_uncertain_comma_is_refused(tmp_path: Path) -> None:
    lines = [line.replace(",", ";").replace(".", ",") for line in mt4(stamp="%Y-%m-%d,%H:%M")]
    assert read(save(tmp_path / "x.csv", lines))[1]["o"][1] == 1.1001
    three = ["date;clock;open;high;low;close"] + [
        f"2021-03-01;{k // 4:02}:{k % 4 * 15:02};109,{k + 100};109,{k + 102};109,{k + 100};109,{k + 101}"
        for k in range(90)
    ]
    path = save(tmp_path / "y.csv", three)
    with pytest.raises(FormatError, match="--decimal"):
        Export(path)
    assert read(path, decimal=",")[1]["o"][0] == 109.1
    assert read(path, decimal=".")[1]["o"][0] == 109_100.0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no rows"),
        (b"\n\n", "no rows"),
        (b"PK\x03\x04....", "zip"),
        (b"ARROW1\x00\x00", "Feather"),
        (b"[[1609459200000, 1, 2, 0.5", "JSON"),
        (b"\x00\x01\x02\x03" * 100, "no text"),
        (b"a,b,c\n1,2,3\n4,5,6\n", "four prices"),
        (b"hello world\n" * 50, "four prices"),
        (b"1,2,3,4,5,6\n" * 50, "date"),
    ],
)
def test_what_is_no_table_of_candles_is_refused_by_name(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(FormatError, match=what):
        Export(tmp_path / "x.csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv"):
        Export(tmp_path / "absent.csv")


@given(garbage=st.binary(min_size=1, max_size=400))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_whatever_raise_anything_but_an_input_error(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("\r\n".join(mt4(30)).encode() + b"\r\n" + garbage)
    with suppress(InputError):
        assert sum(len(block.candles) for block in Export(path).blocks()) >= 29
    path.write_bytes(garbage)
    with suppress(InputError):
        list(Export(path).blocks())


def test_the_same_sample_reads_the_same_from_one_block_or_many(tmp_path: Path) -> None:
    source = sample_candles(5_000, "M15", 1)
    write_candles(source, tmp_path / "x.csv")
    _, candles = read(tmp_path / "x.csv", 5_000)
    assert (candles == source).all()
