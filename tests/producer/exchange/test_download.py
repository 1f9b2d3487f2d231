"""Fetching: a file holds the exchange's closed candles, whatever stopped it in between, and reads back to the bit."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from producer.exchange.candle_file import HEAD, CandleFile
from producer.exchange.download import Download, DownloadRequest
from producer.exchange.row import candles_of
from producer.exchange.testing import ExchangeClock
from producer.exchange.venue import Venue
from producer.exports.export import Export
from producer.exports.options import ReadOptions
from producer.history import read_history
from shared.contracts import CANDLE_DTYPE, Candles
from shared.errors import ExchangeError, InputError


def read(path: Path) -> Candles:
    return read_history(path, "M1").candles


@pytest.fixture
def fetch(exchange, tmp_path, quick_settings):
    """Fetch BTC/USDT into a file."""
    market = exchange.markets["BTCUSDT"]
    market.at = 380
    plain = DownloadRequest("BTC/USDT", "M1", int(market.truth["t"][0]), None, tmp_path / "out.csv")

    def run(settings=None, **changes: object):
        venue = Venue("binance", exchange.options, 1.0)
        request = replace(plain, **changes)
        return Download(venue, request, settings or quick_settings(), ExchangeClock(market), Random(1)).run()

    run.path, run.market = plain.path, market
    return run


@pytest.fixture
def small_pages(monkeypatch) -> None:
    monkeypatch.setattr("producer.exchange.rest.Rest.page_size", lambda *_: 50)


def test_all_closed_candles_and_not_the_open_one_are_fetched(fetch, small_pages) -> None:
    report = fetch()
    assert (report.fetched, report.known) == (380, False)
    assert np.array_equal(read(fetch.path), fetch.market.truth[:380])


def test_from_and_to_bound_what_is_fetched(fetch, small_pages) -> None:
    t = fetch.market.truth["t"]
    fetch(from_ms=int(t[120]), to_ms=int(t[233]))
    assert np.array_equal(read(fetch.path), fetch.market.truth[120:233])


def test_a_market_that_slept_longer_than_a_page_is_walked_through(fetch, small_pages, exchange, monkeypatch) -> None:
    fetch.market.truth["t"][100:] += 60_000 * 500
    sound = type(fetch.market).rows

    def windowed(self, since: int, limit: int, lag: int):
        return [row for row in sound(self, since, limit, lag) if row[0] < since + limit * 60_000]

    monkeypatch.setattr(type(fetch.market), "rows", windowed)
    fetch()
    assert np.array_equal(read(fetch.path), fetch.market.truth[:380])


@pytest.mark.parametrize("cut", [0, 1, 10, 37, len(HEAD), 400, 5_000, 12_345])
def test_a_file_cut_anywhere_is_gone_on_with(fetch, small_pages, cut: int) -> None:
    fetch()
    whole = fetch.path.read_bytes()
    fetch.path.write_bytes(whole[:cut])
    fetch()
    assert fetch.path.read_bytes() == whole


def test_a_file_grows_as_time_goes_on(fetch, small_pages) -> None:
    fetch()
    fetch.market.at += 10
    assert fetch().fetched == 10
    assert fetch().fetched == 0
    assert np.array_equal(read(fetch.path), fetch.market.truth[:390])


def test_failures_are_tried_again(fetch, small_pages, exchange) -> None:
    bad = [web.Response(status=status) for status in (429, 500, 503)]
    exchange.trouble.answers.extend([*bad, 2.0, web.Response(text="<html>"), web.json_response([[1, "x"]])])
    fetch()
    assert np.array_equal(read(fetch.path), fetch.market.truth[:380])


def test_an_exchange_that_stays_away_is_given_up_and_the_next_run_goes_on(
    fetch, small_pages, exchange, quick_settings
) -> None:
    exchange.trouble.answers.extend(web.Response(status=503) for _ in range(3))
    with pytest.raises(ExchangeError, match="503"):
        fetch(quick_settings(attempts=3))
    fetch()
    assert np.array_equal(read(fetch.path), fetch.market.truth[:380])


def test_another_market_s_file_is_refused(fetch, small_pages) -> None:
    fetch()
    before = fetch.path.read_bytes()
    with pytest.raises(InputError, match="--out"):
        fetch(symbol="ETH/USDT")
    with pytest.raises(InputError, match="--out"):
        fetch(from_ms=int(fetch.market.truth["t"][7]))
    assert fetch.path.read_bytes() == before


def test_a_file_of_something_else_is_refused_and_kept(fetch) -> None:
    fetch.path.write_text("my diary\n")
    with pytest.raises(InputError, match="fetch began"):
        fetch()
    assert fetch.path.read_text() == "my diary\n"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"symbol": "BTCUSDT"}, "symbol"), ({"timeframe": "M2"}, "timeframe"), ({"timeframe": "X"}, "timeframe")],
)
def test_what_the_exchange_does_not_have_is_refused_by_name(fetch, change, field) -> None:
    with pytest.raises(InputError, match=field):
        fetch(**change)


def test_an_unknown_exchange_is_refused() -> None:
    with pytest.raises(InputError, match="nowhere"):
        Venue("nowhere", {}, 1.0)


positive = st.floats(1e-10, 1e12, allow_nan=False)


@given(st.lists(st.tuples(positive, positive, positive, positive, st.floats(0, 1e15)), min_size=2, max_size=20))
def test_every_value_reads_back_to_the_same_bits(tmp_path_factory, values) -> None:
    rows = []
    for at, (a, b, c, d, v) in enumerate(values):
        low, *between, high = sorted((a, b, c, d))
        rows.append((1_600_000_200_000 + 60_000 * at, between[0], high, low, between[1], v))
    path = tmp_path_factory.mktemp("bits") / "out.csv"
    with CandleFile(path) as file:
        file.append(rows)
    export = Export(path, ReadOptions(timeframe="M1"))
    found = np.concatenate([np.empty(0, CANDLE_DTYPE), *(block.candles for block in export.blocks())])
    assert found.tobytes() == candles_of(rows).tobytes()


def test_options_of_ccxt_come_from_a_json_file(tmp_path) -> None:
    from producer.exchange.venue import read_options

    (tmp_path / "good.json").write_text(json.dumps({"apiKey": "k"}))
    assert read_options(str(tmp_path / "good.json")) == {"apiKey": "k"}
    assert read_options("") == {}
    (tmp_path / "bad.json").write_text("[1]")
    for name in ("bad.json", "none.json"):
        with pytest.raises(InputError, match=r"exchange\.options"):
            read_options(str(tmp_path / name))
