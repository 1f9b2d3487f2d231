"""What is open: break-even, trailing, the horizon, and stops that are nobody else's business."""

import pytest
from harness.bridge_double import prediction
from harness.desk import Chart

_SHORT = {"outlook": (0.2, 0.7, 0.3), "direction_probs": (0.7, 0.2, 0.1), "policy": ()}


def _opened(desk, side=1, **inputs):
    desk.start(**inputs)
    desk.in_step()
    assert desk.trade(prediction(**({} if side > 0 else _SHORT))).startswith("ordered")


def _stop(desk):
    return desk.positions()[0][4]


def _closing(desk, bid):
    """The candle closes at that price, and the first tick of the next one has it too."""
    desk.terminal.quote(bid)
    desk.terminal.advance(900_000)
    desk.terminal.quote(bid)


def test_break_even_after_its_gain_and_not_before(desk):
    _opened(desk, TrailAtr=0)
    _closing(desk, 1.1010)
    assert _stop(desk) == "1.09810"
    _closing(desk, 1.1012)
    assert _stop(desk) == "1.10010"
    _closing(desk, 1.1003)
    assert _stop(desk) == "1.10010"


def test_stops_move_at_closes_only(desk):
    _opened(desk)
    desk.terminal.quote(1.1029)
    assert _stop(desk) == "1.09810"
    _closing(desk, 1.1005)
    assert _stop(desk) == "1.09900"


def test_the_stop_trails_and_never_goes_back(desk):
    _opened(desk, BreakEvenAtr=0)
    _closing(desk, 1.1017)
    assert _stop(desk) == "1.10020"
    _closing(desk, 1.1025)
    assert _stop(desk) == "1.10100"
    _closing(desk, 1.1020)
    assert _stop(desk) == "1.10100"
    desk.terminal.quote(1.1009)
    assert not desk.positions()
    assert desk.terminal.heard(";closed;[sl];")


def test_a_short_position_trails_downwards_on_the_ask(desk):
    _opened(desk, side=-1, BreakEvenAtr=0)
    _closing(desk, 1.0980)
    assert _stop(desk) == "1.09960"
    _closing(desk, 1.0990)
    assert _stop(desk) == "1.09960"


@pytest.mark.parametrize(("side", "price", "stop"), [(1, 18_020, "18004.75000"), (-1, 17_980, "17995.50000")])
def test_a_stop_trails_on_the_symbols_grid(desk, side, price, stop):
    for name, value in {"digits": 2, "tick_points": 25, "tick_value": 5}.items():
        desk.terminal.do(f"market {name} {value}")
    _opened(desk, side, chart=Chart(18_000, 5.03, 0.25), BreakEvenAtr=0)
    desk.terminal.quote(price, 0.25)
    desk.terminal.advance(900_000)
    desk.terminal.quote(price, 0.25)
    assert _stop(desk) == stop


def test_the_take_profit_stays(desk):
    _opened(desk)
    _closing(desk, 1.1017)
    assert desk.positions()[0][4:6] == ["1.10020", "1.10310"]


def test_the_range_is_that_of_the_signal_not_of_what_came_after(desk):
    _opened(desk, BreakEvenAtr=0)
    desk.terminal.quote(1.1030)
    desk.terminal.quote(1.0985)  # a candle of 450 points
    _closing(desk, 1.1025)
    assert _stop(desk) == "1.10100"


def test_a_price_beyond_where_the_stop_has_come_to_closes(desk):
    _opened(desk, BreakEvenAtr=0)
    desk.terminal.quote(1.1025)
    desk.terminal.advance(900_000)
    desk.terminal.quote(1.1009)
    assert not desk.positions()
    assert desk.terminal.heard("beyond where the stop has come to")


@pytest.mark.parametrize("level", ["stops_level", "freeze_level"])
def test_a_stop_nearer_than_the_broker_allows_is_not_sent(desk, level):
    _opened(desk, TrailAtr=0)
    requests = desk.terminal.number("requests")
    desk.terminal.do(f"market {level} 120")
    _closing(desk, 1.1012)
    assert desk.terminal.number("requests") == requests
    desk.terminal.quote(1.1014)
    assert _stop(desk) == "1.10010"


def test_a_frozen_position_is_left_alone(desk):
    _opened(desk, BreakEvenAtr=0)
    desk.terminal.do("market freeze_level 200")
    requests = desk.terminal.number("requests")
    _closing(desk, 1.1017)
    assert desk.terminal.number("requests") == requests


def test_a_refused_change_is_tried_again_after_a_pause(desk):
    _opened(desk, TrailAtr=0)
    desk.terminal.do("set answer 10006")
    _closing(desk, 1.1012)
    desk.terminal.quote(1.1013)
    assert _stop(desk) == "1.09810"
    desk.terminal.advance(5_000)
    desk.terminal.quote(1.1013)
    assert _stop(desk) == "1.10010"


def test_after_a_restart_the_stop_goes_on_where_the_chart_says(desk):
    _opened(desk, BreakEvenAtr=0)
    desk.terminal.do("deinit 1")
    _closing(desk, 1.1025)
    _closing(desk, 1.1020)
    assert _stop(desk) == "1.09810"
    desk.terminal.do("init")
    desk.terminal.quote(1.1020)
    assert _stop(desk) == "1.10100"


def test_the_horizon_closes(desk):
    _opened(desk, HorizonCandles=2, TrailAtr=0, BreakEvenAtr=0)
    desk.terminal.advance(1_790_000)
    desk.terminal.quote()
    assert len(desk.positions()) == 1
    desk.terminal.advance(10_000)
    desk.terminal.quote()
    assert not desk.positions()


def test_the_horizon_counts_candles_and_a_weekend_has_none(desk):
    _opened(desk, HorizonCandles=2, TrailAtr=0, BreakEvenAtr=0)
    desk.terminal.advance(2 * 86_400_000)
    desk.terminal.quote()
    assert len(desk.positions()) == 1
    _closing(desk, 1.1)
    assert not desk.positions()


def test_a_close_that_is_refused_is_tried_again(desk):
    _opened(desk, HorizonCandles=1)
    desk.terminal.do("set answer 10018")
    _closing(desk, 1.1)
    assert desk.terminal.heard("closing failed, code 10018")
    desk.terminal.advance(5_000)
    desk.terminal.quote()
    assert not desk.positions()


def test_a_signal_waits_for_the_close_of_the_position_before_it(desk):
    _opened(desk, HorizonCandles=1, TrailAtr=0, BreakEvenAtr=0)
    desk.terminal.advance(900_000)
    desk.terminal.spend(80)  # heartbeats; the next candle's first tick is still on its way
    assert desk.trade(prediction(t=prediction().t + 900_000)) == "waiting: a position is at its horizon"
    desk.terminal.quote()
    desk.terminal.spend(20)
    assert [one[-1] for one in desk.positions()] == [f"NTN.M15.{prediction().t + 900_000}"]


def test_a_position_of_another_magic_is_left_alone(desk):
    _opened(desk, HorizonCandles=1)
    desk.terminal.do("deinit 1")
    desk.terminal.do("input Magic 5")
    desk.terminal.do("init")
    _closing(desk, 1.1020)
    assert _stop(desk) == "1.09810"


def test_a_silent_bridge_leaves_the_stops_where_they_are(desk):
    _opened(desk)
    desk.bridge.beats = False
    desk.terminal.advance(60_000)
    desk.terminal.quote()
    assert _stop(desk) == "1.09810"
    desk.terminal.quote(1.0979)
    assert not desk.positions()
