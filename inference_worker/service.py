"""The inference worker: feature rows in, predictions out. Scaled by starting more."""

from importlib.resources import files
from pathlib import Path

import structlog

from inference_worker.bundle import Bundle
from inference_worker.session import Session
from inference_worker.stage import PredictionStage
from shared.consumer import Consumer, ConsumerLimits
from shared.feature_sets import CONDITION, FeatureSetWatch
from shared.membership import Membership
from shared.metrics import Metrics
from shared.service import ServiceContext, open_service
from shared.settings.groups import Settings

SERVICE = "worker"
REFERENCE = "reference"

_log = structlog.get_logger()


def bundle_folder(settings: Settings) -> Path:
    """Folder of the bundle to serve: the one in the settings, else the reference bundle that ships with Natron."""
    chosen = settings.inference.bundle
    return Path(chosen) if chosen else Path(str(files("models"))) / REFERENCE


def run(settings: Settings, context: ServiceContext | None = None, *, until_idle: bool = False) -> None:
    """Predict until stopped, or until no row waits.

    Blocks.

    Raises
    ------
    BundleError
        The bundle is broken, or computes something else here than where it was exported.
    """
    metrics = Metrics(SERVICE, "bundle", CONDITION)
    port = settings.worker.metrics_port
    context = context or open_service(SERVICE, settings, lambda: metrics.serve(port))
    session = Session(Bundle.load(bundle_folder(settings)), settings.inference.threads, settings.inference.max_tokens)
    metrics.readiness.met("bundle")  # warmed up too: its golden inputs went through it
    bundle, feature_set = session.bundle.manifest.id, session.bundle.manifest.feature_set.hash
    _log.info("bundle_loaded", bundle=bundle, feature_set=feature_set)
    Consumer(
        context.client,
        context.names,
        PredictionStage(context.client, context.names, context.clock, settings, metrics, session),
        Membership(context.client, context.names, SERVICE, context.instance, context.clock),
        context.clock,
        ConsumerLimits.of(settings.worker, settings.system),
        metrics,
        context.stop,
        FeatureSetWatch(context.client, context.names, feature_set, bundle, metrics.readiness).look,
    ).run(until_idle=until_idle)
