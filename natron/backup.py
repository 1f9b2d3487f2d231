"""Backup and restore: every key of a namespace, bundles included, in one file; each partition as of one moment.

The file is a zip: ``backup.json`` says what it is and holds the SHA-256 of every part; each part is MessagePack of
``[[key, value, ms to live], ...]``, values as the broker's own DUMP: stream IDs, counters and groups come back as they
were. A key that lives for ever has 0 ms. Left out is what is of no use later: who is alive, and the batch under way.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import redis

from shared.broker import text
from shared.contracts import PARTITIONS, SCHEMA_VERSION
from shared.errors import InputError
from shared.membership import live_members
from shared.names import Names

FORMAT = 2
_ROUNDS = 20
_KEYS_A_CALL = 256
_MANIFEST, _WIDE, _ACKS = "backup.json", "wide", "acks"

Dumped = list[tuple[bytes, bytes, int]]  # key, the broker's DUMP of it, ms to live


@dataclass(frozen=True)
class BackupReport:
    """What was written or read back."""

    keys: int
    at_ms: int  # when it was written, UTC epoch ms


def backup(client: redis.Redis, names: Names, path: Path, at_ms: int) -> BackupReport:
    """Write a backup while the system runs; the file is there whole, or not at all.

    Raises
    ------
    InputError
        The file is there already, or cannot be written.
    """
    if path.exists():
        raise InputError("FILE", str(path), "is there already", "name a new file")
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    keys, sums = 0, {}
    try:
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            aside.chmod(0o600)
            for part, entries in _parts(client, names):
                keys += len(entries)
                content = msgpack.packb(entries)
                sums[part] = hashlib.sha256(content).hexdigest()
                archive.writestr(part, content)
            about: dict[str, Any] = {"format": FORMAT, "schema": SCHEMA_VERSION, "partitions": PARTITIONS}
            about |= {"namespace": names.namespace, "at_ms": at_ms, "keys": keys, "sha256": sums}
            archive.writestr(_MANIFEST, json.dumps(about, indent=1))
        aside.replace(path)
    except OSError as error:
        raise InputError("FILE", str(path), f"cannot be written: {error.strerror}", "name another one") from None
    finally:
        aside.unlink(missing_ok=True)
    return BackupReport(keys, at_ms)


def _parts(client: redis.Redis, names: Names) -> Iterator[tuple[str, Dumped]]:
    yield _WIDE, _dumps(client, _wide_keys(client, names))
    yield _ACKS, _acks(client, names)
    for p in range(PARTITIONS):
        yield f"partition-{p:02}", _partition(client, names, p)


def _wide_keys(client: redis.Redis, names: Names) -> list[str]:
    """Keys of no partition; who is alive is not among them."""
    pushed = [json.loads(record) for record in client.hvals(names.bundles)]
    files = sorted({sha256 for record in pushed for sha256 in record.values()})
    own = [names.meta, names.champion, names.bundles, names.halts, names.drift, names.expiries, names.alerts]
    return [*own, *map(names.bundle_chunks, files)]


def _acks(client: redis.Redis, names: Names) -> Dumped:
    """The log of acks and the highest number taken of each run, as of one moment."""
    taken = sorted({text(key) for key in client.scan_iter(match=names.acks_taken("*", "*", "*"), count=1_000)})
    pipeline = client.pipeline(transaction=True)
    keys = [names.acks, *taken]
    for key in keys:
        pipeline.dump(key)
        pipeline.pttl(key)
    found = pipeline.execute()
    dumps = zip(keys, found[::2], found[1::2], strict=True)
    return [(key.encode(), dump, max(0, left_ms)) for key, dump, left_ms in dumps if dump is not None]


def _partition(client: redis.Redis, names: Names, p: int) -> Dumped:
    """All of a partition as of one moment. A series that begins meanwhile has another look taken."""
    series: set[str] = set()
    for _ in range(_ROUNDS):
        keys = _partition_keys(client, names, p, series)
        pipeline = client.pipeline(transaction=True)
        pipeline.hkeys(names.series(p))
        for key in keys:
            pipeline.dump(key)
        found, *dumps = pipeline.execute()
        if {text(key) for key in found} <= series:
            return [(key.encode(), dump, 0) for key, dump in zip(keys, dumps, strict=True) if dump is not None]
        series = {text(key) for key in found}
    raise InputError("backup", f"partition {p}", "has new series all the time", "try again when fewer begin")


def _partition_keys(client: redis.Redis, names: Names, p: int, series: set[str]) -> list[str]:
    stages = [text(stage).split(":", 1) for stage in client.hkeys(names.position(p))]
    sets, shadows, scored = (
        [rest[0] for kind, *rest in stages if kind == wanted and rest] for wanted in ("features", "shadow", "scorer")
    )
    keys = [
        names.candles(p), names.series(p), names.calendars(p), names.predictions(p), names.latest(p), names.position(p),
        names.passages(p), names.dead(p), names.rejects(p), names.outcomes(p), names.scores(p), names.latest_scores(p),
        *(names.features(p, set8) for set8 in sets), *(names.shadow(p, bundle) for bundle in shadows),
        *(names.shadow_outcomes(p, bundle) for bundle in scored),
    ]  # fmt: skip
    for key in sorted(series):
        keys += [names.history(p, key), names.weeks(p, key), names.recent(p, key), names.outcome_recent(p, key)]
        keys += [names.window(p, set8, key) for set8 in sets]
        keys += [names.shadow_recent(p, bundle, key) for bundle in shadows]
        keys += [names.shadow_outcome_recent(p, bundle, key) for bundle in scored]
    return keys


def _dumps(client: redis.Redis, keys: list[str]) -> Dumped:
    found: Dumped = []
    for key in keys:  # one by one: a model's pieces are megabytes
        dump: Any = client.execute_command("DUMP", key)
        if dump is not None:
            found.append((key.encode(), dump, 0))
    return found


def restore(client: redis.Redis, names: Names, path: Path) -> BackupReport:
    """Write a backup's keys into an empty namespace, under the names they had there.

    Raises
    ------
    InputError
        The file is no sound backup, or of another schema or namespace; services are at work; the namespace holds
        something; or the broker is older than the one that wrote it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read(_MANIFEST))
            _check(client, names, path, about)
            for part, sha256 in about["sha256"].items():
                content = archive.read(part)
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise InputError("FILE", str(path), f"{part} is altered", "use another backup")
                _write(client, msgpack.unpackb(content))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InputError("FILE", str(path), f"is no backup: {error}", "name one that `natron backup` wrote") from None
    return BackupReport(int(about["keys"]), int(about["at_ms"]))


def _check(client: redis.Redis, names: Names, path: Path, about: dict[str, Any]) -> None:
    ours = {"format": FORMAT, "schema": SCHEMA_VERSION, "partitions": PARTITIONS, "namespace": names.namespace}
    for field, value in ours.items():
        if about[field] != value:
            mend = "restore it with the Natron and the namespace that it was written with"
            raise InputError("FILE", str(path), f"{field} is {about[field]!r}, here it is {value!r}", mend)
    for service in ("feature_service", "worker"):
        if live_members(client, names, service):
            raise InputError("restore", service, "is at work", "stop the services first")
    if next(client.scan_iter(match=f"{names.namespace}:{{*", count=1_000), None) is not None:
        raise InputError("restore", names.namespace, "holds series already", "restore into an empty broker")


def _write(client: redis.Redis, entries: Dumped) -> None:
    for start in range(0, len(entries), _KEYS_A_CALL):
        pipeline = client.pipeline(transaction=False)
        for key, dump, left_ms in entries[start : start + _KEYS_A_CALL]:
            pipeline.execute_command("RESTORE", key, left_ms, dump, "REPLACE")
        try:
            pipeline.execute()
        except redis.exceptions.ResponseError as error:
            rule = f"is not taken by this broker: {error}"
            raise InputError(
                "FILE", "a key of it", rule, "restore into a broker as new as the one it is from"
            ) from None
