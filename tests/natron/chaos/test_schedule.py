"""A schedule is what its seed says, holds every fault that was asked for, and fits into its replay."""

from dataclasses import replace
from pathlib import Path

import pytest

from natron.chaos.request import FAULTS, ChaosRequest
from natron.chaos.schedule import draw_schedule
from shared.contracts import Series
from shared.errors import InputError
from shared.membership import TIME_TO_LIVE_MS

REQUEST = ChaosRequest(Path("candles.csv"), Series("EURUSD", "M15"), None, kills=50, seed=1)
KINDS = {
    "kill": {"kill", "restart"},
    "pause": {"pause"},
    "broker": {"broker-kill", "broker-load", "broker-pause"},
    "oom": {"oom"},
    "readonly": {"readonly", "noreplicas"},
    "duplicate": {"duplicate"},
    "late": {"late"},
    "garbage": {"garbage"},
}


def test_a_seed_repeats_its_schedule_and_another_one_does_not() -> None:
    assert draw_schedule(REQUEST) == draw_schedule(REQUEST)
    assert draw_schedule(REQUEST) != draw_schedule(replace(REQUEST, seed=2))


@pytest.mark.parametrize("kills", [1, 5, 50])
def test_every_fault_happens_during_the_replay(kills: int) -> None:
    schedule = draw_schedule(replace(REQUEST, kills=kills))
    assert {event.kind for event in schedule.events} >= set().union(*KINDS.values()) - {"restart"}
    assert sum(event.kind == "kill" for event in schedule.events) == kills
    assert all(0 < event.at_s < 0.95 * schedule.replay_s for event in schedule.events)
    assert [event.at_s for event in schedule.events] == sorted(event.at_s for event in schedule.events)


@pytest.mark.parametrize("fault", FAULTS)
def test_only_what_was_asked_for_happens(fault: str) -> None:
    kinds = {event.kind for event in draw_schedule(replace(REQUEST, faults=(fault,))).events}
    assert kinds == KINDS[fault]


def test_somebody_always_sleeps_until_his_membership_is_gone() -> None:
    for seed in range(20):
        events = draw_schedule(replace(REQUEST, kills=1, seed=seed)).events
        assert max(event.lasts_s for event in events if event.kind == "pause") > TIME_TO_LIVE_MS / 1_000


def test_unknown_faults_and_negative_kills_are_refused() -> None:
    with pytest.raises(InputError, match="flood"):
        replace(REQUEST, faults=("kill", "flood"))
    with pytest.raises(InputError, match="kills"):
        replace(REQUEST, kills=-1)
