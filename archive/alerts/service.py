"""Asks the rules every so often, and tells the targets what begins and what is over, each once."""

import json
from collections.abc import Callable, Sequence

import apprise
import redis
import requests
import structlog

from archive.alerts.rules import Alert, Rules, check_url
from shared.broker import LOST, text
from shared.errors import InputError
from shared.metrics import AlertMetrics
from shared.monitor import MonitorDoor
from shared.names import Names
from shared.service import ServiceContext, open_service
from shared.settings.groups import AlertSettings, Settings

SERVICE = "alerts"
TIMEOUT_S = 10.0

Target = Callable[[Alert, bool], bool]
"""Tell somebody of an alert, or (True) that it is over; False where it could not be told."""

_log = structlog.get_logger()


def run(settings: Settings, context: ServiceContext | None = None, *, until_idle: bool = False) -> None:
    """Alert until stopped, or look once. Blocks.

    Raises
    ------
    InputError
        A target is none.
    """
    metrics = AlertMetrics()
    targets = targets_of(settings.alerts)
    port, door = settings.alerts.metrics_port, MonitorDoor.of(settings.system)
    context = context or open_service(SERVICE, settings, lambda: metrics.serve(port, door))
    watch = AlertWatch(context.client, context.names, Rules(context.client, context.names, settings.alerts), targets)
    while not context.stop.is_set():
        try:
            metrics.standing.set(watch.look())
            metrics.readiness.met("broker")
        except LOST as error:
            metrics.readiness.unmet("broker", str(error))
            _log.warning("broker_awaited", error=str(error), retry_s=settings.alerts.every_s)
            if until_idle:
                raise
        if until_idle:
            return
        context.stop.wait(settings.alerts.every_s)


class AlertWatch:
    """What stands is kept in the broker: it is told once, whoever looks and however often they are started.

    An alert whose targets could not all be reached is not kept, and so is told again at the next look.
    """

    def __init__(self, client: redis.Redis, names: Names, rules: Rules, targets: Sequence[Target]) -> None:
        self._client, self._key, self._rules, self._targets = client, names.alerts, rules, targets

    def look(self) -> int:
        """Tell what is new and what is over; returns how many stand."""
        standing = self._rules.standing()
        told = {text(key): text(said) for key, said in self._client.hgetall(self._key).items()}
        for key, alert in standing.items():
            if key not in told and self._client.hsetnx(self._key, key, json.dumps(alert.said)):
                _log.error("alert_begins", rule=alert.rule, subject=alert.subject, said=alert.said)
                if not self._tell(alert, over=False):
                    self._client.hdel(self._key, key)
        for key in told.keys() - standing.keys():
            rule, _, subject = key.partition(" ")
            if self._client.hdel(self._key, key):
                _log.warning("alert_ends", rule=rule, subject=subject)
                self._tell(Alert(rule, subject, json.loads(told[key])), over=True)
        return len(standing)

    def _tell(self, alert: Alert, *, over: bool) -> bool:
        reached = [target(alert, over) for target in self._targets]  # every one, not only up to the first
        return all(reached)


def targets_of(settings: AlertSettings) -> list[Target]:
    """Targets of the settings; InputError where one is none."""
    found: list[Target] = []
    if settings.webhook:
        found.append(Webhook(check_url("alerts.webhook", settings.webhook)))
    if settings.apprise:
        found.append(Apprise(settings.apprise.split()))
    return found


class Webhook:
    """Posts an alert as JSON: rule, subject, said, runbook, state (begins or ends)."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, alert: Alert, over: bool) -> bool:
        """Tell; a refusal is logged without the address, which may hold a secret."""
        document = {**vars(alert), "runbook": alert.runbook, "state": "ends" if over else "begins"}
        try:
            requests.post(self._url, json=document, timeout=TIMEOUT_S).raise_for_status()
        except requests.RequestException as error:
            _log.error("alert_not_told", target="webhook", error=type(error).__name__, rule=alert.rule)
            return False
        return True


class Apprise:
    """Mail, chats and the like, by apprise's addresses."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._targets = apprise.Apprise()
        for url in urls:
            if not self._targets.add(url):
                scheme = url.partition(":")[0]
                raise InputError(
                    "alerts.apprise", scheme, "is no address that apprise knows", "see its list of services"
                )

    def __call__(self, alert: Alert, over: bool) -> bool:
        """Tell."""
        title = f"Natron: {alert.rule} {'is over' if over else 'needs you'}"
        told = bool(self._targets.notify(title=title, body=f"{alert.said}\n{alert.runbook}"))
        if not told:
            _log.error("alert_not_told", target="apprise", rule=alert.rule)
        return told
