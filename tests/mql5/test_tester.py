"""The strategy tester: the EA and `natron backtest` make the same trades of the same file, price for price."""

import numpy as np
import pytest
from harness.bridge_double import KEYS, prediction
from harness.desk import prepare
from harness.terminal import Terminal

from bridge.lines import encode_signal, signal_body
from bridge.signature import sign
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from natron.signal_file import of_signals, read_signal_file, write_signal_file
from producer.candle_file import CandleWriter
from producer.zones import parse_zone
from shared.contracts import Series
from shared.settings.groups import Settings
from shared.settings.learning import BacktestSettings
from shared.testing import walk_candles
from trainer.backtest.backtest import run_backtest
from trainer.backtest.delivery import delivered
from trainer.backtest.engine import REASONS, Exits, simulate
from trainer.backtest.market import Charge, Market, price_scale
from trainer.backtest.request import BacktestRequest
from trainer.backtest.rules import RULES, Rule
from trainer.backtest.signals import PPM, Signals
from trainer.backtest.source import Source
from trainer.request import CsvSpec

COUNT, FIRST, WIDTH_MS = 900, 96, 900_000
ZONE = parse_zone("broker-eu")
AUTUMN_MS = 1_603_360_800_000  # Thursday before the broker's clock is set back
_SETTINGS = BacktestSettings(edge=0.4, commission_bps=0.2, slippage_bps=0.1, min_direction_prob=0.36)
_INPUTS = {
    "MinEdge": 0.4, "CommissionBps": 0.2, "SlippageBps": 0.1, "MinDirection": 0.36, "MinSetup": 0.6, "WinHorizon": 12,
    "DryRun": "false", "PushCandles": "false", "FixedLots": 0.01, "MaxSpreadPoints": 1_000, "TradesADay": 1_000,
    "DailyLossPercent": 50, "CooldownS": 0, "BridgeKey": KEYS.bridge.hex(), "ClientKey": KEYS.client.hex(),
    "TesterFile": "signals.csv",
}  # fmt: skip
_EXITS = [
    Exits(12, at_open=True, stop=2, take=3, trail=1.5, break_even=1),
    Exits(5, at_open=True, stop=0.5, take=0.7),
    Exits(40, at_open=True, stop=1, take=4, trail=0.6, break_even=0.4),
]


def _candles():
    """With a weekend, a hole, gaps of price and twins of a tick."""
    candles = walk_candles(COUNT, seed=3, start_ms=AUTUMN_MS)
    jumps = np.cumsum(np.random.default_rng(4).choice([0.0, 0.004, -0.004], COUNT, p=[0.94, 0.03, 0.03]))
    for name in "ohlc":
        candles[name] = np.round(candles[name] + jumps, 5)
    return np.delete(candles, np.r_[150:340, 500:501])


def _heads(count):
    random = np.random.default_rng(5)

    def shares(classes):
        return np.round(random.dirichlet(np.ones(classes), count) * PPM) / PPM

    def share():
        return np.round(random.random(count) * PPM) / PPM

    heads = {name: share() for name in ("buy", "sell", "long_win", "short_win", "high_volatility")}
    heads["direction"] = shares(3)
    heads["regime"] = shares(6)
    reasons = random.choice([0, 2, 16], count, p=[0.9, 0.05, 0.05])
    actions = random.choice([-1, 0, 1], count, p=[0.3, 0.4, 0.3]).astype(np.int8)
    return Signals(heads, reasons, None, actions)


@pytest.fixture(scope="module")
def bundle():
    return Bundle.load(bundle_folder(Settings()))


@pytest.fixture(scope="module")
def source():
    candles = _candles()
    points = np.random.default_rng(6).integers(0, 25, len(candles))
    charge, share = Charge(share=_SETTINGS.slippage_bps * 1e-4), _SETTINGS.commission_bps * 1e-4
    market = Market.of(candles, points / 1e5, charge, share, price_scale(candles))
    return Source(Series("EURUSD.r", "M15"), candles, market, ())


def _tester(ea, folder, source, inputs):
    """The terminal in its strategy tester, after all candles."""
    terminal = Terminal(ea, folder)
    terminal.do(f"set symbol {source.series.symbol}")
    for command in ("set simulated 1", "set tester 1", f"market slippage_bps {_SETTINGS.slippage_bps}"):
        terminal.do(command)
    for name, value in inputs.items():
        terminal.do(f"input {name} {value}")
    table, times = source.market.table, source.market.times
    server_s = (times + ZONE.offsets(times)) // 1_000
    bars = [
        f"{t} {o:.5f} {h:.5f} {low:.5f} {c:.5f} {round(spread * 1e5)}"
        for t, (o, h, low, c, spread, *_) in zip(server_s.tolist(), table.tolist(), strict=True)
    ]
    for bar in bars[:FIRST]:
        o, h, low, c, spread = bar.split()[1:]
        terminal.do(f"candle {bar.split()[0]} {o} {h} {low} {c} 1 {spread}")
    assert terminal.do("init")[-1] == "= init 0", terminal.said
    for bar in bars[FIRST:]:
        terminal.do(f"bar {bar}")
    return terminal, server_s


def _traded(terminal, server_s):
    """Trades of the account: side, candle in, candle out, price in, price out."""
    deals, trades, entry = terminal.state("deal"), [], None
    for deal in deals:
        at = int(np.searchsorted(server_s, int(deal[7]), side="right")) - 1
        if deal[2] == "0":
            entry = (1 if deal[1] == "0" else -1, at, float(deal[4]))
        else:
            trades.append((entry[0], entry[1], at, entry[2], float(deal[4])))
    return trades


@pytest.mark.parametrize("exits", _EXITS, ids=["default", "tight", "trailing"])
@pytest.mark.parametrize("rule", RULES)
def test_the_ea_and_the_backtest_make_the_same_trades(ea, tmp_path, source, bundle, rule, exits):
    signals, end = _heads(len(source.candles)), len(source.candles)
    made = of_signals(source, signals, bundle.manifest, ZONE, (FIRST, end), unseen=True)
    write_signal_file(made, tmp_path / "signals.csv", KEYS.bridge)
    inputs = _INPUTS | {
        "EntryRule": RULES.index(rule), "HorizonCandles": exits.horizon, "StopAtr": exits.stop, "TakeAtr": exits.take,
        "TrailAtr": exits.trail, "BreakEvenAtr": exits.break_even,
    }  # fmt: skip
    terminal, server_s = _tester(ea, tmp_path, source, inputs)
    found = _traded(terminal, server_s)
    terminal.quit()
    orders = Rule(rule, _SETTINGS, 12).orders(signals, source.market)
    orders[:FIRST] = 0
    outcome = simulate(source.market, delivered(orders, signals, source.market, WIDTH_MS, 60), exits).trades
    ended = outcome.reason != REASONS.index("end")
    wanted = [
        (int(side), int(first), int(last), entry, left)
        for side, first, last, entry, left in zip(
            outcome.side[ended], outcome.entered[ended], outcome.left[ended], outcome.entry[ended],
            outcome.exit[ended], strict=True,
        )
    ]  # fmt: skip
    assert len(wanted) > 20
    assert len({int(one) for one in outcome.reason[ended]}) >= 2
    assert [one[:3] for one in found] == [one[:3] for one in wanted]
    np.testing.assert_allclose([one[3:] for one in found], [one[3:] for one in wanted], atol=6e-9, rtol=0)


def _lines(one, key=KEYS.bridge, *, head="", session="0123456789abcdef", seqs=(1,)):
    first = sign(head or f"T1|{session}|0|0|EURUSD|900|{len(seqs)}|0", key)
    return [first, *(encode_signal(session, seq, 1, signal_body(one), key) for seq in seqs)]


def _in_tester(desk, lines):
    (desk.terminal.sandbox / "signals.csv").write_bytes(b"\r\n".join(lines) + b"\r\n")
    prepare(desk.terminal, desk.bridge.ports, TesterFile="signals.csv")
    desk.terminal.do("set server_offset_s 0")
    desk.terminal.do("set tester 1")
    return desk.terminal.do("init")[-1]


def test_in_the_tester_there_are_no_sockets_and_the_file_is_traded(desk):
    one = prediction()
    forged = encode_signal("0123456789abcdef", 1, 1, signal_body(one), KEYS.client)
    first, line = _lines(one)
    desk.terminal.do("market account_mode 2")  # the tester's account is that of the terminal, its money is not
    assert _in_tester(desk, [first, forged, line, line]) == "= init 0"
    desk.terminal.quote()
    assert len(desk.positions()) == 1
    assert desk.terminal.number("sockets") == 0
    desk.terminal.quote(1.1032)
    desk.terminal.quote()
    assert not desk.positions()
    desk.terminal.do("deinit 1")
    assert desk.terminal.heard("1 signals, refused lines: 2")


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("T1|0123456789abcdef|0|0|EURUSDm|900|1|0", "is for EURUSDm M15, this chart is EURUSD M15"),
        ("T1|0123456789abcdef|0|0|EURUSD|300|1|0", "is for EURUSD M5, this chart is EURUSD M15"),
        ("T1|0123456789abcdef|0|0|EURUSD|900|1|2", "has no first line signed with BridgeKey"),
        ("B1|0123456789abcdef|0|0|EURUSD", "has no first line signed with BridgeKey"),
    ],
)
def test_a_file_for_another_chart_is_refused(desk, head, why):
    assert _in_tester(desk, _lines(prediction(), head=head)) == "= init 1"
    assert desk.terminal.heard(why)


def test_a_file_signed_with_another_key_or_without_its_first_line_is_refused(desk):
    assert _in_tester(desk, _lines(prediction(), KEYS.client)) == "= init 1"
    assert desk.terminal.do("init")[-1] == "= init 1"
    (desk.terminal.sandbox / "signals.csv").write_bytes(_lines(prediction())[1])
    assert desk.terminal.do("init")[-1] == "= init 1"


def test_an_absent_file_is_told(desk):
    prepare(desk.terminal, desk.bridge.ports, TesterFile="none.csv")
    desk.terminal.do("set tester 1")
    assert desk.terminal.do("init")[-1] == "= init 1"
    assert desk.terminal.heard("TesterFile cannot be read from the common folder, error 5004")


def test_a_file_of_candles_that_were_trained_on_says_so(desk):
    lines = _lines(prediction(), head="T1|0123456789abcdef|0|0|EURUSD|900|1|1")
    assert _in_tester(desk, lines) == "= init 0"
    assert desk.terminal.heard("1 signals, IN-SAMPLE")


def test_lines_of_another_file_are_not_traded(desk):
    first, _ = _lines(prediction())
    _, other = _lines(prediction(), session="fedcba9876543210")
    assert _in_tester(desk, [first, other]) == "= init 0"
    desk.terminal.quote()
    assert not desk.positions()


def test_a_bundles_file_is_traded_as_the_backtest_of_that_file_trades(ea, tmp_path, bundle):
    last_ms = max(record.last for record in bundle.manifest.data)
    candles = walk_candles(900, seed=7, start_ms=last_ms + 900_000)
    for name in "ohlc":
        candles[name] = np.round(candles[name], 5)
    writer = CandleWriter(tmp_path / "NEW_M15.csv")
    writer.write(candles)
    writer.close()
    settings = Settings(backtest=BacktestSettings(min_setup_prob=0.3, placebo_draws=1))
    request = BacktestRequest(
        bundle, CsvSpec(tmp_path / "NEW_M15.csv", "EURUSD.r", "M15", "UTC"), "setup", spread=Charge(price=1e-4),
        exits=Exits(12, at_open=True, stop=2, take=3, trail=1.5, break_even=1), last_closed=True, settings=settings,
    )  # fmt: skip
    report = run_backtest(request)
    write_signal_file(read_signal_file(request, ZONE), tmp_path / "signals.csv", KEYS.bridge)
    source = Source(Series("EURUSD.r", "M15"), candles, report.market, ())
    inputs = _INPUTS | {"EntryRule": 2, "MinSetup": 0.3, "HorizonCandles": 12}
    terminal, server_s = _tester(ea, tmp_path, source, inputs)
    found = _traded(terminal, server_s)
    terminal.quit()
    trades = report.outcome.trades
    wanted = list(zip(trades.side, trades.entered, trades.left, trades.entry, trades.exit, strict=True))
    assert len(wanted) > 3
    np.testing.assert_allclose(found, wanted[: len(found)], atol=6e-9, rtol=0)
    assert len(wanted) - len(found) <= 1  # the last one may still be open
