"""What a file can mislead about: read right with the option that settles it, and never in silence."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from producer.exports.dialect import number_form
from producer.exports.export import Export
from producer.exports.options import ReadOptions
from producer.inspection import inspect
from producer.sample import sample_candles
from shared.contracts import Candles
from shared.errors import FormatError, InputError

CANDLES = sample_candles(400, "M15", 6)


def lines(
    row: str = "{t:%Y-%m-%d %H:%M},{o:.5f},{h:.5f},{l:.5f},{c:.5f},{v:.0f}", count: int = 400, **more: float
) -> list[str]:
    """Rows of the sample in a form of ``str.format``."""
    return [
        row.format(t=datetime.fromtimestamp(t / 1000, UTC), o=o, h=h, l=low, c=c, v=v, **more)
        for t, o, h, low, c, v in CANDLES[:count].tolist()
    ]


def read(tmp_path: Path, rows: list[str], name: str = "x.csv", **options: object) -> Candles:
    (tmp_path / name).write_text("\n".join(rows))
    export = Export(tmp_path / name, ReadOptions(**options))  # type: ignore[arg-type]
    return np.concatenate([block.candles for block in export.blocks()])


HEAD = "time,open,high,low,close,volume"


def test_a_header_that_comes_again_is_refused_as_a_row(tmp_path: Path) -> None:
    rows = lines()
    assert (read(tmp_path, [HEAD, *rows[:200], HEAD, *rows[200:]]) == CANDLES).all()


def test_a_header_of_another_order_in_the_middle_stops_the_reading(tmp_path: Path) -> None:
    other = lines("{t:%Y-%m-%d %H:%M},{c:.5f},{h:.5f},{l:.5f},{o:.5f},{v:.0f}")
    with pytest.raises(FormatError, match=r"line 202.*split the file"):
        read(tmp_path, [HEAD, *lines()[:200], "time,close,high,low,open,volume", *other[200:]])


@pytest.mark.parametrize("head", ["time,open,open,high,low,close", "date,Open,high,low,close,open"])
def test_two_columns_of_one_name_that_differ_are_refused(tmp_path: Path, head: str) -> None:
    rows = lines("{t:%Y-%m-%d %H:%M},{o:.5f},{h:.5f},{l:.5f},{c:.5f},{l:.5f}")
    with pytest.raises(FormatError, match=r"differ|no candles"):
        read(tmp_path, [head, *rows])


def test_prices_in_points_are_noted_and_divided_on_request_to_the_nearest_double(tmp_path: Path) -> None:
    rows = [HEAD, *lines("{t:%Y-%m-%d %H:%M},{o:.5f},{h:.5f},{l:.5f},{c:.5f},{v:.0f}")]
    points = [HEAD, *(",".join([t, *(f"{round(float(p) * 1e5)}.0" for p in prices), v])
                      for t, *prices, v in (row.split(",") for row in rows[1:]))]  # fmt: skip
    assert (read(tmp_path, points, points=100_000) == CANDLES).all()
    assert any("--points" in note for note in inspect(tmp_path / "x.csv").notes)


def test_whole_prices_in_the_way_of_lean_that_are_no_cents_are_refused_until_it_is_said(tmp_path: Path) -> None:
    rows = [f"{datetime.fromtimestamp(t / 1000, UTC):%Y%m%d %H:%M},{round(o * 1e4)},{round(h * 1e4)},{round(low * 1e4)},{round(c * 1e4)},{v}"
            for t, o, h, low, c, v in CANDLES.tolist()]  # fmt: skip
    with pytest.raises(FormatError, match=r"--points 1 or --points 10000"):
        read(tmp_path, rows)
    assert read(tmp_path, rows, points=1)["o"][0] > 1_000
    assert read(tmp_path, rows, points=10_000)["o"][0] < 2


def test_times_of_day_take_their_date_from_the_name_or_the_option_and_are_refused_without(tmp_path: Path) -> None:
    rows = [row.split(" ")[1] for row in lines(count=12)]
    with pytest.raises(FormatError, match="--date"):
        read(tmp_path, rows)
    day = int(datetime(2013, 10, 7, tzinfo=UTC).timestamp()) * 1000
    for found in (read(tmp_path, rows, date="2013-10-07"), read(tmp_path, rows, name="eurusd_2013-10-07.csv")):
        assert (found["t"] == day + CANDLES["t"][:12] % 86_400_000).all()


@pytest.mark.parametrize("late_s", [0, -1])
def test_closing_stamps_are_moved_back_on_request_or_where_the_name_says_so(tmp_path: Path, late_s: int) -> None:
    shift = timedelta(minutes=15, seconds=late_s)
    rows = [
        f"{datetime.fromtimestamp(t / 1000, UTC) + shift:%Y-%m-%d %H:%M:%S},{o},{h},{low},{c},{v}"
        for t, o, h, low, c, v in CANDLES.tolist()
    ]
    assert (read(tmp_path, rows, stamps="close") == CANDLES).all()
    assert (read(tmp_path, [HEAD.replace("time", "close_time"), *rows]) == CANDLES).all()
    assert any("one width earlier" in note for note in inspect(tmp_path / "x.csv").notes)


def test_summer_and_winter_names_of_a_zone_are_both_known_and_doubtful_names_are_refused(tmp_path: Path) -> None:
    # 400 quarter-hours around the change of 2021-03-14
    begin = datetime(2021, 3, 12, tzinfo=UTC)
    utc = [begin + timedelta(minutes=15 * k) for k in range(400)]
    change = datetime(2021, 3, 14, 7, tzinfo=UTC)
    rows = [f"{t - timedelta(hours=5 if t < change else 4):%Y-%m-%d %H:%M} {'EST' if t < change else 'EDT'},1.1,1.2,1.0,1.15,{k}"
            for k, t in enumerate(utc)]  # fmt: skip
    assert read(tmp_path, rows)["t"].tolist() == [int(t.timestamp() * 1000) for t in utc]
    with pytest.raises(FormatError, match="--tz"):
        read(tmp_path, [row.replace("EST", "CST").replace("EDT", "CST") for row in rows])


@pytest.mark.parametrize(
    ("texts", "decimal", "thousands"),
    [
        (["56,03", "1.234.567"], ",", "."),
        (["1,234", "56.03"], ".", ","),
        (["1,23,456.70"], ".", ","),
        (["1,12000", "57,91M", "-0,57%"], ",", "."),
    ],
)
def test_the_decimal_sign_is_told_from_all_numbers_together(texts: list[str], decimal: str, thousands: str) -> None:
    form = number_form(texts, None)
    assert (form.decimal, form.thousands) == (decimal, thousands)


def test_numbers_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="--decimal"):
        number_form(["1,12000", "1.15"], None)


@pytest.mark.parametrize(
    "options", [{"date": "7.10.2013"}, {"points": 0}, {"stamps": "middle"}, {"points": float("nan")}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        ReadOptions(**options)  # type: ignore[arg-type]


def test_a_column_before_the_prices_that_could_be_one_is_told_apart_or_refused(tmp_path: Path) -> None:
    average = [
        f"{row.split(',')[0]},{(float(row.split(',')[1]) + float(row.split(',')[2])) / 2:.6f},{row.split(',', 1)[1]}"
        for row in lines()
    ]
    assert (read(tmp_path, average) == CANDLES).all()


def test_words_of_a_zero_byte_and_thin_blanks_keep_line_numbers(tmp_path: Path) -> None:
    rows = lines()
    rows[100] = "\0\0\0" + rows[100]
    rows[200] = "junk"
    (tmp_path / "x.csv").write_text("\n".join(rows))
    export = Export(tmp_path / "x.csv")
    assert sum(len(block.candles) for block in export.blocks()) == 399
    assert export.tally.document()["fields"]["lines"] == [201]


@pytest.mark.parametrize("extra", ["none", "average", "previous close"])
def test_prices_without_names_in_any_order_are_read_right_or_refused(tmp_path: Path, extra: str) -> None:
    previous = np.concatenate([CANDLES["o"][:1], CANDLES["c"][:-1]])
    average = np.round((CANDLES["h"] + CANDLES["l"] + CANDLES["c"]) / 3, 5)
    before = previous if extra == "previous close" else None
    after = average if extra == "average" else None
    read_right = 0
    for order in permutations("ohlc"):
        columns = [column for column in (before, *(CANDLES[name] for name in order), after) if column is not None]
        rows = [
            f"{t},{','.join(map(repr, map(float, prices)))},7"
            for t, *prices in zip(CANDLES["t"], *columns, strict=True)
        ]
        try:
            found = read(tmp_path, rows)
        except FormatError:
            continue
        read_right += 1
        assert all((found[name] == CANDLES[name]).all() for name in "ohlc"), order
    assert read_right >= 12
