"""Lines: what is said is read, within a bound, and nothing else is."""

import contextlib
import hmac

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.fields import decode_name, encode_name
from bridge.lines import SignalLine, decode_line, encode_line, heartbeat_topic, signal_topic, symbol_topics
from bridge.signature import LINE_BYTES_MAX
from shared.contracts import Prediction, Series
from shared.errors import JunkError
from shared.prediction_document import prediction_document
from shared.timeframe import TIMEFRAMES_S

KEY = b"k" * 32

_text = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=64)
symbols = _text.filter(lambda text: len(text.encode()) <= 64)
share = st.floats(0, 1, width=32)
stamp = st.integers(0, 10**17 - 1)


def shares(count):
    return st.tuples(*[share] * count)


predictions = st.builds(
    Prediction,
    series=st.builds(Series, symbols, st.sampled_from(list(TIMEFRAMES_S))),
    t=st.integers(1, 10**14 - 1),
    n=st.integers(96, 10**10 - 1),
    buy_prob=share,
    sell_prob=share,
    direction_probs=shares(3),
    regime_probs=shares(6),
    outlook=st.just(()) | shares(3),
    policy=st.just(()) | st.tuples(st.sampled_from([-1.0, 0.0, 1.0]), share),
    reasons=st.integers(0, 65_535),
    bundle=symbols,
    feature_set=st.binary(min_size=32, max_size=32).map(bytes.hex),
    admitted_us=stamp,
    row_us=stamp,
    queued_us=stamp,
    inferred_us=stamp,
)
lines = st.builds(
    SignalLine, st.binary(min_size=8, max_size=8).map(bytes.hex), st.integers(0, 10**10 - 1),
    st.integers(0, 10**14 - 1), predictions, st.booleans(),
)  # fmt: skip


@given(lines)
def test_every_signal_fits_a_line_and_is_read_as_it_was_said(line):
    data = encode_line(line, KEY)
    read = decode_line(data, KEY)
    assert len(data) <= LINE_BYTES_MAX < 1_024
    assert isinstance(read, SignalLine)
    assert (read.session, read.seq, read.sent_ms, read.snapshot) == (
        line.session, line.seq, line.sent_ms, line.snapshot,
    )  # fmt: skip
    said, heard = line.prediction, read.prediction
    for name in Prediction.__slots__:
        mine, its = getattr(said, name), getattr(heard, name)
        if isinstance(mine, float | tuple):
            assert np.allclose(its, mine, rtol=0, atol=5.001e-7), name
        else:
            assert its == mine, name
    assert encode_line(read, KEY) == data


@given(lines)
def test_the_json_of_a_line_agrees_to_a_millionth(line):
    said = prediction_document(line.prediction)
    heard = prediction_document(decode_line(encode_line(line, KEY), KEY).prediction)
    for name in ("buy_prob", "sell_prob", "direction_probs", "confidence"):
        assert heard[name] == pytest.approx(said[name], abs=1e-6)
    assert heard["regime_probs"] == pytest.approx(said["regime_probs"], abs=1e-6)


@given(lines, st.data())
def test_no_changed_byte_goes_unnoticed(line, data):
    good = bytearray(encode_line(line, KEY))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != good[at]))
    with pytest.raises(JunkError, match=r"^hmac: "):
        decode_line(bytes(good), KEY)


@given(st.binary(max_size=2_000))
def test_garbage_is_junk_and_nothing_else(data):
    with pytest.raises(JunkError):
        decode_line(data, KEY)


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=8), max_size=40))
def test_signed_nonsense_is_junk_or_a_line(fields):
    raw = "|".join(fields).encode()
    data = raw + b"|" + hmac.new(KEY, raw, "sha256").hexdigest().encode()
    with contextlib.suppress(JunkError):
        assert encode_line(decode_line(data, KEY), KEY)


@given(symbols, symbols, st.sampled_from(list(TIMEFRAMES_S)))
def test_no_symbols_topics_begin_like_anothers(one, other, timeframe):
    topics = (f"sig.{Series(one, timeframe).key}".encode(), heartbeat_topic(one))
    assert all(topic.startswith(symbol_topics(one)) and topic.startswith(symbol_topics(None)) for topic in topics)
    assert any(topic.startswith(symbol_topics(other)) for topic in topics) == (one == other)


def test_topics_are_those_of_the_protocol():
    line = Series("EURUSD.r", "M15")
    prediction = Prediction(line, 900_000, 96, 0, 0, (), (), (), (), 0, "b", "0" * 64, 0, 0, 0, 0)
    assert signal_topic(prediction) == b"sig.EURUSD%2Er.M15"
    assert heartbeat_topic("EURUSD.r") == b"sig.EURUSD%2Er.hb"


@given(symbols)
def test_a_bundles_name_has_one_spelling(name):
    assert decode_name(encode_name(name)) == name
    assert "|" not in encode_name(name)


@pytest.mark.parametrize("text", ["", "%41", "a.b", "%c3%a9", "%C3", "%", "a" * 65])
def test_another_spelling_of_a_name_is_junk(text):
    with pytest.raises(JunkError, match=r"^bundle: "):
        decode_name(text)
