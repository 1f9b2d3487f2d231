"""What is open: break-even, trailing, the horizon, and stops that are nobody else's business."""

import pytest
from harness.bridge_double import prediction

_SHORT = {"outlook": (0.2, 0.7, 0.3), "direction_probs": (0.7, 0.2, 0.1), "policy": ()}


def _opened(desk, side=1, **inputs):
    desk.start(**inputs)
    desk.in_step()
    assert desk.trade(prediction(**({} if side > 0 else _SHORT))).startswith("ordered")


def _stop(desk):
    return desk.positions()[0][4]


def test_break_even_after_its_gain_and_not_before(desk):
    _opened(desk, TrailAtr=0)
    desk.terminal.quote(1.1010)
    assert _stop(desk) == "1.09800"
    desk.terminal.quote(1.1012)
    assert _stop(desk) == "1.10010"
    desk.terminal.quote(1.1003)
    assert _stop(desk) == "1.10010"


def test_the_stop_trails_and_never_goes_back(desk):
    _opened(desk, BreakEvenAtr=0)
    desk.terminal.quote(1.1017)
    assert _stop(desk) == "1.10020"
    desk.terminal.quote(1.1025)
    assert _stop(desk) == "1.10100"
    desk.terminal.quote(1.1020)
    assert _stop(desk) == "1.10100"
    desk.terminal.quote(1.1009)
    assert not desk.positions()
    assert desk.terminal.heard(";closed;[sl];")


def test_a_short_position_trails_downwards(desk):
    _opened(desk, side=-1, BreakEvenAtr=0)
    desk.terminal.quote(1.0980)
    assert _stop(desk) == "1.09960"
    desk.terminal.quote(1.0990)
    assert _stop(desk) == "1.09960"


def test_the_take_profit_stays(desk):
    _opened(desk)
    desk.terminal.quote(1.1017)
    assert desk.positions()[0][5] == "1.10300"


@pytest.mark.parametrize("level", ["stops_level", "freeze_level"])
def test_a_stop_nearer_than_the_broker_allows_is_not_sent(desk, level):
    _opened(desk, TrailAtr=0)
    requests = desk.terminal.number("requests")
    desk.terminal.do(f"market {level} 120")
    desk.terminal.quote(1.1012)
    assert desk.terminal.number("requests") == requests
    desk.terminal.quote(1.1014)
    assert _stop(desk) == "1.10010"


def test_a_refused_change_is_tried_again_after_a_pause(desk):
    _opened(desk, TrailAtr=0)
    desk.terminal.do("set answer 10006")
    desk.terminal.quote(1.1012)
    desk.terminal.quote(1.1013)
    assert _stop(desk) == "1.09800"
    desk.terminal.advance(5_000)
    desk.terminal.quote(1.1013)
    assert _stop(desk) == "1.10010"


def test_the_horizon_closes(desk):
    _opened(desk, HorizonCandles=2, TrailAtr=0, BreakEvenAtr=0)
    desk.terminal.advance(1_790_000)
    desk.terminal.quote()
    assert len(desk.positions()) == 1
    desk.terminal.advance(10_000)
    desk.terminal.quote()
    assert not desk.positions()


def test_a_position_of_another_magic_is_left_alone(desk):
    _opened(desk, HorizonCandles=1)
    desk.terminal.do("deinit 1")
    desk.terminal.do("input Magic 5")
    desk.terminal.do("init")
    desk.terminal.advance(1_000_000)
    desk.terminal.quote(1.1020)
    assert _stop(desk) == "1.09800"


def test_a_silent_bridge_leaves_the_stops_where_they_are(desk):
    _opened(desk)
    desk.bridge.beats = False
    desk.terminal.advance(60_000)
    desk.terminal.quote()
    assert _stop(desk) == "1.09800"
    desk.terminal.quote(1.0979)
    assert not desk.positions()
