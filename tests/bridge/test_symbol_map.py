"""A broker's suffixes: exact first, one candidate is taken, several are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.symbol_map import resolve_symbol
from shared.errors import InputError

SYMBOLS = st.text(min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("symbol", "listed", "found"),
    [
        ("EURUSD", ["EURUSD"], "EURUSD"), ("EURUSDm", ["EURUSD"], "EURUSD"), ("EURUSD.r", ["EURUSD"], "EURUSD"),
        ("EURUSD-ECN", ["EURUSD"], "EURUSD"), ("EURUSD#", ["EURUSD"], "EURUSD"), ("EURUSD.", ["EURUSD"], "EURUSD"),
        ("EURUSDm", ["EURUSD", "EURUSDm"], "EURUSDm"), ("EUR|USDpro", ["EUR|USD", "EURUSD"], "EUR|USD"),
        ("ЕВРО/€.r", ["ЕВРО/€"], "ЕВРО/€"),
    ],
)  # fmt: skip
def test_one_name_is_found(symbol, listed, found):
    assert resolve_symbol(symbol, listed) == found


@pytest.mark.parametrize(
    ("symbol", "listed"),
    [("EURUSD", ["EURUSDm"]), ("BTCUSDT", ["BTCUSD"]), ("US300", ["US30"]), ("EURUSDmicros", ["EURUSD"]),
     ("EURUSD.r.r", ["EURUSD"]), ("EURUSD", []), ("mEURUSD", ["EURUSD"]), ("EURUSD r", ["EURUSD"])],
)  # fmt: skip
def test_what_is_no_suffix_is_another_symbol(symbol, listed):
    with pytest.raises(InputError, match=r"symbol = .*is not on the client's list"):
        resolve_symbol(symbol, listed)


def test_what_may_be_two_is_refused_and_both_are_named():
    with pytest.raises(InputError, match="is ambiguous: EURUSD or EURUSDm"):
        resolve_symbol("EURUSDmx", ["EURUSD", "EURUSDm"])


@given(SYMBOLS, st.sets(SYMBOLS, max_size=6))
def test_what_is_found_is_on_the_list_and_exact_wins(symbol, listed):
    if symbol in listed:
        assert resolve_symbol(symbol, listed) == symbol
    else:
        try:
            found = resolve_symbol(symbol, listed)
        except InputError:
            return
        assert found in listed
        assert symbol.startswith(found)
