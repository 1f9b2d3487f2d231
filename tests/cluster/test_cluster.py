"""Everything works on a real cluster: keys, scripts, pipelines, reads over all nodes; and a fail-over loses nothing."""

from collections import Counter

import pytest
import redis
from redis.crc import key_slot

from shared.admission import Admission, AdmissionLimits
from shared.broker import alone, check_fitness, connect, primaries
from shared.clock import SystemClock
from shared.cluster import Cluster
from shared.contracts import PARTITIONS
from shared.local_cluster import LocalCluster
from shared.membership import Membership, live_members
from shared.names import Names

NAMES = Names()


def test_partitions_are_spread_over_all_primaries(cluster: LocalCluster) -> None:
    client = cluster.client("operator")
    owners = Counter(id(client.node_for("GET", NAMES.candles(p))) for p in range(PARTITIONS))
    assert sorted(owners.values()) == [21, 21, 22]
    assert len(primaries(client)) == 3


def test_a_pipeline_answers_in_order_whichever_nodes_it_goes_to(cluster: LocalCluster) -> None:
    client = cluster.client("operator")
    check_fitness(client, NAMES)
    pipeline = client.pipeline(transaction=False)
    for p in range(PARTITIONS):
        pipeline.hset(NAMES.latest(p), "x", p)
        pipeline.hget(NAMES.latest(p), "x")
    replies = pipeline.execute()
    assert [int(reply) for reply in replies[1::2]] == list(range(PARTITIONS))
    for p in range(PARTITIONS):
        client.delete(NAMES.latest(p))


def test_one_read_waits_for_the_streams_of_all_nodes(cluster: LocalCluster) -> None:
    client = cluster.client("operator")
    for p in (0, 1, 2, 3):
        client.xadd(NAMES.predictions(p), {"m": str(p)}, id="1-0")
    logs = [NAMES.predictions(p) for p in range(8)]
    for reader in (client, alone(client)):
        found = reader.execute_command("XREAD", "COUNT", 5, "BLOCK", 50, "STREAMS", *logs, *["0-0"] * 8)
        assert sorted(log for log, _ in found) == sorted(log.encode() for log in logs[:4])
        assert reader.execute_command("XREAD", "BLOCK", 1, "STREAMS", *logs, *["2-0"] * 8) == []
    for p in (0, 1, 2, 3):
        client.delete(NAMES.predictions(p))


def test_a_node_that_is_away_stops_nobody_who_begins(cluster: LocalCluster) -> None:
    known = cluster.client("operator")
    away = ("127.0.0.1", 1)
    reader = Cluster([away, *known._seeds], known._open).alone()
    assert reader.execute_command("EXISTS", NAMES.latest(0)) == 0
    other = Cluster([away, *known._seeds], known._open).alone()
    other._map = ([16_383], [away])  # an owner that died before anybody spoke to it
    with pytest.raises(redis.exceptions.ConnectionError):
        other.execute_command("EXISTS", NAMES.latest(0))
    assert other.execute_command("EXISTS", NAMES.latest(0)) == 0


def test_nothing_to_admit_waits_for_no_replica(cluster: LocalCluster) -> None:
    limits = AdmissionLimits(1_000, 10, 10, replicas=1)
    assert Admission(cluster.client("bridge"), NAMES, SystemClock(), limits).admit_each([]) == []


def test_members_are_counted_by_the_clock_of_their_own_node(cluster: LocalCluster) -> None:
    client = cluster.client("worker")
    one = Membership(client, NAMES, "worker", "one", SystemClock())
    assert one.renew() == ["one"] == live_members(client, NAMES, "worker")
    one.leave()
    assert live_members(client, NAMES, "worker") == []


def test_a_command_that_was_moved_is_sent_again_where_it_belongs(cluster: LocalCluster) -> None:
    client = cluster.client("operator")
    assert isinstance(client, Cluster)
    client.hset(NAMES.latest(5), "a", "b")
    ends, owners = client._slots()
    client._map = (ends, [*owners[1:], owners[0]])  # as after a move that nobody told of
    assert client.hget(NAMES.latest(5), "a") == b"b"
    client._map = (ends, [*owners[1:], owners[0]])
    pipeline = client.pipeline(transaction=False)
    pipeline.hget(NAMES.latest(5), "a")
    pipeline.hget(NAMES.latest(6), "a")
    assert pipeline.execute() == [b"b", None]
    client.delete(NAMES.latest(5))


def test_who_has_no_password_or_does_not_know_the_authority_comes_nowhere(cluster: LocalCluster) -> None:
    with pytest.raises(redis.exceptions.RedisError):
        connect(cluster.url_of("operator").replace("operator:", "operator:x")).ping()
    if cluster.tls is not None:
        with pytest.raises(redis.exceptions.RedisError):
            connect(cluster.url_of("operator").partition("?")[0]).ping()


def test_the_hash_tags_of_partitions_decide_the_slot() -> None:
    for p in range(PARTITIONS):
        slots = {key_slot(key.encode()) for key in (NAMES.candles(p), NAMES.window(p, "0", "A.M1"), NAMES.position(p))}
        assert slots == {key_slot(str(p).encode())}
