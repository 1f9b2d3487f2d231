"""The gateway: a process that answers over HTTP."""

import ipaddress
import logging
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.application import create_application
from gateway.doorman import DoorLimits
from gateway.predictor import Predictor
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from inference_worker.session import Session
from shared.clock import Clock, SystemClock
from shared.errors import InputError, SettingError
from shared.log import configure_log, listen_for_levels
from shared.settings.groups import GatewaySettings, Settings

SERVICE = "gateway"
KEY_LENGTH_MIN = 16
_log = structlog.get_logger()


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Load the bundle and build the application.

    Raises
    ------
    InputError
        An address beyond this machine without an API key, or a key file that holds none.
    BundleError
        The bundle cannot be served.
    """
    group = settings.gateway
    limits = DoorLimits(_key(group), group.rate_per_s, group.rate_burst, group.body_bytes_max)
    _check_host(group.host, limits.key)
    session = Session(Bundle.load(bundle_folder(settings)), settings.inference.threads, settings.inference.max_tokens)
    predictor = Predictor(session, clock, settings.inference.confidence_min)
    _log.info("bundle_loaded", bundle=predictor.manifest.id, feature_set=predictor.manifest.feature_set.hash)
    return create_application(predictor, limits, clock)


def run(settings: Settings) -> None:
    """Serve until stopped. Blocks."""
    configure_log(SERVICE, settings.system.log_level)
    listen_for_levels(settings.system.log_level)
    app = build(settings, SystemClock())
    _log.info("gateway_listening", host=settings.gateway.host, port=settings.gateway.port)
    uvicorn.run(
        app,
        host=settings.gateway.host,
        port=settings.gateway.port,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )


def _key(group: GatewaySettings) -> str | None:
    if not group.key_file:
        return None
    try:
        key = Path(group.key_file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("gateway.key_file", group.key_file, f"cannot be read: {error}", "name a text file") from None
    if len(key) < KEY_LENGTH_MIN:
        rule = f"must hold a key of at least {KEY_LENGTH_MIN} characters"
        raise InputError("gateway.key_file", group.key_file, rule, "make one with: openssl rand -hex 32")
    return key


def _check_host(host: str, key: str | None) -> None:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback and key is None:
        raise SettingError(
            "gateway.host", host, "an address that other machines reach needs an API key", "set gateway.key_file"
        )
