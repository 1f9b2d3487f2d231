"""Candles of the chart reach the bridge: history from where it stands, then each closed one, in UTC."""

import struct
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from harness.bridge_double import KEYS
from harness.terminal import START_MS

_RATE = struct.Struct("<qddddqiq")


def _candles(bulk):
    return [_RATE.unpack_from(bulk, at) for at in range(0, len(bulk), 60)]


def _pushing(desk, held_ms=0, **inputs):
    desk.bridge.replies = True
    desk.bridge.held_ms["EURUSD"] = held_ms
    desk.start(PushCandles="true", **inputs)
    desk.terminal.until(lambda: desk.terminal.heard("candles: up to date"))


def _close_candle(desk, at=0):
    desk.terminal.do(f"candle {START_MS // 1_000 + 7_200 + (at + 1) * 900} 1.2 1.3 1.1 1.25 7 3")


def test_history_goes_out_once_in_utc_without_the_open_candle(desk):
    _pushing(desk)
    (bulk,) = desk.bridge.bulks
    sent = _candles(bulk)
    assert [one[0] for one in sent] == [START_MS // 1_000 - at * 900 for at in range(40, 0, -1)]
    assert sent[0][1:] == (1.1, 1.1005, 1.0995, 1.1, 100, 10, 0)
    head = next(text for text in desk.bridge.received if text.startswith("C1")).split("|")
    assert head[1:3] + head[4:] == ["ea", "EURUSD", "900", "40", str(START_MS - 900_000), sha256(bulk).hexdigest()]


def test_only_what_the_bridge_lacks_is_sent(desk):
    _pushing(desk, held_ms=START_MS - 3 * 900_000)
    assert [one[0] for one in _candles(desk.bridge.bulks[0])] == [START_MS // 1_000 - 1_800, START_MS // 1_000 - 900]


def test_each_closed_candle_follows(desk):
    _pushing(desk)
    _close_candle(desk)
    desk.terminal.until(lambda: len(desk.bridge.bulks) == 2)
    _close_candle(desk, 1)
    desk.terminal.until(lambda: len(desk.bridge.bulks) == 3)
    assert _candles(desk.bridge.bulks[2]) == [(START_MS // 1_000 + 900, 1.2, 1.3, 1.1, 1.25, 7, 3, 0)]


def test_long_histories_go_in_pieces(desk):
    for at in range(400, 40, -1):
        desk.terminal.do(f"candle {START_MS // 1_000 + 7_200 - at * 900} 1 2 0.5 1 1 1")
    _pushing(desk)
    assert [len(bulk) // 60 for bulk in desk.bridge.bulks] == [256, 144]


def test_a_push_that_is_lost_is_sent_again(desk):
    _pushing(desk)
    desk.bridge.mute = True
    _close_candle(desk)
    desk.terminal.spend(20)
    desk.bridge.mute = False
    desk.terminal.advance(10_000)
    desk.terminal.until(lambda: len(desk.bridge.bulks) == 2)


def test_a_busy_bridge_is_left_in_peace_as_long_as_it_says(desk):
    _pushing(desk)
    desk.bridge.busy_ms = 5_000
    _close_candle(desk)
    desk.terminal.until(lambda: len(desk.bridge.bulks) == 2)
    desk.bridge.busy_ms = 0
    desk.terminal.spend(30)
    assert len(desk.bridge.bulks) == 2
    assert "candles: the bridge is busy" in desk.terminal.panel()
    desk.terminal.advance(5_000)
    desk.terminal.until(lambda: len(desk.bridge.bulks) == 3)
    assert desk.bridge.bulks[2] == desk.bridge.bulks[1]


def test_what_the_bridge_refused_stands_on_the_panel(desk):
    desk.bridge.refusals = "3|1732233600000:grid"
    _pushing(desk)
    desk.terminal.until(lambda: "up to date, refused 3: 1732233600000:grid" in desk.terminal.panel())


def test_a_symbol_that_the_client_may_not_push_is_told(desk):
    desk.bridge.replies = True
    desk.bridge.held_ms["EURUSD"] = 99_999_999_999_999
    desk.start(PushCandles="true")
    desk.terminal.until(lambda: desk.terminal.heard("candles: this symbol is not on the client's list"))
    assert not desk.bridge.bulks


def test_how_it_stands_is_told_each_minute(desk):
    desk.bridge.replies = True
    desk.start()
    desk.in_step()
    desk.trade()
    desk.terminal.advance(60_000)
    desk.terminal.spend(60)
    (state,) = [ack for ack in desk.bridge.acks() if ack[7] == "state"]
    assert state[6:10] == ["-", "state", "1", "250000"]
    assert "Natron TRADING; link: in step" in state[11]


def test_a_wrong_zone_sends_nothing(desk):
    desk.bridge.replies = True
    desk.start(PushCandles="true", ServerZone=2, ServerOffsetHours=3)
    desk.terminal.until(lambda: desk.terminal.heard("ServerZone does not fit"))
    desk.terminal.spend(50)
    assert not desk.bridge.bulks


@pytest.mark.parametrize(
    ("zone", "utc", "hours"),
    [
        (0, (2024, 3, 31, 0, 45), 2), (0, (2024, 3, 31, 1, 0), 3),
        (0, (2024, 10, 27, 0, 45), 3), (0, (2024, 10, 27, 2, 0), 2),
        (0, (2025, 7, 1), 3), (0, (2025, 3, 29), 2), (0, (2025, 3, 31), 3),
        (1, (2024, 3, 10, 6, 45), 2), (1, (2024, 3, 10, 7, 0), 3),
        (1, (2024, 11, 3, 5, 45), 3), (1, (2024, 11, 3, 7, 0), 2),
        (1, (2026, 3, 9), 3), (1, (2026, 3, 7), 2), (2, (2026, 3, 7), 5),
    ],
)  # fmt: skip
def test_summer_time(desk, zone, utc, hours):
    moment = int(datetime(*utc, tzinfo=UTC).timestamp())
    desk.bridge.replies = True
    desk.terminal.do(f"set utc_ms {moment * 1_000}")
    desk.terminal.do(f"set server_offset_s {hours * 3_600}")
    desk.terminal.utc_ms = moment * 1_000
    desk.bridge.held_ms["EURUSD"] = (moment - 900) * 1_000
    desk.terminal.do(f"candle {moment + hours * 3_600} 1 2 0.5 1 1 1")
    desk.terminal.do(f"candle {moment + hours * 3_600 + 900} 1 2 0.5 1 1 1")
    link = {"SignalsPort": desk.bridge.ports[0], "RequestsPort": desk.bridge.ports[1]}
    keys = {"BridgeKey": KEYS.bridge.hex(), "ClientKey": KEYS.client.hex()}
    for name, value in (link | keys | {"ServerZone": zone, "ServerOffsetHours": hours}).items():
        desk.terminal.do(f"input {name} {value}")
    desk.terminal.do("set simulated 1")
    desk.terminal.do("init")
    desk.terminal.until(lambda: bool(desk.bridge.bulks))
    assert [one[0] for one in _candles(desk.bridge.bulks[0])] == [moment]
