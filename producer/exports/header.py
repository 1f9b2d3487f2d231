"""Column names of exports: which words mean which column, in many languages."""

import re
import unicodedata
from collections import Counter

from producer.exports.words import CLOSING, WORDS

_QUOTE = re.compile(r"usd|eur|gbp|jpy|krw|busd|quote|ccy|turnover|notional|value|currency|amount", re.IGNORECASE)
_PRICE = re.compile(r"(?<=.)(?:price|prc|px|value|rate)|(?:price|prc|px|trade|trd)(?=.)|(?<=[nhwe])(?:usd|eur)$")
_VOLUMES = {"vol", "volume", "volumes", "volumen", "qty", "quantity"}
_NO_VOLUMES = {
    "ma",
    "sma",
    "ema",
    "avg",
    "average",
    "change",
    "chg",
    "buy",
    "sell",
    "taker",
    "maker",
    "ask",
    "delta",
    "profile",
}
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
    common = {part for part, count in counts.items() if count >= max(4, 0.6 * (len(names) - 1))}
    common = {part for part in common if not any(normal(part) in WORDS[role] for role in _PRICES)}
    if not common:
        return [normal(name) for name in names]
    return [normal(" ".join(part for part in several if part not in common) or " ".join(several)) for several in parts]


def markets(names: tuple[str, ...]) -> list[str]:
    """What stands before or after the words of all four prices: ``EURUSD`` in ``EURUSD_open``, ``Close GBPUSD``."""
    sides: dict[str, set[str]] = {}
    for name in names:
        parts = re.findall(r"[^\s._:|/\\-]+", name)
        for role in _PRICES:
            others = [part for part in parts if normal(part) not in WORDS[role]]
            if len(others) == len(parts) - 1 > 0:
                sides.setdefault(" ".join(others), set()).add(role)
    return [side for side, roles in sides.items() if len(roles) == len(_PRICES)]


def is_closing_time(name: str) -> bool:
    """Whether a column tells when candles close."""
    return normal(name) in CLOSING


def names_utc(name: str) -> bool:
    """Whether a column's name says that its stamps are in UTC."""
    return re.search(r"utc|gmt", name.lower()) is not None


def find(names: tuple[str, ...], role: str) -> list[int]:
    """Columns whose names mean ``role``, the surest first."""
    plain = plain_names(names)
    if role in _PRICES:
        plain = [name if name in WORDS[role] else _PRICE.sub("", name) for name in plain]
    return [column for word in dict.fromkeys(WORDS[role]) for column, name in enumerate(plain) if name == word]


def find_volume(names: tuple[str, ...]) -> list[int]:
    """Columns of volume: those named so, else those that have it in their name (``Volume BTC``, ``baseVolume``).

    Of several the ones in the quote currency come last.
    """
    exact = find(names, "volume")
    loose = [column for column, name in enumerate(names) if column not in exact and _tells_volume(name)]
    return exact + sorted(loose, key=lambda column: bool(_QUOTE.search(names[column])))


def find_halves(names: tuple[str, ...]) -> tuple[int, int] | tuple[None, None]:
    """Columns of the volumes of rises and of falls, as TradeStation keeps them; together they are the volume."""
    plain = [normal(name) for name in names]
    for up, down in (("up", "down"), ("upvolume", "downvolume"), ("upvol", "downvol")):
        if plain.count(up) == 1 and plain.count(down) == 1:
            return plain.index(up), plain.index(down)
    return None, None


def _tells_volume(name: str) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    plain = {word.lower() for word in words}
    run_together = any(word.startswith("volume") or word.endswith("volume") for word in plain)
    return (bool(plain & _VOLUMES) or run_together) and not plain & _NO_VOLUMES


def is_header(names: list[str] | tuple[str, ...]) -> bool:
    """Whether a line names the four prices."""
    row = tuple(names)
    return all(find(row, role) for role in _PRICES)
