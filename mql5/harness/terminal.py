"""The emulated terminal as a process: commands in, what the program says out."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

START_MS = 1_732_233_600_000
"""Where the simulated clock begins: Friday, 22 November 2024, 00:00 UTC; 02:00 at the broker."""
TURN_MS = 20
PATIENCE_S = float(os.environ.get("NATRON_PATIENCE_S", "120"))
"""How long a test waits for what must happen: a loaded machine is slow; a seeded bug need not be waited for."""


class Terminal:
    """A running terminal: commands in, what the EA says out."""

    def __init__(self, binary: Path, sandbox: Path) -> None:
        environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99"}
        self.process = subprocess.Popen(
            [str(binary), str(sandbox)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environment,
        )  # fmt: skip
        self.sandbox = sandbox
        self.said: list[str] = []
        self.utc_ms = START_MS
        self.attend: Callable[[], None] = lambda: None

    def do(self, command: str) -> list[str]:
        """What the terminal answers to a command."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer: list[str] = []
        while (line := self.process.stdout.readline()) != ".\n":
            if not line or line.startswith("FAULT"):
                raise AssertionError(f"the terminal died: {line or self.process.stderr.read()}")
            answer.append(line.rstrip("\n"))
        self.said += answer
        return answer

    def turn(self, count: int = 1) -> None:
        """Let so many timer events pass."""
        self.do(f"timer {count}")
        self.utc_ms += TURN_MS * count

    def advance(self, ms: int) -> None:
        self.do(f"advance {ms}")
        self.utc_ms += ms

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, "\n".join(["did not happen", *self.said[-30:]])
            self.attend()
            self.turn()

    def spend(self, turns: int) -> None:
        for _ in range(turns):
            self.attend()
            self.turn()

    def heard(self, text: str) -> bool:
        return any(text in line for line in self.said)

    def state(self, what: str) -> list[list[str]]:
        lines = [line.split(maxsplit=2) for line in self.do("state")]
        return [(line[2] if len(line) > 2 else "").split() for line in lines if line[1] == what]

    def number(self, what: str) -> int:
        return int(self.state(what)[0][0])

    def panel(self) -> str:
        return next(line for line in reversed(self.said) if line.startswith("C "))

    def quote(self, bid: float = 1.1, spread: float = 0.0001) -> None:
        self.do(f"tick {bid:.5f} {bid + spread:.5f}")

    def quit(self) -> None:
        if self.process.poll() is None:
            _, errors = self.process.communicate("quit\n", timeout=60)
            assert self.process.returncode == 0, errors
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
