"""What makes a line trustworthy: HMAC-SHA256 in hex over everything before its last ``|``."""

import hmac

from shared.errors import JunkError

LINE_BYTES_MAX = 1_023
_HMAC_DIGITS = 64


def sign(text: str, key: bytes) -> bytes:
    """Append the signature to the fields of a line.

    Raises
    ------
    JunkError
        ``text`` is not ASCII, or the line would be longer than ``LINE_BYTES_MAX``.
    """
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError:
        raise JunkError("line: must be ASCII") from None
    line = raw + b"|" + hmac.digest(key, raw, "sha256").hex().encode()
    if len(line) > LINE_BYTES_MAX:
        raise JunkError(f"line: {len(line)} bytes, at most {LINE_BYTES_MAX} go into one")
    return line


def verify(line: bytes, key: bytes) -> str:
    """Fields of a line whose signature is right, in constant time.

    Raises
    ------
    JunkError
        Too long, no signature, signed with another key, changed on its way, or not printable ASCII.
    """
    if len(line) > LINE_BYTES_MAX:
        raise JunkError(f"line: {len(line)} bytes, at most {LINE_BYTES_MAX} are one")
    raw, bar, signature = line.rpartition(b"|")
    if not bar or len(signature) != _HMAC_DIGITS:
        raise JunkError("hmac: the line does not end on 64 hex digits")
    if not hmac.compare_digest(hmac.digest(key, raw, "sha256").hex().encode(), signature):
        raise JunkError("hmac: does not match the line under this key")
    if not raw.isascii() or not (text := raw.decode("ascii")).isprintable():
        raise JunkError("line: must be printable ASCII")
    return text
