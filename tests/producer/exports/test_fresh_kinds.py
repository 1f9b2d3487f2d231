"""A second set of kinds that were unknown when the reader was written."""

import json
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest

from producer.exports.testing import Kinds, moment, table
from shared.contracts import Candles

KINDS = Kinds()
HEAD = "Date,Open,High,Low,Close,Volume\n"


def epoch(t: datetime) -> int:
    return int(t.timestamp())


@KINDS.add("M15")
def excel_american(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: "\t".join([f"{t.month}/{t.day}/{t.year} {t:%I:%M %p}".replace(" 0", " "), *p, v]),
                 HEAD.replace(",", "\t"), "\r\n")  # fmt: skip


@KINDS.add("M15")
def iso_basic(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y%m%dT%H%M%S}Z", *p, v]))


@KINDS.add("M15")
def big_query(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}.000000 UTC", *p, v]), "bar_ts,o,h,l,c,v\n")


@KINDS.add("M15")
def postgres(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: "\t".join(["EURUSD", f"{t:%Y-%m-%d %H:%M:%S}+00", *p, v]),
                 "symbol\tbucket\topen\thigh\tlow\tclose\tvolume\n")  # fmt: skip


@KINDS.add("M15")
def clickhouse(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: "\t".join([f"{t:%Y-%m-%d %H:%M:%S}", "binance", "BTCUSDT", *p, v]))


@KINDS.add("M15")
def float_seconds(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{epoch(t)}.0", *p, v]), "time,open,high,low,close,volume\n")


@KINDS.add("M15")
def quoted_everything(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join(f'"{x}"' for x in (epoch(t) * 1000, *p, v)))


@KINDS.add("M5")
def epoch_nanoseconds(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([str(epoch(t) * 10**9), *p, v]), "ts_ns,open,high,low,close,vol\n")


@KINDS.add("M15", scale=10_000, decimals=2)
def swiss(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ";".join(
        [f"{t:%d.%m.%Y %H:%M}", *(f"{float(x):,.2f}".replace(",", "'") for x in p), f"{int(v):,}".replace(",", "'")]),
        "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen\n")  # fmt: skip


@KINDS.add("D1", scale=10_000, decimals=2)
def french_thin_spaces(candles: Candles) -> bytes:
    def number(text: str) -> str:
        return f"{float(text):,.2f}".replace(",", "\u202f").replace(".", ",")

    return table(candles[::-1], lambda t, p, v: ";".join([f"{t:%d/%m/%Y}", *map(number, p), number(v)]),
                 "Date;Ouverture;Plus Haut;Plus Bas;Clôture;Volume\n")  # fmt: skip


@KINDS.add("H1")
def excel_unicode_text(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: "\t".join([f"{t:%d/%m/%Y %H:%M}", *p, v]), "\ufeff" + HEAD.replace(",", "\t"),
                 "\r\n", "utf-16-le")  # fmt: skip


@KINDS.add("H1")
def old_mac(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M}", *p, v]), HEAD[:-1] + "\r", "\r")


@KINDS.add("M15")
def fixed_width_with_header(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: f"{t:%Y-%m-%d %H:%M:%S}  {p[0]:>10}  {p[1]:>10}  {p[2]:>10}  {p[3]:>10}  {v:>12}",
                 "               time        open        high         low       close        volume\n")  # fmt: skip


@KINDS.add("M15", scale=5_000_000, decimals=2)
def rupees(candles: Candles) -> bytes:
    def lakh(text: str) -> str:
        whole, _, part = f"{float(text):.2f}".partition(".")
        groups = [whole[-3:]]
        rest = whole[:-3]
        while rest:
            groups.insert(0, rest[-2:])
            rest = rest[:-2]
        return ",".join(groups) + "." + part

    return table(candles, lambda t, p, v: ",".join([f"{t:%d-%m-%Y %H:%M}", *(f'"₹{lakh(x)}"' for x in p), v]), HEAD)


@KINDS.add("M15", "x.json")
def zerodha(candles: Candles) -> bytes:
    rows = [[f"{moment(c):%Y-%m-%dT%H:%M:%S}+0000", c["o"], c["h"], c["l"], c["c"], int(c["v"]), 0] for c in candles]
    return json.dumps({"status": "success", "data": {"candles": rows}}).encode()


@KINDS.add("M1", "x.json")
def binance_stream(candles: Candles) -> bytes:
    rows = [{"e": "kline", "E": t + 60_001, "s": "BNBUSDT", "k": {"t": t, "T": t + 59_999, "s": "BNBUSDT", "i": "1m",
             "f": 100, "L": 200, "o": str(o), "c": str(c), "h": str(h), "l": str(lo), "v": str(v), "n": 100, "x": True,
             "q": str(v * c), "V": "500", "Q": "0.5", "B": "0"}} for t, o, h, lo, c, v in candles.tolist()]  # fmt: skip
    return "\n".join(map(json.dumps, rows)).encode()


@KINDS.add("M5", "x.json")
def coinbase_advanced(candles: Candles) -> bytes:
    rows = [{"start": str(t // 1000), "low": str(lo), "high": str(h), "open": str(o), "close": str(c), "volume": str(v)}
            for t, o, h, lo, c, v in candles[::-1].tolist()]  # fmt: skip
    return json.dumps({"candles": rows}).encode()


@KINDS.add("M5", "x.json")
def kucoin_answer(candles: Candles) -> bytes:
    rows = [
        [str(t // 1000), *map(str, (o, c, h, lo, v, round(v * c, 3)))] for t, o, h, lo, c, v in candles[::-1].tolist()
    ]
    return json.dumps({"code": "200000", "data": rows}).encode()


@KINDS.add("M5", "x.json")
def bybit_answer(candles: Candles) -> bytes:
    rows = [[str(t), *map(str, (o, h, lo, c, v, v * c))] for t, o, h, lo, c, v in candles[::-1].tolist()]
    return json.dumps({"retCode": 0, "result": {"category": "spot", "symbol": "X", "list": rows}, "time": 5}).encode()


@KINDS.add("M5", "x.json")
def bitfinex_answer(candles: Candles) -> bytes:
    return json.dumps([[t, o, c, h, lo, v] for t, o, h, lo, c, v in candles[::-1].tolist()]).encode()


@KINDS.add("M5", "x.json")
def poloniex_answer(candles: Candles) -> bytes:
    rows = [[*map(str, (lo, h, o, c, v * c, v)), "1", "2", 7, 0, "1.12", "MINUTE_5", t, t + 299_999]
            for t, o, h, lo, c, v in candles.tolist()]  # fmt: skip
    return json.dumps(rows).encode()


@KINDS.add("D1", "x.json")
def marketstack(candles: Candles) -> bytes:
    rows = [{"open": c["o"], "high": c["h"], "low": c["l"], "close": c["c"], "volume": c["v"], "adj_high": c["h"] * 0.9,
             "adj_low": c["l"] * 0.9, "adj_close": c["c"] * 0.9, "adj_open": c["o"] * 0.9, "split_factor": 1.0,
             "dividend": 0.0, "symbol": "AAPL", "exchange": "XNAS", "date": f"{moment(c):%Y-%m-%dT%H:%M:%S}+0000"}
            for c in candles[::-1]]  # fmt: skip
    return json.dumps({"pagination": {"limit": 100, "offset": 0}, "data": rows}).encode()


@KINDS.add("M10", "x.json")
def moex_answer(candles: Candles) -> bytes:
    rows = [[o, c, h, lo, v * c, v, f"{datetime.fromtimestamp(t / 1000, moment(candles[0]).tzinfo):%Y-%m-%d %H:%M:%S}", "x"]
            for t, o, h, lo, c, v in candles.tolist()]  # fmt: skip
    names = ["open", "close", "high", "low", "value", "volume", "begin", "end"]
    return json.dumps({"candles": {"metadata": {"open": {"type": "double"}}, "columns": names, "data": rows}}).encode()


@KINDS.add("M15", "x.parquet")
def parquet(candles: Candles) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"Datetime": pa.array(candles["t"] * 1000, pa.timestamp("us"))}
    columns |= {name: pa.array(candles[name[0].lower()]) for name in ("Open", "High", "Low", "Close", "Volume")}
    buffer = BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


@KINDS.add("D1")
def units_in_the_names(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d}", *p, v]),
                 "Trade Date,Open ($),High ($),Low ($),Close ($),Volume (shares)\n")  # fmt: skip


@KINDS.add("H1")
def footer_and_blank_lines(candles: Candles) -> bytes:
    return (
        table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}", *p, v]), "\n\n" + HEAD)
        + b"\n\nRows: 400\n\n"
    )


@KINDS.add("M15")
def twelve_digits(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: " ".join([f"{t:%Y%m%d%H%M}", *p, v]))


@KINDS.add("H1")
def short_years_with_dashes(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%d-%m-%y %H:%M}", *p, v]), HEAD)


@KINDS.add("H1")
def hebrew(candles: Candles) -> bytes:
    return table(
        candles,
        lambda t, p, v: ",".join([f"{t:%d/%m/%Y %H:%M}", p[3], *p[:3], v]),
        "תאריך,שער נעילה,פתיחה,גבוה,נמוך,מחזור\n",
    )


@KINDS.add("H1")
def arabic(candles: Candles) -> bytes:
    return table(
        candles,
        lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M}", *p, v]),
        "التاريخ,الافتتاح,الأعلى,الأدنى,الإغلاق,الحجم\n",
    )


@KINDS.add("H1")
def concatenated(candles: Candles) -> bytes:
    half = len(candles) // 2
    parts = [
        table(part, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M}", *p, v]), HEAD)
        for part in (candles[:half], candles[half:])
    ]
    return b"\xef\xbb\xbf".join([b"", *parts])


@KINDS.add("M15")
def metatrader_script(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ";".join([f"{t:%Y.%m.%d %H:%M:%S}", *p, v, "12", "0"]),
                 "Time;Open;High;Low;Close;TickVolume;Spread;RealVolume\n")  # fmt: skip


@KINDS.add("M15")
def bars_with_indicators(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%dT%H:%M}", *p, v, p[0], p[1], "55.1", "", "NaN"]),
                 "time,open,high,low,close,volume,ema20,bb_upper,rsi,signal,Volume MA\n")  # fmt: skip


@KINDS.add("M15")
def bids_low_first(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([v, p[2], p[1], p[0], p[3], f"{t:%Y-%m-%d %H:%M:%S}"]),
                 "BidVolume,BidLow,BidHigh,BidOpen,BidClose,StartTime\n")  # fmt: skip


@KINDS.add("D1")
def two_dates(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d}", *p, v, "2025-01-02 10:00:00"]),
                 "date,open,high,low,close,volume,downloaded_at\n")  # fmt: skip


@KINDS.add("M15")
def suffixed_symbol(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}", *p, v]),
                 "datetime,open_EURUSD,high_EURUSD,low_EURUSD,close_EURUSD,volume_EURUSD\n")  # fmt: skip


@KINDS.add("M15")
def dashes_for_no_volume(candles: Candles) -> bytes:
    return table(candles, lambda t, p, v: "\t".join([f"{t:%b %d, %Y %H:%M}", *p, f"{float(v) / 1000:.2f}K"]),
                 "Time\tOpen\tHigh\tLow\tClose\tVol.\n")  # fmt: skip


@KINDS.add("H4")
def day_first_am_pm(candles: Candles) -> bytes:
    return table(
        candles,
        lambda t, p, v: ",".join([f"{t:%d/%m/%Y,%I:%M:%S %p}".lower(), *p, v]),
        "date,time,open,high,low,close,volume\n",
    )


@KINDS.add("M30")
def comments_between(candles: Candles) -> bytes:
    rows = table(candles, lambda t, p, v: ",".join([f"{t:%Y-%m-%d %H:%M:%S}", *p, v])).split(b"\n")
    return b"\n".join([b"// exported by a robot", *rows[:200], b"// page 2", *rows[200:]])


@KINDS.add("M15", volume=False)
def prices_only(candles: Candles) -> bytes:
    return table(candles, lambda t, p, _: " ".join([f"{t:%Y.%m.%d %H:%M}", *p]))


@pytest.mark.parametrize("name", list(KINDS.known))
def test_every_kind_gives_its_candles_back(tmp_path: Path, name: str) -> None:
    assert KINDS.known[name].outcome(tmp_path) == "right"
