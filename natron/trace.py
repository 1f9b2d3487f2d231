"""One candle's way through the system: when each stage had it, and which instance."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from shared.broker import fields_of, text
from shared.codec import decode_candle, decode_kept_prediction, decode_prediction, decode_row
from shared.contracts import Candle, FeatureRow, Prediction, Reason, Series
from shared.dead_letters import dead_letters
from shared.errors import InputError, JunkError
from shared.names import Names
from shared.passages import PassageNote, passage_notes
from shared.suspects import id_order

CHAMPION = "champion"
BRIDGE = "bridge"


@dataclass(frozen=True)
class TraceStep:
    """One thing that happened to the candle; ``at_us`` is UTC epoch microseconds, None where nobody keeps it."""

    name: str
    at_us: int | None
    instance: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """JSON-able form."""
        return vars(self)


@dataclass(frozen=True)
class _Kept:
    """What the broker still has of one candle."""

    candle: Candle | None
    row: FeatureRow | None
    prediction: Prediction | None
    entry_id: str  # in every log; only its milliseconds, where no log has it any more
    notes: tuple[PassageNote, ...]


class Trace:
    """Reads a candle's traces; the newest 500 candles of a series have all of them, older ones fewer.

    Parameters
    ----------
    feature_set
        Hash of the set whose rows are looked at.
    """

    def __init__(self, client: redis.Redis, names: Names, feature_set: str) -> None:
        self._client, self._names, self._set8 = client, names, feature_set[:8]

    def steps(self, series: Series, t: int) -> list[TraceStep]:
        """What happened to the candle that opened at ``t`` (UTC epoch ms), in order.

        Raises
        ------
        InputError
            The broker keeps nothing of it.
        """
        kept = self._kept(series, t)
        return [*self._admission(series, kept), *self._row(kept), *self._prediction(kept), *self._end(series, kept)]

    def _kept(self, series: Series, t: int) -> _Kept:
        p, key, names = series.partition, series.key, self._names
        candle = self._one(names.history(p, key), t, lambda f: decode_candle(f[b"m"], f[b"n"], b"0"))
        row = self._one(names.window(p, self._set8, key), t, lambda f: decode_row(f[b"m"]))
        prediction = self._one(names.recent(p, key), t, lambda f: decode_kept_prediction(f[b"m"], series))
        if candle is None and row is None and prediction is None:
            mend = "give the open time of one of its newest 500 candles"
            raise InputError("time", t, f"is no candle of {key} that the broker keeps", mend)
        stamps = prediction or row
        entry_id = self._entry_id(series, t, stamps.admitted_us if stamps else None)
        return _Kept(candle, row, prediction, entry_id, tuple(passage_notes(self._client, names, p)))

    def _one(self, stream: str, t: int, decode: Any) -> Any:
        """Message that stands under ``t`` in a series' stream, None where it is gone or junk."""
        for entry in self._client.execute_command("XRANGE", stream, f"{t}-0", f"{t}-0"):
            try:
                return decode(fields_of(entry))
            except (JunkError, KeyError):
                continue
        return None

    def _entry_id(self, series: Series, t: int, admitted_us: int | None) -> str:
        """ID of the candle's entry in the logs: its milliseconds are when it was admitted."""
        span = ("-", "+") if admitted_us is None else (str(admitted_us // 1_000), str(admitted_us // 1_000))
        p = series.partition
        for entry in self._client.execute_command("XRANGE", self._names.predictions(p), *span):
            try:
                found = decode_prediction(fields_of(entry).get(b"m", b""))
            except JunkError:
                continue
            if (found.series, found.t) == (series, t):
                return text(entry[0])
        for entry in self._client.execute_command("XRANGE", self._names.candles(p), *span):
            fields = fields_of(entry)
            try:
                candle = decode_candle(fields[b"m"], fields[b"n"], fields[b"a"])
            except (JunkError, KeyError):
                continue
            if (candle.series, candle.t) == (series, t):
                return text(entry[0])
        return "" if admitted_us is None else str(admitted_us // 1_000)

    def _admission(self, series: Series, kept: _Kept) -> Iterator[TraceStep]:
        stamps = kept.prediction or kept.row
        known = text(self._client.hget(self._names.series(series.partition), series.key) or b"")
        detail: dict[str, Any] = {"entry": kept.entry_id, "source": known.partition(" ")[2]}
        if kept.candle is not None:
            candle = kept.candle
            detail |= {"n": candle.n, "o": candle.o, "h": candle.h, "l": candle.l, "c": candle.c, "v": candle.v}
        at_us = stamps.admitted_us if stamps else _milliseconds(kept.entry_id)
        yield TraceStep("admitted", at_us, "", detail)

    def _row(self, kept: _Kept) -> Iterator[TraceStep]:
        stamps = kept.prediction or kept.row
        note = _note_of(kept, f"features:{self._set8}")
        if stamps is not None:
            yield TraceStep("row", stamps.row_us or None, note.instance if note else "", _batch(note))
        if note is not None:
            yield TraceStep("row_published", note.at_us, note.instance)

    def _prediction(self, kept: _Kept) -> Iterator[TraceStep]:
        prediction, note = kept.prediction, _note_of(kept, CHAMPION)
        if prediction is None:
            return
        instance = note.instance if note else ""
        yield TraceStep("queued", prediction.queued_us, instance, _batch(note))
        yield TraceStep(
            "inferred",
            prediction.inferred_us,
            instance,
            {"n": prediction.n, "bundle": prediction.bundle, "reasons": Reason(prediction.reasons).words},
        )
        if note is not None:
            yield TraceStep("published", note.at_us, note.instance)

    def _end(self, series: Series, kept: _Kept) -> Iterator[TraceStep]:
        """What left by bridges, or ended as a dead letter."""
        if kept.prediction is not None:
            for note in kept.notes:
                if note.stage == BRIDGE and _covers(note, kept.entry_id):
                    yield TraceStep("sent", note.at_us, note.instance, _batch(note))
        for letter in dead_letters(self._client, self._names):
            if letter.partition == series.partition and kept.entry_id and letter.origin_id == kept.entry_id:
                detail = {"stage": letter.stage, "reason": letter.reason, "detail": letter.detail}
                yield TraceStep("buried", _milliseconds(letter.id), "", detail)


def _note_of(kept: _Kept, stage: str) -> PassageNote | None:
    return next((note for note in kept.notes if note.stage == stage and _covers(note, kept.entry_id)), None)


def _covers(note: PassageNote, entry_id: str) -> bool:
    """Whether a batch held an entry; one of which only the milliseconds are known may be in either of two."""
    if not entry_id:
        return False
    if "-" in entry_id:
        return id_order(note.after) < id_order(entry_id) <= id_order(note.last)
    return id_order(note.after)[0] <= int(entry_id) <= id_order(note.last)[0]


def _batch(note: PassageNote | None) -> dict[str, Any]:
    return {} if note is None else {"batch": note.entries, "last": note.last}


def _milliseconds(entry_id: str) -> int | None:
    return 1_000 * int(entry_id.partition("-")[0]) if entry_id else None
