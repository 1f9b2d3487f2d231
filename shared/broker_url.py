"""Addresses of brokers: ``redis://``, ``rediss://``, ``unix://`` of one server, ``redis+cluster://`` of a cluster."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from redis.connection import parse_url

_CLUSTER = "+cluster"
_PORT = 6_379


@dataclass(frozen=True)
class BrokerUrl:
    """What a URL says: options of connections, and, of a cluster, nodes to ask for the others."""

    options: dict[str, Any]
    seeds: tuple[tuple[str, int], ...] = ()  # none: a single server, whose place is among the options

    @classmethod
    def parse(cls, url: str) -> "BrokerUrl":
        """Read ``redis+cluster://user@a:6379,b:6379`` (``rediss+cluster://`` over TLS) or what redis-py reads.

        Raises
        ------
        ValueError
            Another scheme, or a port that is none.
        """
        parts = urlsplit(url)
        if not parts.scheme.endswith(_CLUSTER):
            return cls(dict(parse_url(url)))
        user, at, places = parts.netloc.rpartition("@")
        hosts = places.split(",")
        plain = parts._replace(scheme=parts.scheme.removesuffix(_CLUSTER), netloc=f"{user}{at}{hosts[0]}")
        options: dict[str, Any] = dict(parse_url(urlunsplit(plain)))
        options.pop("host", None)
        options.pop("port", None)
        if options.pop("db", 0):
            raise ValueError("a cluster has no databases: leave /N out")
        return cls(options, tuple(_place(host) for host in hosts))


def _place(text: str) -> tuple[str, int]:
    """``host:port`` or ``[v6]:port``; the port may be left out."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a cluster's URL names its nodes: redis+cluster://a:6379,b:6379")
    return parts.hostname, parts.port or _PORT


def with_password(url: str, password: str) -> str:
    """``url`` with the password of its user, which then stands in memory alone."""
    parts = urlsplit(url)
    before, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{before.partition(':')[0]}:{quote(password, safe='')}@{place}"))


def without_password(url: str) -> str:
    """``url`` as it may be shown; of what is no URL nothing before its last ``@``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"***@{url.rpartition('@')[2]}"
    before, at, place = parts.netloc.rpartition("@")
    user, colon, _ = before.partition(":")
    return urlunsplit(parts._replace(netloc=f"{user}{':***' if colon else ''}{at}{place}")) if at else url
