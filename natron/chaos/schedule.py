"""What goes wrong when: drawn from a seed before anything starts."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from natron.chaos.request import ChaosRequest
from shared.membership import TIME_TO_LIVE_MS

WORKERS, FEATURE_SERVICES = 3, 2
KILL_S, PAUSE_S, BROKER_S, FAILOVER_S, CALM_S = 1.6, 3.0, 2.0, 5.0, 8.0
"""Seconds of replay a kill, a pause, an outage of the broker or of a cluster's node, and the rest: restarts must not be
all there is, and who was paused must find work when he wakes."""

BROKER_KINDS = ("broker-kill", "broker-load", "broker-pause", "oom", "readonly", "noreplicas")
"""Only one of these at a time."""
ANYONE = (
    *(f"worker-{at + 1}" for at in range(WORKERS)),
    *(f"feature-service-{at + 1}" for at in range(FEATURE_SERVICES)),
    "bridge",
)
_TARGETS = {"holder:worker": 4, "holder:feature_service": 4, "producer": 2, "anyone": 4}
"""Victims and weights: whoever works on the series' partition is worth more than one that idles."""


@dataclass(frozen=True)
class Event:
    """One thing that goes wrong, ``at_s`` after the replay began, for ``lasts_s``."""

    at_s: float
    kind: str
    victim: str = ""
    lasts_s: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """All events by time, and how long the replay must take for all of them to fall into it."""

    events: tuple[Event, ...]
    replay_s: float


def draw_schedule(request: ChaosRequest) -> Schedule:
    """The same for the same request."""
    draw = random.Random(request.seed)  # noqa: S311 - repeatable is the point
    drawn = list(_events(request, draw))
    ends = sum(kind in ("kill", "restart") for kind, _, _ in drawn)
    outages = sum(kind in BROKER_KINDS for kind, _, _ in drawn)
    outage_s = FAILOVER_S if request.cluster else BROKER_S
    pauses = sum(kind == "pause" for kind, _, _ in drawn)
    replay_s = CALM_S + KILL_S * ends + PAUSE_S * pauses + outage_s * outages
    draw.shuffle(drawn)
    times = sorted(draw.uniform(0.05, 0.9) * replay_s for _ in drawn)
    events = (Event(at_s, *one) for at_s, one in zip(times, drawn, strict=True))
    return Schedule(tuple(events), replay_s)


def _events(request: ChaosRequest, draw: random.Random) -> Iterator[tuple[str, str, float]]:
    """Kind, victim and seconds of each event, of every fault at least one."""

    def share(part: int) -> int:
        return max(1, request.kills // part)

    if "kill" in request.faults:
        yield from (("kill", _victim(draw), 0.0) for _ in range(request.kills))
        yield from (("restart", _victim(draw), 0.0) for _ in range(request.kills // 5))
    if "pause" in request.faults:
        expiry_s = TIME_TO_LIVE_MS / 1_000
        yield ("pause", "holder:worker", draw.uniform(1.2, 2.0) * expiry_s)  # another takes over before it wakes
        yield from (("pause", _victim(draw), draw.uniform(0.1, 1.8) * expiry_s) for _ in range(share(5) - 1))
    if "broker" in request.faults:
        yield from (("broker-kill", "", draw.uniform(0.0, 2.0)) for _ in range(share(10)))
        yield from (("broker-load", "", draw.uniform(0.5, 1.5)) for _ in range(share(16)))
        yield from (("broker-pause", "", draw.uniform(0.2, 2.0)) for _ in range(share(25)))
    if "oom" in request.faults:
        yield from (("oom", "", draw.uniform(0.2, 1.5)) for _ in range(share(12)))
    if "readonly" in request.faults:
        yield from (("readonly", "", draw.uniform(0.2, 1.5)) for _ in range(share(16)))
        yield from (("noreplicas", "", draw.uniform(0.2, 1.5)) for _ in range(share(16)))
    for kind in ("duplicate", "late", "garbage"):
        if kind in request.faults:
            yield from ((kind, "", 0.0) for _ in range(share(5)))


def _victim(draw: random.Random) -> str:
    chosen = draw.choices(list(_TARGETS), list(_TARGETS.values()))[0]
    return draw.choice(ANYONE) if chosen == "anyone" else chosen
