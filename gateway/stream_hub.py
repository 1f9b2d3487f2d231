"""Live events for many clients: each has a bounded queue, and one that is slow gets the newest of what it missed."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from shared.errors import BusyError

QUEUE_MAX = 1_024
"""Events that may wait for one client."""
KINDS = ("prediction", "candle", "halts", "broker", "missed")
"""``missed``: the client must read again what it holds; ``broker``: whether there is one; the others are news."""


@dataclass(slots=True)
class Event:
    """One event. ``series`` is a key, or empty where all clients get it."""

    kind: str
    series: str
    render: Callable[[], str]  # JSON text
    _text: str | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """JSON text, made once whoever asks, and never if nobody does."""
        if self._text is None:
            self._text = self.render()
        return self._text


class Subscription:
    """One client's queue; used in the loop's thread alone.

    Parameters
    ----------
    series, kinds
        What it wants; empty: everything.
    pace_s
        With more than 0, events are handed out so many seconds apart, and only the newest of each series and kind.
    """

    def __init__(self, series: frozenset[str], kinds: frozenset[str], pace_s: float) -> None:
        self._series, self._kinds, self.pace_s = series, kinds, pace_s
        self._waiting: list[Event] = []
        self._missed = 0
        self._bell = asyncio.Event()

    def offer(self, events: Iterable[Event]) -> int:
        """Queue what it wants; returns how many older events that made it miss."""
        before = self._missed
        self._waiting += [event for event in events if self._wants(event)]
        if len(self._waiting) > QUEUE_MAX:
            kept = _newest(self._waiting)[-QUEUE_MAX:]
            self._missed += 0 if self.pace_s else len(self._waiting) - len(kept)
            self._waiting = kept
        if self._waiting:
            self._bell.set()
        return self._missed - before

    def _wants(self, event: Event) -> bool:
        return (not self._kinds or event.kind in self._kinds or event.kind == "missed") and (
            not self._series or not event.series or event.series in self._series
        )

    async def take(self, timeout_s: float) -> list[Event]:
        """Wait for events; [] where none came within ``timeout_s``. The first says how many were missed, if any."""
        try:
            await asyncio.wait_for(self._bell.wait(), timeout_s)
        except TimeoutError:
            return []
        if self.pace_s:
            await asyncio.sleep(self.pace_s)
        self._bell.clear()
        events, self._waiting = (_newest(self._waiting) if self.pace_s else self._waiting), []
        missed, self._missed = self._missed, 0
        return [missed_event(missed, "this client is slow"), *events] if missed else events


class StreamHub:
    """All clients of one gateway.

    Parameters
    ----------
    clients_max
        More are refused.
    on_missed
        Told how many events slow clients just lost.
    """

    def __init__(self, clients_max: int, on_missed: Callable[[int], None] = lambda _: None) -> None:
        self._clients_max, self._on_missed = clients_max, on_missed
        self._subscriptions: set[Subscription] = set()

    def __len__(self) -> int:
        return len(self._subscriptions)

    def open(self, series: Sequence[str] = (), kinds: Sequence[str] = (), pace_s: float = 0.0) -> Subscription:
        """Begin a client's queue.

        Raises
        ------
        BusyError
            There are too many.
        """
        if len(self._subscriptions) >= self._clients_max:
            raise BusyError(f"{self._clients_max} clients listen already, which is the most")
        subscription = Subscription(frozenset(series), frozenset(kinds), pace_s)
        self._subscriptions.add(subscription)
        return subscription

    def close(self, subscription: Subscription) -> None:
        """End it."""
        self._subscriptions.discard(subscription)

    def publish(self, events: Sequence[Event]) -> None:
        """Queue events for all who want them."""
        missed = sum(subscription.offer(events) for subscription in self._subscriptions)
        if missed:
            self._on_missed(missed)


def missed_event(count: int, why: str) -> Event:
    """Tell a client to read again what it holds; ``count`` 0 where nobody counted."""
    text = f'{{"count": {count}, "why": "{why}"}}'
    return Event("missed", "", lambda: text)


def _newest(events: Sequence[Event]) -> list[Event]:
    """The newest of each kind and series, in order."""
    last = {(event.kind, event.series): at for at, event in enumerate(events)}
    return [events[at] for at in sorted(last.values())]
