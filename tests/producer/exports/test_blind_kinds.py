"""Kinds of files that were unknown when the reader was written: its rate on them is the rate on what comes next."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from producer.exports.testing import Kinds, moment, table
from shared.contracts import Candles

KINDS = Kinds()


def comma(text: str) -> str:
    return text.replace(".", ",")


def dotted(amount: float) -> str:
    return f"{amount:,.0f}".replace(",", ".")


def ms(t: datetime) -> int:
    return int(t.timestamp() * 1000)


@KINDS.add("M5", scale=2000, decimals=2)
def gold_on_kaggle(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ";".join([f"{t:%Y.%m.%d %H:%M}", *(f"{float(x):.2f}" for x in p), v]),
                 "Date;Open;High;Low;Close;Volume\n")  # fmt: skip


@KINDS.add("M15")
def alpaca(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(["AAPL", f"{t:%Y-%m-%d %H:%M:%S}+00:00", *p, f"{v}.0", "12.0", p[0]]),
                 "symbol,timestamp,open,high,low,close,volume,trade_count,vwap\n")  # fmt: skip


@KINDS.add("D1", scale=10, decimals=2)
def tushare(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ",".join(
        ["000001.SZ", f"{t:%Y%m%d}", *(f"{float(x):.2f}" for x in p), p[0], "0.1", "0.9", f"{v}.0", "7777.123"]),
        "ts_code,trade_date,open,high,low,close,pre_close,change,pct_chg,vol,amount\n")  # fmt: skip


@KINDS.add("D1", scale=10, decimals=2)
def akshare(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(
        [f"{t:%Y-%m-%d}", p[0], p[3], p[1], p[2], v, "123456789.0", "1.2", "0.3", "0.03", "0.5"]),
        "日期,开盘,收盘,最高,最低,成交量,成交额,振幅,涨跌幅,涨跌额,换手率\n")  # fmt: skip


@KINDS.add("M5", "x.json")
def upbit(candles: Candles) -> bytes:
    return json.dumps([
        {"market": "KRW-BTC", "candle_date_time_utc": f"{moment(c):%Y-%m-%dT%H:%M:%S}",
         "candle_date_time_kst": f"{moment(c) + timedelta(hours=9):%Y-%m-%dT%H:%M:%S}", "opening_price": c["o"],
         "high_price": c["h"], "low_price": c["l"], "trade_price": c["c"], "timestamp": int(c["t"]) + 299_123,
         "candle_acc_trade_price": 9.9e9, "candle_acc_trade_volume": c["v"], "unit": 5} for c in candles[::-1]
    ]).encode()  # fmt: skip


@KINDS.add("H1", "x.json")
def twelve_data(candles: Candles) -> bytes:
    rows = [{"datetime": f"{moment(c):%Y-%m-%d %H:%M:%S}", "open": f"{c['o']:.5f}", "high": f"{c['h']:.5f}",
             "low": f"{c['l']:.5f}", "close": f"{c['c']:.5f}", "volume": f"{c['v']:.0f}"} for c in candles[::-1]]  # fmt: skip
    return json.dumps({"meta": {"symbol": "EUR/USD", "interval": "1h"}, "values": rows, "status": "ok"}).encode()


@KINDS.add("M5", "x.json", volume=False)
def ig_markets(candles: Candles) -> bytes:
    def price(x: float) -> dict[str, object]:
        return {"bid": x, "ask": round(x + 0.0001, 5), "lastTraded": None}

    rows = [{"snapshotTime": f"{moment(c):%Y/%m/%d %H:%M:%S}", "snapshotTimeUTC": f"{moment(c):%Y-%m-%dT%H:%M:%S}",
             "openPrice": price(c["o"]), "closePrice": price(c["c"]), "highPrice": price(c["h"]),
             "lowPrice": price(c["l"])} for c in candles]  # fmt: skip
    return json.dumps({"prices": rows, "instrumentType": "CURRENCIES"}).encode()


@KINDS.add("M15", "x.json")
def gate_io(candles: Candles) -> bytes:
    return json.dumps([[str(t // 1000), "987654321.5", *(f"{x:.5f}" for x in (c, h, lo, o)), f"{v}", "true"]
                       for t, o, h, lo, c, v in candles.tolist()]).encode()  # fmt: skip


@KINDS.add("M15", "x.json")
def huobi(candles: Candles) -> bytes:
    rows = [{"id": t // 1000, "open": o, "close": c, "low": lo, "high": h, "amount": v, "vol": v * c, "count": 77}
            for t, o, h, lo, c, v in candles.tolist()]  # fmt: skip
    return json.dumps({"ch": "market.btcusdt.kline.15min", "status": "ok", "ts": 1, "data": rows[::-1]}).encode()


@KINDS.add("M30")
def hitbtc(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(
        [f"{t:%Y-%m-%dT%H:%M:%S}.000Z", p[0], p[3], p[2], p[1], v, "55.1"]), "timestamp,open,close,min,max,volume,volumeQuote\n")  # fmt: skip


@KINDS.add("H1", "x.json")
def hyperliquid(candles: Candles) -> bytes:
    return json.dumps([{"t": t, "T": t + 3_599_999, "s": "BTC", "i": "1h", "o": str(o), "c": str(c), "h": str(h), "l": str(lo),
                        "v": str(v), "n": 9} for t, o, h, lo, c, v in candles.tolist()]).encode()  # fmt: skip


@KINDS.add("H4")
def dydx(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ",".join(
        [f"{t:%Y-%m-%dT%H:%M:%S}.000Z", "BTC-USD", "4HOURS", p[2], p[1], p[0], p[3], v, "9", "1234567.8", "55.5"]),
        "startedAt,market,resolution,low,high,open,close,baseTokenVolume,trades,usdVolume,startingOpenInterest\n")  # fmt: skip


@KINDS.add("M1")
def databento(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(
        [f"{t:%Y-%m-%dT%H:%M:%S}.000000000Z", "33", "1", "5482", *(f"{x}0000" for x in p), v, "6EH5"]),
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n")  # fmt: skip


@KINDS.add("D1", scale=20, decimals=2, volume=False)
def cboe(candles: Candles) -> bytes:
    return table(
        candles,
        lambda t, p, _: ",".join([f"{t:%m/%d/%Y}", *(f"{float(x):.6f}" for x in p)]),
        "DATE,OPEN,HIGH,LOW,CLOSE\n",
    )


@KINDS.add("D1", scale=50, decimals=2)
def ariva(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ";".join(
        [f"{t:%Y-%m-%d}", *(comma(f"{float(x):.2f}") for x in p), v, dotted(int(v) * float(p[3]))]),
        "Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen\n")  # fmt: skip


@KINDS.add("D1", scale=50, decimals=2)
def comdirect(candles: Candles) -> bytes:
    head = '"ALLIANZ SE (WKN: 840400 Börse: Xetra)"\n\n"Datum";"Eröffnung";"Hoch";"Tief";"Schluss";"Volumen"\n'
    return table(candles[::-1], lambda t, p, v: ";".join(
        f'"{x}"' for x in (f"{t:%d.%m.%Y}", *(comma(f"{float(x):.2f}") for x in p), f"{int(v):,}".replace(",", "."))),
        head, "\r\n", "cp1252")  # fmt: skip


@KINDS.add("D1", scale=50, decimals=2)
def boursorama(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: "\t".join([f"{t:%d/%m/%Y} 00:00", *(f"{float(x):.2f}" for x in p), v, "EUR", ""]),
                 "date\touv\thaut\tbas\tclot\tvol\tdevise\t\n", "\r\n")  # fmt: skip


@KINDS.add("D1", scale=50, decimals=2)
def abc_bourse(candles: Candles) -> bytes:
    return table(
        candles, lambda t, p, v: ";".join(["FR0000120271", f"{t:%d/%m/%y}", *(comma(f"{float(x):.2f}") for x in p), v])
    )


@KINDS.add("D1", scale=150, decimals=2)
def yfinance_three_headers(candles: Candles) -> bytes:
    head = "Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n"
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d}", p[3], p[1], p[2], p[0], v]), head)


@KINDS.add("D1", scale=150, decimals=2)
def quantmod(candles: Candles) -> bytes:
    head = '"","AAPL.Open","AAPL.High","AAPL.Low","AAPL.Close","AAPL.Volume","AAPL.Adjusted"\n'
    return table(candles, lambda t, p, v: ",".join([f'"{t:%Y-%m-%d}"', *p, v, f"{float(p[3]) * 0.93:.6f}"]), head)


@KINDS.add("D1", scale=1000, decimals=2)
def nasdaq_data_link(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ",".join([f"{t:%Y-%m-%d}", *p, "0.25", p[3], v, "250000"]),
                 "Date,Open,High,Low,Last,Change,Settle,Volume,Previous Day Open Interest\n")  # fmt: skip


@KINDS.add("M15", "x.json")
def finnhub(candles: Candles) -> bytes:
    return json.dumps({k: candles[k].tolist() for k in "cho"} | {"l": candles["l"].tolist(), "s": "ok",
                      "t": (candles["t"] // 1000).tolist(), "v": candles["v"].tolist()}).encode()  # fmt: skip


@KINDS.add("M5", "x.json")
def financial_modeling_prep(candles: Candles) -> bytes:
    return json.dumps([{"date": f"{moment(c):%Y-%m-%d %H:%M:%S}", "open": c["o"], "low": c["l"], "high": c["h"], "close": c["c"],
                        "volume": int(c["v"])} for c in candles[::-1]], indent=2).encode()  # fmt: skip


@KINDS.add("M15", "x.json")
def pandas_columns(candles: Candles) -> bytes:
    names = ("open", "high", "low", "close", "volume")
    stamps = [str(t) for t in candles["t"].tolist()]
    return json.dumps({name: dict(zip(stamps, candles[name[0]].tolist(), strict=True)) for name in names}).encode()


@KINDS.add("M15", "x.json")
def pandas_table(candles: Candles) -> bytes:
    fields = [{"name": "time", "type": "datetime"}, *({"name": n, "type": "number"} for n in ("open", "close"))]
    rows = [{"time": f"{moment(c):%Y-%m-%dT%H:%M:%S}.000Z", "open": c["o"], "high": c["h"], "low": c["l"], "close": c["c"],
             "volume": c["v"]} for c in candles]  # fmt: skip
    return json.dumps({"schema": {"fields": fields, "primaryKey": ["time"]}, "data": rows}).encode()


@KINDS.add("M1")
def esignal(candles: Candles) -> bytes:
    return table(candles[::-1], lambda t, p, v: ",".join([f"{t:%m/%d/%Y},{t:%I:%M:%S %p}", *p, v]),
                 "Date,Time,Open,High,Low,Close,Volume\n", "\r\n")  # fmt: skip


@KINDS.add("M5")
def thinkorswim(candles: Candles) -> bytes:
    head = "Symbol,/ES\nStudy,None\n\nTime,Open,High,Low,Close,Volume\n"
    return table(candles, lambda t, p, v: ",".join([f"{t.month}/{t.day}/{t:%y} {t.hour}:{t:%M}", *p, v]), head)


@KINDS.add("H1")
def prorealtime(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: "\t".join([f"{t:%d/%m/%Y %H:%M:%S}", *map(comma, p), v]),
                 "Date\tOuverture\tHaut\tBas\tClôture\tVolume\n", "\r\n")  # fmt: skip


@KINDS.add("M15", volume=False)
def zone_in_the_name_of_the_column(candles: Candles) -> bytes:
    return table(candles, lambda t, p, _: ",".join([f"{t:%Y-%m-%d %H:%M:%S}", *p]), "Etc/UTC,Open,High,Low,Close\n")


@KINDS.add("M15")
def questdb(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f'"{t:%Y-%m-%dT%H:%M:%S}.000000Z"', *p, v]),
                 '"timestamp","first","max","min","last","sum_volume"\n', "\r\n")  # fmt: skip


@KINDS.add("M10")
def influx_annotated(candles: Candles) -> bytes:
    head = "#group,false,false,true,false,false,false,false\n#datatype,string,long,dateTime:RFC3339,double,double,double,double\n,result,_time,open,high,low,close,volume\n"
    return table(candles, lambda t, p, v: ",".join(["", "0", f"{t:%Y-%m-%dT%H:%M:%S}Z", *p, v]), head)


@KINDS.add("M15")
def markdown_table(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: f"| {t:%Y-%m-%d %H:%M} | {' | '.join(p)} | {v} |",
                 "| time | open | high | low | close | volume |\n|---|---|---|---|---|---|\n")  # fmt: skip


@KINDS.add("M15")
def sqlite_pipe_dump(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: "|".join(["1", "EURUSD", f"{t:%Y-%m-%d %H:%M:%S}", *p, v]))


@KINDS.add("M15")
def year_month_day_apart(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t.year},{t.month},{t.day},{t.hour},{t.minute}", *p, v]),
                 "Year,Month,Day,Hour,Minute,Open,High,Low,Close,Volume\n")  # fmt: skip


@KINDS.add("M15")
def row_numbers_first(candles: Candles) -> bytes:
    number = iter(range(10_000))
    return table(candles, lambda t, p, v: ",".join([str(next(number)), f"{t:%Y-%m-%d %H:%M:%S}", *p, v]))


@KINDS.add("M15")
def dollars_and_euros(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ";".join([f"{t:%d.%m.%Y %H:%M}", *(f"{comma(x)} €" for x in p), v]),
                 "Zeit;Open;High;Low;Close;Volumen\n")  # fmt: skip


@KINDS.add("M15")
def long_month_names(candles: Candles) -> bytes:
    return table(
        candles, lambda t, p, v: "\t".join([f"{t:%d %B %Y %H:%M}", *p, v]), "Date\tOpen\tHigh\tLow\tClose\tVolume\n"
    )


@KINDS.add("M15")
def weekday_first(candles: Candles) -> bytes:
    return table(
        candles, lambda t, p, v: ",".join([f'"{t:%a, %b %d, %Y, %H:%M}"', *p, v]), "Date,Open,High,Low,Close,Volume\n"
    )


@KINDS.add("M15")
def local_and_utc(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(
        [f"{t + timedelta(hours=3):%Y-%m-%d %H:%M:%S},{t:%Y-%m-%d %H:%M:%S}", *p, v]),
        "local_time,utc_time,open,high,low,close,volume\n")  # fmt: skip


@KINDS.add("M15")
def bid_and_ask_by_turns(candles: Candles) -> bytes:
    def row(t: datetime, p: list[str], v: str) -> str:
        return ",".join([f"{t:%Y-%m-%d %H:%M:%S}", *(y for x in p for y in (x, f"{float(x) + 0.0001:.5f}")), v])

    return table(candles, row, "time,open_bid,open_ask,high_bid,high_ask,low_bid,low_ask,close_bid,close_ask,volume\n")


@KINDS.add("M15")
def heikin_beside_real(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}", "1.5", "1.6", "1.4", "1.55", *p, v]),
                 "time,HA_open,HA_high,HA_low,HA_close,open,high,low,close,volume\n")  # fmt: skip


@KINDS.add("M15")
def previous_close_first(candles: Candles) -> bytes:
    closes = iter([f"{candles['o'][0]:.5f}", *(f"{c:.5f}" for c in candles["c"])])
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}", next(closes), *p, v]))


@KINDS.add("M15")
def dotnet_ticks(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([str((ms(t) + 62_135_596_800_000) * 10_000), *p, v]),
                 "Ticks,Open,High,Low,Close,Volume\n")  # fmt: skip


@KINDS.add("M15", volume=False)
def closing_times_only(candles: Candles) -> bytes:
    return table(candles, lambda t, p, _: ",".join([f"{t + timedelta(minutes=15):%Y-%m-%d %H:%M:%S}", *p]),
                 "close_time,open,high,low,close\n")  # fmt: skip


@KINDS.add("M15")
def javascript_dates(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)", *p, v]),
                 "date,open,high,low,close,volume\n")  # fmt: skip


REFUSED = {"year_month_day_apart"}


@pytest.mark.parametrize("name", list(KINDS.known))
def test_every_kind_gives_its_candles_back(tmp_path: Path, name: str) -> None:
    assert KINDS.known[name].outcome(tmp_path).partition(":")[0] == ("refused" if name in REFUSED else "right")
