"""Files of programs, portals and exchanges, written from known candles by what is known of each."""

import gzip
import io
import json
import struct
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from producer.exports.testing import Kinds, moment, table, zipped
from shared.contracts import Candles

KINDS = Kinds()


def of_day(t: datetime) -> int:
    return ((t.hour * 60 + t.minute) * 60 + t.second) * 1000


@KINDS.add("M5", "20241231_trade.zip", scale=100, decimals=2, count=120, one_day=True)
def lean_equity_minute(candles: Candles) -> bytes:
    def row(t: datetime, p: list[str], v: str) -> str:
        return ",".join([str(of_day(t)), *(f"{round(float(x) * 10_000)}" for x in p), v])

    return zipped("20241231_spy_minute_trade.csv", table(candles, row))


@KINDS.add("D1", scale=100, decimals=2)
def lean_equity_daily(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(
        [f"{t:%Y%m%d} 00:00", *(f"{round(float(x) * 10_000)}" for x in p), v]))  # fmt: skip


@KINDS.add("M5", "20241231_trade.zip", count=120, one_day=True)
def lean_crypto_minute(candles: Candles) -> bytes:
    return zipped("20241231_btcusd_minute_trade.csv", table(candles, lambda t, p, v: ",".join([str(of_day(t)), *p, v])))


@KINDS.add("M5", "BTC_USDT-5m.json")
def freqtrade_json(candles: Candles) -> bytes:
    return json.dumps([list(c.tolist()) for c in candles]).encode()


@KINDS.add("M5", "BTC_USDT-5m.feather")
def freqtrade_feather(candles: Candles) -> bytes:
    import pyarrow as pa
    from pyarrow import feather

    columns = {"date": pa.array(candles["t"], pa.timestamp("ms", "UTC"))}
    columns |= {name: pa.array(candles[name[0]]) for name in ("open", "high", "low", "close", "volume")}
    buffer = io.BytesIO()
    feather.write_feather(pa.table(columns), buffer)
    return buffer.getvalue()


@KINDS.add("M15", "EURUSD15.hst")
def metatrader_history_400(candles: Candles) -> bytes:
    head = struct.pack("<i64s12siiii52x", 400, b"(C)opyright", b"EURUSD", 15, 5, 0, 0)
    return head + b"".join(struct.pack("<i5d", t // 1000, o, lo, h, c, v) for t, o, h, lo, c, v in candles.tolist())


@KINDS.add("M15", "EURUSD15.hst")
def metatrader_history_401(candles: Candles) -> bytes:
    head = struct.pack("<i64s12siiii52x", 401, b"(C)opyright", b"EURUSD", 15, 5, 0, 0)
    rows = [struct.pack("<q4dqiq", t // 1000, o, h, lo, c, int(v), 3, 0) for t, o, h, lo, c, v in candles.tolist()]
    return head + b"".join(rows)


@KINDS.add("H1")
def cryptodatadownload_seconds(candles: Candles) -> bytes:
    head = "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume USDT,Volume BTC\n"
    return table(candles[::-1], lambda t, p, v: ",".join(
        [f"{t.timestamp():.1f}", f"{t:%Y-%m-%d %H:%M:%S}", "BTC/USDT", *p, "77", v]), head)  # fmt: skip


@KINDS.add("M5")
def kucoin_headerless(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t.timestamp():.0f}", p[0], p[3], p[1], p[2], v, "55.5"]))


@KINDS.add("M5")
def okx(candles: Candles) -> bytes:
    head = "ts,o,h,l,c,vol,volCcy,volCcyQuote,confirm\n"
    return table(candles[::-1], lambda t, p, v: ",".join([f"{t.timestamp() * 1000:.0f}", *p, v, "1", "2", "1"]), head)


def columns_of(candles: Candles) -> dict[str, list[float]]:
    names = ("open", "high", "low", "close", "volume")
    return {name: candles[name[0]].tolist() for name in names}


@KINDS.add("M5", "x.json")
def deribit_json(candles: Candles) -> bytes:
    result = {"ticks": candles["t"].tolist(), **columns_of(candles), "status": "ok"}
    return json.dumps({"jsonrpc": "2.0", "result": result, "usIn": 1}).encode()


@KINDS.add("M1")
def iqfeed(candles: Candles) -> bytes:
    total = iter(np.cumsum(candles["v"]))
    return table(candles, lambda t, p, v: ",".join(
        [f"{t:%Y-%m-%d %H:%M:%S}", p[1], p[2], p[0], p[3], f"{next(total):.0f}", v, "0"]), end="\r\n")  # fmt: skip


@KINDS.add("M15")
def coinapi(candles: Candles) -> bytes:
    head = ("time_period_start;time_period_end;time_open;time_close;price_open;price_high;price_low;price_close;"
            "volume_traded;trades_count\n")  # fmt: skip

    def row(t: datetime, p: list[str], v: str) -> str:
        end, first, last = (t + timedelta(minutes=m) for m in (15, 2, 14))
        return ";".join([*(f"{x:%Y-%m-%dT%H:%M:%S}.0000000Z" for x in (t, end, first, last)), *p, v, "7"])

    return table(candles, row, head)


def german(text: str) -> str:
    whole, _, part = text.partition(".")
    return f"{int(whole):,}".replace(",", ".") + "," + part


@KINDS.add("D1")
def investing_german(candles: Candles) -> bytes:
    head = '\ufeff"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"\n'
    return table(candles[::-1], lambda t, p, v: ",".join(
        f'"{x}"' for x in (f"{t:%d.%m.%Y}", *map(german, (p[3], *p[:3])), f"{float(v) / 1e6:.2f}M".replace(".", ","),
                           "0,57%")), head)  # fmt: skip


@KINDS.add("D1", volume=False)
def investing_russian(candles: Candles) -> bytes:
    head = '\ufeff"Дата","Цена","Откр.","Макс.","Мин.","Объём","Изм. %"\n'
    return table(candles[::-1], lambda t, p, _: ",".join(
        f'"{x}"' for x in (f"{t:%d.%m.%Y}", *map(german, (p[3], *p[:3])), "", "-0,11%")), head)  # fmt: skip


@KINDS.add("D1", volume=False)
def investing_chinese(candles: Candles) -> bytes:
    head = '\ufeff"日期","收盘","开盘","高","低","交易量","涨跌幅"\n'
    return table(candles[::-1], lambda t, p, v: ",".join(
        f'"{x}"' for x in (f"{t.year}-{t.month}-{t.day}", p[3], *p[:3], "-", "-0.11%")), head)  # fmt: skip


@KINDS.add("M15", "x.json")
def kraken_json(candles: Candles) -> bytes:
    rows = [[t // 1000, *(f"{x:.5f}" for x in (o, h, lo, c, (h + lo) / 2)), f"{v}", 9]
            for t, o, h, lo, c, v in candles.tolist()]  # fmt: skip
    return json.dumps({"error": [], "result": {"XXBTZUSD": rows, "last": 5}}).encode()


@KINDS.add("D1", "x.json")
def yahoo_chart_json(candles: Candles) -> bytes:
    quote = {"timestamp": (candles["t"] // 1000).tolist(), "meta": {"currency": "USD", "gmtoffset": -18000},
             "indicators": {"quote": [columns_of(candles)], "adjclose": [{"adjclose": candles["c"].tolist()}]}}  # fmt: skip
    return json.dumps({"chart": {"result": [quote], "error": None}}).encode()


@KINDS.add("M15", "x.json")
def alpha_vantage_json(candles: Candles) -> bytes:
    names = ("1. open", "2. high", "3. low", "4. close", "5. volume")
    series = {
        f"{moment(c):%Y-%m-%d %H:%M:%S}": dict(zip(names, map(str, c.tolist()[1:]), strict=True)) for c in candles[::-1]
    }
    return json.dumps(
        {"Meta Data": {"1. Information": "x", "2. Symbol": "IBM"}, "Time Series (15min)": series}
    ).encode()


@KINDS.add("M5")
def stooq_five_minutes(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d},{t:%H:%M:%S}", *p, v]),
                 "Date,Time,Open,High,Low,Close,Volume\r\n", "\r\n")  # fmt: skip


@KINDS.add("M1")
def metastock(candles: Candles) -> bytes:
    head = "<TICKER>,<PER>,<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    return table(candles, lambda t, p, v: ",".join(["EURUSD,I", f"{t:%Y%m%d},{t:%H%M}", *p, v, "0"]), head)


@KINDS.add("M15")
def amibroker(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(["EURUSD", f"{t:%d.%m.%Y %H:%M:%S}", *p, v]),
                 "Ticker,Date/Time,Open,High,Low,Close,Volume\n")  # fmt: skip


@KINDS.add("D1", scale=1000, decimals=2)
def nse_india(candles: Candles) -> bytes:
    head = ('"Date ","series ","OPEN ","HIGH ","LOW ","PREV. CLOSE ","ltp ","close ","vwap ","52W H","52W L ","VOLUME ",'
            '"VALUE ","No of trades "\n')  # fmt: skip

    def row(t: datetime, p: list[str], v: str) -> str:
        o, h, lo, c = (f"{float(x):,.2f}" for x in p)
        return ",".join(f'"{x}"' for x in (
            f"{t:%d-%b-%Y}", "EQ", o, h, lo, o, c, c, c, "2,000.00", "900.00", f"{int(v):,}", "77,777.10", "1,234"))  # fmt: skip

    return table(candles[::-1], row, head)


@KINDS.add("D1", scale=1000, decimals=2)
def bse_india(candles: Candles) -> bytes:
    head = ("Date,Open Price,High Price,Low Price,Close Price,WAP,No.of Shares,No. of Trades,Total Turnover (Rs.),"
            "Deliverable Quantity,% Deli. Qty to Traded Qty,Spread High-Low,Spread Close-Open\n")  # fmt: skip
    return table(candles[::-1], lambda t, p, v: ",".join(
        [f"{t.day}-{t:%B-%Y}", *(f"{float(x):.2f}" for x in p), p[3], v, "55", "7777", "5", "4.1", "1.2", "0.2,"]), head)  # fmt: skip


@KINDS.add("D1", scale=10_000, decimals=1, volume=False)
def wall_street_journal(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ", ".join([f"{t:%m/%d/%y}", *(f"{float(x):.1f}" for x in p)]),
                 "Date, Open, High, Low, Close\n")  # fmt: skip


@KINDS.add("D1", scale=10_000, decimals=1)
def marketwatch(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ",".join(
        [f"{t:%m/%d/%Y}", *(f'"{float(x):,.2f}"' for x in p), f'"{int(v):,}"']), "Date,Open,High,Low,Close,Volume\n")  # fmt: skip


@KINDS.add("H1", "x.json")
def oanda_json(candles: Candles) -> bytes:
    rows = [{"complete": True, "volume": int(c["v"]), "time": f"{moment(c):%Y-%m-%dT%H:%M:%S}.000000000Z",
             "mid": {k: f"{c[k]:.5f}" for k in "ohlc"}} for c in candles]  # fmt: skip
    return json.dumps({"instrument": "EUR_USD", "granularity": "H1", "candles": rows}).encode()


@KINDS.add("H1")
def bybit_public(candles: Candles) -> bytes:
    head = "id,symbol,period,interval,start_at,open_at,volume,open,high,low,close\n"
    return table(candles, lambda t, p, v: ",".join(["1,BTCUSD,60,60", f"{t.timestamp():.0f}", "0", v, *p]), head)


@KINDS.add("M15")
def interactive_brokers_named_zone(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(
        [f"{t - timedelta(hours=5):%Y%m%d %H:%M:%S} US/Eastern", *p, v, p[3], "9"]),
        "date,open,high,low,close,volume,average,barCount\n")  # fmt: skip


@KINDS.add("M5")
def eodhd(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(
        [f"{t.timestamp():.0f},0,{t:%Y-%m-%d %H:%M:%S}", *p, v]),
        "Timestamp,Gmtoffset,Datetime,Open,High,Low,Close,Volume\n")  # fmt: skip


@KINDS.add("M1", "x.json")
def polygon_json(candles: Candles) -> bytes:
    rows = [{"v": v, "vw": (h + lo) / 2, "o": o, "c": c, "h": h, "l": lo, "t": t, "n": 4}
            for t, o, h, lo, c, v in candles.tolist()]  # fmt: skip
    return json.dumps({"ticker": "X", "queryCount": 2, "results": rows, "status": "OK"}).encode()


@KINDS.add("H1")
def spreadsheet_serials(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t.timestamp() / 86400 + 25569:.10f}", *p, v]),
                 "Date,Open,High,Low,Close,Volume\n")  # fmt: skip


@KINDS.add("M1")
def kibot(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%m/%d/%Y},{t:%H:%M}", *p, v]), end="\r\n")


@KINDS.add("M5")
def ctrader(candles: Candles) -> bytes:
    return table(
        candles, lambda t, p, v: ",".join([f"{t:%d/%m/%Y %H:%M:%S}", *p, v]), "Date,Open,High,Low,Close,Volume\n"
    )


@KINDS.add("M15", "x.json")
def pandas_split_json(candles: Candles) -> bytes:
    rows = [list(c.tolist()[1:]) for c in candles]
    names = ["open", "high", "low", "close", "volume"]
    return json.dumps({"columns": names, "index": candles["t"].tolist(), "data": rows}).encode()


@KINDS.add("M15", "x.json")
def udf_json(candles: Candles) -> bytes:
    return json.dumps(
        {"s": "ok", "t": (candles["t"] // 1000).tolist(), **{k: candles[k].tolist() for k in "ohlcv"}}
    ).encode()


@KINDS.add("M10")
def moex(candles: Candles) -> bytes:
    head = "candles\n\nopen;close;high;low;value;volume;begin;end\n"
    return table(candles, lambda t, p, v: ";".join(
        [p[0], p[3], p[1], p[2], "7777.5", v, f"{t:%Y-%m-%d %H:%M:%S}", f"{t + timedelta(minutes=10):%Y-%m-%d %H:%M:%S}"]
    ), head)  # fmt: skip


@KINDS.add("D1")
def terminal_with_preamble(candles: Candles) -> bytes:
    head = "Security,EURUSD Curncy\nStart Date,01/01/2020\nEnd Date,12/31/2024\nPeriod,D\n\nDate,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME\n"
    return table(candles, lambda t, p, v: ",".join([f"{t:%m/%d/%Y}", *p, v]), head)


@KINDS.add("M30")
def quantquote(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y%m%d},{t.hour * 100 + t.minute}", *p, v, "0", "0", "0"]))


@KINDS.add("M15", volume=False)
def tradestation_short_years(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%m/%d/%y},{t.hour * 100 + t.minute}", *p]),
                 '"Date","Time","Open","High","Low","Close"\n')  # fmt: skip


@KINDS.add("M15")
def spreadsheet_with_separator_line(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ";".join(
        [f"{t:%d.%m.%Y %H:%M}", *(x.replace(".", ",") for x in p), v]), "sep=;\nDate;Open;High;Low;Close;Volume\n", "\r\n")  # fmt: skip


@KINDS.add("M1", "x.csv.gz")
def gzipped_with_comments(candles: Candles) -> bytes:
    head = "# source: a feed\n# generated 2025-01-01 00:00:00\n# columns follow\ntimestamp,open,high,low,close,volume\n"
    return gzip.compress(table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%dT%H:%M:%S}Z", *p, v]), head))


@KINDS.add("M15")
def zero_padded_by_a_crash(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y.%m.%d},{t:%H:%M}", *p, v])) + b"\0" * 5000


@KINDS.add("H1", "x.json")
def binance_json_lines(candles: Candles) -> bytes:
    rows = [{"openTime": t, "open": str(o), "high": str(h), "low": str(lo), "close": str(c), "volume": str(v),
             "closeTime": t + 3_599_999} for t, o, h, lo, c, v in candles.tolist()]  # fmt: skip
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.mark.parametrize("name", list(KINDS.known))
def test_every_kind_gives_its_candles_back(tmp_path: Path, name: str) -> None:
    assert KINDS.known[name].outcome(tmp_path) == "right"
