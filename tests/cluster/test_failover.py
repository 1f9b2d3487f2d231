"""A primary is killed during a replay: what was admitted is there, and predicted once, in order, as if undisturbed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot

from feature_service.service import run as run_features
from inference_worker.service import run as run_worker
from producer.replay import Replay
from producer.replay_request import ReplayRequest
from producer.sample import write_candles
from shared.admission import Admission, AdmissionLimits, Verdict
from shared.broker import LOST
from shared.clock import SystemClock
from shared.contracts import WINDOW, Series
from shared.errors import BrokerError
from shared.local_cluster import LocalCluster
from shared.names import Names
from shared.prediction_log import PredictionLog
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, await_true, walk_candles

NAMES = Names()
CANDLES = 260
LIMITS = AdmissionLimits(16_384, 1_000, 1_000, replicas=1)
Predicted = dict[tuple[str, int], float]


def spread_series() -> list[Series]:
    """Two series for each third of the slots."""
    found: dict[int, list[Series]] = {0: [], 1: [], 2: []}
    for at in range(100):
        series = Series(f"S{at}", "M15")
        of_third = found[key_slot(str(series.partition).encode()) * 3 // 16_384]
        if len(of_third) < 2:
            of_third.append(series)
    return [series for third in found.values() for series in third]


@contextmanager
def at_work(cluster: LocalCluster) -> Iterator[None]:
    """A feature service and a worker, each as its own user, in threads."""
    stop, failures = threading.Event(), list[Exception]()

    def guard(run: Callable[[Settings, ServiceContext], None], user: str) -> None:
        try:
            run(Settings(), ServiceContext(cluster.client(user), NAMES, stop=stop, instance=user))
        except Exception as error:  # noqa: BLE001 - whatever ended it
            failures.append(error)

    services = ((run_features, "feature_service"), (run_worker, "worker"))
    threads = [threading.Thread(target=guard, args=one, daemon=True) for one in services]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not failures


def undisturbed(broker: BrokerUnderTest, folder: Path, several: list[Series]) -> Predicted:
    door = Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(16_384, 1_000, 1_000))
    for series in several:
        Replay(door, SystemClock(), ReplayRequest(folder / f"{series.symbol}.csv", series)).run()
    for run in (run_features, run_worker):
        run(Settings(), ServiceContext(broker.client, broker.names), until_idle=True)
    return predicted(PredictionLog(broker.client, broker.names, from_start=True))


def predicted(log: PredictionLog) -> Predicted:
    """(series, n) -> probability, everything that is in the logs; none twice, and in order."""
    found: Predicted = {}
    newest: dict[str, int] = {}
    while published := log.read(0, 1_000):
        for one in published:
            assert one.prediction is not None
            key, n = one.prediction.series.key, one.prediction.n
            assert n == newest.get(key, WINDOW - 1) + 1
            newest[key] = n
            found[key, n] = one.prediction.buy_prob
    return found


def replay(cluster: LocalCluster, folder: Path, series: Series, reports: dict[str, dict[str, Any]]) -> None:
    door = Admission(cluster.client("producer"), NAMES, SystemClock(), LIMITS)
    request = ReplayRequest(folder / f"{series.symbol}.csv", series, batch=2)
    reports[series.key] = Replay(door, SystemClock(), request).run().document()


# Python's ssl (SSLSocket._create) does not close the socket of a peer that resets the connection before the handshake.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_killed_primary_loses_nothing_that_was_admitted(
    cluster: LocalCluster, broker: BrokerUnderTest, tmp_path: Path
) -> None:
    several = spread_series()
    for at, series in enumerate(several):
        write_candles(walk_candles(CANDLES, seed=at), tmp_path / f"{series.symbol}.csv")
    expected = undisturbed(broker, tmp_path, several)
    operator, reader, victim = cluster.client("operator"), cluster.client("reader"), several[0]
    reports: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        stack.enter_context(at_work(cluster))
        producers = [
            threading.Thread(target=replay, args=(cluster, tmp_path, series, reports), daemon=True)
            for series in several
        ]
        for producer in producers:
            producer.start()

        def under_way() -> bool:
            return int((operator.hget(NAMES.series(victim.partition), victim.key) or b"0 ").split(b" ")[0]) > 60

        await_true(under_way, "a replay that is under way")
        slot = key_slot(str(victim.partition).encode())
        killed = cluster.primary_of(slot)
        assert killed is not None
        killed.kill()
        await_true(lambda: cluster.primary_of(slot, without=killed) is not None, "a replica that takes over")
        killed.start()  # as its supervisor would: until it is a replica, its shard has none, and admission waits
        for producer in producers:
            producer.join(90)
        assert set(reports) == {series.key for series in several}

        def complete() -> bool:
            try:
                return (
                    predicted(PredictionLog(cluster.client("reader"), NAMES, from_start=True)).keys() == expected.keys()
                )
            except LOST:
                return False

        await_true(complete, "all predictions")
    found = predicted(PredictionLog(reader, NAMES, from_start=True))
    assert found == pytest.approx(expected, abs=1e-5)
    assert all(report["late"] == report["revision"] == 0 for report in reports.values())


def test_without_enough_replicas_a_producer_hears_that_nobody_else_holds_its_candle(cluster: LocalCluster) -> None:
    wider = AdmissionLimits(16_384, 1_000, 1_000, replicas=2)
    door = Admission(cluster.client("producer"), NAMES, SystemClock(), wider)
    with pytest.raises(BrokerError, match="2 must hold"):
        door.admit(Series("LAST", "M15"), walk_candles(3), 0, "csv")
    with pytest.raises(BrokerError, match="2 must hold"):
        door.newest(Series("LAST", "M15"))
    content = Admission(cluster.client("producer"), NAMES, SystemClock(), AdmissionLimits(16_384, 1_000, 1_000))
    assert content.admit(Series("LAST", "M15"), walk_candles(3), 0, "csv") == [Verdict.DUPLICATE] * 3
