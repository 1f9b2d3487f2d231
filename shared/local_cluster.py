"""A cluster of one's own on loopback: three primaries, three replicas, users, and TLS where a server can speak it.

Chaos and tests break it; its data live as long as it does.
"""

import hashlib
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from shared.acl import write_secrets
from shared.addresses import free_port
from shared.broker import LOST, connect, text
from shared.broker_url import with_password
from shared.embedded_broker import die_with_parent, server_binary
from shared.errors import BrokerError
from shared.names import Names

PRIMARIES = 3
NODE_TIMEOUT_MS = 1_500
SLOTS = 16_384
ADMIN = "admin"
"""A user that may do everything, beside those of ``natron secrets``."""
_PATIENCE_S = 120.0
_POLL_S = 0.02


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

    @property
    def answers(self) -> bool:
        """Whether it does.

        Raises
        ------
        BrokerError
            It has ended.
        """
        if self.process.poll() is not None:
            raise BrokerError(f"cluster: the node at {self.port} ended with status {self.process.poll()}")
        with suppress(*LOST):
            return bool(self.client.ping())
        return False

    @property
    def well(self) -> bool:
        """Whether it sees every slot served, and is a primary with a replica or a replica that follows one."""
        replication: Any = self.client.info("replication")
        linked = replication["role"] == "master" and replication["connected_slaves"] == 1
        follows = replication["role"] == "slave" and replication["master_link_status"] == "up"
        return "cluster_state:ok" in self._facts() and (linked or follows)

    def knows(self, count: int) -> bool:
        """Whether it has met so many nodes, itself among them."""
        return f"cluster_known_nodes:{count}" in self._facts()

    def _facts(self) -> list[str]:
        found: Any = self.client.execute_command("CLUSTER INFO")
        return [f"{name}:{value}" for name, value in found.items()] if isinstance(found, dict) else text(found).split()


class LocalCluster:
    """Six nodes: the first three are born primaries, each of the others a replica of one of them.

    Parameters
    ----------
    folder
        An empty one for data, logs and passwords.
    tls
        Where nodes are to speak TLS, which a server must be there for (``tls_server``).
    """

    def __init__(self, folder: Path, tls: Tls | None = None) -> None:
        self.folder, self.tls = folder, tls
        self.nodes: list[Node] = []

    @property
    def url(self) -> str:
        """Where a user that may do everything connects."""
        return self.url_of(ADMIN)

    def url_of(self, user: str) -> str:
        """Where a user connects, its password in it."""
        places = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return self._url("+cluster", user, places)

    def _url(self, kind: str, user: str, places: str) -> str:
        scheme = "rediss" if self.tls else "redis"
        query = f"?ssl_ca_certs={self.tls.authority}" if self.tls else ""
        password = (self.folder / "secrets" / user).read_text().strip()
        return with_password(f"{scheme}{kind}://{user}@{places}/{query}", password)

    def client(self, user: str) -> redis.Redis:
        """Client of a user."""
        return connect(self.url_of(user))

    @property
    def pids(self) -> dict[str, int]:
        """Process ID of each node."""
        return {f"broker-{at + 1}": node.process.pid for at, node in enumerate(self.nodes)}

    def poll(self) -> int | None:
        """Exit status of a node that ended, or None while all run."""
        return next((status for node in self.nodes if (status := node.process.poll()) is not None), None)

    def primary_of(self, slot: int, without: Node | None = None) -> Node | None:
        """Who has a slot now, by the word of the nodes that live; ``without`` is not asked, and nobody's answer."""
        for node in self.nodes:
            if node is not without:
                with suppress(*LOST):
                    ranges: Any = node.client.execute_command("CLUSTER SLOTS")
                    port = next((int(primary[1]) for low, high, primary, *_ in ranges if low <= slot <= high), None)
                    return next((one for one in self.nodes if one.port == port and one is not without), None)
        return None

    @property
    def well(self) -> bool:
        """Whether every primary has its replica, and every slot a primary."""
        try:
            return all(node.process.poll() is None and node.well for node in self.nodes)
        except LOST:
            return False

    def start(self) -> "LocalCluster":
        """Start all nodes and join them, or start again those that ended; waits until the cluster is whole.

        Raises
        ------
        BrokerError
            A node ended, or it took longer than two minutes.
        """
        fresh = not self.nodes
        if fresh:
            self._write_users()
            binary = self._binary()
            for _ in range(2 * PRIMARIES):
                port = free_port()
                client = connect(self._url("", ADMIN, f"127.0.0.1:{port}"))
                self.nodes.append(Node(port, _command(self, binary, port), client))
                self.nodes[-1].start()
        for node in self.nodes:
            if not fresh and node.process.poll() is not None:
                node.start()
            await_cluster(lambda node=node: node.answers, f"the node at {node.port}")  # type: ignore[misc]
        if fresh:
            _join(self.nodes)
        await_cluster(lambda: self.well, "a cluster that is whole")
        return self

    def _write_users(self) -> None:
        secrets_folder = self.folder / "secrets"
        write_secrets(secrets_folder, Names())
        password = secrets.token_urlsafe(32)
        (secrets_folder / ADMIN).write_text(password)
        digest = hashlib.sha256(password.encode()).hexdigest()
        users = (secrets_folder / "users.acl").read_text()
        (self.folder / "users.acl").write_text(f"{users}user {ADMIN} on #{digest} ~* &* +@all\n")

    def _binary(self) -> Path:
        if not self.tls:
            return server_binary()
        speaker = tls_server()
        if speaker is None:
            raise BrokerError("cluster: no server that speaks TLS on PATH; install redis or valkey")
        binary = self.folder / "redis-server"  # by which name it is a server
        binary.symlink_to(speaker)
        return binary

    def stop(self) -> None:
        """End all nodes at once; their data are of no use any more."""
        for node in self.nodes:
            node.client.close()
            if node.process.poll() is None:
                node.kill()

    def __enter__(self) -> "LocalCluster":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def await_cluster(condition: Callable[[], bool], what: str) -> None:
    """Poll until ``condition`` holds.

    Raises
    ------
    BrokerError
        Not within two minutes.
    """
    deadline_s = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise BrokerError(f"cluster: not within {_PATIENCE_S:.0f} s: {what}")
        time.sleep(_POLL_S)


def _command(cluster: LocalCluster, binary: Path, port: int) -> list[str]:
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
    config = folder / "node.conf"  # a password on a command line could be read by all
    password = (cluster.folder / "secrets" / ADMIN).read_text()
    config.touch(mode=0o600)
    config.write_text(f"masteruser {ADMIN}\nmasterauth {password}\n")
    return [
        str(binary), str(config), *listening, "--bind", "127.0.0.1", "--dir", str(folder),
        "--logfile", str(folder / "log"),
        "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", str(free_port()),
        "--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--cluster-require-full-coverage", "yes",
        "--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0",
        "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction",
        "--aclfile", str(cluster.folder / "users.acl"),
    ]  # fmt: skip


def _join(nodes: list[Node]) -> None:
    first, *others = nodes
    bus: Any = first.client.config_get("cluster-port")
    for node in others:
        node.client.execute_command("CLUSTER MEET", "127.0.0.1", first.port, int(bus["cluster-port"]))
    width = -(-SLOTS // PRIMARIES)
    for at, node in enumerate(nodes[:PRIMARIES]):
        last = min(SLOTS, (at + 1) * width) - 1
        node.client.execute_command("CLUSTER ADDSLOTSRANGE", at * width, last)
    ids = [node.client.execute_command("CLUSTER MYID").decode() for node in nodes]
    await_cluster(lambda: all(node.knows(2 * PRIMARIES) for node in nodes), "nodes that know each other")
    for at, node in enumerate(nodes[PRIMARIES:]):
        node.client.execute_command("CLUSTER REPLICATE", ids[at])
