"""Repeated events are written once a second, and the next one tells how many were left out."""

import json
import os
import signal
import threading

import pytest
import structlog

from shared.clock import SimulatedClock
from shared.log import EVENTS_MAX, RepeatLimit, configure_log, listen_for_levels


def written(limit: RepeatLimit, name: str, method: str = "warning") -> dict[str, object] | None:
    try:
        return dict(limit(None, method, {"event": name}))
    except structlog.DropEvent:
        return None


def test_an_event_that_repeats_is_written_once_a_second_with_a_count() -> None:
    clock = SimulatedClock(1_000_000)
    limit = RepeatLimit(clock)
    found = []
    for _ in range(40):  # ten a second
        found.append(written(limit, "broker_lost"))
        clock.sleep(0.1)
    assert [at for at, event in enumerate(found) if event] == [0, 10, 20, 30]
    assert [event.get("left_out") for event in found if event] == [None, 9, 9, 9]


def test_a_rare_event_is_never_held_back_and_has_no_count() -> None:
    clock = SimulatedClock(1_000_000)
    limit = RepeatLimit(clock)
    for _ in range(5):
        assert written(limit, "session_begun") == {"event": "session_begun"}
        clock.sleep(1.0)


def test_other_events_and_other_levels_are_counted_by_themselves() -> None:
    limit = RepeatLimit(SimulatedClock(1_000_000))
    assert written(limit, "one")
    assert written(limit, "two")
    assert written(limit, "one", "error")
    assert written(limit, "one") is None


def test_what_is_remembered_is_bounded() -> None:
    limit = RepeatLimit(SimulatedClock(1_000_000))
    for at in range(3 * EVENTS_MAX):
        assert written(limit, f"event_{at}")
    assert len(limit._seen) <= EVENTS_MAX


def test_every_thread_s_events_name_the_service(capfd: pytest.CaptureFixture[str]) -> None:
    """The name stood in a context variable, which a thread that is started does not inherit."""
    try:
        configure_log("bridge", "INFO", SimulatedClock(1_000_000))
        thread = threading.Thread(target=lambda: structlog.get_logger().warning("broker_lost"))
        thread.start()
        thread.join()
    finally:
        structlog.reset_defaults()
    event = json.loads(capfd.readouterr().err)
    assert (event["service"], event["event"], event["level"]) == ("bridge", "broker_lost", "warning")


def test_a_signal_lowers_the_level_and_another_brings_it_back(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log("test", "WARNING")
    listen_for_levels("WARNING")
    log = structlog.get_logger()
    log.debug("before")
    os.kill(os.getpid(), signal.SIGUSR1)
    log.debug("during")
    os.kill(os.getpid(), signal.SIGUSR2)
    log.debug("after")
    said = capsys.readouterr().err
    assert ("before" in said, "during" in said, "after" in said) == (False, True, False)
