"""Whom a bridge believes, and how far: its clients, each with its own key and the symbols it may push."""

import hmac
from dataclasses import dataclass, field
from typing import Protocol

from bridge.fields import CLIENT
from bridge.symbol_map import resolve_symbol
from shared.errors import JunkError

OWNER = "owner"
"""User name of whoever holds the bridge's own key file; it may push every symbol, under any client's name."""
_CLAIM_BYTES_MAX = 64


@dataclass(frozen=True)
class Client:
    """One client. Its password and its CURVE key are made of its key, one way: there is one secret to keep.

    Parameters
    ----------
    symbols
        Natron's names of what it may push; None: any.
    source
        Name under which its candles are admitted; those of one broker's server share it.
    tz
        Zone of its broker's server, as ``--tz``; None: not known, and its candles' grid is not checked.
    user
        Whom it must have logged on as, where the bridge asks for credentials.
    host
        Where it finds the bridge; None: at the address that the bridge binds.
    """

    name: str
    key: bytes = field(repr=False)
    symbols: frozenset[str] | None
    source: str
    tz: str | None
    user: str
    host: str | None = None

    @property
    def password(self) -> str:
        """What PLAIN asks for: 32 hex digits."""
        return hmac.digest(self.key, b"natron/plain", "sha256").hex()[:32]

    @property
    def curve_secret(self) -> bytes:
        """Its CURVE key, 32 bytes."""
        return hmac.digest(self.key, b"natron/curve", "sha256")

    def resolve(self, symbol: str) -> str:
        """Natron's name of a symbol as this client spells it.

        Raises
        ------
        InputError
            It may not push that, or what it means is ambiguous.
        """
        return symbol if self.symbols is None else resolve_symbol(symbol, self.symbols)


class Trust(Protocol):
    """Keys as a bridge needs them."""

    @property
    def bridge(self) -> bytes:
        """Key that the bridge signs with."""
        ...

    def client_named(self, name: str) -> Client | None:
        """Return the client of this name."""
        ...

    def lists(self, symbol: str) -> bool:
        """Whether some client's list holds exactly this symbol."""
        ...

    @property
    def curve_secret(self) -> bytes:
        """The bridge's CURVE key, 32 bytes."""
        ...

    def curve_user(self, public: bytes) -> str | None:
        """Who has this public CURVE key."""
        ...


def claimed_client(data: bytes, trust: Trust, user: str | None = None) -> Client:
    """Client that a line claims to be from: nothing of the line is to be believed before its signature.

    Parameters
    ----------
    user
        Whom its connection logged on as; None where no credentials are asked for.

    Raises
    ------
    JunkError
        It names none, one that is not enrolled, or another than logged on.
    """
    name = data[:_CLAIM_BYTES_MAX].split(b"|")[1:2]
    text = name[0].decode("latin-1") if name else ""
    client = trust.client_named(text) if CLIENT.fullmatch(text) else None
    if client is None:
        raise JunkError(f"client: {text!r} is not enrolled")
    if user is not None and user != client.user:
        raise JunkError(f"client: {text!r} on a connection of {user}")
    return client
