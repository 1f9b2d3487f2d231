"""The fields of a line, read one after another; whatever is wrong is a JunkError that names the field."""

import re
from functools import lru_cache

from shared.contracts import Series, decode_symbol
from shared.errors import InputError, JunkError
from shared.timeframe import timeframe_name

INTEGER_MAX = 2**63 - 1
SEQ_MAX = 10**10 - 1
MS_MAX = 10**14 - 1  # year 5138: keeps every line inside its bound
PPM = 1_000_000
SESSION = re.compile(r"0|[0-9a-f]{16}")
CLIENT = re.compile(r"[A-Za-z0-9_-]{1,32}")
HASH = re.compile(r"[0-9a-f]{64}")
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_NAME_BYTES_MAX = 64


@lru_cache(maxsize=4_096)
def encode_name(name: str) -> str:
    """Spell a bundle's name as symbols are spelt: every byte outside ``A-Za-z0-9_-`` as %XX.

    Raises
    ------
    JunkError
        Empty, or longer than 64 bytes of UTF-8.
    """
    raw = name.encode()
    if not 0 < len(raw) <= _NAME_BYTES_MAX:
        raise JunkError(f"bundle: {len(raw)} bytes of UTF-8, must be 1 to {_NAME_BYTES_MAX}")
    return "".join(chr(byte) if chr(byte) in _SAFE else f"%{byte:02X}" for byte in raw)


@lru_cache(maxsize=4_096)
def decode_name(text: str) -> str:
    """Undo ``encode_name``; JunkError where the text is not a name in its one spelling."""
    try:
        raw = re.sub(rb"%([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())
        name = raw.decode()
    except UnicodeDecodeError:
        name = ""
    if not name or encode_name(name) != text:
        raise JunkError(f"bundle: {text!r} is not an encoded name")
    return name


@lru_cache(maxsize=65_536)
def series_of(symbol: str, width_s: int) -> Series:
    """Series of an encoded symbol and a timeframe in seconds; JunkError where there is none."""
    name = timeframe_name(width_s * 1_000)
    if name is None:
        raise JunkError(f"tf_s: {width_s} is the width of no timeframe")
    return Series(_symbol(symbol), name)


@lru_cache(maxsize=65_536)
def _symbol(text: str) -> str:
    try:
        return decode_symbol(text)
    except InputError as error:
        raise JunkError(f"symbol: {error}") from None


class Fields:
    """A line's fields, taken in order. Fields that nobody takes are a newer protocol's and are left alone."""

    def __init__(self, text: str) -> None:
        self._texts = text.split("|")
        self._at = 0

    @property
    def ended(self) -> bool:
        """Whether all fields are taken."""
        return self._at == len(self._texts)

    def text(self, name: str) -> str:
        """Take the next field as it stands."""
        if self._at == len(self._texts):
            raise JunkError(f"{name}: missing, the line ends before it")
        self._at += 1
        return self._texts[self._at - 1]

    def match(self, name: str, pattern: re.Pattern[str]) -> str:
        """Take the next field if it has this form."""
        text = self.text(name)
        if not pattern.fullmatch(text):
            raise JunkError(f"{name}: {text!r} does not match {pattern.pattern}")
        return text

    def number(self, name: str, low: int = 0, high: int = INTEGER_MAX) -> int:
        """Take an integer in its one spelling (no sign but ``-``, no leading zero) within ``low..high``."""
        text = self.text(name)
        digits = text[1:] if text[:1] == "-" else text
        if not digits.isdigit() or len(digits) > 19 or str(value := int(text)) != text:
            raise JunkError(f"{name}: {text!r} is not an integer")
        if not low <= value <= high:
            raise JunkError(f"{name}: {value} is not within {low}..{high}")
        return value

    def share(self, name: str) -> float:
        """Take a ppm field as 0..1."""
        return self.number(name, 0, PPM) / PPM

    def shares(self, *names: str) -> tuple[float, ...]:
        """Take ppm fields that are all there or all empty; () for empty ones."""
        if self._absent(*names):
            return ()
        return tuple(self.share(name) for name in names)

    def _absent(self, *names: str) -> bool:
        """Whether the next fields are all empty; if so, they are taken."""
        if any(self._texts[self._at : self._at + len(names)]):
            return False
        for name in names:
            self.text(name)
        return True

    def policy(self) -> tuple[float, ...]:
        """Take the policy's action (-1, 0, 1) and size in ppm, or () where both are empty."""
        if self._absent("action", "size"):
            return ()
        return float(self.number("action", -1, 1)), self.share("size")

    def symbol(self, name: str = "symbol") -> str:
        """Take an encoded symbol."""
        return _symbol(self.text(name))

    def symbol_or_all(self) -> str | None:
        """Take an encoded symbol, or None for ``*``."""
        if self._texts[self._at : self._at + 1] == ["*"]:
            self._at += 1
            return None
        return self.symbol()
