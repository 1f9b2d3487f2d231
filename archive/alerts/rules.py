"""When somebody must be told: rules over what stands in the broker. Each has a section in docs/runbooks.md."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis

from feature_service.stage import SET8
from shared.admission import CSV_SOURCE
from shared.broker import broker_ms, text
from shared.contracts import PARTITIONS, Series
from shared.errors import InputError, StorageError
from shared.gate import Position
from shared.membership import live_members
from shared.names import Names
from shared.series_calendars import SeriesCalendars, Step
from shared.settings.groups import AlertSettings

SERIES_MAX = 4_096  # whose calendars are held in memory


@dataclass(frozen=True)
class Alert:
    """Something that needs somebody. ``rule`` and ``subject`` together stand for it; ``said`` may change."""

    rule: str
    subject: str
    said: str

    @property
    def key(self) -> str:
        """What two alerts of the same thing share."""
        return f"{self.rule} {self.subject}"

    @property
    def runbook(self) -> str:
        """Where to read on."""
        return f"docs/runbooks.md#{self.rule}"


class Rules:
    """Every rule, asked together."""

    def __init__(self, client: redis.Redis, names: Names, settings: AlertSettings) -> None:
        self._client, self._names, self._settings = client, names, settings
        self._calendars = SeriesCalendars(client, names, SERIES_MAX)

    def standing(self) -> dict[str, Alert]:
        """Key -> alert of all that needs somebody now."""
        now_ms = broker_ms(self._client)
        return {alert.key: alert for rule in RULES.values() for alert in rule(self, now_ms)}

    def silent_feed(self, now_ms: int) -> Iterator[Alert]:
        """A live series lacks candles that its calendar has, and that closed ``silent_candles`` candles ago."""
        for series, newest_t in self._newest():
            until_t = now_ms - self._settings.silent_candles * series.width_ms
            until_t -= until_t % series.width_ms
            if until_t <= newest_t:
                continue
            try:
                calendar, fixed_t = self._calendars.calendar(Step(series, newest_t, until_t))
            except StorageError:
                continue  # the feature service says so, and waits
            missing = calendar.missing(newest_t, until_t) if until_t >= fixed_t else 0
            if missing:
                yield Alert("silent_feed", series.key, f"{series.key}: {missing} candles of its calendar have not come")

    def _newest(self) -> Iterator[tuple[Series, int]]:
        """Series with a live source, and the open time of their newest candle."""
        pipeline = self._client.pipeline(transaction=False)
        for p in range(PARTITIONS):
            pipeline.hgetall(self._names.series(p))
        live = []
        for found in pipeline.execute():
            for key, value in found.items():
                if text(value).partition(" ")[2] != CSV_SOURCE:
                    live.append(Series.from_key(text(key)))
        for series in live:
            history = self._names.history(series.partition, series.key)
            newest = self._client.execute_command("XREVRANGE", history, "+", "-", "COUNT", 1)
            if newest:
                yield series, int(newest[0][0].split(b"-")[0])

    def lag(self, _now_ms: int) -> Iterator[Alert]:
        """Entries wait for the feature service or the champion in a partition."""
        for p in range(PARTITIONS):
            positions = self._client.hgetall(self._names.position(p))
            stages = ((f"features:{SET8}", self._names.candles(p)), ("champion", self._names.features(p, SET8)))
            for stage, log in stages:
                try:
                    added = int(self._client.xinfo_stream(log)["entries-added"])
                except redis.exceptions.ResponseError:
                    continue  # nothing was ever written there
                waiting = added - Position.parse(positions.get(stage.encode())).read
                if waiting > self._settings.lag_entries:
                    yield Alert("lag", f"{stage} {p}", f"{waiting} entries of partition {p} wait for {stage}")

    def dead_letters(self, now_ms: int) -> Iterator[Alert]:
        """Something was buried within ``dead_minutes``, other than repeats."""
        since = now_ms - self._settings.dead_minutes * 60_000
        count = 0
        for p in range(PARTITIONS):
            for _, flat in self._client.execute_command("XRANGE", self._names.dead(p), since, "+", "COUNT", 100):
                fields = dict(zip(flat[::2], flat[1::2], strict=True))
                count += fields.get(b"reason") != b"repeat"
        if count:
            yield Alert(
                "dead_letters", "all", f"{count} entries were put aside in {self._settings.dead_minutes} minutes"
            )

    def drift(self, _now_ms: int) -> Iterator[Alert]:
        """The scorer says DRIFT of a series."""
        for key, said in self._client.hgetall(self._names.drift).items():
            yield Alert("drift", text(key), f"{text(key)} has left what its bundle was trained on: {text(said)}")

    def expired_bundle(self, now_ms: int) -> Iterator[Alert]:
        """The champion is past its date, or will be within ``expiry_days``."""
        champion = text(self._client.hget(self._names.champion, "id") or b"")
        expires = self._client.hget(self._names.expiries, champion)
        if expires is not None and text(expires).isdigit():
            days = (int(text(expires)) - now_ms) / 86_400_000
            if days <= self._settings.expiry_days:
                when = f"expires in {days:.1f} days" if days > 0 else "has expired: its signals are not traded"
                yield Alert("expired_bundle", champion, f"bundle {champion} {when}")

    def no_worker(self, _now_ms: int) -> Iterator[Alert]:
        """No worker, or no feature service, is alive."""
        for service in ("worker", "feature_service"):
            if not live_members(self._client, self._names, service):
                yield Alert("no_worker", service, f"no {service} is alive: no candle becomes a signal")


RULES: dict[str, Callable[[Rules, int], Iterator[Alert]]] = {
    "silent_feed": Rules.silent_feed,
    "lag": Rules.lag,
    "dead_letters": Rules.dead_letters,
    "drift": Rules.drift,
    "expired_bundle": Rules.expired_bundle,
    "no_worker": Rules.no_worker,
}


def check_url(field: str, url: str) -> str:
    """Refuse a webhook that is no HTTP address; InputError."""
    if not url.startswith(("http://", "https://")):
        raise InputError(field, url, "is no HTTP address", "write https://...")
    return url
