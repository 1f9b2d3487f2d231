"""The inference worker: feature rows in, predictions out. Scaled by starting more."""

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path

import structlog

from inference_worker.bundle import Bundle
from inference_worker.champion import ChampionWatch, Opener
from inference_worker.fastest import open_session
from inference_worker.registry import Registry
from inference_worker.shadow import ShadowStage
from inference_worker.stage import PredictionStage
from shared.broker import connect
from shared.consumer import Consumer, ConsumerLimits
from shared.feature_sets import CONDITION, FeatureSetWatch
from shared.membership import Membership
from shared.metrics import Metrics
from shared.monitor import MonitorDoor
from shared.service import ServiceContext, open_service
from shared.settings.groups import Settings

SERVICE = "worker"
REFERENCE = "reference"

_log = structlog.get_logger()


def bundle_folder(settings: Settings) -> Path:
    """Folder of the bundle to serve: the one in the settings, else the reference bundle that ships with Natron."""
    chosen = settings.inference.bundle
    return Path(chosen) if chosen else Path(str(files("models"))) / REFERENCE


def make_opener(settings: Settings) -> Opener:
    """What opens bundles as the settings say: threads, runtime, and the drift that it may have."""
    group = settings.inference
    opening = partial(
        open_session,
        threads=group.threads,
        max_tokens=group.max_tokens,
        runtime=group.runtime,
        drift_max=group.drift_max,
    )
    return Opener(lambda: Bundle.load(bundle_folder(settings)), opening)


def run(settings: Settings, context: ServiceContext | None = None, *, until_idle: bool = False) -> None:
    """Predict until stopped, or until no row waits.

    With ``inference.bundle`` that bundle is served, else the champion, else the reference bundle; with
    ``worker.shadow`` that challenger, into its own stream.

    Blocks.

    Raises
    ------
    BundleError
        The bundle is broken, or computes something else here than where it was exported.
    """
    metrics = Metrics(SERVICE, "bundle", CONDITION)
    port, door = settings.worker.metrics_port, MonitorDoor.of(settings.system)
    context = context or open_service(SERVICE, settings, lambda: metrics.serve(port, door))
    stage, looks, leave = _stage(settings, context, metrics)
    metrics.readiness.met("bundle")  # warmed up too: its golden inputs went through it
    manifest = stage.manifest
    _log.info("bundle_loaded", bundle=manifest.id, feature_set=manifest.feature_set.hash, promote=stage.keys.promote)
    watch = FeatureSetWatch(context.client, context.names, manifest.feature_set.hash, manifest.id, metrics.readiness)
    Consumer(
        context.client,
        context.names,
        stage,
        Membership(context.client, context.names, stage.keys.service, context.instance, context.clock),
        context.clock,
        ConsumerLimits.of(settings.worker, settings.system),
        metrics,
        context.stop,
        partial(_each, [watch.look, *looks]),
    ).run(until_idle=until_idle)
    leave()


def _stage(
    settings: Settings, context: ServiceContext, metrics: Metrics
) -> tuple[PredictionStage, list[Callable[[], None]], Callable[[], None]]:
    """What this worker does, what it looks at each second, and how it takes its leave."""
    opener = make_opener(settings)
    registry = Registry(context.client, context.names)
    world = context.client, context.names, context.clock, settings, metrics
    if settings.worker.shadow:
        return ShadowStage(*world, opener.open_pushed(registry, settings.worker.shadow)), [], lambda: None
    if settings.inference.bundle:
        return PredictionStage(*world, opener.open_own()), [], lambda: None
    session, promotion, refused = opener.open_newest(registry)
    stage = PredictionStage(*world, session, promotion.number)
    watch = ChampionWatch(
        context.client,
        partial(connect, settings.system.broker_url),
        context.names,
        context.instance,
        opener,
        stage,
        promotion,
        session,
        refused,
    )
    return stage, [watch.look], watch.leave


def _each(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()
