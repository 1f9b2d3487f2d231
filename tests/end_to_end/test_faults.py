"""Whatever is killed or paused during a replay, the predictions log equals an undisturbed run's."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import Candles
from shared.doors import is_loopback
from shared.testing import listening

Sample = tuple[Path, Candles]


def finished(replay: "subprocess.Popen[str]") -> dict[str, Any]:
    out, error = replay.communicate(timeout=120)
    assert replay.returncode == 0, error
    report: dict[str, Any] = json.loads(out)
    return report


def under_way(up: Any, already: int, replay: "subprocess.Popen[str]") -> bool:
    """Some hundred predictions of this replay are out, and it goes on."""
    return bool(up.traffic().published > already + 300) or replay.poll() is not None


def test_no_part_listens_on_any_address_of_the_host_but_loopback(up: Any, await_true: Any) -> None:
    def doors() -> dict[str, set[tuple[str, int]]]:
        return {part: found for part, pid in up.run["pids"].items() if (found := listening(pid))}

    await_true(
        lambda: {part: len(found) for part, found in doors().items()} == {"bridge": 2, "gateway": 1}, "its doors"
    )
    assert all(is_loopback(address) for found in doors().values() for address, _ in found), doors()


@pytest.mark.parametrize("victim", ["feature-service-1", "worker-1", "worker-2", "bridge", "broker"])
def test_kill_9_of_any_service_changes_nothing(
    up: Any, await_true: Any, sample: Sample, expected: Any, same_log: Any, victim: str
) -> None:
    symbol, already = f"kill.{victim}", up.traffic().published
    replay = up.replay(sample[0], symbol)
    await_true(lambda: under_way(up, already, replay), "predictions under way")
    up.signal(victim, signal.SIGKILL)
    finished(replay)
    await_true(lambda: len(up.predictions(symbol)) >= len(expected.t), "all predictions")
    same_log(up.predictions(symbol), expected)
    await_true(up.whole, "every service is back")


def test_a_killed_replay_run_again_changes_nothing(
    up: Any, await_true: Any, sample: Sample, expected: Any, same_log: Any
) -> None:
    already = up.traffic().published
    replay = up.replay(sample[0], "kill.replay")
    await_true(lambda: under_way(up, already, replay), "predictions under way")
    replay.kill()
    replay.communicate()
    report = finished(up.replay(sample[0], "kill.replay"))
    assert report["known"] + report["admitted"] == len(sample[1])
    await_true(lambda: len(up.predictions("kill.replay")) >= len(expected.t), "all predictions")
    same_log(up.predictions("kill.replay"), expected)


@pytest.mark.parametrize("victim", ["feature-service-1", "worker-1", "worker-2", "broker"])
def test_a_service_paused_until_others_took_over_changes_nothing_when_it_wakes(
    up: Any, await_true: Any, sample: Sample, expected: Any, same_log: Any, victim: str
) -> None:
    symbol, already = f"pause.{victim}", up.traffic().published
    replay = up.replay(sample[0], symbol)
    await_true(lambda: under_way(up, already, replay), "predictions under way")
    up.signal(victim, signal.SIGSTOP)
    try:
        if victim.startswith("worker"):  # the other one takes its partitions over
            await_true(lambda: len(up.predictions(symbol)) >= len(expected.t), "all predictions")
        elif victim == "feature-service-1":
            await_true(lambda: up.live("feature_service") == 0, "its membership expired")
    finally:
        up.signal(victim, signal.SIGCONT)
    finished(replay)
    await_true(lambda: len(up.predictions(symbol)) >= len(expected.t), "all predictions")
    await_true(up.whole, "every service is back")
    same_log(up.predictions(symbol), expected)


def test_the_same_file_again_admits_nothing_and_predicts_nothing(up: Any, await_true: Any, sample: Sample) -> None:
    first = finished(up.replay(sample[0], "again"))
    assert (first["admitted"], first["open"], first["refused"]["count"]) == (len(sample[1]), 1, 0)
    await_true(lambda: up.traffic().published == up.traffic().due, "all predictions")
    before = up.traffic()
    again = finished(up.replay(sample[0], "again"))
    assert (again["admitted"], again["known"]) == (0, len(sample[1]))
    assert up.traffic() == before


def test_garbage_on_every_stream_ends_in_the_dead_letters_and_changes_nothing(
    up: Any, await_true: Any, sample: Sample, expected: Any, same_log: Any
) -> None:
    finished(up.replay(sample[0], "junk", "--limit", "2000"))
    await_true(lambda: up.traffic().published == up.traffic().due, "the first half's predictions")
    streams = [key.decode() for key in up.client.scan_iter(_type="stream")]
    own = [key for key in streams if key.endswith("junk.M15")]
    assert len(own) == 3  # history, window, recent
    for key in streams:
        up.client.xadd(key, {"garbage": b"\xff\x00"})
    finished(up.replay(sample[0], "junk"))
    await_true(lambda: len(up.predictions("junk")) >= len(expected.t), "all predictions")
    same_log(up.predictions("junk"), expected)
    logs = [key for key in streams if ":candles" in key or ":features" in key or key.endswith(":predictions")]

    def buried() -> set[str]:
        letters = [json.loads(line) for line in up.ask("dead", "list", "--json").splitlines()]
        assert all(letter["reason"] == "junk" for letter in letters if letter["origin"])
        return {letter["origin"] for letter in letters}

    await_true(lambda: {*logs, *own} <= buried(), "garbage of every log and of this series buried")
    assert up.whole()


def test_a_client_that_comes_late_gets_the_snapshot(up: Any, await_true: Any, sample: Sample, expected: Any) -> None:
    finished(up.replay(sample[0], "late"))
    await_true(lambda: len(up.predictions("late")) >= len(expected.t), "all predictions")
    shown = json.loads(up.ask("signals", "--symbol", "late", "--count", "1", "--json"))
    newest = up.predictions("late")[-1]
    assert (shown["id"], shown["n"], shown["bundle"]) == (newest.id, newest.n, newest.bundle)
    assert shown["buy_prob"] == pytest.approx(newest.buy_prob, abs=1e-6)
    assert "REPLAY" in shown["reasons"]


def test_ctrl_c_stops_every_process_and_the_data_outlives_it(
    tmp_path: Path, up_system: Any, await_true: Any, sample: Sample, expected: Any, same_log: Any
) -> None:
    first = up_system(tmp_path)
    finished(first.replay(sample[0], "kept"))
    await_true(lambda: len(first.predictions("kept")) >= len(expected.t), "all predictions")
    pids = first.run["pids"]
    assert first.stop() == 0
    assert not [name for name, pid in pids.items() if Path("/proc", str(pid)).exists()]
    second = up_system(tmp_path)
    same_log(second.predictions("kept"), expected)
    assert finished(second.replay(sample[0], "kept"))["known"] == len(sample[1])
    assert second.stop() == 0
