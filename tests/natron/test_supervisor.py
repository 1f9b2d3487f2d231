"""The supervisor: what dies is started again, less and less eagerly, and what is asked to stop stops."""

import os
import signal
import time
from pathlib import Path

import pytest

from natron.supervisor import HEALTHY_S, RESTART_MAX_S, Child, Program, stop_all
from shared.clock import SimulatedClock


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(1_000_000)


def died(child: Child) -> None:
    """Kill it and wait until the kernel says so."""
    os.kill(child.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while Path("/proc", str(child.pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline


def lingering() -> Program:
    """A command that runs until it is stopped: a worker waiting for a broker that is not there."""
    return Program("lingering", ("feature-service", "--broker", "unix:///nowhere"))


def test_a_dead_child_is_started_again_after_its_pause(clock: SimulatedClock) -> None:
    child = Child(lingering(), os.environ, clock)
    assert not child.tend()
    first = child.pid
    died(child)
    assert not child.tend()
    clock.sleep(0.3)
    assert child.tend()
    assert child.pid != first
    assert child.deaths == 1
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


def test_a_child_that_keeps_dying_waits_longer_and_one_that_lived_does_not(clock: SimulatedClock) -> None:
    child = Child(Program("none", ("no-such-command",)), os.environ, clock)
    pauses = []
    for _ in range(7):
        child.wait()
        assert not child.tend()
        before_s = clock.monotonic_s()
        while not child.tend():
            clock.sleep(0.05)
        pauses.append(clock.monotonic_s() - before_s)
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.3
    assert pauses[-1] == pytest.approx(RESTART_MAX_S, abs=0.1)
    child.wait()
    clock.sleep(HEALTHY_S + 1)
    child.tend()
    clock.sleep(0.3)
    assert child.tend()
    child.wait()


def test_a_paused_child_can_be_stopped(clock: SimulatedClock) -> None:
    child = Child(lingering(), os.environ, clock)
    os.kill(child.pid, signal.SIGSTOP)
    stop_all([child])
    assert not Path("/proc", str(child.pid)).exists()
