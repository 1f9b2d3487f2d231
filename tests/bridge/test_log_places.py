"""Places in the logs: what still means the same after a lost connection, and what does not."""

import pytest

from bridge.log_places import START, LogPlaces
from shared.contracts import PARTITIONS

P = 5


@pytest.fixture
def log(broker):
    return broker.names.predictions(P)


@pytest.fixture
def places(broker):
    return LogPlaces(broker.client, broker.names)


def _add(broker, log, *ids):
    for entry_id in ids:
        broker.client.xadd(log, {"m": b"x"}, id=entry_id)


def _broken(places):
    return places.fell_back(), places.trimmed(range(PARTITIONS))


def test_the_end_of_a_log_is_its_last_id_even_where_that_entry_was_deleted(broker, log, places):
    _add(broker, log, "1-0", "2-0", "3-0")
    broker.client.xdel(log, "3-0")
    places.go_to_end()
    assert (places[P].after, places[P].anchor) == ("3-0", "2-0")
    assert (places[0].after, places[0].anchor) == (START, None)


def test_all_logs_are_read_from_their_places(broker, log, places):
    _add(broker, log, "1-0")
    places.go_to_end()
    streams = places.streams
    assert len(streams) == 2 * PARTITIONS
    assert dict(zip(streams[:PARTITIONS], streams[PARTITIONS:], strict=True))[log.encode()] == "1-0"
    assert places.partition(log.encode()) == P


@pytest.mark.parametrize("before", [[], ["1-0"]])
def test_nothing_is_missed_while_nothing_is_trimmed(broker, log, places, before):
    _add(broker, log, *before)
    places.go_to_end()
    assert _broken(places) == (False, False)
    _add(broker, log, "5-0", "6-0")
    assert _broken(places) == (False, False)


@pytest.mark.parametrize("before", [[], ["1-0"]])
def test_a_trim_past_the_place_is_a_hole_even_when_nothing_is_left_to_read(broker, log, places, before):
    _add(broker, log, *before)
    places.go_to_end()
    _add(broker, log, "5-0", "6-0")
    broker.client.xtrim(log, maxlen=0, approximate=False)
    assert _broken(places) == (False, True)


def test_a_trim_before_the_place_is_none(broker, log, places):
    _add(broker, log, "1-0", "2-0", "3-0")
    places.go_to_end()
    broker.client.xtrim(log, maxlen=1, approximate=False)
    assert _broken(places) == (False, False)


def test_what_was_trimmed_before_is_no_hole(broker, log, places):
    _add(broker, log, "1-0", "2-0")
    broker.client.xtrim(log, maxlen=0, approximate=False)
    places.go_to_end()
    assert _broken(places) == (False, False)
    _add(broker, log, "3-0")
    assert _broken(places) == (False, False)


def test_a_log_that_lost_its_tail_fell_back_though_the_anchor_stands(broker, log, places):
    _add(broker, log, "1-0", "2-0")
    places.go_to_end()
    places[P].after, places[P].anchor = "2-0", "1-0"  # 2-0 was junk
    broker.client.delete(log)
    _add(broker, log, "1-0")
    assert _broken(places) == (True, False)


def test_ids_are_compared_as_numbers(broker, log, places):
    _add(broker, log, "9-9")
    places.go_to_end()
    _add(broker, log, "10-0")
    assert not places.fell_back()
    places[P].after = "10-10"
    _add(broker, log, "10-9")
    assert places.fell_back()


def test_another_kind_of_key_is_an_error_and_no_empty_log(broker, log, places):
    broker.client.set(log, b"x")
    with pytest.raises(Exception, match="WRONGTYPE"):
        places.go_to_end()
