"""A replay as a process of its own, started again when it is killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from shared.contracts import WINDOW, Series
from shared.embedded_broker import die_with_parent
from shared.errors import InputError

BAD_INPUT = 2


@dataclass(frozen=True)
class Feed:
    """What is replayed: ``speed`` times real time, None at full speed; ``end_ms`` is the open time to stop before."""

    csv: Path
    series: Series
    tz: str | None
    speed: float | None = None
    end_ms: int | None = None

    def command(self) -> list[str]:
        """Command line of the producer."""
        series = self.series
        command = [sys.executable, "-m", "natron", "producer", "replay", "--csv", str(self.csv), "--json"]
        command += ["--symbol", series.symbol, "--timeframe", series.timeframe]
        command += ["--speed", "max" if self.speed is None else str(self.speed)]
        command += ["--tz", self.tz] if self.tz else []
        command += ["--to", str(self.end_ms)] if self.end_ms is not None else []
        return command


class Feeder:
    """The producer at work.

    Parameters
    ----------
    folder
        Where its answers are kept until they are read.
    """

    def __init__(self, feed: Feed, environ: Mapping[str, str], folder: Path) -> None:
        self._feed, self._environ, self._folder = feed, dict(environ), folder
        self.report: dict[str, Any] | None = None  # there once the replay is over
        self._start()

    def _start(self) -> None:
        with self._output("out", "w") as out, self._output("err", "w") as err:
            self._process = subprocess.Popen(
                self._feed.command(),
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - the caller has no other threads
            )

    def _output(self, name: str, mode: str) -> IO[str]:
        return self._folder.joinpath(f"producer.{name}").open(mode)

    @property
    def due(self) -> int | None:
        """Predictions that follow from what was admitted into an empty system; None while the replay goes on."""
        return None if self.report is None else max(0, int(self.report["admitted"]) - WINDOW + 1)

    @property
    def pid(self) -> int:
        """Process ID of the newest incarnation."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs (or stands, paused)."""
        return self._process.poll() is None

    def tend(self) -> None:
        """Start it again where it was killed; take its report where it is through.

        Raises
        ------
        InputError
            The file cannot be replayed.
        """
        status = self._process.poll()
        if status is None or self.report is not None:
            return
        if status < 0:  # by a signal
            self._start()
        elif status == 0:
            with self._output("out", "r") as out:
                self.report = json.load(out)
        else:
            with self._output("err", "r") as err:
                said = err.read().strip().removeprefix("natron: ")
            raise InputError("csv", str(self._feed.csv), said, "see `natron candles inspect`")

    def stop(self) -> None:
        """End it, wherever it is."""
        self._process.kill()
        self._process.wait()
