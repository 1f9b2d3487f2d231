"""Ticks to candles: every vendor's columns, empty fields carried on, the same bits from any pieces."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.exports.options import ReadOptions
from producer.replay import Replay
from producer.replay_request import ReplayRequest
from producer.ticks import TickFile, TickOptions
from shared.admission import Admission, AdmissionLimits
from shared.clock import SimulatedClock
from shared.contracts import Candles, Series
from shared.errors import InputError
from shared.testing import BrokerUnderTest

T0 = 1_704_103_200_000  # 2024-01-01 10:00 UTC
MINUTE = 60_000
COUNT = 600

_random = np.random.default_rng(1)
TIMES = T0 + np.sort(_random.choice(30 * MINUTE, COUNT, replace=False))
BIDS = np.round(1.1 + 1e-4 * np.cumsum(_random.integers(-3, 4, COUNT)), 5)
ASKS = np.round(BIDS + 2e-4, 5)
SIZES = _random.integers(1, 50, COUNT) / 10


def stamps(form: str, shift_ms: int = 0) -> list[str]:
    moments = (TIMES + shift_ms).astype("datetime64[ms]").tolist()
    return [moment.strftime(form)[: -3 if form.endswith("%f") else None] for moment in moments]


def lines(*columns: list[object]) -> list[str]:
    return [",".join(map(str, row)) for row in zip(*columns, strict=True)]


def _metatrader() -> list[str]:
    days, clocks = stamps("%Y.%m.%d"), stamps("%H:%M:%S.%f")
    rows = zip(days, clocks, BIDS.tolist(), ASKS.tolist(), strict=True)
    return ["<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>"] + [
        f"{day}\t{clock}\t{bid}\t{ask}\t\t\t6" for day, clock, bid, ask in rows
    ]


def _binance(unit: int, *, aggregated: bool = False) -> list[str]:
    ids = list(range(1_234_567_890, 1_234_567_890 + COUNT))  # as long as an epoch
    times = (TIMES * unit).tolist()
    ends = [["True"] * COUNT, ["True"] * COUNT]
    middle = [ids, ids] if aggregated else [(BIDS * SIZES).tolist()]
    return lines(ids, BIDS.tolist(), SIZES.tolist(), *middle, times, *ends)


QUOTES = {
    "MetaTrader 5": _metatrader(),
    "Dukascopy": [
        "Gmt time,Ask,Bid,AskVolume,BidVolume",
        *lines(stamps("%d.%m.%Y %H:%M:%S.%f"), ASKS.tolist(), BIDS.tolist(), SIZES.tolist(), SIZES.tolist()),
    ],
    "dukascopy-node": [
        "timestamp,askPrice,bidPrice,askVolume,bidVolume",
        *lines(TIMES.tolist(), ASKS.tolist(), BIDS.tolist(), SIZES.tolist(), SIZES.tolist()),
    ],
    "HistData": lines(stamps("%Y%m%d %H%M%S%f"), BIDS.tolist(), ASKS.tolist(), [0] * COUNT),
    "TrueFX": lines(["EUR/USD"] * COUNT, stamps("%Y%m%d %H:%M:%S.%f"), BIDS.tolist(), ASKS.tolist()),
    "ask first, no names": lines(stamps("%Y-%m-%dT%H:%M:%S.%f"), ASKS.tolist(), BIDS.tolist()),
    "decimal commas": [line.replace(",", ";").replace("1.", "1,") for line in lines(TIMES.tolist(), BIDS, ASKS)],
}
TRADES = {
    "Binance trades": _binance(1),
    "Binance trades in microseconds": _binance(1_000),
    "Binance aggregated trades": _binance(1, aggregated=True),
    "Binance futures": ["agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"]
    + [",".join(line.split(",")[:-1]) for line in _binance(1, aggregated=True)],
    "Kraken": lines([f"{t / 1000:.3f}" for t in TIMES.tolist()], BIDS.tolist(), SIZES.tolist()),
    "time, price, volume": ["time,price,volume", *lines(stamps("%Y-%m-%d %H:%M:%S.%f"), BIDS.tolist(), SIZES.tolist())],
}


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


def candles_of(file: TickFile) -> Candles:
    return np.concatenate([block.candles for block in file.blocks()])


def whole(path: Path, timeframe: str = "M5", tz: str | None = None, **said: object) -> Candles:
    return candles_of(TickFile([path], timeframe, ReadOptions(tz=tz), TickOptions(first_whole=True, **said)))  # type: ignore[arg-type]


def check(candles: Candles, prices: np.ndarray, volumes: np.ndarray, shift_ms: int = 0) -> None:
    """Candles of five minutes, one by one, from the ticks themselves."""
    opens = TIMES // (5 * MINUTE) * 5 * MINUTE
    assert candles["t"].tolist() == (np.unique(opens) + shift_ms).tolist()
    for one in candles:
        inside = opens == one["t"] - shift_ms
        expected = (prices[inside][0], prices[inside].max(), prices[inside].min(), prices[inside][-1])
        assert (one["o"], one["h"], one["l"], one["c"]) == expected
        assert one["v"] == pytest.approx(volumes[inside].sum())


@pytest.mark.parametrize("kind", QUOTES)
def test_quotes_become_candles_of_bids_and_their_number(tmp_path: Path, kind: str) -> None:
    check(whole(write(tmp_path / "x.csv", QUOTES[kind])), BIDS, np.ones(COUNT))


@pytest.mark.parametrize("kind", TRADES)
def test_trades_become_candles_of_prices_and_their_volume(tmp_path: Path, kind: str) -> None:
    check(whole(write(tmp_path / "x.csv", TRADES[kind])), BIDS, SIZES)


def test_asks_and_middles_are_to_be_had(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", QUOTES["Dukascopy"])
    check(whole(path, price="ask"), ASKS, np.ones(COUNT))
    check(whole(path, price="mid"), np.mean([BIDS, ASKS], axis=0), np.ones(COUNT))
    with pytest.raises(InputError, match="bid, ask, mid"):
        whole(path, price="trades")


@given(holes=st.lists(st.integers(1, COUNT - 1), max_size=200, unique=True), block=st.integers(1_000, 20_000))
def test_empty_fields_hold_the_newest_value_before_them(
    tmp_path_factory: pytest.TempPathFactory, holes: list[int], block: int
) -> None:
    rows = _metatrader()
    bids = BIDS.copy()
    for hole in sorted(holes):
        fields = rows[hole + 1].split("\t")
        fields[2], fields[6] = ("" if hole % 2 else "0"), "4"
        rows[hole + 1] = "\t".join(fields)
        bids[hole] = bids[hole - 1]
    path = write(tmp_path_factory.mktemp("ticks") / "x.csv", rows)
    file = TickFile([path], "M5", ReadOptions(), TickOptions(first_whole=True), block_bytes=block)
    check(candles_of(file), bids, np.ones(COUNT))


@given(block=st.integers(200, 30_000), cut=st.integers(1, COUNT - 1))
def test_blocks_and_several_files_change_no_bit(tmp_path_factory: pytest.TempPathFactory, block: int, cut: int) -> None:
    folder = tmp_path_factory.mktemp("ticks")
    rows = TRADES["Kraken"]
    one, left, right = (
        write(folder / name, part) for name, part in (("x", rows), ("y", rows[:cut]), ("z", rows[cut:]))
    )
    said = TickOptions(first_whole=True, columns=("time", "price", "volume"))
    pieces = candles_of(TickFile([left, right], "M5", ReadOptions(), said, block_bytes=block))
    assert pieces.tobytes() == candles_of(TickFile([one], "M5", ReadOptions(), said)).tobytes()


def test_the_grid_is_the_sources_own_and_its_stamps_become_utc(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", QUOTES["MetaTrader 5"])
    check(whole(path, tz="broker-eu"), BIDS, np.ones(COUNT), shift_ms=-2 * 3_600_000)
    assert whole(path, "D1", "broker-eu")["t"].tolist() == [T0 - 12 * 3_600_000]


def test_an_hour_that_the_clock_shows_twice_is_told_apart_by_order(tmp_path: Path) -> None:
    utc = 1_729_983_600_000 + np.arange(0, 4 * 3_600_000, 20_000)  # from 2024-10-26 23:00
    local = utc + np.where(utc < 1_729_990_800_000, 3_600_000, 0)  # London
    texts = [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in local.astype("datetime64[ms]").tolist()]
    rows = [f"{text},{100 + k}" for k, text in enumerate(texts)]
    path = write(tmp_path / "x.csv", ["time,price", *rows])
    for block in (500, 1 << 20):
        said = TickOptions(first_whole=True)
        file = TickFile([path], "M15", ReadOptions(tz="Europe/London"), said, block_bytes=block)
        candles = candles_of(file)
        assert candles["t"].tolist() == list(range(int(utc[0]), int(utc[-1]), 15 * MINUTE))
        assert (candles["v"] == 45).all()


def test_late_bad_and_unpriced_rows_are_counted_and_a_truncated_last_line_is_refused(tmp_path: Path) -> None:
    rows = _metatrader()
    first = rows[1].split("\t")
    unpriced = "\t".join([*first[:2], "", first[3], "", "", "4"])
    rows[1:1] = [unpriced, unpriced]
    rows[500:500] = [rows[10], "junk", rows[500].replace("1.", "x.")]
    path = tmp_path / "x.csv"
    path.write_text("\n".join([*rows, rows[-1][:35]]))
    file = TickFile([path], "M5", ReadOptions(), TickOptions(first_whole=True))
    check(candles_of(file), BIDS, np.ones(COUNT))
    counts = file.document()
    assert (counts["rows"], counts["ticks"], counts["late"], counts["unpriced"]) == (COUNT + 3, COUNT, 1, 2)
    assert file.tally.total == 3
    assert file.tally.document()["fields"]["lines"] == [502, len(rows) + 1]


def test_a_file_begins_in_the_middle_of_a_candle_unless_it_is_said_to_be_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", QUOTES["HistData"])
    file = TickFile([path], "M5")
    assert (candles_of(file) == whole(path)[1:]).all()
    assert file.counts.partial == 1


@pytest.mark.parametrize(
    "rows",
    [
        ["a,b,c", "x,y,z"],
        [f"{t},5.0,{5.0 + (k % 2)}" for k, t in enumerate(TIMES[:100].tolist())],  # bid and ask, or a volume?
        [f"2024.01.0{1 + k % 9},1.1,1.2" for k in range(100)],  # no time of day
    ],
)
def test_what_is_not_certain_is_refused_with_the_option_that_settles_it(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(InputError, match="--columns"):
        TickFile([write(tmp_path / "x.csv", rows)], "M5")


def test_columns_can_be_said(tmp_path: Path) -> None:
    rows = lines(["x"] * COUNT, BIDS.tolist(), ASKS.tolist(), TIMES.tolist())
    path = write(tmp_path / "x.csv", rows)
    check(whole(path, columns=("-", "bid", "ask", "time"), price="ask"), ASKS, np.ones(COUNT))
    with pytest.raises(InputError, match="bid"):
        whole(path, columns=("-", "bit", "ask", "time"))


def test_a_real_broker_takes_the_candles_of_ticks_once_the_open_one_withheld(
    tmp_path: Path, broker: BrokerUnderTest
) -> None:
    path = write(tmp_path / "x.csv", QUOTES["MetaTrader 5"])
    clock = SimulatedClock(2_000_000_000_000)
    admission = Admission(broker.client, broker.names, clock, AdmissionLimits(10_000, 100, 100))
    request = ReplayRequest(path, Series("EURUSD", "M5"))
    first, second = (Replay(admission, clock, request, None, TickFile([path], "M5")).run() for _ in range(2))
    assert (first.admitted, first.open, second.admitted, second.known) == (4, 1, 0, 4)
