"""A real cluster on loopback for tests: three primaries, three replicas, users, and TLS where a server can speak it."""

import hashlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from shared.acl import write_secrets
from shared.addresses import free_port
from shared.broker import LOST, connect
from shared.broker_url import with_password
from shared.embedded_broker import die_with_parent, server_binary
from shared.names import Names
from shared.testing import await_true

PRIMARIES = 3
NODE_TIMEOUT_MS = 1_500
SLOTS = 16_384
_ADMIN = "admin"
_ADMIN_PASSWORD = "of-this-test-alone"  # noqa: S105 - of a server that lives as long as a test


@dataclass(frozen=True)
class Tls:
    """Files of a certificate authority and of the nodes' certificate, which is good for 127.0.0.1."""

    authority: Path
    certificate: Path
    key: Path


def tls_server() -> Path | None:
    """A server of 7.0 or newer that speaks TLS, if there is one; Debian's tools are the server under another name."""
    for name in ("valkey-server", "redis-server", "redis-check-rdb"):
        found = shutil.which(name)
        if found and b"tls-auth-clients" in Path(found).read_bytes() and b"SSL_CTX_new" in Path(found).read_bytes():
            return Path(found)
    return None


@dataclass
class Node:
    """One server of the cluster."""

    port: int
    command: list[str]
    client: redis.Redis
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, for the first time or again with what its disk kept."""
        self.process = subprocess.Popen(  # noqa: S603 - our own program and arguments
            self.command,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - it only asks the kernel for a signal
            stdout=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass
class ClusterUnderTest:
    """Six nodes: the first three are born primaries, each of the others a replica of one of them."""

    folder: Path
    tls: Tls | None
    nodes: list[Node] = field(default_factory=list)

    def url(self, user: str) -> str:
        """Where a user connects, its password in it."""
        scheme = "rediss+cluster" if self.tls else "redis+cluster"
        places = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        query = f"?ssl_ca_certs={self.tls.authority}" if self.tls else ""
        password = (self.folder / "secrets" / user).read_text().strip()
        return with_password(f"{scheme}://{user}@{places}/{query}", password)

    def client(self, user: str) -> redis.Redis:
        """Client of a user."""
        return connect(self.url(user))

    def primary_of(self, slot: int) -> Node:
        """Who has a slot now, by the word of the nodes that live."""
        for node in self.nodes:
            with suppress(*LOST):
                ranges: Any = node.client.execute_command("CLUSTER SLOTS")
                port = next(int(primary[1]) for low, high, primary, *_ in ranges if low <= slot <= high)
                return next(one for one in self.nodes if one.port == port)
        raise AssertionError("no node answers")


def _command(cluster: ClusterUnderTest, binary: Path, port: int) -> list[str]:
    folder = cluster.folder / str(port)
    folder.mkdir()
    listening = ["--port", str(port)]
    if cluster.tls:
        tls = cluster.tls
        listening = [
            *("--port", "0", "--tls-port", str(port), "--tls-cluster", "yes", "--tls-replication", "yes"),
            *("--tls-cert-file", str(tls.certificate), "--tls-key-file", str(tls.key)),
            *("--tls-ca-cert-file", str(tls.authority), "--tls-auth-clients", "no"),
        ]
    return [
        str(binary), *listening, "--bind", "127.0.0.1", "--dir", str(folder), "--logfile", str(folder / "log"),
        "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", str(free_port()),
        "--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--cluster-require-full-coverage", "yes",
        "--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0",
        "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction",
        "--aclfile", str(cluster.folder / "users.acl"), "--masteruser", _ADMIN, "--masterauth", _ADMIN_PASSWORD,
    ]  # fmt: skip


def _start(cluster: ClusterUnderTest, binary: Path) -> None:
    for _ in range(2 * PRIMARIES):
        port = free_port()
        scheme = "rediss" if cluster.tls else "redis"
        query = f"?ssl_ca_certs={cluster.tls.authority}" if cluster.tls else ""
        client = connect(f"{scheme}://{_ADMIN}:{_ADMIN_PASSWORD}@127.0.0.1:{port}/{query}")
        cluster.nodes.append(Node(port, _command(cluster, binary, port), client))
        cluster.nodes[-1].start()
    for node in cluster.nodes:
        await_true(lambda node=node: _answers(node), f"the node at {node.port}")  # type: ignore[misc]


def _answers(node: Node) -> bool:
    assert node.process.poll() is None
    with suppress(*LOST):
        return bool(node.client.ping())
    return False


def _join(cluster: ClusterUnderTest) -> None:
    first, *others = cluster.nodes
    bus = {int(info["cluster_port"]): node for node in cluster.nodes for info in [_bus(node)]}
    ports = {node.port: port for port, node in bus.items()}
    for node in others:
        node.client.execute_command("CLUSTER MEET", "127.0.0.1", node_port := first.port, ports[node_port])
    width = -(-SLOTS // PRIMARIES)
    for at, node in enumerate(cluster.nodes[:PRIMARIES]):
        last = min(SLOTS, (at + 1) * width) - 1
        node.client.execute_command("CLUSTER ADDSLOTSRANGE", at * width, last)
    ids = [node.client.execute_command("CLUSTER MYID").decode() for node in cluster.nodes]
    await_true(lambda: all(_knows(node, 2 * PRIMARIES) for node in cluster.nodes), "nodes that know each other")
    for at, node in enumerate(cluster.nodes[PRIMARIES:]):
        node.client.execute_command("CLUSTER REPLICATE", ids[at])
    await_true(lambda: all(_is_well(node) for node in cluster.nodes), "a cluster that is whole")


def _bus(node: Node) -> dict[str, Any]:
    found: Any = node.client.config_get("cluster-port")
    return {"cluster_port": found["cluster-port"]}


def _knows(node: Node, count: int) -> bool:
    return f"cluster_known_nodes:{count}".encode() in _cluster_info(node)


def _is_well(node: Node) -> bool:
    replication: Any = node.client.info("replication")
    linked = replication["role"] == "master" and replication["connected_slaves"] == 1
    follows = replication["role"] == "slave" and replication["master_link_status"] == "up"
    return b"cluster_state:ok" in _cluster_info(node) and (linked or follows)


def _cluster_info(node: Node) -> bytes:
    found: Any = node.client.execute_command("CLUSTER INFO")
    return found if isinstance(found, bytes) else "\r\n".join(f"{k}:{v}" for k, v in found.items()).encode()


@contextmanager
def cluster_under_test(folder: Path, tls: Tls | None = None) -> Iterator[ClusterUnderTest]:
    """Start one, with the users of ``natron secrets``; over TLS, with a server that can speak it."""
    write_secrets(folder / "secrets", Names())
    digest = hashlib.sha256(_ADMIN_PASSWORD.encode()).hexdigest()
    users = (folder / "secrets" / "users.acl").read_text()
    (folder / "users.acl").write_text(f"{users}user {_ADMIN} on #{digest} ~* &* +@all\n")
    cluster, binary = ClusterUnderTest(folder, tls), server_binary()
    if tls:
        speaker = tls_server()
        assert speaker is not None
        binary = folder / "redis-server"  # by which name it is a server
        binary.symlink_to(speaker)
    try:
        _start(cluster, binary)
        _join(cluster)
        yield cluster
    finally:
        for node in cluster.nodes:
            node.client.close()
            if node.process.poll() is None:
                node.kill()
