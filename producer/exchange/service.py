"""The exchange feed as a service: closed candles of an exchange into the broker, live."""

from collections.abc import Mapping
from random import Random

from producer.exchange.calendar import Calendar
from producer.exchange.feed import Feed, World
from producer.exchange.request import FeedRequest
from producer.exchange.venue import Venue, read_options
from shared.admission import Admission, AdmissionLimits
from shared.broker import LOST, connect
from shared.contracts import Series
from shared.dead_letters import DEAD_KEEP
from shared.metrics import FeedMetrics
from shared.service import RETRY_S, ServiceContext, open_service
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
    context = context or open_service(SERVICE, settings)
    metrics = metrics or FeedMetrics()
    metrics.serve(group.metrics_port)
    door = _door(settings, context)
    if door is None:
        return
    world = World(door, context.clock, random or Random(), metrics, context.stop)  # noqa: S311 - jitter is no secret
    Feed(venue, request, group, settings.producer.batch, world, calendars).run()
    context.client.close()


def _door(settings: Settings, context: ServiceContext) -> Admission | None:
    """Admission over a connection of its own, as soon as the broker takes one; None when stopped before."""
    system = settings.system
    limits = AdmissionLimits(system.max_backlog, system.reject_keep, DEAD_KEEP)
    while not context.stop.is_set():
        try:
            client = connect(system.broker_url, single=True)
        except LOST:
            context.stop.wait(RETRY_S)
        else:
            return Admission(client, context.names, context.clock, limits)
    return None
