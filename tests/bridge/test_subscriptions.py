"""Subscriptions: symbols by name, as long as somebody subscribes."""

import pytest

from bridge import subscriptions as module
from bridge.subscriptions import Subscriptions


def test_a_symbol_counts_while_one_of_its_topics_does():
    subscriptions = Subscriptions()
    subscriptions.take(b"\1sig.EURUSD%2Er.")
    subscriptions.take(b"\1sig.EURUSD%2Er.hb")
    subscriptions.take(b"\0sig.EURUSD%2Er.")
    assert subscriptions.symbols == {"EURUSD.r"}
    subscriptions.take(b"\0sig.EURUSD%2Er.hb")
    assert subscriptions.symbols == set()


@pytest.mark.parametrize(
    "message",
    [b"", b"\1", b"\1sig.", b"\1sig.EURUSD", b"\1sig..hb", b"\1sig.%zz.hb", b"\1sig.\xff.", b"\1sig.a.b.c", b"\1x.A.",
     b"hello", b"\0sig.EURUSD."],
)  # fmt: skip
def test_what_names_no_symbol_is_left_alone(message):
    subscriptions = Subscriptions()
    subscriptions.take(message)
    assert subscriptions.symbols == set()


def test_made_up_symbols_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(module, "TOPICS_MAX", 10)
    subscriptions = Subscriptions()
    for number in range(100):
        subscriptions.take(b"\1sig.S%d." % number)
    assert len(subscriptions.symbols) == 10
