"""Column names of exports: which words mean which column, in many languages."""

import re
import unicodedata
from collections import Counter

WORDS: dict[str, tuple[str, ...]] = {
    "open": (
        "open", "o", "openprice", "priceopen", "1open", "first", "start", "otwarcie", "eroffnung", "eroffn",
        "eroffnungskurs", "anfang", "ouverture", "ouv", "apertura", "abertura", "откр", "открытие", "acilis", "opening",
        "aanvang", "始値", "开盘", "开盘价", "開盤", "開盤價", "开", "시가", "오픈", "oppning", "apning", "abre",
        "midopen", "openmid", "mido", "bidopen", "openbid", "bido", "askopen", "openask", "asko", "entry",
    ),
    "high": (
        "high", "h", "highprice", "pricehigh", "max", "2high", "highest", "najwyzszy", "maks", "hoch", "hochst", "tageshoch",
        "plushaut", "haut", "maximo", "maxima", "massimo", "max", "макс", "максимум", "yuksek", "hoog", "高値", "最高",
        "最高价", "最高價", "高", "고가", "hogst", "hogsta", "hoy", "alto",
        "midhigh", "highmid", "midh", "bidhigh", "highbid", "bidh", "askhigh", "highask", "askh",
    ),
    "low": (
        "low", "l", "lowprice", "pricelow", "min", "3low", "lowest", "najnizszy", "tief", "tiefst", "tagestief", "plusbas",
        "bas", "minimo", "minima", "мин", "минимум", "dusuk", "laag", "安値", "最低", "最低价", "最低價", "低", "저가",
        "lagst", "lagsta", "lav", "baixo",
        "midlow", "lowmid", "midl", "bidlow", "lowbid", "bidl", "asklow", "lowask", "askl",
    ),
    "close": (
        "close", "c", "closeprice", "priceclose", "4close", "closing", "closingprice", "settle", "zamkniecie", "schluss",
        "schlusskurs", "cloture", "fermeture", "clot", "chiusura", "cierre", "fechamento", "закр", "закрытие", "kapanis",
        "slot", "slotkoers", "終値", "收盘", "收盘价", "收盤", "收盤價", "收", "종가", "stangning", "slutt",
        "last", "closelast", "lastprice", "end", "zuletzt", "dernier", "ultimo", "ostatnio", "simdi", "laatste", "senaste",
        "siste", "цена", "price",
        "midclose", "closemid", "midc", "bidclose", "closebid", "bidc", "askclose", "closeask", "askc",
    ),
    "volume": (
        "tickvol", "tickvolume", "volume", "vol", "v", "5volume", "volumebase", "basevolume", "tickvolumes", "tickqty",
        "shares", "totalvolume", "volumetraded", "tradedvolume", "tradevolume", "noofshares", "sharestraded", "turnover_qty",
        "qty", "quantity", "totalqty", "tradedqty", "totaltradequantity", "totaltradedquantity", "ttltrdqnty",
        "wolumen", "wol", "volumen", "umsatz", "stuck", "объем", "об", "hacim", "hac", "volym", "volum", "出来高",
        "交易量", "成交量", "成交股數", "거래량", "amount", "bidvolume", "volumebid", "bidv", "size", "ticks",
    ),
    "real_volume": ("realvolume", "realvol", "vol"),
    "spread": ("spread",),
    "date": ("date", "day", "tradedate", "dtyyyymmdd", "yyyymmdd", "dateutc", "dategmt", "datum", "data", "fecha", "дата",
             "tarih", "日付", "日付け", "日期", "날짜", "dato", "tradingday", "businessdate", "sessiondate"),
    "clock": ("time", "hour", "timeutc", "timegmt", "hhmmss", "hhmm", "timeofday", "clock", "время", "uhrzeit", "zeit",
              "heure", "hora", "ora", "saat", "godzina", "czas", "tijd", "時刻", "时间", "時間", "timestamp"),
    "moment": (
        "timeperiodstart", "periodstart", "barstart", "candlestart", "starttime", "startsat", "startat", "start", "begin",
        "opentime", "timeopen", "openat", "openedat", "windowstart",
        "unix", "timestamp", "timestamps", "ts", "tms", "epoch", "unixtimestamp", "unixtime", "datetime", "datetimeutc", "t",
        "gmttime", "localtime", "time", "date", "timestamputc", "openutc", "opentimems", "bartime", "utctime", "utc",
        "periodstartunix", "candlebegintime", "dateandtime", "datetimestamp", "eventtime", "snapshottimeutc", "snapshottime",
        "index", "ticks", "dates", "datetimeutc", "createdat", "kdate", "datumzeit", "дата", "datum", "data", "fecha",
    ),
    "symbol": ("ticker", "symbol", "pair", "instrument", "tic", "sym", "contract", "market", "code", "asset", "secid"),
}  # fmt: skip
"""Role -> words, the surest first. ``clock`` is a time of day beside a date, ``moment`` a stamp that stands alone."""

_CLOSING = (
    "closetime", "timeclose", "endtime", "closetimems", "end", "timeperiodend", "periodend", "barend", "closeat", "closedat",
    "closeutc", "windowend", "timeend",
)  # fmt: skip
_QUOTE = re.compile(r"usd|eur|gbp|jpy|krw|busd|quote|ccy|turnover|notional|value|currency|amount", re.IGNORECASE)
_PRICES = ("open", "high", "low", "close")
_TAKEN_APART = str.maketrans("ıłøæđß", "iloads")


def normal(name: str) -> str:
    """A column name without case, accents, brackets, spaces and signs; letters of every script stay."""
    plain = unicodedata.normalize("NFKC", name.strip().strip("\ufeff")).lower().translate(_TAKEN_APART)
    letters = unicodedata.normalize("NFD", plain) if plain.isascii() or _is_latin(plain) else plain.replace("ё", "е")
    return "".join(letter for letter in letters if letter.isalnum())


def _is_latin(text: str) -> bool:
    return all(ord(letter) < 0x250 or not letter.isalpha() for letter in text)


def plain_names(names: list[str] | tuple[str, ...]) -> list[str]:
    """Normal names without what nearly all of them have in common (``AAPL.Open``, ``AAPL.High`` ...)."""
    parts = [re.findall(r"[^\s._:|/\\-]+", name) for name in names]
    counts = Counter(part for several in parts for part in {*several} if len(several) > 1)
    common = {part for part, count in counts.items() if count >= 4}
    common = {part for part in common if not any(normal(part) in WORDS[role] for role in _PRICES)}
    if not common:
        return [normal(name) for name in names]
    return [normal(" ".join(part for part in several if part not in common) or " ".join(several)) for several in parts]


def is_closing_time(name: str) -> bool:
    """Whether a column tells when candles close."""
    return normal(name) in _CLOSING


def find(names: tuple[str, ...], role: str) -> list[int]:
    """Columns whose names mean ``role``, the surest first."""
    plain = plain_names(names)
    if role in _PRICES:
        plain = [re.sub(r"^(?:px|trade|trd|last(?=o|h|l|c))|(?<=[nhwe])(?:px|prc|prices?|rate|value|usd|eur)$", "", name)
                 if name not in WORDS[role] else name for name in plain]  # fmt: skip
    return [column for word in dict.fromkeys(WORDS[role]) for column, name in enumerate(plain) if name == word]


def find_volume(names: tuple[str, ...]) -> list[int]:
    """Columns of volume: those named so, else those whose name begins with it (``Volume BTC``).

    Of several the one in the quote currency comes last.
    """
    exact = find(names, "volume")
    loose = [
        column
        for column, name in enumerate(names)
        if re.match(r"(?i)\W*(tick ?|trade ?|px ?|total ?)?vol(ume)?s?\b", name.replace("_", " "))
        or normal(name) in ("pxvolume",)
    ]
    loose = sorted(
        (column for column in loose if column not in exact), key=lambda column: bool(_QUOTE.search(names[column]))
    )
    return exact + loose


def is_header(names: list[str] | tuple[str, ...]) -> bool:
    """Whether a line names the four prices."""
    row = tuple(names)
    return all(find(row, role) for role in _PRICES)
