"""Which end of a candle its stamp tells."""

import numpy as np

from producer.exports import header
from producer.exports.dialect import Table
from producer.exports.options import ReadOptions
from producer.exports.sessions import days_tell_closes, sessions_tell_closes
from producer.exports.stamp_columns import StampColumn
from producer.exports.stamps import Int64s

_MINUTE_MS = 60_000
_LAST_SECOND_MS = 59_000


def stamps_close(
    table: Table, names: tuple[str, ...], stamps: tuple[StampColumn, ...], times: Int64s, options: ReadOptions
) -> bool:
    """Whether stamps tell the close: as the user says, else by the column's name, or by ``times`` like 00:14:59."""
    if options.stamps is not None:
        return options.stamps == "close"
    if table.header is not None and header.is_closing_time(names[stamps[0].column]):
        return True
    return bool(times.size and (times % _MINUTE_MS >= _LAST_SECOND_MS).all())


def opens_of(closes: Int64s, width_ms: int) -> Int64s:
    """Opens of candles (N,) that close at, or just before (``:59``, ``:59.999``), these times."""
    return np.asarray(-(-closes // _MINUTE_MS) * _MINUTE_MS - width_ms, np.int64)


def closing_notes(names: tuple[str, ...], closing: bool, times: Int64s, options: ReadOptions) -> list[str]:
    """What a person should know of the end of the candle that stamps tell."""
    if closing:
        return ["the stamps tell when candles close: a candle's time is its open, one width earlier"]
    if options.stamps is not None:
        return []
    if sessions_tell_closes(times):
        return ["stamps are read as opens, but sessions begin and end as if they were closes: if so, --stamps close"]
    if days_tell_closes(times):
        return [
            "stamps are read as opens, but days at an hour of the afternoon look like closes: if so, --stamps close"
        ]
    plain = {header.normal(name) for name in names}
    if {"up", "down"} <= plain:
        return [
            "TradeStation and MultiCharts stamp candles with their close: if this is such a file, give --stamps close"
        ]
    return []
