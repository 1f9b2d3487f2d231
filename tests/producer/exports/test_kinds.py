"""Exports of many programs, written from the same candles: each must give those candles back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from producer.exports.export import Export
from producer.sample import sample_candles
from shared.contracts import Candles

Row = Callable[[datetime, list[str], str], str]  # moment, prices (open, high, low, close), volume
VOLUMELESS = {"fxcm bid and ask"}


def us(volume: str) -> str:
    """A volume in thousands, as portals write it; sample volumes are whole thousands here."""
    return f"{float(volume) / 1000:.0f}K"


# name -> (lines before the rows, a row, timeframe, newest row first)
KINDS: dict[str, tuple[list[str], Row, str, bool]] = {
    "MetaTrader 5, daily without time": (
        ["<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"],
        lambda t, p, v: "\t".join([f"{t:%Y.%m.%d}", *p, v, "0", "5"]),
        "D1",
        False,
    ),
    "MetaTrader 5, headerless with three numbers after the prices": (
        [],
        lambda t, p, v: "\t".join([f"{t:%Y.%m.%d}", f"{t:%H:%M:%S}", *p, v, "0", "5"]),
        "M15",
        False,
    ),
    "MetaTrader 4, merged date and time": (
        [],
        lambda t, p, v: ",".join([f"{t:%Y.%m.%d %H:%M}", *p, v]),
        "M30",
        False,
    ),
    "Finam": (
        ["<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>"],
        lambda t, p, v: ";".join(["EURUSD", "15", f"{t:%Y%m%d}", f"{t:%H%M%S}", *p, v]),
        "M15",
        False,
    ),
    "Finam, short dates": (
        ["<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>"],
        lambda t, p, v: ";".join(["EURUSD", "60", f"{t:%d%m%y}", f"{t:%H%M%S}", *p, v]),
        "H1",
        False,
    ),
    "Forexite": (
        ["<TICKER>,<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"],
        lambda t, p, v: ",".join(["EURUSD", f"{t:%Y%m%d}", f"{t:%H%M%S}", *p, v]),
        "M1",
        False,
    ),
    "Barchart": (
        ["Time,Open,High,Low,Last,Change,%Chg,Volume"],
        lambda t, p, v: ",".join([f'"{t:%Y-%m-%d %H:%M}"', *p, "0.001", "+0.05%", v]),
        "H1",
        True,
    ),
    "Nasdaq": (
        ["Date,Close/Last,Volume,Open,High,Low"],
        lambda t, p, v: ",".join([f"{t:%m/%d/%Y}", f"${p[3]}", v, f"${p[0]}", f"${p[1]}", f"${p[2]}"]),
        "D1",
        True,
    ),
    "CryptoDataDownload": (
        [
            "https://www.CryptoDataDownload.com",
            "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount",
        ],
        lambda t, p, v: ",".join(
            [f"{t.timestamp() * 1000:.0f}", f"{t:%Y-%m-%d %H:%M:%S}", "BTC/USDT", *p, v, "1", "2"]
        ),
        "H1",
        True,
    ),
    "Dukascopy, local time": (
        ["Local time,Open,High,Low,Close,Volume"],
        lambda t, p, v: ",".join([f"{t + timedelta(hours=1):%d.%m.%Y %H:%M:%S}.000 GMT+0100", *p, v]),
        "M15",
        False,
    ),
    "JForex": (
        ["Time (UTC),Open,High,Low,Close,Volume "],
        lambda t, p, v: ",".join([f"{t:%Y.%m.%d %H:%M:%S}", *p, v]),
        "M10",
        False,
    ),
    "Binance Vision, headed": (
        ["open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_quote,ignore"],
        lambda t, p, v: ",".join(
            [
                f"{t.timestamp() * 1e6:.0f}",
                *p,
                v,
                f"{t.timestamp() * 1e6 + 899_999_999:.0f}",
                "1",
                "2",
                "3",
                "4",
                "0",
            ]
        ),
        "M15",
        False,
    ),
    "Bitfinex": (
        ["time,open,close,high,low,volume"],
        lambda t, p, v: ",".join([f"{t.timestamp() * 1000:.0f}", p[0], p[3], p[1], p[2], v]),
        "M5",
        False,
    ),
    "Coinbase, headerless: time, low, high, open, close": (
        [],
        lambda t, p, v: ",".join([f"{t.timestamp():.0f}", p[2], p[1], p[0], p[3], v]),
        "M5",
        True,
    ),
    "Polygon": (
        ["ticker,volume,open,close,high,low,window_start,transactions"],
        lambda t, p, v: ",".join(["AAPL", v, p[0], p[3], p[1], p[2], f"{int(t.timestamp()) * 10**9}", "7"]),
        "M1",
        False,
    ),
    "Sierra Chart": (
        ["Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume"],
        lambda t, p, v: ", ".join([f"{t.year}/{t.month}/{t.day}", f"{t:%H:%M:%S}.000000", *p, v, "1", "2", "3"]),
        "M5",
        False,
    ),
    "TradeStation": (
        ['"Date","Time","Open","High","Low","Close","Up","Down"'],
        lambda t, p, v: ",".join([f"{t:%m/%d/%Y}", f"{t:%H:%M}", *p, str(int(v) // 4), str(int(v) - int(v) // 4)]),
        "M15",
        False,
    ),
    "NinjaTrader": ([], lambda t, p, v: ";".join([f"{t:%Y%m%d %H%M%S}", *p, v]), "M1", False),
    "Alpha Vantage": (
        ["timestamp,open,high,low,close,volume"],
        lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}", *p, v]),
        "M5",
        True,
    ),
    "Alpha Vantage, numbered names": (
        ["date,1. open,2. high,3. low,4. close,5. volume"],
        lambda t, p, v: ",".join([f"{t:%Y-%m-%d}", *p, v]),
        "D1",
        False,
    ),
    "Tiingo": (
        ["date,close,high,low,open,volume"],
        lambda t, p, v: ",".join([f"{t:%Y-%m-%dT%H:%M:%S}.000Z", p[3], p[1], p[2], p[0], v]),
        "H4",
        False,
    ),
    "TradingView, epochs": (
        ["time,open,high,low,close,Volume,Volume MA"],
        lambda t, p, v: ",".join([f"{t.timestamp():.0f}", *p, v, "NaN"]),
        "H1",
        False,
    ),
    "Interactive Brokers": (
        ["date,open,high,low,close,volume,average,barCount"],
        lambda t, p, v: ",".join([f"{t:%Y%m%d  %H:%M:%S}", *p, v, p[3], "9"]),
        "M15",
        False,
    ),
    "fxcm bid and ask": (
        ["DateTime,BidOpen,BidHigh,BidLow,BidClose,AskOpen,AskHigh,AskLow,AskClose"],
        lambda t, p, _: ",".join([f"{t:%m/%d/%Y %H:%M:%S}.000", *p, *p]),
        "M15",
        False,
    ),
    "a spreadsheet in Germany": (
        ["Datum;Eröffnung;Hoch;Tief;Schluss;Volumen"],
        lambda t, p, v: ";".join([f"{t:%d.%m.%Y %H:%M}", *(x.replace(".", ",") for x in p), v]),
        "M15",
        False,
    ),
    "Stooq in Poland": (
        ["Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen"],
        lambda t, p, v: ",".join([f"{t:%Y-%m-%d}", *p, v]),
        "D1",
        False,
    ),
    "Investing.com": (
        ['"Date","Price","Open","High","Low","Vol.","Change %"'],
        lambda t, p, v: ",".join(f'"{x}"' for x in (f"{t:%b %d, %Y}", p[3], *p[:3], us(v), "0.57%")),
        "D1",
        True,
    ),
    "pandas with a numbered index": (
        [",time,open,high,low,close,tick_volume"],
        lambda t, p, v: ",".join(["17", f"{t:%Y-%m-%d %H:%M:%S}", *p, v]),
        "M15",
        False,
    ),
    "R without a name for the index": (
        ["open,high,low,close,volume"],
        lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}", *p, v]),
        "M15",
        False,
    ),
    "American afternoons": (
        ["Date,Open,High,Low,Close,Volume"],
        lambda t, p, v: ",".join([f"{t:%m/%d/%Y %I:%M:%S %p}", *p, v]),
        "M15",
        False,
    ),
    "aligned by spaces": (
        [],
        lambda t, p, v: f"{t:%Y.%m.%d}  {t:%H:%M}   {'  '.join(p)}  {v:>7}",
        "M15",
        False,
    ),
    "trailing delimiters": (
        ["date;open;high;low;close;volume;"],
        lambda t, p, v: ";".join([f"{t:%Y-%m-%d %H:%M}", *p, v, ""]),
        "M15",
        False,
    ),
}


def exported(kind: str, candles: Candles) -> list[str]:
    before, row, _, newest_first = KINDS[kind]
    rows = [
        row(datetime.fromtimestamp(t / 1000, UTC), [f"{x:.5f}" for x in prices], f"{v:.0f}")
        for t, *prices, v in candles.tolist()
    ]
    return before + (rows[::-1] if newest_first else rows)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("count", [400, 3_000])
def test_every_kind_gives_its_candles_back(tmp_path: Path, kind: str, count: int) -> None:
    source = sample_candles(count, KINDS[kind][2], 6)
    source["v"] *= 1000
    path = tmp_path / "x.csv"
    path.write_bytes("\r\n".join(exported(kind, source)).encode())
    export = Export(path)
    candles = np.concatenate([block.candles for block in export.blocks()])
    if kind in VOLUMELESS:
        source["v"] = 0
    assert export.tally.document() == {}
    assert (candles == source).all()
    assert export.grid.timeframe == KINDS[kind][2]


def test_epochs_of_different_units_in_one_file_are_told_apart_value_by_value(tmp_path: Path) -> None:
    source = sample_candles(400, "M15", 6)
    units = [1, 1_000, 1_000_000]
    rows = [
        f"{t // 1000 * units[k // 134]},{o},{h},{low},{c},{v}" for k, (t, o, h, low, c, v) in enumerate(source.tolist())
    ]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    candles = np.concatenate([block.candles for block in Export(tmp_path / "x.csv").blocks()])
    assert (candles == source).all()


def test_rows_without_trades_are_refused_and_do_not_hide_the_format(tmp_path: Path) -> None:
    source = sample_candles(400, "M15", 6)
    lines = ["Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price"]
    for k, (t, *rest) in enumerate(source.tolist()):
        values = ["NaN"] * 7 if k % 2 else [*map(str, rest), "1", "2"]
        lines.append(",".join([str(t // 1000), *values]))
    (tmp_path / "x.csv").write_text("\n".join(lines))
    export = Export(tmp_path / "x.csv")
    candles = np.concatenate([block.candles for block in export.blocks()])
    assert (candles == source[::2]).all()
    assert export.tally.document()["not_finite"]["count"] == 200


def test_a_footer_is_refused_as_a_row(tmp_path: Path) -> None:
    lines = [
        *exported("Barchart", sample_candles(400, "H1", 6)),
        '"Downloaded from Barchart.com as of 08-10-2022"',
    ]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    export = Export(tmp_path / "x.csv")
    assert sum(len(block.candles) for block in export.blocks()) == 400
    assert export.tally.document()["fields"]["lines"] == [402]
