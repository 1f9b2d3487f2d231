"""Doors: what may listen where, and which keys open it. One rule for every socket that Natron listens on over HTTP."""

import hmac
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.errors import InputError, SettingError

KEY_LENGTH_MIN = 16


@dataclass(frozen=True)
class KeyRing:
    """Keys that open a door, each until a moment (UTC epoch ms) or for ever; none: the door asks for no key."""

    keys: tuple[tuple[str, float], ...] = ()

    @property
    def locked(self) -> bool:
        """Whether a key is asked for."""
        return bool(self.keys)

    def opens(self, presented: bytes, now_ms: int) -> bool:
        """Whether ``presented`` is one of the keys and in force; every key is compared, in constant time."""
        found = [hmac.compare_digest(presented, key.encode()) and now_ms < until for key, until in self.keys]
        return any(found) or not self.locked


def read_secret(field: str, file: str) -> str:
    """Text of a secret's file, without the white space around it.

    Raises
    ------
    InputError
        It cannot be read. The message holds nothing of what it says.
    """
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no text"
        raise InputError(field, file, f"cannot be read: {why}", "name a text file that this user may read") from None


def read_keys(field: str, file: str) -> KeyRing:
    """Keys of a file, one a line, optionally followed by ``until=2027-01-31``; an empty name gives an empty ring.

    Two lines let a key be replaced without a moment in which neither is good.

    Raises
    ------
    InputError
        The file cannot be read, holds no key, a short one, or a moment that is none.
    """
    if not file:
        return KeyRing()
    lines = [line.split() for line in read_secret(field, file).splitlines() if line.strip()]
    keys = tuple((line[0], _until(field, file, line[1:])) for line in lines)
    if not keys or min(len(key) for key, _ in keys) < KEY_LENGTH_MIN:
        rule = f"must hold keys of at least {KEY_LENGTH_MIN} characters, one a line"
        raise InputError(field, file, rule, "make one with: openssl rand -hex 32")
    return KeyRing(keys)


def _until(field: str, file: str, rest: list[str]) -> float:
    if not rest:
        return float("inf")
    moment = rest[0][6:] if len(rest) == 1 and rest[0].startswith("until=") else ""
    try:
        read = datetime.fromisoformat(moment)
    except ValueError:
        rule = "holds a line that is not KEY or KEY until=ISO-8601-TIME"
        raise InputError(field, file, rule, "write KEY until=2027-01-31") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1_000


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_door(field: str, host: str, keys: KeyRing, key_field: str) -> None:
    """Refuse an address beyond this machine that no key protects.

    Raises
    ------
    SettingError
        It does; the message names the setting that a key is read from.
    """
    if not is_loopback(host) and not keys.locked:
        raise SettingError(field, host, "an address that other machines reach needs a key", f"set {key_field}")
