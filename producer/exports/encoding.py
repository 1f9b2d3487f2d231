"""What the bytes of a text are: its encoding, and signs that only look like others."""

import re

from producer.exports.header import is_header
from shared.errors import FormatError

_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LEGACY = ("gb18030", "big5", "cp932", "cp949", "cp1251", "cp1250", "cp1254")
_HEADER_LINES = 20
_BLANKS = tuple(sign.encode() for sign in ("\u00a0", "\u202f", "\u2009"))
_MINUS = "\u2212".encode()
_EASTERN = tuple(sign.encode() for sign in "年月년월")
_EASTERN_PART = re.compile(rb"(?<=\d)(?:%b) ?" % b"|".join(_EASTERN))
_EASTERN_DAY = re.compile(rb"(?<=\d)(?:%b)" % b"|".join(sign.encode() for sign in "日일"))


def recognise_encoding(head: bytes) -> tuple[str, int]:
    """Tell a file's encoding from its first bytes, and how many of them are a byte order mark.

    Zero bytes in a text of single bytes are the holes that a crash leaves.

    Returns
    -------
    tuple
        ``utf-8`` (ASCII included), ``utf-16-le``, ``utf-16-be``, ``utf-32-le``, ``utf-32-be``, ``cp1252`` or what Asia
        and Eastern Europe wrote before (``gb18030``, ``cp1251`` ...), told from the words of the header.

    Raises
    ------
    FormatError
        The file is empty, or no text.
    """
    if not head.strip(b"\0 \r\n\t"):
        raise FormatError("file", head[:8], "holds no rows", "give a file with candles")
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, len(bom)
    wide = _unmarked_wide(head)
    if wide is not None:
        return wide, 0
    if len(re.findall(rb"[\x01-\x08\x0e-\x1f]", head)) > 0.01 * len(head):
        raise FormatError("file", head[:16], "is no text that is known", "export it as CSV text")
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(head), 0
    return "utf-8", 0


def _legacy(head: bytes) -> str:
    """The encoding under which a line near the top names the prices; ``cp1252`` where none does."""
    for encoding in ("cp1252", *_LEGACY):
        lines = head[: head.rfind(b"\n") + 1].splitlines()[:_HEADER_LINES]
        for line in lines:
            text = line.decode(encoding, "replace")
            if any(is_header([name.strip('" ') for name in text.split(sign)]) for sign in ",;\t|"):
                return encoding
    return "cp1252"


def plain_text(text: bytes, encoding: str) -> bytes:
    """Spell what programs write for people as for machines: blanks of every kind, the minus sign, 2022年8月10日.

    No line break is added or taken away. Zero bytes become blanks.
    """
    if b"\0" in text:
        text = text.replace(b"\0", b" ")
    if encoding == "cp1252":
        return text.replace(b"\xa0", b" ")
    if text.isascii():
        return text
    for sign in _BLANKS:
        text = text.replace(sign, b" ")
    text = text.replace(_MINUS, b"-")
    if any(sign in text for sign in _EASTERN):
        text = _EASTERN_DAY.sub(b"", _EASTERN_PART.sub(b"-", text))
    return text


def _unmarked_wide(head: bytes) -> str | None:
    """UTF-16 without its mark: nearly every other byte is zero, all on the same side."""
    head = head.rstrip(b"\0")
    even, odd = head[0::2].count(0), head[1::2].count(0)
    pairs = len(head) // 2
    if odd > 0.9 * pairs and even == 0:
        return "utf-16-le"
    if even > 0.9 * pairs and odd == 0:
        return "utf-16-be"
    return None
