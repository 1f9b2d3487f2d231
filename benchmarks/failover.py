"""Services that leave, die, restart and stand still under load: the longest wait for a signal, and the four zeros."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial

from benchmarks.live_system import LiveSystem, live_system
from benchmarks.measurement import Measurement
from benchmarks.steady_load import SteadyLoad, Step
from natron.system import Shape
from shared.broker import connect
from shared.membership import live_members

SHAPE = Shape(workers=2, feature_services=2)
CANDLES = 3_000  # of a series: enough for all scenarios on a slow machine
TIMES = 3
REST_S = 1.0
PAUSE_S = 10.0
WAITS = (("SIGTERM", signal.SIGTERM, "<= 200 ms"), ("SIGKILL", signal.SIGKILL, "<= 4,000 ms"))


def run() -> list[Measurement]:
    """Measure."""
    with live_system("base", SHAPE) as live, SteadyLoad(live, CANDLES) as load:
        everyone = [name for name in live.system.pids() if name != "up"]
        services = [name for name in everyone if name != "broker"]
        calm = load.run(iter([_after(5.0)]))
        waits = {
            name: load.run(_signalled(live, ["worker-1", "worker-2"] * TIMES, number)) for name, number, _ in WAITS
        }
        ended = {f"{name} of a worker, {2 * TIMES} times": outcome for name, outcome in waits.items()}
        ended["rolling restart of every service"] = load.run(_signalled(live, services, signal.SIGTERM))
        for name in everyone:
            ended[f"SIGSTOP of {name} for {PAUSE_S:.0f} s"] = load.run(_paused(live, name))
        faults = {name: load.faults(outcome) for name, outcome in ended.items()}
    return [
        *(
            Measurement(
                f"longest wait for a signal, {name} of a worker", "ms", "lower", max(waits[name].waits_ms),
                "nothing happens", max(calm.waits_ms), goal,
            )
            for name, _, goal in WAITS
        ),
        *(
            Measurement(f"{name}: lost, twice, different, out of order", "predictions", "lower", count, goal="0")
            for name, count in faults.items()
        ),
    ]  # fmt: skip


def _signalled(live: LiveSystem, names: list[str], number: signal.Signals) -> Iterator[Step]:
    """Each after the one before it is back."""
    for name in names:
        before = live.system.pids()[name]
        os.kill(before, number)
        yield partial(_is_back, live, name, before)
        yield _after(REST_S)


def _paused(live: LiveSystem, name: str) -> Iterator[Step]:
    pid = live.system.pids()[name]
    os.kill(pid, signal.SIGSTOP)
    yield _after(PAUSE_S)
    os.kill(pid, signal.SIGCONT)
    yield _after(REST_S)
    yield partial(_is_back, live, name, 0)


def _is_back(live: LiveSystem, name: str, before: int) -> bool:
    """Whether it runs anew, and every service has its live members and no dead ones."""
    pids = live.system.pids()
    if pids[name] == before:
        return False
    with connect(live.system.broker.url) as client:
        for service in SHAPE.members():
            theirs = {pid for child, pid in pids.items() if child.startswith(service.replace("_", "-"))}
            # An instance is host-pid-token.
            if {int(one.rsplit("-", 2)[1]) for one in live_members(client, live.system.names, service)} != theirs:
                return False
    return True


def _after(seconds: float) -> Step:
    until_s = time.monotonic() + seconds
    return lambda: time.monotonic() >= until_s
