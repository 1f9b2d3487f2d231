"""/predict of 700 candles over HTTP, base preset: one alone, and 200 at once, beside pandas and torch over HTTP."""

import asyncio
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.bundles import write_untrained_bundle
from benchmarks.measurement import Measurement
from producer.sample import sample_candles

HISTORY, ALONE, CLIENTS, REQUESTS = 700, 40, 200, 2_000
PEER_ALONE, PEER_REQUESTS = 10, 200  # one of each client: it does a few a second
PEER = "pandas and torch over HTTP"
_NAMES = ("time", "open", "high", "low", "close", "volume")


@dataclass
class Load:
    """What many clients saw."""

    taken_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    resident_mb: list[float] = field(default_factory=list)  # after a fifth, and at the end


def run() -> list[Measurement]:
    """Measure."""
    candles = sample_candles(HISTORY, "M15", 1).tolist()
    rows = [dict(zip(_NAMES, candle, strict=True)) for candle in candles]
    body = json.dumps({"symbol": "EURUSD", "timeframe": "M15", "candles": rows}).encode()
    with tempfile.TemporaryDirectory() as folder, _gateway(write_untrained_bundle(Path(folder, "base"), "base")) as one:
        alone_ms = _alone_ms(one.port, "/predict", body, ALONE)
        load = asyncio.run(_load(one.port, "/predict", body, CLIENTS, REQUESTS, one.pid))
    peer_body = json.dumps({"candles": [list(candle[1:]) for candle in candles]}).encode()
    with _peer() as other:
        peer_alone_ms = _alone_ms(other.port, "/", peer_body, PEER_ALONE)
        peer = asyncio.run(_load(other.port, "/", peer_body, CLIENTS, PEER_REQUESTS, other.pid))
    p99, peer_p99 = float(np.quantile(load.taken_ms, 0.99)), float(np.quantile(peer.taken_ms, 0.99))
    a_second, peer_a_second = len(load.taken_ms) / load.seconds, len(peer.taken_ms) / peer.seconds
    fifth, end = load.resident_mb
    return [
        Measurement("one request alone, p50", "ms", "lower", alone_ms, PEER, peer_alone_ms, "<= 25 ms"),
        Measurement(f"{CLIENTS} at once, p99", "ms", "lower", p99, PEER, peer_p99),
        Measurement(f"{CLIENTS} at once, answers", "1/s", "higher", a_second, PEER, peer_a_second),
        Measurement(f"memory after {REQUESTS:,}, end / fifth", "ratio", "lower", end / fifth, goal="<= 1.1"),
        Measurement(f"memory after {REQUESTS:,}", "MB", "lower", end),
    ]


@dataclass(frozen=True)
class _Server:
    port: int
    pid: int


@contextmanager
def _gateway(bundle: Path) -> Iterator[_Server]:
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "natron", "gateway", "--port", "0", "--bundle", str(bundle)]
        with subprocess.Popen(command, stdout=log, stderr=log, text=True) as server:
            try:
                yield _Server(_announced_port(log.fileno(), server), server.pid)
            finally:
                server.terminate()


def _announced_port(log: int, server: "subprocess.Popen[str]") -> int:
    """Port of the gateway's own announcement."""
    path = Path("/proc/self/fd", str(log))
    while server.poll() is None:
        for line in path.read_text().splitlines():
            if '"gateway_listening"' in line:
                return int(json.loads(line)["port"])
        time.sleep(0.1)
    raise AssertionError(f"the gateway ended: {path.read_text()}")


@contextmanager
def _peer() -> Iterator[_Server]:
    command = [sys.executable, "-m", "benchmarks.peers.http_predictor"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield _Server(int(server.stdout.readline()), server.pid)
        finally:
            server.terminate()


def _alone_ms(port: int, path: str, body: bytes, requests: int) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    found = []
    for _ in range(requests):
        started = time.perf_counter()
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        found.append(1e3 * (time.perf_counter() - started))
    connection.close()
    return float(np.median(found[1:]))  # the first one warms it up


async def _load(port: int, path: str, body: bytes, clients: int, requests: int, pid: int) -> Load:
    """Clients that ask again as soon as they are answered."""
    load, left = Load(), iter(range(requests))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            started = time.perf_counter()
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in answer[:20], answer
            length = answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            load.taken_ms.append(1e3 * (time.perf_counter() - started))
            if len(load.taken_ms) in {requests // 5, requests}:
                load.resident_mb.append(_resident_mb(pid))
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    load.seconds = time.perf_counter() - started
    return load


def _resident_mb(pid: int) -> float:
    lines = Path("/proc", str(pid), "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1_024
