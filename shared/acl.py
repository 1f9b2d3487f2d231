"""Who may do what in the broker: one ACL user a service, each with the keys and commands that it needs and no others.

What cannot be told apart: the gate is one script that appends, trims and moves a position, so a stage may write the log
that it reads, which it trims, as well as the one that it writes.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import InputError
from shared.names import Names

DOOR_KEYS = ("monitor_key", "gateway_key", "grafana")
_EVERY: Any = "*"  # in place of a partition or a series: a pattern of all of them
_BASE = ("ping", "info", "time", "cluster|slots", "cluster|shards", "readonly")
_SCRIPTS = ("evalsha", "script|load")
_READ = (
    "get", "strlen", "exists", "type", "hget", "hmget", "hgetall", "hkeys", "hvals", "hlen", "lrange", "llen", "xlen",
    "xrange", "xrevrange", "xread", "xinfo|stream", "xinfo|groups", "zrange", "zrangebyscore", "zcard",
)  # fmt: skip
_WRITE = ("hset", "hsetnx", "hdel", "xadd", "xdel", "xtrim", "del")
_GATE = ("xgroup|create", "xgroup|setid")
_MEMBER = ("zadd", "zrem", "zremrangebyscore")
_DURABLE = ("wait",)
_TRANSACTION = ("watch", "unwatch", "multi", "exec", "discard")


@dataclass(frozen=True)
class Rights:
    """What one user may do: key patterns that it may write (and read), ones that it may only read, and commands."""

    writes: tuple[str, ...]
    reads: tuple[str, ...]
    commands: tuple[str, ...]

    def rule(self, name: str, password: str) -> str:
        """Line of an ACL file; the password stands in it as its SHA-256."""
        digest = hashlib.sha256(password.encode()).hexdigest()
        keys = [*(f"~{key}" for key in self.writes), *(f"%R~{key}" for key in self.reads)]
        commands = [f"+{command}" for command in (*_BASE, *self.commands)]
        return " ".join(["user", name, "on", f"#{digest}", "resetchannels", *keys, "-@all", *commands])


def rights(names: Names) -> dict[str, Rights]:
    """User -> its rights under one namespace."""
    return {**_makers(names), **_keepers(names), **_people(names)}


def _admission(names: Names) -> tuple[str, ...]:
    """What a producer's script writes."""
    p = _EVERY
    return (
        names.meta, names.candles(p), names.series(p), names.rejects(p), names.dead(p),
        names.history(p, _EVERY), names.calendars(p), names.weeks(p, _EVERY),
    )  # fmt: skip


def _gate(names: Names) -> tuple[str, ...]:
    """What a stage's script writes, whatever the stage."""
    p = _EVERY
    return (names.meta, names.position(p), names.attempts(p), names.dead(p), names.passages(p))


def _presence(names: Names, service: str) -> tuple[str, str]:
    return (names.members(f"{service}*"), names.departures(f"{service}*"))


def _makers(names: Names) -> dict[str, Rights]:
    """Who makes what clients see: candles, rows, predictions, and lines of them."""
    p, series = _EVERY, _EVERY
    published = (names.predictions(p), names.recent(p, series), names.latest(p))
    return {
        "producer": Rights(_admission(names), (), (*_SCRIPTS, *_READ, *_WRITE, *_DURABLE, "setbit")),
        "feature_service": Rights(
            (
                *_gate(names), *_presence(names, "feature_"), names.candles(p), names.history(p, series),
                names.features(p, _EVERY), names.window(p, _EVERY, series),
            ),
            (names.series(p), names.calendars(p), names.weeks(p, series)),
            (*_SCRIPTS, *_READ, *_WRITE, *_GATE, *_MEMBER),
        ),
        "worker": Rights(
            (
                *_gate(names), *_presence(names, "worker"), *_presence(names, "shadow:"), *published,
                names.features(p, _EVERY),
                names.window(p, _EVERY, series), names.serving, names.shadow(p, _EVERY),
            ),
            (names.champion, names.bundles, names.bundle_chunks(_EVERY), names.members(_EVERY)),
            (*_SCRIPTS, *_READ, *_WRITE, *_GATE, *_MEMBER),
        ),
        # A bridge is a producer too: Expert Advisors send it candles, and what became of their orders.
        "bridge": Rights(
            (
                *_admission(names), *_presence(names, "bridge"), names.predictions(p), names.passages(p), names.acks,
                names.acks_taken(_EVERY, _EVERY, _EVERY), names.bridge_clients(_EVERY),
            ),
            (*published, names.halts, names.drift, names.expiries, names.position(p)),
            (*_SCRIPTS, *_READ, *_WRITE, *_MEMBER, *_DURABLE, "setbit", "set", "setex", "psetex"),
        ),
    }  # fmt: skip


def _keepers(names: Names) -> dict[str, Rights]:
    """Who looks at what was made, keeps it, judges it and learns from it."""
    p, series, all_keys = _EVERY, _EVERY, f"{names.namespace}:*"
    scored = (
        names.outcomes(p), names.outcome_recent(p, series), names.shadow_outcomes(p, _EVERY), names.scores(p),
        names.shadow_outcome_recent(p, _EVERY, series), names.latest_scores(p), names.drift,
    )  # fmt: skip
    chunks = names.bundle_chunks(_EVERY)
    return {
        # What a person sees, and the button that halts everything.
        "gateway": Rights(
            (names.meta, names.halts, names.serving), (all_keys,), (*_READ, "hset", "hsetnx", "hdel", "scan")
        ),
        "scorer": Rights(
            (
                *_gate(names), *_presence(names, "scorer"), *scored, names.predictions(p), names.recent(p, series),
                names.shadow(p, _EVERY), names.shadow_recent(p, _EVERY, series),
            ),
            (all_keys,),
            (*_SCRIPTS, *_READ, *_WRITE, *_GATE, *_MEMBER),
        ),
        "archive": Rights((names.meta,), (all_keys,), (*_READ, "hsetnx")),
        # Pushes what it trained, and promotes it where that is better for sure.
        "retrainer": Rights(
            (names.champion, names.bundles, names.expiries, chunks, f"{chunks}:new"),
            (names.meta,),
            (*_READ, *_TRANSACTION, "hset", "hdel", "del", "rpush", "rename"),
        ),
        "watch": Rights((names.meta, names.alerts), (all_keys,), (*_READ, "hsetnx", "hdel")),
    }  # fmt: skip


def _people(names: Names) -> dict[str, Rights]:
    """Who is no service."""
    all_keys = f"{names.namespace}:*"
    return {
        "reader": Rights((), (all_keys,), (*_READ, "scan")),
        "operator": Rights(
            (all_keys,),
            (),
            (
                *_SCRIPTS, *_READ, *_WRITE, *_GATE, *_MEMBER, *_DURABLE, *_TRANSACTION, "scan", "rpush", "rename",
                "dump", "pttl", "restore", "dbsize", "config|get", "latency|latest", "memory|usage", "acl|whoami",
                "acl|list", "acl|log", "cluster|info",
            ),
        ),
        "health": Rights((), (), ()),
    }  # fmt: skip


def acl_file(names: Names, passwords: dict[str, str]) -> str:
    """Text of the broker's ACL file; who gives no name may do nothing."""
    lines = ["user default off resetchannels -@all"]
    lines += [right.rule(user, passwords[user]) for user, right in rights(names).items()]
    return "\n".join(lines) + "\n"


def write_secrets(folder: Path, names: Names) -> list[str]:
    """Make a password for each user and a key for each HTTP door, where ``folder`` has none; write ``users.acl`` there.

    The files can be read by all, for containers run as another user; the folder is its owner's alone.

    Returns
    -------
    list of str
        The secrets that were made now.

    Raises
    ------
    InputError
        The folder cannot be used, or holds a password that is none.
    """
    users = rights(names)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = [name for name in (*users, *DOOR_KEYS) if not (folder / name).exists()]
        for name in fresh:
            (folder / name).write_text(secrets.token_urlsafe(32) + "\n")
        passwords = {user: (folder / user).read_text().strip() for user in users}
        for user, password in passwords.items():
            if not re.fullmatch(r"\S{16,}", password):
                mend = "remove the file, and a good one is made"
                raise InputError(str(folder / user), "...", "must hold a password of 16 characters or more", mend)
        (folder / "users.acl").write_text(acl_file(names, passwords))
    except OSError as error:
        raise InputError("--folder", str(folder), f"cannot be used: {error.strerror}", "name another folder") from None
    return fresh
