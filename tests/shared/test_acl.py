"""Each service's broker user does its own work, and is refused what is not its own; secrets are made once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.acl import rights, write_secrets
from shared.broker import connect
from shared.names import Names
from shared.testing import GuardedBroker, guarded_broker

NAMES = Names()
USERS = sorted(rights(NAMES))
SERVICES = {"producer", "feature_service", "worker", "bridge", "gateway", "scorer", "archive"}

# Key -> who may write it. `operator` may write them all.
WRITERS: dict[str, set[str]] = {
    NAMES.candles(3): {"producer", "bridge", "feature_service"},  # the feature service trims what it has read
    NAMES.history(3, "X.M15"): {"producer", "bridge", "feature_service"},
    NAMES.series(3): {"producer", "bridge"},  # a bridge takes the candles of Expert Advisors
    NAMES.rejects(3): {"producer", "bridge"},
    NAMES.calendars(3): {"producer", "bridge"},
    NAMES.bridge_clients("b-1"): {"bridge"},
    NAMES.members("bridge"): {"bridge"},
    NAMES.features(3, "0a1b2c3d"): {"feature_service", "worker"},
    NAMES.window(3, "0a1b2c3d", "X.M15"): {"feature_service", "worker"},
    NAMES.predictions(3): {"worker", "bridge", "scorer"},  # a bridge takes junk off the log
    NAMES.recent(3, "X.M15"): {"worker", "scorer"},
    NAMES.latest(3): {"worker"},
    NAMES.position(3): {"feature_service", "worker", "scorer"},
    NAMES.dead(3): {"producer", "feature_service", "worker", "bridge", "scorer"},
    NAMES.passages(3): {"feature_service", "worker", "bridge", "scorer"},
    NAMES.serving: {"worker", "gateway"},
    NAMES.champion: set(),
    NAMES.bundles: set(),
    NAMES.halts: {"gateway"},
    NAMES.drift: {"scorer"},
    NAMES.outcomes(3): {"scorer"},
    NAMES.acks: {"bridge"},
    NAMES.members("feature_service"): {"feature_service"},
    NAMES.members("worker"): {"worker"},
    NAMES.members("shadow:a-bundle"): {"worker"},
    NAMES.departures("shadow:a-bundle"): {"worker"},
    "another:thing": set(),
}
NOBODYS = [
    ["CONFIG", "SET", "maxmemory", "1"], ["FLUSHALL"], ["SHUTDOWN"], ["ACL", "SETUSER", "x"], ["KEYS", "*"],
    ["REPLICAOF", "NO", "ONE"], ["MODULE", "LIST"], ["EVAL", "return 1", "0"],
    ["MONITOR"], ["CLIENT", "KILL", "ID", "1"], ["SUBSCRIBE", "x"],
]  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    with guarded_broker(tmp_path_factory.mktemp("guarded") / "secrets") as broker:
        yield broker


def allowed(client: redis.Redis, *command: str) -> bool:
    """Whether the broker would run a command for this very user; it is tried, not asked about."""
    try:
        client.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        return False
    except redis.exceptions.ResponseError:
        return True  # the user may; the key is of another kind
    return True


@pytest.mark.parametrize("user", sorted(SERVICES | {"gateway", "reader", "health"}))
def test_a_user_writes_its_own_keys_and_no_others(guarded: GuardedBroker, user: str) -> None:
    client = guarded.client(user)
    for key, writers in WRITERS.items():
        command = ["HSET", key, "f", "v"] if user == "gateway" else ["XADD", key, "*", "f", "v"]
        assert allowed(client, *command) == (user in writers), key


@pytest.mark.parametrize("user", USERS)
def test_nobody_may_do_what_a_broker_administrator_does(guarded: GuardedBroker, user: str) -> None:
    client = guarded.client(user)
    for command in NOBODYS:
        assert not allowed(client, *command), command


def test_a_reader_reads_everything_of_its_namespace_and_nothing_else(guarded: GuardedBroker) -> None:
    reader = guarded.client("reader")
    assert allowed(reader, "XRANGE", NAMES.predictions(1), "-", "+")
    assert not allowed(reader, "GET", "another:thing")


def test_a_producer_cannot_read_predictions_nor_a_bridge_rows(guarded: GuardedBroker) -> None:
    assert not allowed(guarded.client("producer"), "XRANGE", NAMES.predictions(1), "-", "+")
    assert not allowed(guarded.client("bridge"), "XRANGE", NAMES.features(1, "0a1b2c3d"), "-", "+")


def test_who_retrains_sees_nothing_that_is_live(guarded: GuardedBroker) -> None:
    retrainer = guarded.client("retrainer")
    assert allowed(retrainer, "HSET", NAMES.champion, "f", "v")
    for key in (NAMES.series(1), NAMES.halts, NAMES.latest(1)):
        assert not allowed(retrainer, "HGETALL", key)
        assert not allowed(retrainer, "HSET", key, "f", "v")


def test_who_gives_no_password_or_a_wrong_one_is_refused(guarded: GuardedBroker) -> None:
    for url in (f"redis://127.0.0.1:{guarded.port}", f"redis://worker:wrong@127.0.0.1:{guarded.port}"):
        with pytest.raises((redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError)):
            connect(url).ping()


def test_a_password_that_was_replaced_opens_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    with guarded_broker(folder) as before:
        assert before.client("worker").ping()
        old = (folder / "worker").read_text().strip()
    (folder / "worker").unlink()
    with guarded_broker(folder) as after:
        assert after.client("worker").ping()
        with pytest.raises(redis.exceptions.AuthenticationError):
            connect(f"redis://worker:{old}@127.0.0.1:{after.port}").ping()


def test_secrets_are_made_once_and_each_is_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    fresh = write_secrets(folder, NAMES)
    before: dict[str, Any] = {path.name: path.read_text() for path in folder.iterdir()}
    assert write_secrets(folder, NAMES) == []
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert len(set(before.values())) == len(before)
    assert set(fresh) | {"users.acl"} == set(before)
    assert folder.stat().st_mode & 0o077 == 0
    assert not any(before[name].strip() in before["users.acl"] for name in fresh)  # digests only
