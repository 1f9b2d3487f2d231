"""Signals become orders: once, with stops, and only where nothing speaks against it."""

from pathlib import Path

import pytest
from harness.bridge_double import CLOSED_MS, prediction, shares
from harness.desk import Chart, prepare

from shared.contracts import Reason, encode_symbol

LONG, SHORT = "0", "1"
_SHORT = {
    "buy_prob": 0.1, "sell_prob": 0.8, "direction_probs": shares(20, 70),
    "outlook": (0.2, 0.7, 0.3), "policy": (-1.0, 0.5),
}  # fmt: skip
_EV, _DIRECTION, _SETUP, _POLICY = 0, 1, 2, 3


def test_a_signal_becomes_a_position_with_stops_magic_and_comment(desk):
    desk.start()
    desk.in_step()
    assert desk.trade() == "ordered: code 10009"
    assert desk.positions() == [
        ["1001", LONG, "0.25", "1.10010", "1.09810", "1.10310", "20241122", f"NTN.M15.{CLOSED_MS}"]
    ]
    assert desk.terminal.heard(";filled;")


@pytest.mark.parametrize(
    ("market", "chart", "long", "short"),
    [
        ({"digits": 3, "tick_value": 0.67}, Chart(150, 0.05, 0.01),
         ["0.37", "150.01000", "149.81000", "150.31000"], ["0.37", "150.00000", "150.20000", "149.70000"]),
        ({"digits": 2, "volume_min": 0.1, "volume_step": 0.1}, Chart(2_000, 0.5, 0.1),
         ["0.20", "2000.10000", "1998.10000", "2003.10000"], ["0.20", "2000.00000", "2002.00000", "1997.00000"]),
        ({"digits": 2, "tick_points": 25, "tick_value": 5}, Chart(18_000, 5.03, 0.25),
         ["0.12", "18000.25000", "17980.00000", "18030.50000"],
         ["0.12", "18000.00000", "18020.25000", "17969.75000"]),
        ({"digits": 1, "tick_points": 5, "tick_value": 1, "volume_min": 1, "volume_step": 1}, Chart(400, 0.5, 0.5),
         ["12.00", "400.50000", "398.50000", "403.50000"], ["12.00", "400.00000", "402.00000", "397.00000"]),
    ],
    ids=["three digits", "two digits, lots of 0.1", "a grid of 25 points", "a grid of 5 points, whole lots"],
)  # fmt: skip
@pytest.mark.parametrize("side", [LONG, SHORT])
def test_prices_and_lots_fit_the_symbols_digits_grid_and_steps(desk, market, chart, long, short, side):
    for name, value in market.items():
        desk.terminal.do(f"market {name} {value}")
    desk.start(chart=chart, MaxLots=100)
    desk.in_step()
    assert desk.trade(prediction(**(_SHORT if side == SHORT else {}))) == "ordered: code 10009"
    assert desk.positions()[0][1:6] == [side, *(short if side == SHORT else long)]


@pytest.mark.parametrize("rule", [_EV, _DIRECTION, _SETUP, _POLICY])
def test_each_rule_goes_short_where_its_head_says_so(desk, rule):
    desk.start(EntryRule=rule)
    desk.in_step()
    assert desk.trade(prediction(**_SHORT)).startswith("ordered")
    (position,) = desk.positions()
    lots = "0.12" if rule == _POLICY else "0.25"
    assert position[1:6] == [SHORT, lots, "1.10000", "1.10200", "1.09700"]


@pytest.mark.parametrize(
    ("rule", "changes", "why"),
    [
        (_EV, {"outlook": ()}, "no chance of profit"),
        (_EV, {"outlook": (0.9, 0.9, 0.1)}, "no edge after costs"),
        (_EV, {"outlook": (0.2, 0.16, 0.3)}, "no edge after costs"),
        (_EV, {"direction_probs": shares(20, 70)}, "direction points the other way"),
        (_EV, {"policy": (-1.0, 0.5)}, "policy points the other way"),
        (_DIRECTION, {"direction_probs": shares(39, 38)}, "direction is not clear enough"),
        (_DIRECTION, {"direction_probs": shares(45, 45)}, "direction is not clear enough"),
        (_DIRECTION, {"direction_probs": shares(30, 20)}, "direction is not clear enough"),
        (_SETUP, {"sell_prob": 0.8}, "long and short at once"),
        (_SETUP, {"buy_prob": 0.59}, "no setup"),
        (_POLICY, {"policy": ()}, "no policy"),
        (_POLICY, {"policy": (0.0, 0.5)}, "the policy stays flat"),
    ],
)
def test_a_rule_without_one_clear_side_enters_nothing(desk, rule, changes, why):
    desk.start(EntryRule=rule)
    desk.in_step()
    assert why in desk.trade(prediction(**changes))
    assert not desk.positions()


def test_the_expected_value_counts_spread_and_commission(desk):
    # pi / 4 * sqrt(12) * 100 points * 0.1 = 27.2 points; the spread is 10, and of 1.1 one bps is 11 points
    desk.start(CommissionBps=0.7, SlippageBps=0.1)
    desk.in_step()
    assert desk.trade(prediction(outlook=(0.4, 0.3, 0.1))) == "refused: no edge after costs"  # 27.6


def test_the_expected_value_is_entered_where_the_move_is_worth_its_costs(desk):
    desk.start(CommissionBps=0.6, SlippageBps=0.1)
    desk.in_step()
    assert desk.trade(prediction(outlook=(0.4, 0.3, 0.1))).startswith("ordered")  # 25.4


def test_the_edge_and_the_horizon_of_the_win_heads_scale_the_expected_value(desk):
    desk.start(MinEdge=2, WinHorizon=3)
    desk.in_step()
    assert "no edge" in desk.trade(prediction(outlook=(0.4, 0.24, 0.1)))  # 21.8 points for twice 12.2


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_respected(desk, reason):
    desk.start()
    desk.in_step()
    assert desk.trade(prediction(reasons=int(reason))) == f"refused: reasons: {reason.name}"
    assert not desk.positions()


@pytest.mark.parametrize(
    ("inputs", "market", "why"),
    [
        ({"MaxSpreadPoints": 9}, {}, "spread above 9.0"),
        ({"Regimes": 62}, {}, "regime is filtered"),
        ({"HourFrom": 3}, {}, "outside the hours"),
        ({"HourFrom": 22, "HourTo": 2}, {}, "outside the hours"),
        ({"RiskPercent": 0.01}, {}, "smallest lot"),
        ({"MinEdge": 20}, {}, "no edge"),
        ({}, {"terminal_trade": 0}, "Algo Trading is off in the terminal"),
        ({}, {"mql_trade": 0}, "Algo Trading is off for this EA"),
        ({}, {"account_trade": 0}, "the account may not trade"),
        ({}, {"account_expert": 0}, "the broker allows no EA"),
        ({}, {"connected": 0}, "not connected to the broker"),
        ({}, {"account_mode": 2}, "a real account"),
        ({}, {"trade_mode": 2}, "does not open this side"),
        ({}, {"trade_mode": 3}, "does not open this side"),
        ({}, {"leverage": 0.5}, "not enough free margin"),
        ({}, {"tick_value": 0}, "no value of a point"),
    ],
)
def test_what_forbids_a_trade(desk, inputs, market, why):
    desk.start(**inputs)
    for name, value in market.items():
        desk.terminal.do(f"market {name} {value}")
    desk.in_step()
    assert why in desk.trade()
    assert not desk.positions()
    assert desk.terminal.number("requests") == 0


def test_hours_over_midnight_and_a_real_account_are_allowed_on_demand(desk):
    desk.start(HourFrom=22, HourTo=3, AllowReal="true")
    desk.terminal.do("market account_mode 2")
    desk.in_step()
    assert desk.trade().startswith("ordered")


def test_a_signal_waits_for_the_spread_while_it_is_fresh(desk):
    desk.start()
    desk.in_step()
    desk.terminal.quote(spread=0.0050)
    assert "waiting: spread" in desk.trade()
    desk.terminal.quote()
    desk.terminal.spend(30)
    assert len(desk.positions()) == 1


def test_a_signal_that_waits_too_long_is_given_up(desk):
    desk.start(MaxAgeS=10)
    desk.in_step()
    desk.terminal.quote(spread=0.0050)
    assert "waiting" in desk.trade()
    desk.terminal.advance(11_000)
    desk.terminal.until(
        lambda: desk.terminal.heard("refused;EURUSD") and desk.terminal.heard("after the candle's close")
    )
    desk.terminal.quote()
    desk.terminal.spend(30)
    assert not desk.positions()


def test_nothing_is_done_without_a_price_of_the_last_minute(desk):
    desk.start(MaxAgeS=1_000)
    desk.in_step()
    desk.terminal.do("advance 61000")
    desk.terminal.utc_ms += 61_000
    desk.terminal.spend(100)
    assert "waiting: no price for a minute" in desk.trade()


def test_a_dry_run_decides_and_sends_nothing(desk):
    desk.start(DryRun="true")
    desk.in_step()
    assert desk.trade() == "dry_run: would have been sent"
    assert desk.terminal.number("requests") == 0
    assert "DRY RUN" in desk.terminal.panel()


def test_the_dry_run_is_the_default():
    source = (Path(__file__).parents[2] / "mql5" / "Experts" / "NatronEA.mq5").read_text()
    assert "input bool DryRun = true;" in source
    assert "input bool AllowReal = false;" in source


@pytest.mark.parametrize(
    ("lots", "inputs", "market"),
    [
        ("0.10", {"FixedLots": 0.1}, {}),
        ("0.05", {"MaxLots": 0.05}, {}),
        ("0.20", {}, {"volume_step": 0.1}),
        ("0.50", {"RiskPercent": 1}, {}),
        ("0.12", {}, {"tick_value": 2}),
        ("0.04", {}, {"volume_max": 0.04}),
        ("0.16", {"StopAtr": 3}, {}),
    ],
)
def test_lots_lose_at_most_the_risk_and_fit_the_broker(desk, lots, inputs, market):
    desk.start(**inputs)
    for name, value in market.items():
        desk.terminal.do(f"market {name} {value}")
    desk.in_step()
    desk.trade()
    (position,) = desk.positions()
    assert position[2] == lots


def test_stops_keep_the_brokers_distance(desk):
    desk.start(StopAtr=0.5, TakeAtr=0.6, BreakEvenAtr=0, TrailAtr=0)
    desk.terminal.do("market stops_level 150")
    desk.in_step()
    assert desk.trade(prediction(outlook=(0.99, 0.01, 0.1))).startswith("ordered")
    (position,) = desk.positions()
    assert position[4:6] == ["1.09849", "1.10151"]
    assert position[2] == "0.31"  # sized for the stop that it has, not the one that was wished


@pytest.mark.parametrize("code", [10004, 10020, 10021])
def test_a_price_that_moved_is_asked_again_at_most_twice(desk, code):
    desk.start()
    desk.in_step()
    for _ in range(2):
        desk.terminal.do(f"set answer {code}")
    assert desk.trade().startswith("ordered")
    assert desk.terminal.number("requests") == 3
    desk.terminal.spend(20)
    assert len(desk.positions()) == 1


def test_three_requotes_are_a_rejection_and_a_pause(desk):
    desk.start()
    desk.in_step()
    for _ in range(3):
        desk.terminal.do("set answer 10004")
    assert desk.trade() == "rejected: code 10004"
    desk.terminal.spend(50)
    assert desk.terminal.number("requests") == 3


@pytest.mark.parametrize("code", [10006, 10012, 10019])
def test_a_refused_order_is_not_sent_again(desk, code):
    desk.start()
    desk.in_step()
    desk.terminal.do(f"set answer {code}")
    assert desk.trade() == f"rejected: code {code}"
    desk.terminal.spend(50)
    assert desk.terminal.number("requests") == 1


def test_after_an_error_the_next_signal_waits_for_the_cooldown(desk):
    desk.start(CooldownS=900)
    desk.in_step()
    desk.terminal.do("set answer 10006")
    desk.trade()
    desk.terminal.advance(896_000)
    desk.terminal.quote()
    desk.terminal.spend(80)
    assert "cooling down" in desk.trade(prediction(t=CLOSED_MS + 900_000, policy=()))
    desk.terminal.advance(20_000)
    desk.terminal.spend(100)
    assert len(desk.positions()) == 1


def test_a_closed_market_is_a_rejection(desk):
    desk.start()
    desk.terminal.do("market closed 1")
    desk.in_step()
    assert desk.trade() == "rejected: code 10018"


def test_a_partial_fill_is_what_is_logged(desk):
    desk.start()
    desk.in_step()
    desk.terminal.do("set answer 10010")
    assert desk.trade() == "ordered: code 10010"
    (position,) = desk.positions()
    assert position[2] == "0.12"
    assert desk.terminal.heard(f";ordered;EURUSD.M15.{CLOSED_MS};1;0.12;")


def test_the_filling_mode_is_the_symbols(desk):
    desk.start()
    desk.terminal.do("deinit 1")
    desk.terminal.do("market filling 2")
    desk.terminal.do("init")
    desk.in_step()
    assert desk.trade().startswith("ordered")


def _next_candle(desk, at=1):
    desk.terminal.advance(900_000)
    desk.terminal.quote()
    desk.terminal.spend(80)
    return prediction(t=CLOSED_MS + at * 900_000)


@pytest.mark.parametrize("hedging", [0, 1])
def test_one_position_a_symbol_and_magic(desk, hedging):
    desk.start(TrailAtr=0, BreakEvenAtr=0)
    desk.terminal.do(f"market hedging {hedging}")
    desk.in_step()
    desk.trade()
    assert "a position is open" in desk.trade(_next_candle(desk))
    assert len(desk.positions()) == 1


def test_trades_a_day(desk):
    desk.start(TradesADay=1, HorizonCandles=1)
    desk.in_step()
    desk.trade()
    one = _next_candle(desk)
    assert desk.terminal.heard("closed at the horizon")
    assert "trades of the day" in desk.trade(one)


def test_a_loss_of_the_day_ends_the_day(desk):
    desk.start(DailyLossPercent=0.4)
    desk.in_step()
    desk.trade()
    desk.terminal.quote(1.0970)
    assert not desk.positions()
    assert "daily loss limit" in desk.trade(_next_candle(desk))


def test_yesterdays_loss_does_not_count_today(desk):
    desk.start(DailyLossPercent=0.4, TradesADay=1)
    desk.in_step()
    desk.trade()
    desk.terminal.quote(1.0970)
    desk.terminal.advance(22 * 3_600_000)
    desk.terminal.quote()
    desk.terminal.spend(80)
    desk.terminal.until(lambda: "in step" in desk.terminal.panel())
    desk.terminal.spend(80)
    assert desk.trade(prediction(t=CLOSED_MS + 22 * 3_600_000)).startswith("ordered")


def test_the_button_stops_entries_also_over_a_restart(desk):
    desk.start()
    desk.in_step()
    desk.terminal.do("click NatronStop")
    assert "stopped by the button" in desk.trade()
    desk.terminal.do("deinit 1")
    desk.terminal.do("init")
    desk.in_step()
    assert "stopped by the button" in desk.trade(_next_candle(desk))
    desk.terminal.do("click NatronStop")
    assert desk.trade(_next_candle(desk, 2)).startswith("ordered")


@pytest.mark.parametrize(
    ("name", "value"),
    [("BridgeKey", "00"), ("BridgeKey", "0A" * 32), ("ClientKey", ""), ("SignalsPort", 0), ("RequestsPort", 65536),
     ("Host", ""),
     ("ClientId", "a b"), ("RiskPercent", 6), ("RiskPercent", 0), ("StopAtr", 0), ("MaxLots", 0), ("Regimes", 64),
     ("MinDirection", 1), ("MinSetup", 0), ("MinEdge", -1), ("WinHorizon", 0), ("SlippageBps", -1),
     ("HourTo", 25), ("TradesADay", 0), ("Magic", 0), ("HorizonCandles", 0), ("SilenceS", 2)],
)  # fmt: skip
def test_inputs_are_checked(desk, name, value):
    prepare(desk.terminal, desk.bridge.ports, **{name: value})
    assert desk.terminal.do("init")[-1] == "= init 32767"
    assert desk.terminal.heard(name)


@pytest.mark.parametrize("code", [10006, 10018])
def test_a_rejection_is_alerted_and_pushed_by_input(desk, code):
    desk.start(Alerts="true", Notifications="true")
    desk.in_step()
    desk.terminal.do(f"set answer {code}")
    desk.trade()
    assert desk.terminal.heard(f"A Natron EURUSD: an order was rejected, code {code}")
    assert desk.terminal.heard(f"N Natron EURUSD: an order was rejected, code {code}")


def test_fills_are_alerted_by_input_and_not_without(desk):
    desk.start(Alerts="true")
    desk.in_step()
    desk.trade()
    assert desk.terminal.heard("A Natron EURUSD: filled 0.25 at 1.10010")
    assert not desk.terminal.heard("N Natron")


@pytest.mark.parametrize(
    ("symbol", "rules", "found"),
    [
        ("EURUSD.r", "*.r=", "EURUSD"),
        ("EURUSD.r", "*m=,*.r=", "EURUSD"),
        ("GOLD.r", "*.r=,GOLD.r=XAUUSD", "XAUUSD"),
        ("GBPUSD.r", "EURUSD.r=EURUSD", "GBPUSD.r"),
        ("EURUSD.r", "EURUSD", "EURUSD"),
        (".r", "*.r=", ".r"),
    ],
)
def test_suffixes_are_mapped_by_rule_the_exact_one_first(desk, symbol, rules, found):
    desk.start(symbol=symbol, BridgeSymbol=rules)
    desk.terminal.until(lambda: bool(desk.bridge.received))
    assert desk.bridge.received[0].split("|")[2] == encode_symbol(found)


@pytest.mark.parametrize("rules", ["*.r=,*r=", "*.r=EUR,nonsense", "A=B,,"])
def test_rules_that_contradict_each_other_or_are_none_are_refused(desk, rules):
    prepare(desk.terminal, desk.bridge.ports, symbol="EURUSD.r", BridgeSymbol=rules)
    assert desk.terminal.do("init")[-1] == "= init 32767"
    assert desk.terminal.heard("Natron: BridgeSymbol: ")


@pytest.mark.parametrize("mode", [0, 2])
def test_a_replayed_signal_is_traded_by_the_test_input_alone_and_never_with_real_money(desk, mode):
    desk.start(AllowReplay="true", AllowReal="true")
    desk.terminal.do(f"market account_mode {mode}")
    desk.in_step()
    old = prediction(t=CLOSED_MS - 90_000_000, reasons=int(Reason.REPLAY))
    expected = "refused: reasons: REPLAY" if mode == 2 else "ordered: code 10009"
    assert desk.trade(old) == expected


def test_the_test_input_allows_replays_and_nothing_else(desk):
    desk.start(AllowReplay="true")
    desk.in_step()
    assert desk.trade(prediction(reasons=int(Reason.REPLAY | Reason.HALTED))) == "refused: reasons: REPLAY HALTED"
    assert desk.trade(prediction(t=CLOSED_MS + 900_000, reasons=0)).startswith("refused: a candle that is not closed")


def test_every_signal_is_logged_with_what_it_says(desk):
    desk.start()
    desk.in_step()
    one = prediction()
    desk.trade(one)
    (line,) = [text for text in desk.terminal.said if f";signal;{one.id};1;" in text]
    candle_s = CLOSED_MS // 1_000 + 7_200  # on the chart, at UTC+2
    assert f"candle={candle_s} up=0.700 down=0.200 neutral=0.100 buy=0.800 sell=0.100 long_win=0.700" in line
    assert line.endswith("policy=1 regime=BULL_STRONG reasons=0")
