"""Messages survive the wire, and bytes that are no message are junk, never anything else."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codec import (
    decode_candle,
    decode_outcome,
    decode_prediction,
    decode_row,
    encode_candle,
    encode_outcome,
    encode_prediction,
    encode_row,
)
from shared.contracts import Candle, FeatureRow, Outcome, Prediction, Series, decode_symbol, encode_symbol
from shared.errors import InputError, JunkError
from shared.timeframe import TIMEFRAMES_S

SET = "ab" * 32


def _fits(symbol: str) -> bool:
    try:
        encode_symbol(symbol)
    except InputError:
        return False
    return True


symbols = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(_fits)
series = st.builds(Series, symbols, st.sampled_from(sorted(TIMEFRAMES_S)))
times = st.integers(1, 2**62)
prices = st.floats(1e-8, 1e8)
probabilities = st.floats(0, 1, width=32)


@st.composite
def candles(draw: st.DrawFn) -> Candle:
    low, inner, other, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    o, c = draw(st.permutations([inner, other]))
    return Candle(draw(series), draw(times), o, high, low, c, draw(st.floats(0, 1e12)), draw(st.integers(0, 255)))


@st.composite
def rows(draw: st.DrawFn) -> FeatureRow:
    values = np.array(draw(st.lists(st.floats(-1e6, 1e6, width=32), max_size=98)), np.float32)
    t = draw(times)
    return FeatureRow(draw(series), t, draw(st.integers(0, t - 1)), draw(st.integers(1, 2**40)), values, SET, 5, 7, 9)


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    many = [draw(probabilities) for _ in range(11)]
    outlook = tuple(draw(probabilities) for _ in range(3)) if draw(st.booleans()) else ()
    policy = (draw(st.sampled_from([-1.0, 0.0, 1.0])), draw(probabilities)) if draw(st.booleans()) else ()
    return Prediction(
        draw(series), draw(times), draw(st.integers(96, 2**40)), many[0], many[1], tuple(many[2:5]), tuple(many[5:]),
        outlook, policy, draw(st.integers(0, 511)), draw(st.from_regex(r"[A-Za-z0-9._-]{1,24}", fullmatch=True)), SET,
        1, 2, 3, 4,
    )  # fmt: skip


@given(candles(), st.integers(1, 2**40), st.integers(0, 2**50))
def test_a_candle_survives(candle: Candle, n: int, admitted_us: int) -> None:
    found = decode_candle(encode_candle(candle), str(n).encode(), str(admitted_us).encode())
    values = (candle.series, candle.t, candle.o, candle.h, candle.l, candle.c, candle.v, candle.flags)
    assert (found.series, found.t, found.o, found.h, found.l, found.c, found.v, found.flags) == values
    assert (found.n, found.admitted_us) == (n, admitted_us)


@given(rows())
def test_a_row_survives_bit_for_bit(row: FeatureRow) -> None:
    found = decode_row(encode_row(row))
    assert found.values.tobytes() == row.values.tobytes()
    for name in ("series", "t", "previous_t", "n", "feature_set", "reasons", "admitted_us", "row_us"):
        assert getattr(found, name) == getattr(row, name)


@given(predictions())
def test_a_prediction_survives(prediction: Prediction) -> None:
    assert decode_prediction(encode_prediction(prediction)) == prediction


classes = st.tuples(*[st.integers(-1, 5)] * 7)


@given(predictions(), classes, classes, st.floats(-1, 1), st.floats(0, 1))
def test_an_outcome_survives(
    prediction: Prediction, labels: tuple[int, ...], before: tuple[int, ...], move: float, cost: float
) -> None:
    outcome = Outcome(prediction, labels, before, move, cost)
    message = encode_outcome(outcome)
    assert decode_outcome(message) == outcome
    assert int.from_bytes(message[1:9], "little") == prediction.t  # where the gate looks for it
    with pytest.raises(JunkError):
        decode_outcome(message[:-1])


@given(predictions(), rows(), candles(), st.data())
def test_cut_and_altered_bytes_are_junk_or_another_message_but_never_a_crash(
    prediction: Prediction, row: FeatureRow, candle: Candle, data: st.DataObject
) -> None:
    for message in (encode_prediction(prediction), encode_row(row), encode_candle(candle)):
        cut = message[: data.draw(st.integers(0, len(message) - 1))]
        at = data.draw(st.integers(0, len(message) - 1))
        altered = message[:at] + bytes([data.draw(st.integers(0, 255))]) + message[at + 1 :]
        for broken in (cut, altered, message + b"x"):
            for decode in (decode_prediction, decode_row, lambda raw: decode_candle(raw, b"1", b"1")):
                try:
                    decode(broken)
                except JunkError:
                    continue
                assert len(broken) == len(message)  # only a changed value can still be a message


@given(st.binary(max_size=300))
def test_random_bytes_are_junk(raw: bytes) -> None:
    for decode in (decode_prediction, decode_row, lambda data: decode_candle(data, b"1", b"1")):
        with pytest.raises(JunkError):
            decode(raw)


@pytest.mark.parametrize("n", [b"", b"x", b"0", b"-1", b"1.5"])
def test_a_candle_without_a_number_is_junk(n: bytes) -> None:
    candle = Candle(Series("EURUSD", "M15"), 1, 1.0, 1.0, 1.0, 1.0, 0.0)
    with pytest.raises(JunkError):
        decode_candle(encode_candle(candle), n, b"1")


@pytest.mark.parametrize("change", [{"h": math.nan}, {"l": 0.0}, {"c": 3.0}, {"v": -1.0}, {"v": math.inf}, {"t": 0}])
def test_values_that_are_no_candle_are_junk(change: dict[str, float]) -> None:
    values: dict[str, float] = {"t": 1, "o": 1.0, "h": 2.0, "l": 0.5, "c": 1.0, "v": 0.0} | change
    candle = Candle(Series("EURUSD", "M15"), int(values.pop("t")), **values)
    with pytest.raises(JunkError):
        decode_candle(encode_candle(candle), b"1", b"1")


@given(symbols)
def test_a_symbol_survives_its_encoding_and_the_encoding_is_safe(symbol: str) -> None:
    encoded = encode_symbol(symbol)
    assert decode_symbol(encoded) == symbol
    assert set(encoded) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-%")


@given(symbols, symbols)
def test_no_symbol_with_a_dot_behind_it_is_a_prefix_of_another(one: str, other: str) -> None:
    if one != other:
        assert not (encode_symbol(one) + ".").startswith(encode_symbol(other) + ".")


@pytest.mark.parametrize("symbol", ["", "x" * 65, "a\nb", "a\x7f", "\x85", "\ud800"])
def test_what_cannot_be_a_symbol_is_refused(symbol: str) -> None:
    with pytest.raises(InputError, match="symbol"):
        encode_symbol(symbol)


@pytest.mark.parametrize("text", ["a.b", "%4", "%zz", "%41", "a b", "", "%FF"])
def test_what_is_no_encoding_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        decode_symbol(text)


@pytest.mark.parametrize("key", ["EURUSD", "EURUSD.M7", ".M15", "EURUSD.M15.M15", "EUR/USD.M15"])
def test_what_is_no_series_key_is_refused(key: str) -> None:
    with pytest.raises(InputError):
        Series.from_key(key)
