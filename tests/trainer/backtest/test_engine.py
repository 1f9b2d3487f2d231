"""The engine against a second, plain telling of the same rules; and each rule of a fill by itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts import CANDLE_DTYPE, Candles
from shared.errors import InputError
from shared.testing import walk_candles
from trainer.backtest.engine import REASONS, Exits, Orders, simulate
from trainer.backtest.market import Charge, Market
from trainer.labels.outcomes import trade_returns

Trade = tuple[int, int, int, float, float, str]  # side, candle in, candle out, price in, price out, reason


def told(market: Market, orders: Orders, exits: Exits) -> list[Trade]:  # noqa: C901, PLR0912, PLR0915 - read top to bottom
    """The page docs/backtest.md in plain code, a candle at a time, without log-equity."""
    trades: list[Trade] = []
    held: dict[str, float] | None = None

    def close(at: int, price: float, reason: str) -> None:
        nonlocal held
        assert held
        trades.append((int(held["side"]), int(held["at"]), at, held["entry"], price, reason))
        held = None

    for at, (o, h, low, c, spread, slip, _) in enumerate(market.table.tolist()):
        order = int(orders[at - 1]) if at else 0

        def market_exit(bid: float, side: float, spread: float = spread, slip: float = slip) -> float:
            return bid - slip if side > 0 else bid + spread + slip

        if held:  # the open may be beyond its stop or take
            side = held["side"]
            first = o + (spread if side < 0 else 0.0)
            if side * first <= side * held["stop"]:
                close(at, first - side * slip, "stop")
            elif side * first >= side * held["take"]:
                close(at, first, "take")
        if held:
            overdue = exits.at_open and exits.horizon and held["age"] >= exits.horizon
            if overdue or (exits.follow and order != held["side"]):
                close(at, market_exit(o, held["side"]), "horizon" if overdue else "order")
        if not held and order:
            entry = o + spread + slip if order > 0 else o - slip
            atr = market.table[max(at - 1, 0), -1]
            quote = o + spread if order > 0 else o
            stop = quote - order * exits.stop * atr if exits.stop else -order * math.inf
            take = quote + order * exits.take * atr if exits.take else order * math.inf
            held = {"side": order, "at": at, "entry": entry, "age": 0, "stop": stop, "take": take, "atr": atr}
        if held:
            held["age"] += 1
            side = held["side"]
            up = spread if side < 0 else 0.0  # a short position lives on the ask
            if (low if side > 0 else h + up) * side <= held["stop"] * side:
                close(at, side * min(side * held["stop"], side * (o + up)) - side * slip, "stop")
            elif (h if side > 0 else low + up) * side >= held["take"] * side:
                close(at, side * max(side * held["take"], side * (o + up)), "take")
            elif exits.horizon and not exits.at_open and held["age"] >= exits.horizon:
                close(at, market_exit(c, side), "horizon")
            else:
                if exits.trail:
                    held["stop"] = side * max(side * held["stop"], side * (c + up - side * exits.trail * held["atr"]))
                if exits.break_even and side * (c + up - held["entry"]) >= exits.break_even * held["atr"]:
                    held["stop"] = side * max(side * held["stop"], side * held["entry"])
    if held:
        side, up = held["side"], market.table[-1]
        close(len(market) - 1, up[3] - up[5] if side > 0 else up[3] + up[4] + up[5], "end")
    return trades


def priced(candles: Candles, spread: float = 2e-4, slippage: float = 3e-5, commission: float = 2e-5) -> Market:
    return Market.of(candles, np.full(len(candles), spread), Charge(price=slippage), commission)


distances = st.sampled_from([0.0, 0.5, 1.0, 2.5])
any_exits = st.builds(
    Exits,
    horizon=st.integers(0, 15),
    at_open=st.booleans(),
    follow=st.booleans(),
    stop=distances,
    take=distances,
    trail=distances,
    break_even=distances,
)


@settings(max_examples=150)
@given(
    exits=any_exits, seed=st.integers(0, 1_000), quiet=st.floats(0.1, 0.95), spread=st.sampled_from([0.0, 2e-4, 2e-3])
)
def test_trades_are_those_of_the_plain_telling(exits: Exits, seed: int, quiet: float, spread: float) -> None:
    market = priced(walk_candles(120, seed=seed), spread)
    odds = [(1 - quiet) / 2, quiet, (1 - quiet) / 2]
    orders = np.random.default_rng(seed).choice([-1, 0, 1], 120, p=odds).astype(np.int8)
    trades = simulate(market, orders, exits).trades
    found = [
        (int(side), int(first), int(last), REASONS[reason])
        for side, first, last, reason in zip(trades.side, trades.entered, trades.left, trades.reason, strict=True)
    ]
    expected = told(market, orders, exits)
    assert found == [(side, first, last, reason) for side, first, last, _, _, reason in expected]
    np.testing.assert_allclose(trades.entry, [one[3] for one in expected], rtol=1e-13)
    np.testing.assert_allclose(trades.exit, [one[4] for one in expected], rtol=1e-13)


@settings(max_examples=40)
@given(exits=any_exits, seed=st.integers(0, 1_000), cut=st.integers(2, 119))
def test_candles_that_are_still_to_come_change_no_trade_that_ended(exits: Exits, seed: int, cut: int) -> None:
    market = priced(walk_candles(120, seed=seed))
    orders = np.random.default_rng(seed).integers(-1, 2, 120).astype(np.int8)
    whole, part = simulate(market, orders, exits), simulate(market.cut(0, cut), orders[:cut], exits)
    ended = int((whole.trades.left < cut - 1).sum())
    assert (whole.trades.exit[:ended] == part.trades.exit[:ended]).all()
    assert (whole.equity[: cut - 1] == part.equity[: cut - 1]).all()


@settings(max_examples=40)
@given(exits=any_exits, seed=st.integers(0, 1_000))
def test_equity_ends_at_the_sum_of_the_trades_and_one_position_is_held_at_a_time(exits: Exits, seed: int) -> None:
    market = priced(walk_candles(120, seed=seed))
    orders = np.random.default_rng(seed).integers(-1, 2, 120).astype(np.int8)
    outcome = simulate(market, orders, exits)
    trades = outcome.trades
    assert outcome.equity[-1] == pytest.approx(trades.result.sum(), abs=1e-12)
    assert (trades.entered[1:] >= trades.left[:-1]).all()
    worth = np.where(trades.side > 0, trades.exit / trades.entry, 2 - trades.exit / trades.entry)
    np.testing.assert_allclose(trades.result, np.log(worth) + 2 * np.log1p(-2e-5), atol=1e-12)


def test_without_costs_a_trade_earns_what_the_win_labels_judge() -> None:
    candles = walk_candles(60, seed=3)
    market = Market.of(candles, np.zeros(60))
    for at in range(40):
        orders = np.zeros(60, np.int8)
        orders[at] = 1
        trades = simulate(market, orders, Exits(12)).trades
        assert trades.result.tolist() == pytest.approx([trade_returns(candles, 12)[at]], abs=1e-12)


def candle(o: float, h: float, low: float, c: float) -> tuple[float, ...]:
    return (o, h, low, c, 1.0)


def of(*rows: tuple[float, ...]) -> Candles:
    return np.array([(60_000 * (at + 1), *row) for at, row in enumerate(rows)], CANDLE_DTYPE)


QUIET = candle(100, 100.5, 99.5, 100)  # its mean true range is 1
LONG, SHORT = np.array([0, 1, 0, 0], np.int8), np.array([0, -1, 0, 0], np.int8)


@pytest.mark.parametrize(
    ("orders", "last", "exits", "price", "reason"),
    [
        (LONG, candle(97, 98, 96, 97), Exits(9, stop=2), 97.0 - 0.01, "stop"),  # opened beyond the stop of 98.1
        (LONG, candle(100, 103, 97, 100), Exits(9, stop=2, take=2), 100.1 - 2 - 0.01, "stop"),  # both: the worse
        (LONG, candle(100, 103, 99, 100), Exits(9, stop=2, take=2), 100.1 + 2, "take"),  # a limit does not slip
        (LONG, candle(104, 105, 103, 104), Exits(9, take=2), 104.0, "take"),
        (SHORT, candle(100, 101.95, 99.9, 100), Exits(9, stop=2), 100.0 + 2 + 0.01, "stop"),  # the ask touched it
        (SHORT, candle(100, 101.8, 97.95, 100), Exits(9, stop=2, take=2), None, "end"),  # the ask stayed above 98
        (SHORT, candle(100, 101, 99, 99.5), Exits(2), 99.5 + 0.1 + 0.01, "horizon"),
        (LONG, candle(99, 101, 98, 99.5), Exits(1, at_open=True), 99 - 0.01, "horizon"),
    ],
)
def test_fills(orders: Orders, last: tuple[float, ...], exits: Exits, price: float | None, reason: str) -> None:
    market = Market.of(of(QUIET, QUIET, QUIET, last), np.full(4, 0.1), Charge(price=0.01))
    trades = simulate(market, orders, exits).trades
    assert trades.entry.tolist() == pytest.approx([100.11 if orders is LONG else 99.99])
    assert trades.entered.tolist() == [2]
    assert trades.left.tolist() == [3]
    assert REASONS[trades.reason[0]] == reason
    if price is not None:
        assert trades.exit.tolist() == pytest.approx([price])


def test_a_short_that_loses_everything_ruins_the_account_and_nothing_more() -> None:
    market = Market.of(of(QUIET, QUIET, QUIET, candle(100, 400, 99, 390)), np.zeros(4))
    assert simulate(market, SHORT, Exits(0)).equity[-1] == pytest.approx(math.log(1e-6))


def test_costs_multiply() -> None:
    candles, orders = walk_candles(200, seed=5), np.zeros(200, np.int8)
    orders[::20] = 1
    free, once, twice = (simulate(priced(candles).costing(times), orders, Exits(12)).equity[-1] for times in (0, 1, 2))
    assert free > once > twice
    assert free - once == pytest.approx(once - twice, rel=0.01)


@pytest.mark.parametrize(("text", "expected"), [("0.00012", 0.00012), ("1.2bps", 0.00024), ("0.1%", 0.002), ("0", 0)])
def test_costs_are_read_in_price_or_as_a_share(text: str, expected: float) -> None:
    assert Charge.parse("spread", text).of(np.array([2.0])).tolist() == pytest.approx([expected])


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "1.2 pips", "100%", "inf"])
def test_what_is_no_cost_is_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        Charge.parse("spread", text)
    assert error.value.field == "spread"


def test_distances_below_nothing_are_refused() -> None:
    with pytest.raises(InputError):
        Exits(stop=-1.0)
    with pytest.raises(InputError):
        Exits(trail=math.nan)
