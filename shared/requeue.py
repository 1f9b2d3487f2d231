"""A second chance for a candle that was taken aside."""

import numpy as np
import redis

from shared.admission import CSV_SOURCE, Admission, Verdict
from shared.broker import text
from shared.codec import decode_candle
from shared.contracts import CANDLE_DTYPE, Candle
from shared.dead_letters import DeadLetter, purge
from shared.errors import InputError, JunkError
from shared.names import Names
from shared.scripts import script


def requeue(client: redis.Redis, names: Names, letter: DeadLetter, admission: Admission) -> str:
    """Give a candle its second chance, and say what came of it; the letter is gone where it has one.

    It goes through admission. Where its series holds it already, as one does whose row could not be made, it is put at
    the end of the candles log once more; if the series' rows have gone on without it, it comes back as a ``repeat``.

    Raises
    ------
    InputError
        It is no candle, is not admitted, or is gone: rows and predictions take their input's ID, so they cannot.
    """
    p, place = letter.partition, f"{letter.partition}/{letter.id}"
    if letter.origin != names.candles(p):
        mend = "`natron dead show` runs it again; a stage makes what is missing anew when its input comes"
        raise InputError("letter", place, f"comes from {letter.origin}: only candles can be put back", mend)
    candle = _candle(letter, place)
    known = text(client.hget(names.series(p), candle.series.key) or b"")  # n, and the source
    array = np.array([(candle.t, candle.o, candle.h, candle.l, candle.c, candle.v)], CANDLE_DTYPE)
    verdict = admission.admit(candle.series, array, candle.flags, known.partition(" ")[2] or CSV_SOURCE)[0]
    if verdict is Verdict.ADMITTED:
        return f"admitted; {purge(client, names, [letter])} letter removed"
    if verdict is not Verdict.DUPLICATE:
        raise InputError("letter", place, f"is not admitted: {verdict}", "purge it")
    new_id = text(script("requeue").run(client, [names.dead(p), letter.origin], [letter.id]))
    if not new_id:
        raise InputError("letter", place, "is gone", "`natron dead list` shows what is kept")
    return f"in its series already; at the end of the log as {new_id}"


def _candle(letter: DeadLetter, place: str) -> Candle:
    fields = letter.fields
    if fields is None:
        raise InputError("letter", place, "was cut off at 4 KiB", "purge it")
    try:
        return decode_candle(fields.get(b"m", b""), fields.get(b"n", b""), fields.get(b"a", b"0"))
    except JunkError as error:
        raise InputError("letter", place, f"is no candle: {error}", "purge it") from None
