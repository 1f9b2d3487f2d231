"""Watches rows and log-loss of every series, and says DRIFT where it has left what its bundle was trained on."""

import json
from dataclasses import dataclass, field
from typing import Any

import redis
import structlog

from archive.drift.distances import Distances
from archive.drift.loss_watch import LossWatch
from archive.drift.row_window import RowWindow
from inference_worker.bundle import Bundle
from shared.broker import fields_of
from shared.clock import Clock
from shared.codec import decode_row
from shared.contracts import PARTITIONS, Reason, Series
from shared.errors import JunkError
from shared.gate import START
from shared.names import Names
from shared.scores import Drift, FeatureDrift

READ_COUNT = 512
FEATURES_SHOWN = 12
JUDGED_EVERY = 10  # rows of a series, while many wait
LOG_LOSS, EARLIER = "log_loss", "earlier"
"""Causes besides families: ADWIN's, and what stood in the broker when this watch began."""
CALM = 0.9  # of its limit, below which a family no longer drifts: what wavers at the limit does not come and go

_log = structlog.get_logger()


@dataclass(slots=True)
class _Watched:
    """One series."""

    series: Series
    window: RowWindow
    loss: LossWatch = field(default_factory=LossWatch)
    drifting: tuple[str, ...] = ()  # causes: families, or ``log_loss``
    since_ms: int | None = None
    changed: bool = False


class DriftWatch:
    """Reads the features logs of one feature set, from what they still hold on.

    Parameters
    ----------
    bundle
        Whose histograms the rows are compared with.
    """

    def __init__(
        self,
        client: redis.Redis,
        names: Names,
        clock: Clock,
        bundle: Bundle,
    ) -> None:
        assert bundle.manifest.histograms is not None
        self._client, self._names, self._clock = client, names, clock
        self.bundle = bundle.manifest.id
        self._feature_set = bundle.manifest.feature_set.hash
        self._distances = Distances(bundle.manifest.histograms)
        self._positions = dict.fromkeys(range(PARTITIONS), START)
        self._series: dict[str, _Watched] = {}

    def read(self) -> None:
        """Take the rows that have come since, and judge their series."""
        while reply := self._read():
            touched: dict[str, _Watched] = {}
            for p, entries in reply:
                for raw in entries:
                    one = self._take(fields_of(raw).get(b"m", b""))
                    if one is not None:
                        touched[one.series.key] = one
                self._positions[p] = entries[-1][0].decode()
            for one in touched.values():
                self._judge(one)

    def _read(self) -> list[tuple[int, list[Any]]]:
        log_of = {self._names.features(p, self._feature_set[:8]).encode(): p for p in self._positions}
        reply = self._client.execute_command(
            "XREAD", "COUNT", READ_COUNT, "STREAMS", *log_of, *self._positions.values()
        )
        return [(log_of[log], entries) for log, entries in reply or []]

    def _take(self, message: bytes) -> _Watched | None:
        """Put a row into its series' window; None where it is not to be compared."""
        try:
            row = decode_row(message)
        except JunkError:
            return None  # the worker buries it
        if row.reasons & Reason.WARMING or row.feature_set != self._feature_set:
            return None
        one = self._of(row.series)
        if row.n <= one.window.n:
            return None
        one.window.add(row.values, row.n)
        one.changed = True
        if one.window.rows % JUDGED_EVERY == 0:
            self._judge(one)
        return one

    def _of(self, series: Series) -> _Watched:
        found = self._series.get(series.key)
        if found is None:
            found = self._series[series.key] = _Watched(series, RowWindow(self._distances))
            said = self._client.hget(self._names.drift, series.key)
            if said is not None:
                found.drifting, found.since_ms = (EARLIER,), _since_ms(said)
        return found

    def add_loss(self, series: Series, log_loss: float) -> None:
        """Take the log-loss of the next outcome of the bundle, in nats."""
        one = self._of(series)
        one.loss.add(log_loss)
        one.changed = True
        self._judge(one)

    def _judge(self, one: _Watched) -> None:
        """Set or lift DRIFT, by the rule of docs/drift.md."""
        if one.window.full:
            causes = tuple(
                family
                for family, strength in one.window.strengths().items()
                if strength > (CALM if one.drifting else 1.0)
            )
        else:
            causes = tuple(cause for cause in one.drifting if cause != LOG_LOSS)  # too few rows to lift it
        if one.loss.risen:
            causes = (*causes, LOG_LOSS)
        began, ended = bool(causes and not one.drifting), bool(one.drifting and not causes)
        one.drifting = causes
        if began or ended:
            one.since_ms = self._clock.now_ms() if began else None
            self._say(one)

    def _say(self, one: _Watched) -> None:
        found = self._document(one)
        if one.drifting:
            _log.error("drift_begins", series=one.series.key, bundle=self.bundle, why=found.why)
            self._set(found)
        else:
            _log.warning("drift_ends", series=one.series.key, bundle=self.bundle)
            self._client.hdel(self._names.drift, one.series.key)

    def _set(self, found: Drift) -> None:
        said = {"bundle": self.bundle, "since_ms": found.since_ms, "why": found.why}
        self._client.hset(self._names.drift, found.series, json.dumps(said))

    def news(self) -> list[Drift]:
        """Every series with rows or outcomes since this was last asked; what drifts is said again in the broker.

        Several scorers see the same rows but not the same outcomes: one must not lift what another has seen.
        """
        changed = [one for one in self._series.values() if one.changed and one.window.rows]
        found = [self._document(one) for one in changed]
        for one, said in zip(changed, found, strict=True):
            one.changed = False
            if said.drifting:
                self._set(said)
        return found

    def _document(self, one: _Watched) -> Drift:
        distances, ks, psi = self._distances, one.window.ks(), one.window.psi()
        strengths = one.window.strengths()
        features = [
            FeatureDrift(
                name=name, family=family, psi=float(psi[at]), ks=float(ks[at]), strength=distances.strength(at, ks)
            )
            for at, (name, family) in enumerate(zip(distances.names, distances.families, strict=True))
        ]
        return Drift(
            series=one.series.key,
            symbol=one.series.symbol,
            timeframe=one.series.timeframe,
            bundle=self.bundle,
            at_ms=self._clock.now_ms(),
            rows=len(one.window),
            drifting=bool(one.drifting),
            since_ms=one.since_ms,
            why=_words(one.drifting, strengths),
            families=strengths,
            features=tuple(sorted(features, key=lambda feature: -feature.strength)[:FEATURES_SHOWN]),
            log_loss=one.loss.newest,
            log_loss_change=one.loss.risen,
        )


def _words(causes: tuple[str, ...], strengths: dict[str, float]) -> str:
    other = {LOG_LOSS: "its log-loss has risen", EARLIER: "it drifted when the scorer began"}
    return "; ".join(other.get(cause) or f"{cause} is at {strengths[cause]:.2f} of its limit" for cause in causes)


def _since_ms(said: bytes | str) -> int | None:
    """When an earlier scorer saw it; None where somebody wrote it by hand."""
    try:
        return int(json.loads(said)["since_ms"])
    except (ValueError, TypeError, KeyError):
        return None
