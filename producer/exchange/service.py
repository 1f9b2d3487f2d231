"""The exchange feed as a service: closed candles of an exchange into the broker, live."""

from collections.abc import Mapping
from random import Random

from producer.exchange.feed import Feed, World
from producer.exchange.request import FeedRequest
from producer.exchange.venue import Venue, read_options
from producer.watched_door import WatchedDoor
from shared.admission import Admission, AdmissionLimits
from shared.calendar import Calendar
from shared.contracts import Series
from shared.metrics import FeedMetrics
from shared.monitor import MonitorDoor
from shared.service import ServiceContext, open_service
from shared.settings.groups import Settings

SERVICE = "exchange"


def run(
    settings: Settings,
    request: FeedRequest,
    context: ServiceContext | None = None,
    *,
    random: Random | None = None,
    calendars: Mapping[Series, Calendar] | None = None,
    metrics: FeedMetrics | None = None,
) -> None:
    """Bring candles in until stopped; blocks. Run it again at will: nothing is admitted twice.

    Raises
    ------
    InputError
        The exchange is none, does not have a market or the timeframe, or refuses to serve us.
    """
    group = settings.exchange
    venue = Venue(request.exchange, read_options(group.options), group.timeout_s)
    watched, monitor_door = metrics or FeedMetrics(), MonitorDoor.of(settings.system)
    context = context or open_service(SERVICE, settings, lambda: watched.serve(group.metrics_port, monitor_door))
    limits = AdmissionLimits.of(settings.system)
    admission = Admission(context.client, context.names, context.clock, limits)
    door = WatchedDoor(admission, watched.readiness)
    world = World(door, context.clock, random or Random(), watched, context.stop)  # noqa: S311 - jitter is no secret
    Feed(venue, request, group, settings.producer.batch, world, calendars).run()
