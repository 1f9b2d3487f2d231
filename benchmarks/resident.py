"""Resident memory of a running system, process by process, and what its broker says it uses."""

from pathlib import Path

import redis

from natron.system import System


def resident_mb(system: System, client: redis.Redis, others: dict[str, int] | None = None) -> dict[str, float]:
    """MB by name; ``others`` are processes beside the system's own, name -> ID. One that has ended is left out."""
    pids = {name: pid for name, pid in system.pids().items() if name != "up"} | (others or {})
    found = {}
    for name, pid in pids.items():
        status = Path("/proc", str(pid), "status")
        lines = status.read_text().splitlines() if status.exists() else []
        resident = [line for line in lines if line.startswith("VmRSS")]
        if resident:
            found[name] = int(resident[0].split()[1]) / 1_024
    found["broker used_memory"] = float(client.info("memory")["used_memory"]) / 1e6
    return found
