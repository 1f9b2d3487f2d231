"""Looks at a running system: its broker, its clocks, who is alive."""

from collections.abc import Iterator
from typing import Any

import redis

from natron.doctor.finding import Finding, Health
from shared.broker import LOST, OLDEST_VERSION, broker_ms, connect
from shared.clock import Clock
from shared.membership import live_members
from shared.names import Names
from shared.settings.groups import Settings

SKEW_WARNING_MS, SKEW_ERROR_MS = 1_000, 30_000
"""Predictions are judged STALE, and candles FUTURE, by clocks: a second is a late signal, half a minute a wrong one."""
MEMORY_SHARE_WARNING = 0.8
_STARTS = {"feature_service": "natron feature-service", "worker": "natron worker"}


def look_at_system(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Everything that needs the broker that ``settings`` name."""
    client, names = connect(settings.system.broker_url), Names(settings.system.namespace)
    try:
        facts: Any = client.info()
    except LOST as error:
        mend = "start it, or correct system.broker_url and system.broker_password_file"
        yield Finding("broker", Health.ERROR, f"cannot be used: {error}", mend)
        return
    yield _version(facts)
    yield _eviction(facts)
    yield from _durability(client, facts)
    yield _memory(facts)
    yield _skew(client, clock)
    yield from _members(client, names)


def _version(facts: dict[str, Any]) -> Finding:
    found = str(facts.get("valkey_version") or facts["redis_version"])
    old = tuple(int(part) for part in str(facts["redis_version"]).split(".")[:2]) < OLDEST_VERSION
    return Finding("broker", Health.ERROR if old else Health.OK, found, "upgrade it to 7.0 or newer" if old else "")


def _eviction(facts: dict[str, Any]) -> Finding:
    policy = str(facts["maxmemory_policy"])
    if policy != "noeviction":
        mend = "CONFIG SET maxmemory-policy noeviction, and in its configuration file"
        return Finding("eviction", Health.ERROR, f"{policy}: it may throw candles away", mend)
    return Finding("eviction", Health.OK, policy)


def _durability(client: redis.Redis, facts: dict[str, Any]) -> Iterator[Finding]:
    if not facts.get("aof_enabled"):
        found = "no append-only file: a restart loses everything since the last snapshot"
        yield Finding("durability", Health.WARNING, found, "CONFIG SET appendonly yes, and in its configuration file")
        return
    if facts.get("aof_last_write_status") != "ok":
        yield Finding("durability", Health.ERROR, "the append-only file cannot be written", "mend the broker's disk")
        return
    try:
        fsync = client.config_get("appendfsync").get("appendfsync", "")
    except LOST:
        fsync = "kept to itself"  # this user may not ask
    lost = {"always": "nothing", "everysec": "a second", "no": "half a minute or so"}.get(str(fsync), "unknown")
    health = Health.WARNING if fsync == "no" else Health.OK
    mend = "CONFIG SET appendfsync everysec" if fsync == "no" else ""
    yield Finding("durability", health, f"appendfsync {fsync}: a power cut loses {lost}, which producers refill", mend)


def _memory(facts: dict[str, Any]) -> Finding:
    used, limit = int(facts["used_memory"]), int(facts["maxmemory"]) or int(facts.get("total_system_memory") or 0)
    found = f"{used / 1e6:,.0f} MB of {limit / 1e6:,.0f} MB"
    if limit and used > MEMORY_SHARE_WARNING * limit:
        return Finding("memory", Health.WARNING, found, "give the broker more, or drop series: docs/scaling.md")
    return Finding("memory", Health.OK, found)


def _skew(client: redis.Redis, clock: Clock) -> Finding:
    before = clock.now_ms()
    theirs = broker_ms(client)
    after = clock.now_ms()
    skew = max(theirs - after, before - theirs, 0)  # what the way there and back cannot explain
    health = Health.ERROR if skew > SKEW_ERROR_MS else Health.WARNING if skew > SKEW_WARNING_MS else Health.OK
    mend = "run chrony or systemd-timesyncd on both machines" if skew > SKEW_WARNING_MS else ""
    return Finding("clocks", health, f"{skew} ms between this machine and the broker", mend)


def _members(client: redis.Redis, names: Names) -> Iterator[Finding]:
    for service, command in _STARTS.items():
        count = len(live_members(client, names, service))
        mend = "" if count else f"start one: {command}, or natron up"
        yield Finding(service, Health.OK if count else Health.WARNING, f"{count} alive", mend)
