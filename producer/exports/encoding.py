"""What the bytes of a file are: text in some encoding, or something that is no text."""

from shared.errors import FormatError

_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_BINARIES = (
    (b"PK\x03\x04", "a zip archive or workbook", "unpack it, or save the sheet as CSV"),
    (b"\x1f\x8b", "a gzip archive", "unpack it with gunzip"),
    (b"BZh", "a bzip2 archive", "unpack it with bunzip2"),
    (b"\xfd7zXZ", "an xz archive", "unpack it with unxz"),
    (b"ARROW1", "an Arrow (Feather) table", "save it as CSV"),
    (b"FEA1", "a Feather table", "save it as CSV"),
    (b"PAR1", "a Parquet table", "save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"\x90\x01\x00\x00", "a MetaTrader 4 history file (.hst)", "export it as CSV from the history centre"),
    (b"\x91\x01\x00\x00", "a MetaTrader 4 history file (.hst)", "export it as CSV from the history centre"),
)


def recognise_encoding(head: bytes) -> tuple[str, int]:
    """Tell a file's encoding from its first bytes, and how many of them are a byte order mark.

    Returns
    -------
    tuple
        ``utf-8`` (ASCII included), ``utf-16-le``, ``utf-16-be``, ``utf-32-le``, ``utf-32-be`` or ``cp1252``.

    Raises
    ------
    FormatError
        The file is empty, or no text.
    """
    if not head.strip():
        raise FormatError("file", head[:8], "holds no rows", "give a file with candles")
    for magic, what, mend in _BINARIES:
        if head.startswith(magic):
            raise FormatError("file", head[:8], f"is {what}, not text", mend)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, len(bom)
    if b"\x00" in head:
        return _unmarked_wide(head), 0
    if head.lstrip()[:1] in (b"{", b"["):
        raise FormatError("file", head[:16], "is JSON, not a table of text", "save it as CSV")
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252", 0
    return "utf-8", 0


def _unmarked_wide(head: bytes) -> str:
    """UTF-16 without its mark: nearly every other byte is zero, all on the same side."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    pairs = len(head) // 2
    if odd > 0.9 * pairs and even == 0:
        return "utf-16-le"
    if even > 0.9 * pairs and odd == 0:
        return "utf-16-be"
    raise FormatError("file", head[:16], "holds zero bytes and is no text that is known", "export it as CSV text")
