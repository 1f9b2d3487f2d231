"""Admission: the one door through which candles enter, each exactly once, whoever sends it and how often."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import redis

from shared.broker import fields_of
from shared.clock import Clock
from shared.codec import encode_candle
from shared.contracts import CANDLE_DTYPE, Candle, Candles, Series
from shared.dead_letters import DEAD_KEEP
from shared.errors import BusyError, TailLostError
from shared.names import Names
from shared.scripts import pack, script
from shared.settings.groups import SystemSettings

_BUSY, _TAIL_LOST = 0, 2  # replies of the script

CSV_SOURCE = "csv"
"""The source that the first live one takes a series over from."""


class Verdict(enum.StrEnum):
    """What became of one candle."""

    ADMITTED = "admitted"
    DUPLICATE = "duplicate"  # present and equal
    OLD = "old"  # before the oldest kept
    LATE = "late"  # absent, inside what is kept: rejected
    REVISION = "revision"  # present and different: rejected
    FUTURE = "future"  # closes more than one timeframe after now
    FOREIGN_SOURCE = "foreign_source"  # the series belongs to another source


@dataclass(frozen=True)
class AdmissionLimits:
    """Bounds of what admission may leave in the broker, in entries a partition."""

    max_backlog: int
    reject_keep: int
    dead_keep: int
    replicas: int = 0  # that must hold what was admitted, before the producer hears of it

    @classmethod
    def of(cls, system: SystemSettings) -> "AdmissionLimits":
        """Take them from the settings."""
        return cls(system.max_backlog, system.reject_keep, DEAD_KEEP, system.replicas)


@dataclass(frozen=True)
class Push:
    """Candles of one series from one source; as the arguments of ``Admission.admit``."""

    series: Series
    candles: Candles
    source: str
    flags: int = 0
    after: int = 0


class Admission:
    """Client side of the admission script; safe to run twice, killed, or from the start."""

    def __init__(self, client: redis.Redis, names: Names, clock: Clock, limits: AdmissionLimits) -> None:
        self._client, self._names, self._clock, self._limits = client, names, clock, limits
        self._script = script("admission")

    def newest(self, series: Series) -> int | None:
        """T of the newest admitted candle, or None for a new series.

        Raises
        ------
        BrokerError
            Too few replicas hold it.
        """
        if self._limits.replicas:  # what a lost reply was about may stand on the primary alone
            self._run([(series, np.empty(0, CANDLE_DTYPE))], 0, "", 0)
        history = self._names.history(series.partition, series.key)
        for entry in self._client.execute_command("XREVRANGE", history, "+", "-", "COUNT", 16):
            t = int(entry[0].split(b"-")[0])
            message = fields_of(entry).get(b"m", b"")
            if int.from_bytes(message[2:10], "little") == t:  # else junk that admission will condemn
                return t
        return None

    def admit(self, series: Series, candles: Candles, flags: int, source: str, after: int = 0) -> list[Verdict]:
        """Admit closed candles of one series, in order.

        Parameters
        ----------
        candles
            (N,) of CANDLE_DTYPE, N <= 256.
        flags
            ``Flag`` bits for all of them.
        after
            Open time of a candle that the series is known to hold, or 0. A client replaces a connection that died
            while idle without a word; only so does the producer learn that the broker behind it lost its tail.

        Raises
        ------
        BusyError
            The backlog is full; nothing was admitted. Wait and send the same again.
        TailLostError
            The series ends before ``after``; nothing was admitted. Look up ``newest`` and go on from there.
        BrokerError
            They were admitted, but too few replicas hold them: look up ``newest`` before going on.
        redis.RedisError
            The broker is away; look up ``newest`` before going on.
        """
        return self._run([(series, candles)], flags, source, after)[0]

    def admit_all(self, batches: Sequence[tuple[Series, Candles]], flags: int, source: str) -> list[list[Verdict]]:
        """Admit candles of several series in one pipeline: what closes together need not wait for each other.

        Raises
        ------
        BusyError
            A backlog is full; the batches of other partitions may have been admitted. Wait and send the same again.
        redis.RedisError
            As ``admit``.
        """
        return self._run(batches, flags, source, 0)

    def admit_each(self, pushes: Sequence[Push]) -> list[list[Verdict] | BusyError | TailLostError]:
        """Admit pushes of several sources in one pipeline; what one of them meets is no matter to the others.

        Raises
        ------
        redis.RedisError
            As ``admit``.
        """
        calls = [self._call(push.series, push.candles, push.flags, push.source, push.after) for push in pushes]
        replies = self._script.run_all(self._client, calls, self._limits.replicas)
        return [self._outcome(push, reply) for push, reply in zip(pushes, replies, strict=True)]

    def _outcome(self, push: Push, reply: list[Any]) -> list[Verdict] | BusyError | TailLostError:
        if reply[0] == _TAIL_LOST:
            return TailLostError(f"{push.series.key}: the broker no longer holds the candle of {push.after}")
        if reply[0] == _BUSY:
            waiting = f"{self._limits.max_backlog} candles wait to be processed"
            return BusyError(f"partition {push.series.partition}: {waiting}")
        return [Verdict(verdict.decode()) for verdict in reply[1:]]

    def _run(
        self, batches: Sequence[tuple[Series, Candles]], flags: int, source: str, after: int
    ) -> list[list[Verdict]]:
        outcomes = self.admit_each([Push(series, candles, source, flags, after) for series, candles in batches])
        verdicts = []
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            verdicts.append(outcome)
        return verdicts

    def _call(
        self, series: Series, candles: Candles, flags: int, source: str, after: int
    ) -> tuple[list[str], list[Any]]:
        p, key, names = series.partition, series.key, self._names
        batch = [[candle[0], encode_candle(_candle(series, candle, flags))] for candle in candles.tolist()]
        keys = [names.candles(p), names.series(p), names.rejects(p), names.dead(p), names.history(p, key)]
        keys += [names.calendars(p), names.weeks(p, key)]
        limits = self._limits
        live = int(source != CSV_SOURCE)
        bounds = [limits.max_backlog, limits.reject_keep, limits.dead_keep]
        replicated = int(limits.replicas > 0)
        now_ms = self._clock.now_ms()
        return keys, [key, source, live, now_ms, *bounds, series.width_ms, pack(batch), after, replicated]


def _candle(series: Series, values: tuple[float, ...], flags: int) -> Candle:
    t, o, h, low, c, v = values
    return Candle(series, int(t), o, h, low, c, v, flags)
