"""What comes over the link: order, gaps, signatures, clocks, silence, restarts."""

import pytest
from harness.bridge_double import CLOSED_MS, KEYS, prediction
from harness.desk import prepare

from bridge.lines import encode_signal, signal_body, signal_topic
from bridge.signature import sign


def test_a_gap_is_asked_for_and_filled_from_the_ring(desk):
    desk.start(Regimes=1)
    desk.in_step()
    lost = prediction(t=CLOSED_MS - 900_000)
    desk.bridge.append(lost)
    assert desk.trade().startswith("ordered")
    assert desk.terminal.heard(f"refused;{lost.id};0")  # it came, in its place, too late to act on
    hellos = [text for text in desk.bridge.received if text.startswith("H1|ea|EURUSD|00000000000000aa|0|")]
    assert hellos


def test_a_heartbeat_tells_of_lines_that_never_came(desk):
    desk.start()
    desk.in_step()
    one = prediction()
    desk.bridge.append(one)
    assert desk.decision(one.id).startswith("ordered")


def test_a_snapshot_is_acted_on_while_it_is_fresh(desk):
    one = prediction()
    desk.bridge.append(one)
    desk.start()
    assert desk.decision(one.id).startswith("ordered")


def test_an_old_snapshot_is_not(desk):
    one = prediction()
    desk.bridge.append(one)
    desk.start()
    desk.terminal.advance(61_000)
    assert desk.decision(one.id).startswith("refused: late: 61 s")


def test_an_expired_signal_is_refused(desk):
    desk.start(MaxAgeS=100_000)
    desk.in_step()
    assert desk.trade(prediction(t=CLOSED_MS - 900_000)) == "refused: expired"


def test_the_second_before_it_expires_it_is_taken(desk):
    desk.start(MaxAgeS=100_000)
    desk.terminal.advance(890_000)
    desk.terminal.quote()
    desk.in_step()
    assert desk.trade().startswith("ordered")


def test_a_candle_of_the_future_is_refused(desk):
    desk.start()
    desk.in_step()
    assert "not closed yet" in desk.trade(prediction(t=CLOSED_MS + 900_000))


def test_the_clock_is_the_bridges(desk):
    desk.bridge.clock.ahead_ms = 100_000  # within MaxClockSkewS
    desk.start(MaxAgeS=90)
    desk.in_step()
    assert desk.trade().startswith("refused: late: 10")


def test_a_delayed_line_does_not_turn_the_clock_back(desk):
    desk.start(MaxAgeS=30)
    desk.in_step()
    desk.terminal.advance(40_000)
    desk.terminal.quote()
    desk.terminal.spend(60)
    desk.bridge.clock.ahead_ms = -30_000  # as if this line had been 30 s on its way
    assert desk.trade().startswith("refused: late: 4")


def test_the_clock_moves_with_the_tick_count_between_lines(desk):
    desk.start(MaxAgeS=5, SilenceS=60)
    desk.in_step()
    desk.terminal.quote(spread=0.005)
    assert "waiting" in desk.trade()
    desk.bridge.beats = False
    desk.terminal.advance(6_000)
    desk.terminal.spend(30)
    assert desk.terminal.heard("after the candle's close")


def test_a_bridge_whose_clock_goes_back_is_followed(desk):
    desk.bridge.clock.ahead_ms = 100_000
    desk.start(MaxAgeS=90, MaxClockSkewS=200)
    desk.in_step()
    desk.bridge.clock.ahead_ms = 0
    desk.bridge.begin("00000000000000bb")
    desk.terminal.spend(120)
    assert desk.trade().startswith("ordered")


@pytest.mark.parametrize("error_s", [-200, 200])
def test_clocks_that_differ_too_much_forbid_trades(desk, error_s):
    desk.start()
    desk.terminal.do(f"set gmt_error_s {error_s}")
    desk.in_step()
    assert "clocks differ" in desk.trade()


def test_no_heartbeat_for_ten_seconds_no_entries(desk):
    desk.start()
    desk.in_step()
    desk.terminal.quote(spread=0.005)
    assert "waiting: spread" in desk.trade()
    desk.bridge.beats = False
    desk.terminal.advance(10_000)
    desk.terminal.quote()
    desk.terminal.spend(30)
    assert desk.terminal.heard("no heartbeat")
    assert not desk.positions()
    desk.bridge.beats = True
    desk.terminal.spend(100)
    assert len(desk.positions()) == 1


def test_a_recorded_heartbeat_is_no_sign_of_life(desk):
    desk.start()
    desk.in_step()
    desk.terminal.quote(spread=0.005)
    desk.trade()
    desk.bridge.beats = False
    seq, now = desk.bridge.ledger.seq("EURUSD"), desk.bridge.clock.now_ms()
    line = sign(f"B1|{desk.bridge.session}|{seq}|{now}|EURUSD", KEYS.bridge)
    for _ in range(12):
        desk.bridge.send(b"sig.EURUSD.hb", line)
        desk.terminal.advance(1_000)
        desk.terminal.quote(spread=0.005)
        desk.terminal.spend(20)
    assert desk.terminal.heard("no heartbeat")


def _forged(one, seq, key=KEYS.bridge, session="00000000000000aa", sent_ms=CLOSED_MS + 900_000):
    return signal_topic(one), encode_signal(session, seq, sent_ms, signal_body(one), key)


def _tampered(desk):
    topic, line = _forged(prediction(buy_prob=0.9), 1)
    return topic, line.replace(b"|900000|", b"|800000|")


def _ending(change):
    topic, line = _forged(prediction(), 1)
    return topic, change(line)


_FORGERIES = {
    "another key": lambda _: _forged(prediction(), 1, KEYS.client),
    "a changed digit": _tampered,
    "a changed signature": lambda _: _ending(lambda line: line[:-1] + (b"1" if line.endswith(b"0") else b"0")),
    "no signature": lambda _: _ending(lambda line: line[:-65]),
    "an empty line": lambda _: (b"sig.EURUSD.M15", b""),
    "another topic": lambda _: (b"sig.EURUSD.M5", _forged(prediction(), 1)[1]),
    "another symbol": lambda _: (b"sig.EURUSD.M15", _forged(prediction(symbol="EURUSDm"), 1)[1]),
    "a snapshot outside an answer": lambda _: _ending(lambda line: line.replace(b"S1", b"N1")),
}


@pytest.mark.parametrize("name", _FORGERIES)
def test_a_forged_line_moves_nothing(desk, name):
    desk.start()
    desk.in_step()
    desk.bridge.send(*_FORGERIES[name](desk))
    desk.terminal.until(lambda: "refused lines: 1" in desk.terminal.panel())
    assert not desk.positions()
    assert desk.trade().startswith("ordered")


def test_a_replayed_line_is_dropped(desk):
    desk.start()
    desk.in_step()
    line = desk.bridge.publish(prediction())
    desk.decision(prediction().id)
    desk.terminal.quote(1.1031)
    desk.terminal.quote()
    assert not desk.positions()
    said = len(desk.terminal.said)
    desk.bridge.send(b"sig.EURUSD.M15", line)
    desk.terminal.spend(100)
    assert not any("decision" in line or ";ordered;" in line for line in desk.terminal.said[said:] if line[0] == "P")
    assert not desk.positions()


def test_lines_of_a_session_that_was_left_are_dropped(desk):
    desk.start()
    desk.in_step()
    desk.bridge.restart("00000000000000bb")
    desk.terminal.until(lambda: any(text.startswith("H1|ea|EURUSD|00000000000000aa|") for text in desk.bridge.received))
    desk.terminal.until(lambda: "in step" in desk.terminal.panel() and "heard: 0 s" in desk.terminal.panel())
    del desk.bridge.received[:]
    desk.bridge.send(*_forged(prediction(), 1))
    desk.terminal.spend(60)
    assert not desk.positions()
    assert not any(text.startswith("H1") for text in desk.bridge.received)


def test_an_id_in_a_new_session_is_not_acted_on_again(desk):
    desk.start()
    desk.in_step()
    desk.trade()
    desk.terminal.quote(1.1031)
    desk.terminal.quote()
    assert not desk.positions()
    desk.bridge.begin("00000000000000bb")
    desk.bridge.append(prediction())
    desk.terminal.until(lambda: desk.terminal.heard("acted on before"))
    assert desk.terminal.number("requests") == 1


def test_a_new_bridge_is_followed(desk):
    desk.start()
    desk.in_step()
    desk.bridge.restart("00000000000000bb")
    desk.terminal.until(lambda: any(text.startswith("H1|ea|EURUSD|00000000000000aa|") for text in desk.bridge.received))
    desk.terminal.spend(120)
    assert desk.trade().startswith("ordered")


def test_a_hello_that_is_not_answered_is_sent_again(desk):
    desk.bridge.mute = True
    desk.start()
    desk.bridge.publish(prediction())
    desk.terminal.spend(200)
    assert not desk.positions()
    desk.bridge.mute = False
    assert desk.decision(prediction().id).startswith("ordered")


def test_the_broker_forgets_nothing_over_a_restart_of_the_terminal(desks):
    first = desks()
    first.start(MaxAgeS=5_000)
    first.in_step()
    first.terminal.do("market kill_after_order 1")
    first.bridge.publish(prediction())
    with pytest.raises(AssertionError, match=r"KILLED|died"):
        first.terminal.spend(200)
    second = desks(first.bridge)
    prepare(second.terminal, first.bridge.ports, MaxAgeS=5_000)
    second.terminal.do("set load 1")
    assert len(second.positions()) == 1
    second.terminal.do("init")
    assert second.decision(prediction().id) == "refused: acted on before"
    assert len(second.positions()) == 1


@pytest.mark.parametrize("survivor", ["file", "comment"])
def test_either_memory_alone_suffices(desks, survivor):
    first = desks()
    first.start(MaxAgeS=5_000)
    first.in_step()
    if survivor == "file":
        first.terminal.do("market comment_max 0")
    first.terminal.do("market kill_after_order 1")
    first.bridge.publish(prediction())
    with pytest.raises(AssertionError):
        first.terminal.spend(200)
    (ids,) = first.terminal.sandbox.glob("Natron/*.ids")
    if survivor == "comment":
        ids.unlink()
    second = desks(first.bridge)
    prepare(second.terminal, first.bridge.ports, MaxAgeS=5_000)
    second.terminal.do("set load 1")
    second.terminal.do("init")
    assert second.decision(prediction().id) == "refused: acted on before"


def test_without_a_journal_nothing_is_sent(desk):
    desk.start()
    desk.in_step()
    desk.terminal.do("set disk_full 1")
    assert "journal" in desk.trade()
    assert desk.terminal.number("requests") == 0


def test_reinitialising_leaks_nothing_and_trades_on(desk):
    desk.start()
    for _ in range(5):
        desk.terminal.spend(20)
        desk.terminal.do("deinit 3")
        assert (desk.terminal.number("sockets"), desk.terminal.number("files"), desk.terminal.number("timer")) == (
            0,
            0,
            0,
        )
        assert not desk.terminal.state("object")
        assert desk.terminal.do("init")[-1] == "= init 0"
    desk.in_step()
    assert desk.trade().startswith("ordered")
    desk.terminal.quit()


def test_a_burst_is_taken_whole(desk):
    desk.start()
    desk.in_step()
    count = 1_000
    for at in range(count, -1, -1):
        desk.bridge.publish(prediction(t=CLOSED_MS - at * 900_000))
    assert desk.decision(prediction().id).startswith("ordered")
    assert "gaps: 0" in desk.terminal.panel()


@pytest.mark.parametrize(
    ("symbol", "encoded"),
    [("EURUSDm", "EURUSDm"), ("EURUSD.r", "EURUSD%2Er"), ("EUR|USD", "EUR%7CUSD"), ("ЕВРО/€", None)],
)
def test_symbols_side_by_side(desk, symbol, encoded):
    desk.start(symbol=symbol)
    one = prediction(symbol=symbol)
    desk.terminal.until(lambda: desk.terminal.heard("link: in step"))
    desk.terminal.spend(5)
    desk.bridge.publish(prediction())
    desk.bridge.beat(symbol)
    desk.bridge.publish(one)
    assert desk.decision(one.id).startswith("ordered")
    assert not desk.terminal.heard(";EURUSD.M15.")
    if encoded:
        assert one.id.startswith(f"{encoded}.M15.")


def test_a_symbol_may_have_another_name_at_the_bridge(desk):
    desk.start(symbol="EURUSD.raw", BridgeSymbol="EURUSD")
    desk.in_step()
    assert desk.trade().startswith("ordered")


def test_acks_tell_what_happened_until_they_are_confirmed(desk):
    desk.bridge.replies, desk.bridge.confirm = True, False
    desk.start()
    desk.in_step()
    desk.trade()
    desk.terminal.until(lambda: len(desk.bridge.acks()) >= 2)
    taken, filled = desk.bridge.acks()[:2]
    assert [taken[4], *taken[6:11]] == ["1", prediction().id, "ordered", "1", "250000", "110010"]
    assert [filled[4], *filled[6:11]] == ["2", "-", "filled", "1", "250000", "110010"]
    desk.terminal.advance(5_000)
    desk.terminal.until(lambda: len(desk.bridge.acks()) >= 4)
    desk.bridge.confirm = True
    desk.terminal.advance(5_000)
    desk.terminal.spend(20)
    count = len(desk.bridge.acks())
    desk.terminal.advance(20_000)
    desk.terminal.spend(50)
    assert len(desk.bridge.acks()) == count


def test_a_bridge_that_takes_nothing_is_sent_neither_candles_nor_acks(desk):
    desk.start(PushCandles="true")
    desk.in_step()
    desk.trade()
    desk.terminal.spend(100)
    assert {text[:2] for text in desk.bridge.received} == {"H1", "P1", "Q1"}
    assert sum(text.startswith("Q1") for text in desk.bridge.received) == 1


@pytest.mark.parametrize("more", range(4, 7))
def test_lines_of_255_to_257_bytes_are_framed_as_zeromq_reads_them(desk, more):
    symbol = "é" * 22 + "x" * more
    desk.start(ClientId="c" * 32, BridgeSymbol=symbol)
    desk.terminal.until(lambda: bool(desk.bridge.received))
    assert len(desk.bridge.received[0]) + 65 == 251 + more
    desk.terminal.until(lambda: desk.terminal.heard("link: in step"))
