"""The ledger: numbers without holes, rings of bounded length, the newest of each series."""

from hypothesis import given
from hypothesis import strategies as st

from bridge import ledger as module
from bridge.ledger import Entry, Ledger
from shared.contracts import Prediction, Series


def entry(t, symbol="EURUSD", timeframe="M15"):
    series = Series(symbol, timeframe)
    prediction = Prediction(series, t, 96, 0, 0, (), (), (), (), 0, "b", "0" * 64, 0, 0, 0, 0)
    return Entry(prediction, f"{symbol}/{timeframe}/{t}".encode(), "")


@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["M1", "H1"]), st.integers(1, 30))))
def test_numbers_count_each_symbol_from_one_and_no_candle_is_numbered_twice(sent):
    ledger, numbers, newest = Ledger("s", []), {"A": [], "B": []}, {}
    for symbol, timeframe, t in sent:
        seq = ledger.append(entry(t, symbol, timeframe))
        assert (seq is None) == (t <= newest.get((symbol, timeframe), 0))
        if seq is not None:
            numbers[symbol].append(seq)
            newest[symbol, timeframe] = t
    for symbol, counted in numbers.items():
        assert counted == list(range(1, len(counted) + 1))
        assert ledger.seq(symbol) == len(counted)
        assert sorted(ledger.newest(symbol)) == sorted(
            f"{symbol}/{timeframe}/{t}".encode() for (owner, timeframe), t in newest.items() if owner == symbol
        )


@given(st.integers(0, 30), st.integers(0, 40), st.integers(1, 12))
def test_a_gap_is_answered_whole_or_not_at_all(count, seq, length):
    ledger = Ledger("s", [], length)
    for t in range(1, count + 1):
        ledger.append(entry(t))
    missing = ledger.since("EURUSD", seq)
    if count - length <= seq <= count:
        assert missing == [f"EURUSD/M15/{t}".encode() for t in range(seq + 1, count + 1)]
    else:
        assert missing is None


def test_all_rings_together_stay_within_their_bound(monkeypatch):
    monkeypatch.setattr(module, "RING_LINES_ALL", 100)
    ledger = Ledger("s", [entry(1, f"S{number}") for number in range(10)], 50)
    for t in range(2, 60):
        for number in range(10):
            ledger.append(entry(t, f"S{number}"))
    assert ledger.since("S0", 48) is not None
    assert ledger.since("S0", 47) is None


def test_what_was_there_before_the_session_has_no_number():
    ledger = Ledger("s", [entry(5)])
    assert (ledger.seq("EURUSD"), ledger.symbols, list(ledger.newest("EURUSD"))) == (
        0,
        ["EURUSD"],
        [b"EURUSD/M15/5"],
    )
    assert ledger.append(entry(5)) is None
    assert ledger.append(entry(6)) == 1


def test_a_symbol_never_seen_is_empty_and_stays_unknown():
    ledger = Ledger("s", [])
    assert (ledger.seq("X"), ledger.since("X", 0), ledger.since("X", 1), ledger.newest("X")) == (
        0,
        [],
        None,
        [],
    )
    assert ledger.symbols == []
