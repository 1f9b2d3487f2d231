"""The feature service: admitted candles in, feature rows out."""

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import warm
from feature_service.stage import FeatureStage
from shared.consumer import Consumer, ConsumerLimits
from shared.feature_sets import FeatureSetAnnouncement
from shared.membership import Membership
from shared.metrics import Metrics
from shared.monitor import MonitorDoor
from shared.service import ServiceContext, open_service
from shared.settings.groups import Settings

SERVICE = "feature_service"


def run(settings: Settings, context: ServiceContext | None = None, *, until_idle: bool = False) -> None:
    """Compute rows until stopped, or until no candle waits.

    Blocks. Start-up and recovery are the same code: a series is read back from its history when its next candle comes.
    """
    metrics = Metrics(SERVICE, "warm_up")
    port, door = settings.feature_service.metrics_port, MonitorDoor.of(settings.system)
    context = context or open_service(SERVICE, settings, lambda: metrics.serve(port, door))
    warm()
    metrics.readiness.met("warm_up")
    stage = FeatureStage(context.client, context.names, context.clock, settings, metrics)
    Consumer(
        context.client,
        context.names,
        stage,
        Membership(context.client, context.names, SERVICE, context.instance, context.clock),
        context.clock,
        ConsumerLimits.of(settings.feature_service, settings.system),
        metrics,
        context.stop,
        FeatureSetAnnouncement(context.client, context.names, FEATURE_SET.hash, context.clock).renew,
    ).run(until_idle=until_idle)
