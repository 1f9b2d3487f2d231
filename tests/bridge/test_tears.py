"""Lost acks: nothing behind one counts until it came again, or was given up."""

from bridge.tears import TEARS_MAX, TORN_S, Tears
from shared.clock import SimulatedClock


def test_what_follows_a_lost_number_is_hidden_until_it_comes_again():
    tears = Tears(SimulatedClock(0))
    tears.tear(b"a", "1", 7)
    tears.tear(b"a", "1", 5)
    assert [tears.hides(b"a", "1", number) for number in (6, 7, 5, 6, 7)] == [True, True, False, False, False]


def test_other_connections_and_runs_are_not_concerned():
    tears = Tears(SimulatedClock(0))
    tears.tear(b"a", "1", 5)
    assert not tears.hides(b"b", "1", 6)
    assert not tears.hides(b"a", "2", 6)


def test_a_number_that_never_comes_is_given_up():
    clock = SimulatedClock(0)
    tears = Tears(clock)
    tears.tear(b"a", "1", 5)
    clock.sleep(TORN_S)
    assert not tears.hides(b"a", "1", 6)


def test_connections_that_come_and_go_do_not_fill_the_memory():
    tears = Tears(SimulatedClock(0))
    for at in range(2 * TEARS_MAX):
        tears.tear(b"%d" % at, "1", 5)
    assert len(tears._lost) == TEARS_MAX
