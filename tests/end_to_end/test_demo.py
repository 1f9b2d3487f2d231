"""``natron demo``: real candles become signals at a ZeroMQ client, none lost, none twice."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from producer.sample import sample_candles, write_candles


def demo(*arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "natron", "demo", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_the_sample_goes_through_whole() -> None:
    status, result, error = demo("--candles", "1500")
    assert status == 0, error
    assert result["admitted"] == result["rows"] == 1_500
    assert result["published"] == result["received"] == 1_500 - 95
    assert (result["lost"], result["duplicated"], result["workers"]) == (0, 0, 2)
    assert 0 < result["latency_ms"]["p50"] <= result["latency_ms"]["p99"]


def test_bad_rows_are_refused_with_line_field_value_and_rule_and_the_rest_goes_through(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    write_candles(sample_candles(400, "M15", 5), path)
    lines = path.read_bytes().decode().split("\r\n")
    changes = {50: ("HIGH", 3, "0.1"), 100: ("OPEN", 2, "NaN"), 150: ("CLOSE", 5, "0"), 200: ("LOW", 4, "text")}
    for line, (_, column, value) in changes.items():
        fields = lines[line - 1].split("\t")
        fields[column] = value
        lines[line - 1] = "\t".join(fields)
    off_grid = lines[249].split("\t")
    off_grid[1] = off_grid[1][:-2] + "07"
    lines[249] = "\t".join(off_grid)
    path.write_bytes("\r\n".join(lines).encode())
    status, result, error = demo("--csv", str(path), "--symbol", "BAD.r", "--timeframe", "M15")
    assert status == 0, error
    assert result["admitted"] == 400 - 1 - 5
    refused = result["replay"]["refused"]
    assert refused["count"] == 5
    examples = [example for reason in refused["reasons"].values() for example in reason["examples"]]
    assert sorted(example["line"] for example in examples) == [50, 100, 150, 200, 250]
    assert all(reason["rule"] for reason in refused["reasons"].values())


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text("this is no export\nat all\n")
    status, _, error = demo("--csv", str(path), "--symbol", "X", "--timeframe", "M15")
    assert status == 2
    assert str(path) in error
    assert "Traceback" not in error


def test_a_broken_bundle_ends_the_demo_with_its_reason(tmp_path: Path) -> None:
    status, _, error = demo("--candles", "200", "--set", f"inference.bundle={tmp_path}")
    assert status == 1
    assert "manifest.json" in error
    assert "Traceback" not in error
