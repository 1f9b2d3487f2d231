"""Keys that lines are signed with: one file of the bridge's owner, readable by nobody else."""

import hmac
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bridge.curve import public_key
from bridge.trust import OWNER, Client
from shared.errors import InputError

KEY_BYTES = 32
_MEND = "remove it to have new ones made"


@dataclass(frozen=True)
class Keys:
    """Key the bridge signs with, and key that one client signs with; no key shows in a repr.

    Parameters
    ----------
    name
        Whose file it is: the owner's, which has everything, or a client's, which has no ``clients``.
    server
        The bridge's public CURVE key, 32 bytes; None: made of the owner's key.
    clients
        Who is enrolled, by name.
    """

    bridge: bytes = field(repr=False)
    client: bytes = field(repr=False)
    name: str = field(default=OWNER, repr=False)
    server: bytes | None = field(default=None, repr=False)
    clients: Mapping[str, Client] = field(default_factory=dict, repr=False)

    def client_named(self, name: str) -> Client:
        """Whoever is enrolled under this name; else it can only be the owner, who may take any."""
        return self.clients.get(name) or Client(name, self.client, None, f"ea:{name}", None, OWNER)

    def lists(self, symbol: str) -> bool:
        """Whether some client's list holds exactly this symbol."""
        return any(symbol in (client.symbols or ()) for client in self.clients.values())

    @property
    def me(self) -> Client:
        """Whoever holds this file, as a client."""
        user = self.name
        return self.clients.get(user) or Client(user, self.client, None, f"ea:{user}", None, user)

    @property
    def curve_secret(self) -> bytes:
        """The bridge's CURVE key, 32 bytes; only the owner's file makes it."""
        return hmac.digest(self.client, b"natron/bridge-curve", "sha256")

    @property
    def curve_public(self) -> bytes:
        """The bridge's public CURVE key, 32 bytes."""
        return self.server or public_key(self.curve_secret)

    @cached_property
    def _curve_users(self) -> dict[bytes, str]:
        return {public_key(client.curve_secret): client.user for client in (self.me, *self.clients.values())}

    def curve_user(self, public: bytes) -> str | None:
        """Who has this public CURVE key."""
        return self._curve_users.get(public)


def load_keys(path: Path) -> Keys:
    """Read a key file: the bridge owner's, or one that ``natron bridge enroll`` made for a client.

    Raises
    ------
    InputError
        Absent, readable by others, or not a JSON object of keys of 64 hex digits.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InputError("keys", str(path), "must be readable by its owner alone", "run chmod 600 on it")
        document = json.loads(path.read_text("ascii"))
        clients = {name: _client(name, record) for name, record in document.get("clients", {}).items()}
        server = document.get("server")
        keys = Keys(
            bytes.fromhex(document["bridge"]), bytes.fromhex(document["client"]), document.get("name", OWNER),
            bytes.fromhex(server) if server else None, clients,
        )  # fmt: skip
    except FileNotFoundError:
        raise InputError("keys", str(path), "does not exist", "start the bridge once, it makes one") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError("keys", str(path), "must be JSON with bridge and client in hex", _MEND) from None
    lengths = {len(key) for key in (keys.bridge, keys.client, *(one.key for one in clients.values()))}
    if lengths != {KEY_BYTES}:
        raise InputError("keys", str(path), f"keys must have {KEY_BYTES} bytes", _MEND)
    return keys


def _client(name: str, record: Mapping[str, Any]) -> Client:
    symbols = record["symbols"]
    listed = None if symbols is None else frozenset(map(str, symbols))
    key, source = bytes.fromhex(record["key"]), str(record["source"])
    return Client(name, key, listed, source, record["tz"], name, record["host"])


def load_or_create_keys(path: Path) -> Keys:
    """Read a key file; where there is none, make one with mode 0600. Several processes may do it at once.

    Raises
    ------
    InputError
        As ``load_keys``.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = write_secret(path, {name: secrets.token_hex(KEY_BYTES) for name in ("bridge", "client")})
        try:
            os.link(made, path)  # unlike a rename it never replaces another's file
        except FileExistsError:
            pass  # another process was first; its keys count
        finally:
            made.unlink()
    return load_keys(path)


def write_secret(path: Path, document: Mapping[str, Any]) -> Path:
    """Write JSON that only its owner can read beside ``path``, to be renamed to it; returns where it stands."""
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(document, file, indent=1)
    return made
