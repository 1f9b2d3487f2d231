"""Bundles in the broker: pushed whole, and one of them the champion, under a promote number that only rises."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from inference_worker.bundle import MANIFEST_NAME, Bundle
from shared.broker import broker_ms, text
from shared.delivery import note_expiry
from shared.errors import BundleError, InputError
from shared.membership import live_members
from shared.names import Names

CHUNK_BYTES = 1 << 20
"""A piece of a file: the broker does nothing else while it takes one in."""
WORKERS = "worker"
"""Service whose members serve."""
PAST_CHAMPIONS = 32
"""So far back may `rollback` go, step by step."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A bundle that was made champion. Number 0 and no ID mean what workers serve of themselves."""

    number: int = 0
    bundle: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """The champion, and those before it: ``past`` is oldest first and begins with number 0."""

    champion: Promotion
    past: tuple[Promotion, ...]


@dataclass(frozen=True, slots=True)
class Serving:
    """What one worker says of itself."""

    bundle: str
    promote: int
    refused: str = ""  # bundle and promote number of a champion that it does not serve, and why

    @property
    def document(self) -> dict[str, str | int]:
        """JSON-able."""
        return {"bundle": self.bundle, "promote": self.promote, "refused": self.refused}


class Registry:
    """The bundles that a broker holds, and who serves which."""

    def __init__(self, client: redis.Redis, names: Names) -> None:
        self.client, self.names = client, names

    def push(self, folder: Path) -> Bundle:
        """Store a bundle's folder: every file under its sha256, the record last, so half a bundle is never one.

        Raises
        ------
        BundleError
            The folder holds no sound bundle.
        InputError
            Another bundle of this ID is there: predictions are signed with the ID.
        """
        bundle = Bundle.load(folder)
        manifest = bundle.manifest
        contents = {name: (folder / name).read_bytes() for name in (MANIFEST_NAME, *manifest.files)}
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        known = self._record(manifest.id)
        if known is not None and known != sums:
            rule = "is the ID of another bundle that was pushed"
            raise InputError("bundle", manifest.id, rule, "train it under a new name; an ID stands for one bundle")
        for name, content in contents.items():
            self._store(sums[name], content)
        note_expiry(self.client, self.names, manifest.id, manifest.expires_ms)
        self.client.hset(self.names.bundles, manifest.id, json.dumps(sums))
        return bundle

    def _store(self, sha256: str, content: bytes) -> None:
        key = self.names.bundle_chunks(sha256)
        if self.client.exists(key) and hashlib.sha256(b"".join(self._pieces(sha256))).hexdigest() == sha256:
            return
        aside = f"{key}:new"
        self.client.delete(aside)
        for start in range(0, max(1, len(content)), CHUNK_BYTES):
            self.client.rpush(aside, content[start : start + CHUNK_BYTES])
        self.client.rename(aside, key)

    def load(self, bundle_id: str) -> Bundle:
        """Read a bundle back, every file checked.

        Raises
        ------
        BundleError
            It was never pushed, a piece is missing or altered, or it is no sound bundle.
        """
        sums = self._record(bundle_id)
        if sums is None:
            raise BundleError(f"bundle {bundle_id}: is not in the broker; `natron bundle push` its folder")
        with tempfile.TemporaryDirectory(prefix="natron-bundle-") as holder:
            folder = Path(holder, bundle_id)
            for name, expected in sums.items():
                content = b"".join(self._pieces(expected))
                found = hashlib.sha256(content).hexdigest()
                if found != expected:
                    raise BundleError(f"bundle {bundle_id}: {name}: sha256 expected {expected}, found {found}")
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            bundle = Bundle.load(folder)
        if bundle.manifest.id != bundle_id:
            raise BundleError(f"bundle {bundle_id}: its manifest is that of {bundle.manifest.id}")
        return bundle

    def _pieces(self, sha256: str) -> Iterator[bytes]:
        key, at = self.names.bundle_chunks(sha256), 0
        while pieces := self.client.lrange(key, at, at):
            yield pieces[0] if isinstance(pieces[0], bytes) else pieces[0].encode()
            at += 1

    def _record(self, bundle_id: str) -> dict[str, str] | None:
        found = self.client.hget(self.names.bundles, bundle_id)
        record: dict[str, str] | None = None if found is None else json.loads(found)
        return record

    @property
    def ids(self) -> list[str]:
        """Bundles that were pushed, sorted."""
        return sorted(text(name) for name in self.client.hkeys(self.names.bundles))

    def line(self) -> Line:
        """Who is champion, and who was."""
        return _line(self.client.hgetall(self.names.champion))

    def promote(self, bundle_id: str) -> Promotion:
        """Make a pushed bundle the champion; workers take it over within seconds, each between two batches.

        Raises
        ------
        BundleError
            It is not in the broker whole.
        """
        self.load(bundle_id)
        return self._move(lambda line: (bundle_id, (*line.past, line.champion)))

    def rollback(self) -> Promotion:
        """Make the champion before this one the champion again, under a new number.

        Raises
        ------
        InputError
            There is none.
        """

        def back(line: Line) -> tuple[str, tuple[Promotion, ...]]:
            if not line.past:
                raise InputError("rollback", line.champion.bundle, "has no champion before it", "promote another one")
            return line.past[-1].bundle, line.past[:-1]

        return self._move(back)

    def _move(self, choose: Callable[[Line], tuple[str, tuple[Promotion, ...]]]) -> Promotion:
        def change(pipeline: redis.client.Pipeline) -> None:
            line = _line(pipeline.hgetall(self.names.champion))
            bundle_id, past = choose(line)
            stack = [[one.number, one.bundle] for one in past[-PAST_CHAMPIONS:]]
            number, now_ms = line.champion.number + 1, broker_ms(self.client)
            pipeline.multi()
            fields: dict[Any, Any] = {"id": bundle_id, "promote": number, "past": json.dumps(stack), "since_ms": now_ms}
            pipeline.hset(self.names.champion, mapping=fields)

        self.client.transaction(change, self.names.champion)
        return self.line().champion

    def workers(self) -> dict[str, Serving]:
        """What each live worker that follows the champion says of itself; what dead ones said is dropped."""
        said = {text(name): json.loads(value) for name, value in self.client.hgetall(self.names.serving).items()}
        live = set(live_members(self.client, self.names, WORKERS))
        if gone := [name for name in said if name not in live]:
            self.client.hdel(self.names.serving, *gone)
        return {name: Serving(**value) for name, value in sorted(said.items()) if name in live}


def _line(raw: Mapping[Any, bytes | str]) -> Line:
    fields = {text(name): text(value) for name, value in raw.items()}
    champion = Promotion(int(fields.get("promote", 0)), fields.get("id", ""))
    return Line(champion, tuple(Promotion(*one) for one in json.loads(fields.get("past", "[]"))))
