"""What needs somebody is told once, to everybody who wants to know, and so is its end."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from archive.alerts.rules import RULES, Alert, Rules
from archive.alerts.service import AlertWatch, Webhook, run, targets_of
from feature_service.stage import SET8
from shared.admission import Admission, AdmissionLimits
from shared.broker import broker_ms
from shared.clock import SimulatedClock
from shared.contracts import Series
from shared.delivery import note_expiry
from shared.errors import InputError
from shared.membership import Membership
from shared.service import ServiceContext
from shared.settings.groups import AlertSettings, Settings
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("EURUSD", "M15")
DAY_MS = 86_400_000


class Told(list[tuple[str, bool]]):
    """A target that remembers, and can be out of reach."""

    reachable = True

    def __call__(self, alert: Alert, over: bool) -> bool:
        if self.reachable:
            self.append((alert.key, over))
        return self.reachable


@pytest.fixture
def rules(broker: BrokerUnderTest) -> Rules:
    return Rules(broker.client, broker.names, AlertSettings())


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def watch(broker: BrokerUnderTest, rules: Rules, told: Told) -> AlertWatch:
    return AlertWatch(broker.client, broker.names, rules, [told])


def keys(rules: Rules, rule: str) -> set[str]:
    return {key for key in rules.standing() if key.startswith(rule)}


def test_an_alert_is_told_once_and_its_end_once_whoever_looks(
    broker: BrokerUnderTest, rules: Rules, watch: AlertWatch, told: Told
) -> None:
    broker.client.hset(broker.names.drift, SERIES.key, "{}")
    watch.look()
    watch.look()
    other = Told()
    AlertWatch(broker.client, broker.names, rules, [other]).look()  # another one, or this one started again
    assert told.count((f"drift {SERIES.key}", False)) == 1
    assert other == []
    broker.client.hdel(broker.names.drift, SERIES.key)
    watch.look()
    watch.look()
    assert told.count((f"drift {SERIES.key}", True)) == 1


def test_an_alert_that_reached_nobody_is_told_again(watch: AlertWatch, told: Told) -> None:
    told.reachable = False
    watch.look()
    told.reachable = True
    watch.look()
    assert ("no_worker worker", False) in told


def test_nobody_alive_is_an_alert_until_somebody_is(broker: BrokerUnderTest, rules: Rules) -> None:
    assert keys(rules, "no_worker") == {"no_worker worker", "no_worker feature_service"}
    Membership(broker.client, broker.names, "worker", "one", SimulatedClock(0)).renew()
    assert keys(rules, "no_worker") == {"no_worker feature_service"}


@pytest.mark.parametrize(("source", "behind", "silent"), [("ea:x", 10, True), ("ea:x", 1, False), ("csv", 10, False)])
def test_a_live_series_whose_candles_do_not_come_is_silent(
    broker: BrokerUnderTest, rules: Rules, source: str, behind: int, silent: bool
) -> None:
    now_ms = broker_ms(broker.client)
    width = SERIES.width_ms
    candles = walk_candles(20, start_ms=now_ms - (20 + behind) * width)
    broker.client.hset(broker.names.calendars(SERIES.partition), SERIES.key, "24x7")
    door = Admission(broker.client, broker.names, SimulatedClock(now_ms + DAY_MS), AdmissionLimits(99_999, 9, 9))
    door.admit(SERIES, candles, 0, source)
    assert keys(rules, "silent_feed") == ({f"silent_feed {SERIES.key}"} if silent else set())


def test_entries_that_wait_are_lag(broker: BrokerUnderTest, rules: Rules) -> None:
    key = broker.names.candles(3)
    pipeline = broker.client.pipeline(transaction=False)
    for _ in range(AlertSettings().lag_entries + 1):
        pipeline.xadd(key, {"m": b""})
    pipeline.execute()
    assert keys(rules, "lag") == {f"lag features:{SET8} 3"}
    broker.client.hset(broker.names.position(3), f"features:{SET8}", "0-1 100 0")
    assert not keys(rules, "lag")


def test_dead_letters_alert_unless_they_are_repeats_or_old(broker: BrokerUnderTest, rules: Rules) -> None:
    old = broker_ms(broker.client) - 60 * 60_000
    broker.client.xadd(broker.names.dead(1), {"reason": "junk"}, id=f"{old}-0")
    broker.client.xadd(broker.names.dead(1), {"reason": "repeat"})
    assert not keys(rules, "dead_letters")
    broker.client.xadd(broker.names.dead(2), {"reason": "failed"})
    assert keys(rules, "dead_letters") == {"dead_letters all"}


@pytest.mark.parametrize(("days", "alerts"), [(-1, True), (3, True), (30, False)])
def test_a_champion_near_its_date_alerts(broker: BrokerUnderTest, rules: Rules, days: int, alerts: bool) -> None:
    broker.client.hset(broker.names.champion, "id", "mine")
    note_expiry(broker.client, broker.names, "mine", broker_ms(broker.client) + days * DAY_MS)
    note_expiry(broker.client, broker.names, "other", 1)
    assert keys(rules, "expired_bundle") == ({"expired_bundle mine"} if alerts else set())


class _Receiver(BaseHTTPRequestHandler):
    documents: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.documents.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    documents: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Receiver", (_Receiver,), {"documents": documents}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", documents
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # apprise loads all that it knows
def test_a_webhook_and_apprise_get_what_needs_somebody(
    broker: BrokerUnderTest, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    url, documents = receiver
    targets = f"json{url.removeprefix('http')}/apprise"
    settings = load_settings(None, {}, {"alerts.webhook": f"{url}/hook", "alerts.apprise": targets})
    context = ServiceContext(broker.client, broker.names, SimulatedClock(0), threading.Event(), "one")
    run(settings, context, until_idle=True)
    hooked = [one for one in documents if "rule" in one]
    assert {(one["rule"], one["subject"], one["state"]) for one in hooked} == {
        ("no_worker", "worker", "begins"),
        ("no_worker", "feature_service", "begins"),
    }
    assert all(one["runbook"].startswith("docs/runbooks.md#") for one in hooked)
    assert len(documents) == 2 * len(hooked)  # apprise's own form beside it
    assert not Webhook(f"{url}/broken")(Alert("drift", "X", "x"), False)


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_targets_that_are_none_are_refused_without_showing_what_they_hide() -> None:
    with pytest.raises(InputError, match="webhook"):
        targets_of(AlertSettings(webhook="ftp://x"))
    with pytest.raises(InputError, match="apprise") as refused:
        targets_of(AlertSettings(apprise="nothing://secret@host"))
    assert "secret" not in str(refused.value)
    assert targets_of(Settings().alerts) == []
    assert set(RULES) >= {"silent_feed", "lag", "dead_letters", "drift", "expired_bundle", "no_worker"}
