"""Who was heard, bounded."""

from bridge.presences import FRESH_MS, PRESENCES_MAX, Presences


def test_the_lag_of_whom_was_not_heard_lately_says_nothing():
    presences = Presences()
    presences.seen("a", "EURUSD", 0).tell_lag(7)
    presences.seen("b", None, FRESH_MS).tell_lag(2)
    presences.seen("a", "EURUSD", FRESH_MS)  # an ack says nothing of it
    assert (presences.lag_lines(FRESH_MS), presences.lag_lines(FRESH_MS + 1)) == (7, 2)


def test_heard_last_comes_first_and_counts_go_on():
    presences = Presences()
    presences.seen("a", "EURUSD", 0).acks += 1
    presences.seen("b", None, 1)
    presences.seen("a", "EURUSD", 2).acks += 1
    assert [(one["client"], one["last_seen_ms"], one["acks"]) for one in presences.document()] == [
        ("a", 2, 2), ("b", 1, 0),
    ]  # fmt: skip


def test_names_that_are_made_up_do_not_fill_the_memory():
    presences = Presences()
    for at in range(2 * PRESENCES_MAX):
        presences.seen(f"c{at}", None, at)
    assert len(presences.document()) == PRESENCES_MAX
