"""Reasons that belong to a delivery, not to the prediction: STALE, DRIFT, EXPIRED and HALTED.

What decides them stands in the broker, so it outlives every process, and each deliverer looks there once a second.
"""

from dataclasses import dataclass, field

import redis

from shared.broker import text
from shared.clock import Clock
from shared.contracts import Prediction, Reason, encode_symbol
from shared.names import Names

REFRESH_S = 1.0
"""So long may a deliverer go without asking: a halt is in force everywhere within this, and a read."""
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the broker said last."""

    halted: frozenset[str] = frozenset()  # symbols, or ``EVERYTHING``
    drifting: frozenset[str] = frozenset()  # series keys
    expires_ms: dict[str, int] = field(default_factory=dict)  # bundle -> UTC epoch ms


class DeliveryReasons:
    """Adds the reasons of a delivery. One thread refreshes, any may ask: what is asked is replaced as a whole.

    Until the first refresh everything counts as halted: what is not known must not be traded.
    """

    def __init__(self, names: Names, clock: Clock) -> None:
        self._names, self._clock = names, clock
        self._conditions = Conditions(frozenset({EVERYTHING}))
        self._due_s = float("-inf")

    def refresh(self, client: redis.Redis) -> None:
        """Look, if the last look is ``REFRESH_S`` old. A broker that is away changes nothing.

        Raises
        ------
        redis.RedisError
            The broker is away.
        """
        if self._clock.monotonic_s() < self._due_s:
            return
        pipeline = client.pipeline(transaction=False)
        pipeline.hkeys(self._names.halts)
        pipeline.hkeys(self._names.drift)
        pipeline.hgetall(self._names.expiries)
        halted, drifting, expiries = pipeline.execute()
        self._conditions = Conditions(
            frozenset(map(text, halted)),
            frozenset(map(text, drifting)),
            {text(bundle): int(ms) for bundle, ms in expiries.items() if ms.isdigit()},
        )
        self._due_s = self._clock.monotonic_s() + REFRESH_S

    def standing(self, prediction: Prediction, now_ms: int) -> Reason:
        """DRIFT, EXPIRED and HALTED of a prediction that is shown at ``now_ms``."""
        known, found = self._conditions, Reason(0)
        if EVERYTHING in known.halted or encode_symbol(prediction.series.symbol) in known.halted:
            found |= Reason.HALTED
        if prediction.series.key in known.drifting:
            found |= Reason.DRIFT
        if now_ms >= known.expires_ms.get(prediction.bundle, now_ms + 1):
            found |= Reason.EXPIRED
        return found

    def of(self, prediction: Prediction, sent_ms: int) -> Reason:
        """All reasons of a delivery that leaves at ``sent_ms``.

        STALE where a live prediction leaves after its valid_until; a replayed one is never judged stale.
        """
        late = sent_ms > prediction.valid_until_ms and not prediction.reasons & Reason.REPLAY
        return self.standing(prediction, sent_ms) | (Reason.STALE if late else Reason(0))


def halt(client: redis.Redis, names: Names, symbol: str | None, now_ms: int) -> None:
    """Mark a symbol, or everything (None), as not to be traded until ``resume``."""
    client.hset(names.halts, _field(symbol), now_ms)


def resume(client: redis.Redis, names: Names, symbol: str | None) -> list[str]:
    """Lift the halt of a symbol, or every halt (None); returns what was lifted."""
    found = [text(name) for name in client.hkeys(names.halts)]
    lifted = [name for name in found if symbol is None or name == _field(symbol)]
    if lifted:
        client.hdel(names.halts, *lifted)
    return lifted


def halts(client: redis.Redis, names: Names) -> dict[str, int]:
    """Encoded symbol, or ``EVERYTHING`` -> since when, UTC epoch ms."""
    return {text(name): int(since) for name, since in client.hgetall(names.halts).items()}


def note_expiry(client: redis.Redis, names: Names, bundle: str, expires_ms: int | None) -> None:
    """Tell deliverers until when a bundle's predictions may be traded."""
    if expires_ms is None:
        client.hdel(names.expiries, bundle)
    else:
        client.hset(names.expiries, bundle, expires_ms)


def _field(symbol: str | None) -> str:
    return EVERYTHING if symbol is None else encode_symbol(symbol)
