"""Enrolling clients and sending them away: changes of the bridge's key file, which a running bridge takes over."""

import fcntl
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from bridge.fields import CLIENT
from bridge.keys import KEY_BYTES, Keys, load_keys, load_or_create_keys, write_secret
from bridge.trust import OWNER
from producer.zones import parse_zone
from shared.contracts import encode_symbol
from shared.errors import InputError

_log = structlog.get_logger()


class KeyFile:
    """The bridge's key file, made where there is none, and looked at again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.keys = load_or_create_keys(path)
        self._seen = self._stamp()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def renewed(self) -> Keys | None:
        """The keys, where the file is another than it was; one that cannot be read changes nothing."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        try:
            self.keys = load_keys(self._path)
        except (InputError, OSError) as error:
            _log.error("keys_not_renewed", error=str(error))
            return None
        return self.keys


def enroll(
    path: Path,
    name: str,
    symbols: Iterable[str] | None,
    *,
    source: str | None = None,
    tz: str | None = None,
    host: str | None = None,
) -> Keys:
    """Enroll a client, or change what is known of it; its key stays.

    Parameters
    ----------
    symbols
        Natron's names of what it may push; None: any.
    source
        Broker's server; candles are admitted as ``ea:<source>``. None: the client's name.
    tz
        The server's zone; None: not known.
    host
        Where the client finds the bridge; None: at the address that it binds.

    Raises
    ------
    InputError
        A name, symbol or zone that can be none, or a key file that cannot be used.
    """
    if not CLIENT.fullmatch(name) or name == OWNER:
        raise InputError("NAME", name, "must be 1 to 32 of A-Za-z0-9_-, and not owner", "choose another")
    listed = None if symbols is None else sorted({symbol for symbol in symbols if encode_symbol(symbol)})
    if tz is not None:
        parse_zone(tz)

    def change(document: dict[str, Any]) -> None:
        clients = document.setdefault("clients", {})
        key = clients.get(name, {}).get("key") or secrets.token_hex(KEY_BYTES)
        clients[name] = {"key": key, "symbols": listed, "source": f"ea:{source or name}", "tz": tz, "host": host}

    return _changed(path, change)


def revoke(path: Path, name: str) -> Keys:
    """Send a client away: its key is forgotten, and the bridge's, which it knew, is another from here on.

    Raises
    ------
    InputError
        No such client, or a key file that cannot be used.
    """

    def change(document: dict[str, Any]) -> None:
        clients = document.get("clients", {})
        if name not in clients:
            known = ", ".join(sorted(clients)) or "nobody"
            raise InputError("NAME", name, "is not enrolled", f"enrolled: {known}")
        del clients[name]
        document["bridge"] = secrets.token_hex(KEY_BYTES)

    return _changed(path, change)


def _changed(path: Path, change: Callable[[dict[str, Any]], None]) -> Keys:
    load_or_create_keys(path)
    with _locked(path):
        document = json.loads(path.read_text("ascii"))
        change(document)
        write_secret(path, document).replace(path)
    return load_keys(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One change at a time."""
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
