"""The dashboard in a real Chromium: every page, live, through a restart, in both themes, at phone width."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.testing import GatewayUnderTest
from producer.sample import sample_candles
from shared.codec import encode_ack
from shared.contracts import Ack, Candles, Series

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'natron[dev]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

WAIT_MS = 60_000
WIDE, PHONE = {"width": 1_440, "height": 900}, {"width": 390, "height": 844}
PAGES = ("", "s/EURUSD.M15", "model", "trades", "system")
SHOWS = "text => document.querySelector('.head .at').textContent.includes(text)"
SETUP = "not a probability of profit"
TERMINAL = "<script>alert(1)</script>"
NAMES = ("GBPUSD", "USDJPY", "AUDUSD", "USDCAD", "XAUUSD", "US500", "DE40", "ETHUSD")


@pytest.fixture(scope="module")
def market(system: Any, fresh: Callable[..., Candles]) -> None:
    """More series, at several timeframes."""
    for at, name in enumerate(NAMES):
        timeframe = ("M5", "M15", "H1")[at % 3]
        system.admit(Series(name, timeframe), fresh(600, timeframe, 10 + at))
    system.settle()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, and what went wrong on it."""

    page: Any
    url: str
    wait: Callable[[Callable[[], bool]], None]
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith(self.url) or self.foreign.append(request.url))

    def open(self, route: str = "") -> Any:
        self.page.goto(f"{self.url}/#/{route}")
        return self.page

    def await_link(self, text: str) -> None:
        self.await_true("text => document.getElementById('link').textContent === text", text)

    def await_true(self, script: str, value: object = None) -> None:
        """Wait until a script says so; asked from here, since the page's own policy forbids to poll inside it."""
        self.wait(lambda: bool(self.page.evaluate(script, value)))


@pytest.fixture
def tab(chromium: Any, eventually: Callable[[Callable[[], bool]], None]) -> Iterator[Callable[..., Tab]]:
    """Open a tab on a gateway; at its end nothing may have gone wrong on it, nor left the host."""
    tabs = []

    def begin(gateway: GatewayUnderTest, theme: str = "light", viewport: Any = WIDE) -> Tab:
        context = chromium.new_context(viewport=viewport, color_scheme=theme, reduced_motion="reduce")
        tabs.append(Tab(context.new_page(), gateway.url, eventually))
        tabs[-1].watch()
        return tabs[-1]

    yield begin
    for one in tabs:
        one.page.context.close()
        assert (one.errors, one.foreign) == ([], [])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: NATRON_SCREENSHOTS, or nowhere that lasts."""
    chosen = os.environ.get("NATRON_SCREENSHOTS")
    return Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["wide", "phone"])
def test_every_page_fits_says_what_a_setup_is_and_calls_nobody_else(
    market: None, shown: GatewayUnderTest, tab: Callable[..., Tab], pictures: Path, theme: str, width: str
) -> None:
    one = tab(shown, theme, WIDE if width == "wide" else PHONE)
    for route in PAGES:
        page = one.open(route)
        one.await_link("Live")
        if route in {"", "s/EURUSD.M15"}:
            page.wait_for_selector(".row" if width == "phone" and not route else ".readout dd >> nth=6")
            assert SETUP in page.inner_text("#page") or "not of profit" in page.inner_text("#page")
        else:
            page.wait_for_selector("section, .empty")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        page.screenshot(path=pictures / f"{theme}-{width}-{route.partition('/')[0] or 'list'}.png")


def test_a_replay_moves_the_chart_the_list_and_the_numbers(
    shown: GatewayUnderTest, system: Any, tab: Callable[..., Tab]
) -> None:
    series, candles = Series("REPLAYED", "M15"), sample_candles(400, "M15", 6)
    system.admit(series, candles[:120], flags=1)
    system.settle()
    one = tab(shown)
    page = one.open(f"s/{series.key}")
    page.wait_for_selector(".readout dd >> nth=6")
    before = page.inner_text(".head .at")
    system.admit(series, candles[120:], flags=1)
    last = np.datetime_as_string(candles["t"][-1:].astype("datetime64[ms]"), "m")[0].replace("T", " ")
    one.await_true(SHOWS, last)
    assert last not in before
    close = float(candles["c"][-1])
    shown_price = page.inner_text(".row[aria-selected=true] .price")
    assert float(shown_price.replace(",", "")) == pytest.approx(close, abs=1e-4)
    assert "REPLAY" in page.inner_text(".reasons")
    drawn = page.evaluate("document.querySelectorAll('.canvas canvas').length")
    assert drawn > 4


def test_it_comes_back_after_a_restart_of_the_gateway_and_shows_what_it_missed(
    start: Callable[..., GatewayUnderTest], system: Any, tab: Callable[..., Tab]
) -> None:
    series, candles = Series("RESTARTED", "M15"), sample_candles(140, "M15", 7)
    system.admit(series, candles[:120], flags=1)
    system.settle()
    gateway = start(system.broker.url)
    one = tab(gateway)
    page = one.open(f"s/{series.key}")
    one.await_link("Live")
    page.wait_for_selector(".readout dd >> nth=6")
    gateway.stop()
    one.await_link("Reconnecting")
    assert "may be old" in page.inner_text("#banner")
    system.admit(series, candles[120:], flags=1)
    system.settle()
    start(system.broker.url, at_port=gateway.port)
    one.await_link("Live")
    last = np.datetime_as_string(candles["t"][-1:].astype("datetime64[ms]"), "m")[0].replace("T", " ")
    one.await_true(SHOWS, last)
    assert page.is_hidden("#banner")
    assert all("net::ERR" in error for error in one.errors)  # the browser's own word for a gateway that is away
    one.errors.clear()


def test_the_halt_button_asks_halts_and_lifts(
    shown: GatewayUnderTest, system: Any, tab: Callable[..., Tab], pictures: Path
) -> None:
    one = tab(shown)
    page = one.open("system")
    one.await_link("Live")
    page.keyboard.press("h")
    page.click("dialog .danger")
    page.wait_for_selector(".halt[data-on]")
    assert system.broker.client.hkeys(system.broker.names.halts) == [b"*"]
    page.wait_for_selector(".control[data-on]")
    assert "none may be traded" in page.inner_text("#banner")
    page.screenshot(path=pictures / "halted.png")
    page.click("#halt")
    page.click("dialog .primary")
    page.wait_for_selector(".halt:not([data-on])")
    assert system.broker.client.hkeys(system.broker.names.halts) == []


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_fills_stand_beside_their_signals_as_they_come(
    shown: GatewayUnderTest, system: Any, tab: Callable[..., Tab], pictures: Path, viewport: dict[str, int]
) -> None:
    client, names, sent_ms = system.broker.client, system.broker.names, int(fresh_t(system)) + 900_000

    def say(number: int, event: str, **told: Any) -> None:
        ack = Ack(TERMINAL, "EURUSD", "1", number, sent_ms, sent_ms, "", event, 1, 1_234.5, 109_000, "")
        client.xadd(names.acks, {"m": encode_ack(replace(ack, **told))})

    client.delete(names.acks)
    one = tab(shown, viewport=viewport)
    page = one.open("trades")
    page.wait_for_selector(".empty")
    say(1, "ordered", id=f"EURUSD.M15.{sent_ms - 900_000}")
    say(2, "filled", sent_ms=sent_ms + 140, price_points=109_003, detail="deal 7 position 9 result 0.00")
    page.wait_for_selector("tbody tr")
    assert "open" in page.inner_text("tbody tr")
    say(3, "closed", side=-1, detail="deal 8 position 9 result -1234.50")
    say(4, "filled", client="desk-2", symbol="XAUUSD.a-very-long-suffix", side=-1)
    page.wait_for_selector("tbody tr >> nth=1")
    other, own = page.locator("tbody tr").all_inner_texts()
    assert {"desk-2", "sell", "of no signal", "open"} <= set(other.replace("\n", "\t").split("\t"))
    assert {TERMINAL, "buy", "1,234.50", "140 ms", "3.0", "-1,234.50"} <= set(own.replace("\n", "\t").split("\t"))
    assert "buy " in own.partition(TERMINAL)[2]  # what its signal said
    assert page.evaluate("document.querySelector('.scroll').scrollWidth <= innerWidth")
    page.screenshot(path=pictures / f"trades-{viewport['width']}.png")
    client.delete(names.acks)


def fresh_t(system: Any) -> int:
    """Open time of the newest candle of EURUSD.M15."""
    series = Series("EURUSD", "M15")
    (newest,) = system.broker.client.xrevrange(system.broker.names.history(series.partition, series.key), count=1)
    return int(newest[0].split(b"-")[0])


def test_keys_move_through_pages_and_series(market: None, shown: GatewayUnderTest, tab: Callable[..., Tab]) -> None:
    one = tab(shown)
    page = one.open()
    page.wait_for_selector(".row[aria-selected=true]")
    for key, name in (("2", "Model"), ("3", "Trades"), ("4", "System")):
        page.keyboard.press(key)
        page.wait_for_selector(f"h1:text-is('{name}')")
    page.keyboard.press("1")
    page.wait_for_selector(".row[aria-selected=true]")
    first = page.get_attribute(".row >> nth=0", "id")
    page.keyboard.press("/")
    page.keyboard.type("usdj")
    one.await_true("document.querySelectorAll('.row').length === 1")
    page.keyboard.press("Escape")
    one.await_true("document.querySelectorAll('.row').length > 5")
    for _ in range(50):
        page.keyboard.press("k")
    page.keyboard.press("j")
    one.await_true("document.querySelectorAll('.row')[1].getAttribute('aria-selected') === 'true'")
    page.keyboard.press("k")
    page.wait_for_selector(f"[id='{first}'][aria-selected=true]")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("?")
    assert "Halt or resume" in page.inner_text("dialog")


def test_without_a_broker_with_an_empty_one_and_behind_a_key_it_says_what_to_do(
    gateway: GatewayUnderTest, start: Callable[..., GatewayUnderTest], tab: Callable[..., Tab], tmp_path: Path,
    pictures: Path, system: Any,
) -> None:  # fmt: skip
    alone = tab(gateway)
    page = alone.open()
    page.wait_for_selector(".empty")
    assert "natron up" in page.inner_text(".empty")
    (tmp_path / "key").write_text("0123456789abcdef0123")
    locked = tab(start(system.broker.url, key_file=str(tmp_path / "key")))
    page = locked.open()
    page.wait_for_selector(".empty input")
    page.screenshot(path=pictures / "locked.png")
    page.fill(".empty input", "0123456789abcdef0123")
    page.keyboard.press("Enter")
    locked.await_link("Live")
    page.wait_for_selector(".row")
    for one, status in ((alone, "503"), (locked, "401")):
        assert all(status in error for error in one.errors)
        one.errors.clear()


def test_two_hundred_series_are_all_shown_and_kept_up_to_date(
    start: Callable[..., GatewayUnderTest], crowd: Any, tab: Callable[..., Tab]
) -> None:
    one = tab(start(crowd.broker.url))
    one.open()
    one.await_true("count => document.querySelectorAll('.row').length === count", len(crowd))
    for round_ in range(1, 4):
        crowd.publish(round_)
        one.await_true(
            "text => [...document.querySelectorAll('.row b:first-child')].every((one) => one.textContent === text)",
            f"{10 * round_}%",
        )
