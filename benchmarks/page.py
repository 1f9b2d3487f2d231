"""The dashboard in Chromium with 200 series that all change four times a second: the time from frame to frame."""

import shutil
import threading
import time
from importlib.util import find_spec

import numpy as np

from benchmarks.measurement import Measurement
from gateway.service import build
from gateway.testing import GatewayUnderTest
from producer.sample import sample_candles
from shared.admission import Admission, AdmissionLimits
from shared.clock import SystemClock
from shared.codec import encode_prediction
from shared.contracts import Prediction, Series
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest, broker_under_test

SERIES, SECONDS, EVERY_S = 200, 10.0, 0.25
_FRAMES = """(ms) => new Promise((done) => {
  const taken = [];
  let before = performance.now();
  const end = before + ms;
  const frame = (now) => {
    taken.push(now - before);
    before = now;
    if (now < end) requestAnimationFrame(frame); else done(taken);
  };
  requestAnimationFrame(frame);
})"""


def run() -> list[Measurement]:
    """Measure; nothing where there is no Chromium or no playwright."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or find_spec("playwright") is None:
        return []
    with broker_under_test() as broker:
        series = [Series(f"S{at:03}", "M1") for at in range(SERIES)]
        _fill(broker, series)
        gateway = GatewayUnderTest(build(load_settings(None, {}, {"system.broker_url": broker.url}), SystemClock()))
        stop = threading.Event()
        publisher = threading.Thread(target=_publish, args=(broker, series, stop))
        publisher.start()
        try:
            taken_ms = _frames_ms(chromium, gateway.url)
        finally:
            stop.set()
            publisher.join()
            gateway.stop()
    p50, p99 = np.quantile(taken_ms, [0.5, 0.99])
    return [
        Measurement(f"a frame, {SERIES} series live, p50", "ms", "lower", float(p50)),
        Measurement(f"a frame, {SERIES} series live, p99", "ms", "lower", float(p99)),
        Measurement(f"the longest frame of {len(taken_ms)}", "ms", "lower", max(taken_ms), goal="< 100 ms"),
    ]


def _frames_ms(chromium: str, url: str) -> list[float]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the extra dev

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1_440, "height": 900})
        page.goto(url)
        page.wait_for_selector(".readout dd >> nth=6")
        taken: list[float] = page.evaluate(_FRAMES, 1_000 * SECONDS)
        browser.close()
    return taken


def _fill(broker: BrokerUnderTest, series: list[Series]) -> None:
    admission = Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(1_000_000, 100, 100))
    candles = sample_candles(200, "M1", 1)
    for one in series:
        admission.admit(one, candles, 1, "bench")
    _publish_once(broker, series, int(candles["t"][-1]), 200)


def _publish(broker: BrokerUnderTest, series: list[Series], stop: threading.Event) -> None:
    """Let a candle and a prediction of every series come, again and again."""
    admission = Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(1_000_000, 100, 100))
    candles = sample_candles(4_000, "M1", 1)
    for at in range(200, len(candles)):
        if stop.wait(EVERY_S):
            return
        admission.admit_all([(one, candles[at : at + 1]) for one in series], 1, "bench")
        _publish_once(broker, series, int(candles["t"][at]), at + 1)


def _publish_once(broker: BrokerUnderTest, series: list[Series], t: int, n: int) -> None:
    now_us, shares = time.time_ns() // 1_000, np.random.default_rng(n).dirichlet(np.ones(6)).tolist()
    pipeline = broker.client.pipeline(transaction=False)
    for one in series:
        prediction = Prediction(
            one, t, n, shares[0], shares[1], (0.3, 0.3, 0.4), tuple(shares), (0.4, 0.3, shares[2]), (), 0, "bench",
            "0a" * 32, now_us, now_us, now_us, now_us,
        )  # fmt: skip
        message = encode_prediction(prediction)
        pipeline.xadd(broker.names.predictions(one.partition), {"m": message}, maxlen=1_000)
        pipeline.hset(broker.names.latest(one.partition), one.key, message)
    pipeline.execute()
