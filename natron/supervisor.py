"""Processes kept alive: one per service, started again when it dies, stopped in order."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import structlog

from shared.clock import Clock
from shared.embedded_broker import die_with_parent

RESTART_S = 0.2
RESTART_MAX_S = 5.0
HEALTHY_S = 10.0
"""A process that lived this long is restarted at once."""
STOP_TIMEOUT_S = 10.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class Program:
    """One process: its name in logs and the run file, and what follows ``natron`` on its command line."""

    name: str
    arguments: tuple[str, ...]


class Child:
    """A program at work.

    Parameters
    ----------
    output
        File for what it says; None: where this process says it.
    """

    def __init__(
        self, program: Program, environ: Mapping[str, str], clock: Clock, output: IO[bytes] | None = None
    ) -> None:
        self._program, self._environ, self._clock, self._output = program, dict(environ), clock, output
        self._wait_s = RESTART_S
        self._due_s: float | None = None
        self.deaths = 0
        self._start()

    def _start(self) -> None:
        self._started_s = self._clock.monotonic_s()
        self._due_s = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "natron", *self._program.arguments],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - the supervisor has no other threads
            start_new_session=True,  # Ctrl-C is the supervisor's: it stops the services in order
        )

    @property
    def name(self) -> str:
        """Name of the program."""
        return self._program.name

    @property
    def pid(self) -> int:
        """Process ID of the newest incarnation."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs (or stands, paused)."""
        return self._process.poll() is None

    def tend(self) -> bool:
        """Start it again if it died and its pause is over; True when it was."""
        status = self._process.poll()
        if status is None:
            return False
        now_s = self._clock.monotonic_s()
        if self._due_s is None:
            if now_s - self._started_s > HEALTHY_S:
                self._wait_s = RESTART_S
            _log.warning("service_died", name=self.name, status=status, restart_in_s=self._wait_s)
            self._due_s = now_s + self._wait_s
            self.deaths += 1
            self._wait_s = min(2 * self._wait_s, RESTART_MAX_S)
        if now_s < self._due_s:
            return False
        self._start()
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM; a stopped (paused) process must be let go on to hear it."""
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            os.kill(self.pid, signal.SIGCONT)

    def wait(self) -> int:
        """Wait for the end; kill what does not come to one."""
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _log.warning("service_killed", name=self.name)
            self._process.kill()
            return self._process.wait()


def stop_all(children: list[Child]) -> None:
    """Stop in the order given: ask all, then wait for each."""
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.wait()
