"""``python -m benchmarks [NAME ...]``: run benches, print them, and keep the results."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measurement import Measurement

NAMES = ("features", "feature_service", "replay", "memory", "series_memory")
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> None:
    """Run the benches named, or all."""
    for name in names or NAMES:
        rows: list[Measurement] = import_module(f"benchmarks.{name}").run()
        _print(name, rows)
        _keep(name, rows)


def _print(name: str, rows: list[Measurement]) -> None:
    table = Table("what", "unit", "Natron", "peer", "peer's", "times better", "goal", title=name)
    for row in rows:
        peer_value = "" if row.peer_value is None else f"{row.peer_value:.3g}"
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
        table.add_row(row.name, row.unit, f"{row.value:.4g}", row.peer, peer_value, ratio, row.goal)
    Console().print(table)


def _keep(name: str, rows: list[Measurement]) -> None:
    RESULTS.mkdir(exist_ok=True)
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    document = {
        "command": f"python -m benchmarks {name}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": {"cpu": cpu.partition(":")[2].strip(), "cores": os.cpu_count(), "machine": platform.machine()},
        "versions": {
            "python": platform.python_version(),
            **{part: version(part) for part in ("natron", "numpy", "numba", "onnxruntime", "redis", "pyzmq")},
        },
        "rows": [vars(row) | {"ratio": row.ratio} for row in rows],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
