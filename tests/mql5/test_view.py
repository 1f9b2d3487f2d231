"""The indicator draws what the EA's log says, candle by candle, and nothing where it says nothing."""

import pytest
from harness.bridge_double import CLOSED_MS, prediction, shares
from harness.terminal import START_MS, Terminal


@pytest.fixture(scope="module")
def view(compiled, mql5):
    return compiled(mql5 / "Indicators" / "NatronView.mq5")


def _drawn(terminal, before=0):
    """Buffer -> place -> value; places count from the oldest candle."""
    made: dict[int, dict[int, float]] = {}
    for line in terminal.do(f"calculate {before}"):
        words = line.split()
        if words[1] == "buffer":
            made.setdefault(int(words[2]), {})[int(words[3])] = float(words[4])
    return made


def _chart(view, desk, **inputs):
    """A chart beside the EA's: 41 candles, the last one open; the 40th is what the first signal is of."""
    terminal = Terminal(view, desk.terminal.sandbox)
    for at in range(40, -1, -1):
        t = START_MS // 1_000 + 7_200 - at * 900
        terminal.do(f"candle {t} 1.10000 1.10050 1.09950 1.10000 100 10")
    terminal.do("set simulated 1")
    for name, value in inputs.items():
        terminal.do(f"input {name} {value}")
    assert terminal.do("init")[-1] == "= init 0"
    return terminal


def test_a_signal_is_a_ribbon_and_an_order_an_arrow(desk, view):
    desk.start()
    desk.in_step()
    desk.trade()
    chart = _chart(view, desk)
    drawn = _drawn(chart)
    assert drawn == {0: {39: 1.101}, 1: {39: 1.1}, 2: {39: 1.09925}}  # 0.7 up, 0.2 down; two ranges of 100 points
    chart.quit()


def test_what_is_added_is_drawn_and_what_was_drawn_stays(desk, view):
    desk.start(DryRun="true", EntryRule=1)
    desk.in_step()
    chart = _chart(view, desk)
    assert _drawn(chart) == {}
    desk.trade(prediction(direction_probs=shares(20, 70), outlook=(), policy=()))
    chart.do("advance 1000")
    drawn = _drawn(chart, 41)
    assert drawn == {0: {39: 1.099}, 1: {39: 1.1}, 3: {39: 1.10075}}
    chart.do(f"candle {START_MS // 1_000 + 7_200 + 900} 1.1 1.1 1.1 1.1 1 1")
    chart.do("advance 1000")
    assert _drawn(chart, 41) == drawn
    chart.quit()


def test_a_history_that_is_loaded_anew_is_drawn_anew(desk, view):
    desk.start()
    desk.in_step()
    desk.trade()
    chart = _chart(view, desk)
    assert _drawn(chart) == _drawn(chart, 0)
    chart.quit()


def test_candles_that_the_chart_lacks_and_lines_that_are_none_are_passed_over(desk, view):
    desk.start(TesterFile="x")
    desk.in_step()
    desk.trade(prediction(t=CLOSED_MS + 90_000_000))
    (log,) = desk.terminal.sandbox.glob("Natron/*.csv")
    with log.open("a") as file:
        file.write("half a line\r\n;;;\r\n2024;signal;x;1;0;0;candle=zzz up=1\r\n2024;ordered;x;1;0;0;\r\n")
    chart = _chart(view, desk)
    assert _drawn(chart) == {}
    chart.quit()


def test_without_a_log_nothing_is_drawn(desk, view):
    chart = _chart(view, desk, Magic=1)
    assert _drawn(chart) == {}
    chart.quit()


def test_a_width_of_nothing_is_refused(desk, view):
    terminal = Terminal(view, desk.terminal.sandbox)
    terminal.do("input RibbonAtr 0")
    assert terminal.do("init")[-1] == "= init 32767"
    terminal.quit()
