"""Column names of exports: which words mean which column."""

import re

WORDS: dict[str, tuple[str, ...]] = {
    "open": ("open", "o", "openprice", "priceopen", "1open", "bidopen", "openbid", "midopen", "openmid", "first"),
    "high": ("high", "h", "highprice", "pricehigh", "max", "2high", "bidhigh", "highbid", "midhigh", "highmid"),
    "low": ("low", "l", "lowprice", "pricelow", "min", "3low", "bidlow", "lowbid", "midlow", "lowmid"),
    "close": (
        "close", "c", "closeprice", "priceclose", "4close", "bidclose", "closebid", "midclose", "closemid", "last",
        "closelast", "price",
    ),
    "volume": (
        "tickvol", "tickvolume", "volume", "vol", "v", "5volume", "vol.", "tickvolumes", "volumebase", "basevolume",
        "tickqty", "bidvolume", "shares", "totalvolume",
    ),
    "real_volume": ("realvolume", "realvol", "vol"),
    "spread": ("spread",),
    "date": ("date", "day", "tradedate", "dtyyyymmdd", "yyyymmdd", "dateutc", "dategmt"),
    "clock": ("time", "hour", "timeutc", "timegmt", "hhmmss", "timeofday", "clock"),
    "moment": (
        "unix", "timestamp", "ts", "epoch", "unixtimestamp", "unixtime", "datetime", "datetimeutc", "opentime", "t",
        "gmttime", "localtime", "time", "date", "timestamputc", "openutc", "opentimems", "bartime", "timeopen", "begin",
        "startsat", "starttime", "periodstartunix", "candlebegintime", "dateandtime",
    ),
    "symbol": ("ticker", "symbol", "pair", "instrument", "tic", "sym", "contract", "market"),
}  # fmt: skip
"""Role -> words, the surest first. ``clock`` is a time of day beside a date, ``moment`` a stamp that stands alone."""

_CLOSING = ("closetime", "timeclose", "endtime", "closetimems", "end")


def normal(name: str) -> str:
    """A column name without case, brackets, spaces and signs."""
    return re.sub(r"[^0-9a-z]", "", name.strip().strip("\ufeff").lower())


def is_closing_time(name: str) -> bool:
    """Whether a column tells when candles close."""
    return normal(name) in _CLOSING


def find(names: tuple[str, ...], role: str) -> list[int]:
    """Columns whose names mean ``role``, the surest first."""
    plain = [normal(name) for name in names]
    return [column for word in WORDS[role] for column, name in enumerate(plain) if name == word]


def find_volume(names: tuple[str, ...]) -> list[int]:
    """Columns of volume: those named so, else those whose name begins with it (``Volume BTC``), left to right."""
    exact = find(names, "volume")
    loose = [
        column for column, name in enumerate(names) if re.match(r"(?i)\W*(tick ?)?vol(ume)?\b", name.replace("_", " "))
    ]
    return exact + [column for column in loose if column not in exact]


def is_header(names: list[str]) -> bool:
    """Whether a line names the four prices."""
    row = tuple(names)
    return all(find(row, role) for role in ("open", "high", "low", "close"))
