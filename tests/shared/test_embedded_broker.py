"""The embedded broker: private, fit, restartable with its data, and gone when its parent is."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.broker import check_fitness, connect
from shared.embedded_broker import STREAM_NODE_BYTES, EmbeddedBroker
from shared.errors import BrokerError, SchemaError
from shared.names import Names
from shared.testing import BrokerUnderTest


def test_it_listens_on_a_private_socket_alone() -> None:
    with EmbeddedBroker() as broker:
        socket = Path(broker.url.removeprefix("unix://"))
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        client = connect(broker.url)
        assert client.config_get("port") == {"port": "0"}
        check_fitness(client, Names())
        client.close()
    assert not socket.parent.exists()


@pytest.mark.parametrize("file", ["broker/valkey.conf", "kubernetes/broker.yaml"])
def test_streams_lie_in_memory_as_in_a_deployed_broker(file: str) -> None:
    with EmbeddedBroker() as broker:
        client = connect(broker.url)
        assert client.config_get("stream-node-max-bytes") == {"stream-node-max-bytes": str(STREAM_NODE_BYTES)}
        client.close()
    deployed = Path(__file__).parents[2].joinpath("deploy", file).read_text()
    assert f"stream-node-max-bytes {STREAM_NODE_BYTES}\n" in deployed


def test_its_data_outlives_a_kill(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        client = connect(broker.url)
        client.xadd("stream", {"m": "1"})
        os.kill(broker.pid, signal.SIGKILL)
        while broker.poll() is None:
            time.sleep(0.01)  # reaping is not instant
        client.close()
        broker.start()
        again = connect(broker.url)
        assert again.xlen("stream") == 1
        again.close()


def test_it_is_gone_when_its_parent_is_killed() -> None:
    program = (
        "import sys; from shared.embedded_broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker().start(); print(broker.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_broker_that_may_evict_is_refused(broker: BrokerUnderTest) -> None:
    broker.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(BrokerError, match="noeviction"):
            check_fitness(broker.client, broker.names)
    finally:
        broker.client.config_set("maxmemory-policy", "noeviction")


def test_a_broker_of_another_partition_count_is_refused(broker: BrokerUnderTest) -> None:
    check_fitness(broker.client, broker.names)
    broker.client.hset(broker.names.meta, "partitions", "32")
    with pytest.raises(SchemaError, match="partitions = 32"):
        check_fitness(broker.client, broker.names)
