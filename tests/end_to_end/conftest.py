"""A whole system under ``natron up``, with its parts as processes that tests kill, pause and ask."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from inference_worker.session import TOLERANCE, Job, Session
from natron.traffic import Traffic, read_traffic
from producer.sample import sample_candles, write_candles
from shared.admission import CSV_SOURCE, Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SystemClock
from shared.codec import decode_prediction
from shared.contracts import WINDOW, Candles, Flag, Prediction, Series
from shared.membership import live_members
from shared.names import Names
from shared.prediction_log import PredictionLog
from shared.settings.groups import Settings

PATIENCE_S = 90.0
POLL_S = 0.02
A_LOOK = 2
"""Candles that a feed admits while somebody looks again: a hundred a second."""


def natron(*arguments: str) -> list[str]:
    """Command line of a ``natron`` command."""
    return [sys.executable, "-m", "natron", *arguments]


def await_true(condition: Callable[[], bool], what: str) -> None:
    """Poll until ``condition`` holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
        SystemClock().sleep(POLL_S)


@pytest.fixture(name="await_true", scope="session")
def await_true_fixture() -> Callable[[Callable[[], bool], str], None]:
    """Polling, for tests."""
    return await_true


@dataclass(frozen=True)
class Expected:
    """What an undisturbed run must publish for a series, computed without any service."""

    t: list[int]
    values: np.ndarray  # (N - 95, outputs) in the order of the manifest's heads


def expected_predictions(candles: Candles) -> Expected:
    """Windows of the history's rows through the reference bundle, in one backlog."""
    session = Session(Bundle.load(bundle_folder(Settings())), threads=1, max_tokens=1_024)
    heads = session.run([Job(session.acquire(), compute_history(candles), fresh=True)])[0]
    columns = [np.asarray(heads[head]).reshape(len(candles), -1) for head in session.bundle.manifest.heads]
    return Expected(candles["t"][WINDOW - 1 :].tolist(), np.concatenate(columns, axis=1)[WINDOW - 1 :])


def same_log(found: list[Prediction], expected: Expected) -> None:
    """Assert that a predictions log is that of an undisturbed run."""
    assert [prediction.t for prediction in found] == expected.t
    assert [prediction.n for prediction in found] == list(range(WINDOW, WINDOW + len(expected.t)))
    values = np.array(
        [[p.buy_prob, p.sell_prob, *p.direction_probs, *p.regime_probs, *p.outlook] for p in found], np.float32
    )
    assert np.abs(values - expected.values).max() <= TOLERANCE


@pytest.fixture(name="same_log", scope="session")
def same_log_fixture() -> Callable[[list[Prediction], Expected], None]:
    """Comparing, for tests."""
    return same_log


class UpSystem:
    """A running ``natron up``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        self.environ = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "NATRON_SYSTEM_LOG_LEVEL": "WARNING"}
        self._run_file = runtime / "natron" / "run.json"
        self.log = folder / "up.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                natron(
                    "up", "--data", str(folder / "data"),
                    "--set", f"bridge.signals_bind=tcp://127.0.0.1:{_free_port()}",
                    "--set", f"bridge.requests_bind=tcp://127.0.0.1:{_free_port()}",
                ),
                env=self.environ, stdout=log, stderr=log,
            )  # fmt: skip
        await_true(self._run_file.exists, "run file")
        self.client: redis.Redis = connect(self.run["broker_url"])
        self.names = Names()
        await_true(self.whole, "every service joined")

    @property
    def run(self) -> dict[str, Any]:
        """The run file."""
        document: dict[str, Any] = json.loads(self._run_file.read_text())
        return document

    def whole(self) -> bool:
        """Whether every service has joined."""
        try:
            return [self.live("feature_service"), self.live("worker")] == [1, 2]
        except redis.exceptions.RedisError:
            return False

    def live(self, service: str) -> int:
        """Live instances of a service."""
        return len(live_members(self.client, self.names, service))

    def traffic(self) -> Traffic:
        """What went through the logs; nothing while the broker is away."""
        try:
            return read_traffic(self.client, self.names, FEATURE_SET.hash[:8])
        except redis.exceptions.RedisError:
            return Traffic(0, 0, 0, 0)

    def signal(self, part: str, number: signal.Signals) -> None:
        """Send a signal to a part."""
        os.kill(self.run["pids"][part], number)

    def replay(self, csv: Path, symbol: str, *more: str) -> "subprocess.Popen[str]":
        """Start a replay."""
        command = natron("producer", "replay", "--csv", str(csv), "--symbol", symbol, "--timeframe", "M15", "--json")
        command += more
        return subprocess.Popen(command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def feed(self, symbol: str, candles: Candles) -> "Feed":
        """Load that lasts as long as somebody waits for something."""
        return Feed(self, Series(symbol, "M15"), candles)

    def ask(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(natron(*arguments), env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def predictions(self, symbol: str) -> list[Prediction]:
        """The predictions log of a series, in order; nothing while the broker is away."""
        log = PredictionLog(self.client, self.names, from_start=True)
        series = Series(symbol, "M15")
        found: list[Prediction] = []
        try:
            while published := log.read(block_ms=0):
                found += [item.prediction for item in published if item.prediction and item.prediction.series == series]
        except redis.exceptions.RedisError:
            return []
        return found

    def stop(self) -> int:
        """Stop it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@dataclass
class Feed:
    """Candles of one series, admitted as if they were live."""

    up: UpSystem
    series: Series
    candles: Candles
    sent: int = 0

    def send(self, count: int) -> None:
        """Admit the next ``count``, or those that are left."""
        limits = AdmissionLimits(100_000, 100, 100)
        door = Admission(self.up.client, self.up.names, SystemClock(), limits)
        end = min(self.sent + count, len(self.candles))
        for start in range(self.sent, end, 200):
            door.admit(self.series, self.candles[start : min(start + 200, end)], int(Flag.REPLAY), CSV_SOURCE)
        self.sent = end

    @property
    def newest(self) -> Prediction:
        """The newest prediction of its series."""
        latest = self.up.client.hget(self.up.names.latest(self.series.partition), self.series.key)
        assert latest is not None
        return decode_prediction(latest)

    def await_true(self, condition: Callable[[], bool], what: str) -> None:
        """Poll, and admit some candles at each look."""

        def fed() -> bool:
            self.send(A_LOOK)
            return condition()

        await_true(fed, what)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpSystem]:
    """A running system, stopped at the end."""
    system = UpSystem(tmp_path_factory.mktemp("up"))
    yield system
    if system.process.poll() is None:
        assert system.stop() == 0


@pytest.fixture
def up_system() -> type[UpSystem]:
    """To start systems of one's own."""
    return UpSystem


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Candles]:
    """A file of candles, and those of them that it closes."""
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    candles = sample_candles(4_001, "M15", 11)
    write_candles(candles, path)
    return path, candles[:-1]


@pytest.fixture(scope="session")
def expected(sample: tuple[Path, Candles]) -> Expected:
    """What the sample's predictions are."""
    return expected_predictions(sample[1])
