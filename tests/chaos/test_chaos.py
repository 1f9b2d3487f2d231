"""Kill, pause, starve and pester: the short form of ``natron chaos``."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from natron.chaos.request import FAULTS
from producer.sample import sample_candles, write_candles

COUNTS = ("lost", "duplicated", "different", "out_of_order")


def chaos(*arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "natron", "chaos", "--json", "--symbol", "EURUSD.r", "--timeframe", "M15"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=400)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.mark.slow
def test_whatever_goes_wrong_the_predictions_do_not_show_it(tmp_path: Path) -> None:
    csv = tmp_path / "candles.csv"
    write_candles(sample_candles(4_001, "M15", 7), csv)
    status, result, error = chaos("--csv", str(csv), "--kills", "4", "--seed", "3")
    assert status == 0, (result, error)
    assert result["received"] == result["expected"] == 4_000 - 95
    assert [result[name] for name in (*COUNTS, "unburied", "innocent")] == [0] * 6
    injected = result["injected"]
    assert sum(injected["kills"].values()) == 4
    assert injected["pauses_past_expiry"] >= 1
    assert injected["broker"].keys() == {"kill", "load", "pause", "oom", "readonly", "noreplicas"}
    assert all(injected["refused"][name] for name in ("OOM", "READONLY", "NOREPLICAS", "LOADING"))
    assert all(injected["candles"][verdict] for verdict in ("duplicate", "late", "old", "revision"))
    assert result["dead_letters"].keys() == {"junk", "repeat"}
    assert result["faults"] == list(FAULTS)


@pytest.mark.slow
def test_nor_do_they_when_the_primaries_of_a_cluster_fail_over(tmp_path: Path) -> None:
    csv = tmp_path / "candles.csv"
    write_candles(sample_candles(2_001, "M15", 7), csv)
    status, result, error = chaos("--csv", str(csv), "--cluster", "--kills", "1", "--faults", "kill,broker")
    assert status == 0, (result, error)
    assert result["received"] == result["expected"] == 2_000 - 95
    assert [result[name] for name in (*COUNTS, "unburied", "innocent")] == [0] * 6
    assert result["injected"]["broker"] == {"kill": 1, "pause": 1, "handover": 1}


def test_a_file_that_is_too_short_is_refused_in_one_line(tmp_path: Path) -> None:
    csv = tmp_path / "candles.csv"
    write_candles(sample_candles(200, "M15", 7), csv)
    status, _, error = chaos("--csv", str(csv))
    assert status == 2
    assert "holds 200 candles" in error
    assert "Traceback" not in error
