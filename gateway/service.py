"""The gateway: a process that answers over HTTP."""

import logging
import socket
from functools import partial
from typing import Literal

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.application import WAITING_MAX, Parts, create_application
from gateway.batcher import Batcher
from gateway.champion import ChampionFollower
from gateway.doorman import DoorLimits
from gateway.live import Live, open_live
from gateway.predictor import Predictor
from inference_worker.champion import Opener
from inference_worker.registry import Promotion, Registry
from inference_worker.service import make_opener
from inference_worker.session import Session
from shared.broker import LOST, connect
from shared.clock import Clock, SystemClock
from shared.doors import check_door, read_keys
from shared.errors import InputError
from shared.log import configure_log, listen_for_levels
from shared.metrics import GatewayMetrics
from shared.names import Names
from shared.settings.groups import GatewaySettings, Settings

_BACKLOG = 2_048
SOCKETS: Literal["websockets-sansio"] = "websockets-sansio"
MESSAGE_BYTES_MAX = 65_536
"""Of what a WebSocket client says: nothing is expected from it."""
SERVICE = "gateway"
_log = structlog.get_logger()


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Load the bundle and build the application.

    Raises
    ------
    InputError
        An address beyond this machine without an API key, or a key file that holds none.
    BundleError
        The bundle cannot be served.
    BrokerError, SchemaError
        A broker is named, and it is unfit.
    """
    group = settings.gateway
    keys = read_keys("gateway.key_file", group.key_file)
    check_door("gateway.host", group.host, keys, "gateway.key_file")
    monitor_keys = read_keys("system.monitor_key_file", settings.system.monitor_key_file)
    limits = DoorLimits(keys, group.rate_per_s, group.rate_burst, group.body_bytes_max, monitor_keys)
    live, url = None, settings.system.broker_url
    metrics = GatewayMetrics("bundle", *(["broker"] if url else []))
    if url:
        live = open_live(connect(url), Names(settings.system.namespace), clock, metrics)
    make = partial(Predictor, clock=clock, confidence_min=settings.inference.confidence_min)
    opener = make_opener(settings)
    session, promotion = _first_session(settings, opener, live)
    batcher = Batcher(make(session), WAITING_MAX)
    follower = None
    if live is not None and not settings.inference.bundle:
        registry = Registry(live.client, live.names)
        follower = ChampionFollower(registry, opener, make, promotion, partial(setattr, batcher, "predictor"))
    manifest = batcher.predictor.manifest
    _log.info("bundle_loaded", bundle=manifest.id, feature_set=manifest.feature_set.hash, promote=promotion.number)
    metrics.readiness.met("bundle")
    return create_application(Parts(batcher, limits, clock, metrics, url, live, follower))


def _first_session(settings: Settings, opener: Opener, live: Live | None) -> tuple[Session, Promotion]:
    """Session of the bundle in the settings, else of the champion, else of the reference bundle.

    A broker that is away is not waited for: the champion is taken over when it is back.
    """
    if live is not None and not settings.inference.bundle:
        try:
            session, promotion, _ = opener.open_newest(Registry(live.client, live.names))
        except LOST as error:
            _log.warning("broker_awaited", error=str(error))
        else:
            return session, promotion
    return opener.open_own(), Promotion()


def run(settings: Settings) -> None:
    """Serve until stopped. Blocks.

    Raises
    ------
    InputError
        As ``build``, or the port is taken.
    """
    configure_log(SERVICE, settings.system.log_level)
    listen_for_levels(settings.system.log_level)
    listener = listen(settings.gateway)
    app = build(settings, SystemClock())
    host, port = listener.getsockname()[:2]
    _log.info("gateway_listening", host=host, port=port)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            ws_max_size=MESSAGE_BYTES_MAX,
            ws=SOCKETS,
        )
    )
    server.run(sockets=[listener])


def listen(group: GatewaySettings) -> socket.socket:
    """Bind the gateway's port.

    Raises
    ------
    InputError
        It cannot be bound.
    """
    family = socket.AF_INET6 if ":" in group.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((group.host, group.port))
        listener.listen(_BACKLOG)  # who comes before the application is ready waits for it
    except OSError as error:
        listener.close()
        rule = f"cannot be bound: {error.strerror}"
        raise InputError("gateway.port", f"{group.host}:{group.port}", rule, "choose another one with --port") from None
    return listener
