"""Caches of a bundle that is about to serve, filled aside: else every series would be read back at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import redis

from inference_worker.session import Job, Session
from shared.codec import decode_row
from shared.contracts import WINDOW, FeatureRow, Series
from shared.names import Names
from shared.series_stream import newest_before
from shared.stage import Entry


@dataclass(frozen=True, slots=True)
class Warm:
    """A series whose slot has seen the candles up to ``n``, which opened at ``t``."""

    series: Series
    slot: int
    n: int
    t: int


def warm_caches(
    client: redis.Redis, names: Names, session: Session, known: Sequence[tuple[Series, int, int]]
) -> list[Warm]:
    """Fill caches for series that are in memory elsewhere, each up to the candle that it is known to be at.

    A series that goes on meanwhile is some candles behind afterwards, which its next candle makes up for.

    Parameters
    ----------
    known
        Series, and number and open time of its newest predicted candle.
    """
    set8, found = session.bundle.manifest.feature_set.hash[:8], []
    for series, n, t in known:
        source = names.window(series.partition, set8, series.key)
        rows = [row for _, row in newest_before(client, source, t, WINDOW, _decode, series.partition)]
        if [row.n for row in rows] == list(range(n - WINDOW + 1, n + 1)) and rows[-1].t == t:
            slot = session.acquire()
            session.run([Job(slot, np.stack([row.values for row in rows]), fresh=True)])
            found.append(Warm(series, slot, n, t))
    return found


def _decode(entry: Entry) -> FeatureRow:
    return decode_row(entry.fields.get(b"m", b""))
