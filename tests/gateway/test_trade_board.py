"""Fills stand beside the signals they followed, with what came of them."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.series_board import SeriesBoard
from gateway.trade_board import TradeBoard
from shared.admission import Admission, AdmissionLimits
from shared.clock import SimulatedClock
from shared.codec import encode_ack, encode_prediction
from shared.contracts import Ack, Prediction, Series
from shared.delivery import DeliveryReasons
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("EURUSD", "M15")
NOW_MS = 1_700_000_000_000


@pytest.fixture
def t(broker: BrokerUnderTest) -> int:
    """Open time of the newest of a few candles, whose prediction is kept."""
    clock, candles = SimulatedClock(NOW_MS), walk_candles(3)
    Admission(broker.client, broker.names, clock, AdmissionLimits(1_000, 10, 10)).admit(SERIES, candles, 0, "ea:x")
    last = int(candles["t"][-1])
    prediction = Prediction(
        SERIES, last, 96, 0.75, 0.25, (0.25, 0.5, 0.25), (0.5, 0.1, 0.1, 0.1, 0.1, 0.1), (), (), 0, "tiny", "0a" * 32,
        1, 2, 3, 4,
    )  # fmt: skip
    kept = encode_prediction(prediction)[: -len(SERIES.key)]
    broker.client.xadd(broker.names.recent(SERIES.partition, SERIES.key), {"m": kept, "n": 96}, id=f"{last}-0")
    return last


@pytest.fixture
def board(broker: BrokerUnderTest) -> TradeBoard:
    clock = SimulatedClock(NOW_MS)
    reasons = DeliveryReasons(broker.names, clock)
    return TradeBoard(broker.client, broker.names, SeriesBoard(broker.client, broker.names, clock, reasons))


def say(broker: BrokerUnderTest, **told: Any) -> None:
    """Write an ack as a bridge does."""
    ack = Ack("ea-1", "EURUSD", "1", 1, NOW_MS, NOW_MS, "", "", 1, 0.1, 0, "")
    broker.client.xadd(broker.names.acks, {"m": encode_ack(replace(ack, **told))})


def test_a_fill_has_its_signal_delay_slippage_and_result(broker: BrokerUnderTest, board: TradeBoard, t: int) -> None:
    close = t + SERIES.width_ms
    say(broker, event="ordered", id=f"{SERIES.key}.{t}", price_points=110_000)
    say(broker, event="filled", sent_ms=close + 140, price_points=110_003, detail="deal 7 position 9 result 0.00")
    (trade,) = board.trades()
    assert (trade["side"], trade["lots"], trade["delay_ms"], trade["slippage_points"]) == ("buy", 0.1, 140, 3)
    assert trade["price"] == pytest.approx(1.10003)
    assert (trade["signal"]["buy_prob"], trade["result"]) == (0.75, None)
    say(broker, event="closed", side=-1, detail="deal 8 position 9 result -12.50")
    assert board.trades()[0]["result"] == -12.5


def test_a_short_that_fills_lower_has_slipped_too(broker: BrokerUnderTest, board: TradeBoard, t: int) -> None:
    say(broker, event="ordered", id=f"{SERIES.key}.{t}", side=-1, price_points=110_000)
    say(broker, event="filled", side=-1, price_points=109_990, detail="deal 7 position 9 result 0.00")
    assert (board.trades()[0]["side"], board.trades()[0]["slippage_points"]) == ("sell", 10)


def test_each_terminal_and_symbol_is_on_its_own_and_junk_is_passed_over(
    broker: BrokerUnderTest, board: TradeBoard, t: int
) -> None:
    say(broker, event="ordered", client="other", id=f"{SERIES.key}.{t}", price_points=110_000)
    broker.client.xadd(broker.names.acks, {"m": b"\x15junk"})
    broker.client.xadd(broker.names.acks, {"x": b""})
    say(broker, event="filled", price_points=110_000, detail="no deal named")
    say(broker, event="filled", client="other", id="", price_points=110_001, detail="deal 1 position 2 result 0.00")
    newest, before = board.trades()
    assert (newest["client"], newest["slippage_points"], newest["signal"]["time"]) == ("other", 1, t)
    assert (before["signal"], before["delay_ms"], before["slippage_points"], before["price"]) == (None,) * 4
