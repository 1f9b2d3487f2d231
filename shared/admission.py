"""Admission: the one door through which candles enter, each exactly once, whoever sends it and how often."""

import enum
from dataclasses import dataclass

import redis

from shared.broker import fields_of
from shared.clock import Clock
from shared.codec import encode_candle
from shared.contracts import Candle, Candles, Series
from shared.errors import BusyError, RewoundError
from shared.names import Names
from shared.scripts import pack, script

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


class Admission:
    """Client side of the admission script; safe to run twice, killed, or from the start."""

    def __init__(self, client: redis.Redis, names: Names, clock: Clock, limits: AdmissionLimits) -> None:
        self._client, self._names, self._clock, self._limits = client, names, clock, limits
        self._script = script("admission")

    def newest(self, series: Series) -> int | None:
        """T of the newest admitted candle, or None for a new series."""
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
            Open time up to which the series has been admitted, as far as the producer knows.

        Raises
        ------
        BusyError
            The backlog is full; nothing was admitted. Wait and send the same again.
        RewoundError
            The series ends before ``after``: the broker lost its tail. Look up ``newest`` and go on after it.
        redis.RedisError
            The broker is away; look up ``newest`` before going on.
        """
        p, key, names = series.partition, series.key, self._names
        batch = [[candle[0], encode_candle(_candle(series, candle, flags))] for candle in candles.tolist()]
        keys = [names.candles(p), names.series(p), names.rejects(p), names.dead(p), names.history(p, key)]
        keys += [names.calendars(p), names.weeks(p, key)]
        limits = self._limits
        live = int(source != CSV_SOURCE)
        bounds = [limits.max_backlog, limits.reject_keep, limits.dead_keep]
        args = [key, source, live, self._clock.now_ms(), *bounds, series.width_ms, after, pack(batch)]
        status, *verdicts = self._script.run(self._client, keys, args)
        if status == 0:
            raise BusyError(f"partition {p}: {limits.max_backlog} candles wait to be processed")
        if status == -1:
            raise RewoundError(f"series {key}: the broker lost candles up to {after}; send them again")
        return [Verdict(verdict.decode()) for verdict in verdicts]


def _candle(series: Series, values: tuple[float, ...], flags: int) -> Candle:
    t, o, h, low, c, v = values
    return Candle(series, int(t), o, h, low, c, v, flags)
