"""Loopback addresses that nobody listens on, for systems that live as long as a command."""

import socket
from importlib.util import find_spec
from pathlib import Path

from bridge.listener import Addresses
from shared.addresses import free_port
from shared.settings.groups import GatewaySettings, Settings

PORTS_TRIED = 64


def free_addresses() -> Addresses:
    """Two of them. Another process may take one before the bridge does, which the bridge then says."""
    return Addresses(*(f"tcp://127.0.0.1:{free_port()}" for _ in range(2)))


def with_free_addresses(settings: Settings, keys: Path) -> Settings:
    """Settings of a system that meets no other one: a bridge at free addresses, with keys of its own."""
    addresses = free_addresses()
    update = {"signals_bind": addresses.signals, "requests_bind": addresses.requests, "keys": str(keys)}
    return settings.model_copy(update={"bridge": settings.bridge.model_copy(update=update)})


def with_free_gateway(settings: Settings) -> tuple[Settings, str]:
    """Settings with the gateway's port, or the next one that is free; and its URL, empty where it is not installed."""
    if find_spec("fastapi") is None:
        return settings, ""
    group = settings.gateway
    update = {"port": _free_port(group)}
    settings = settings.model_copy(update={"gateway": group.model_copy(update=update)})
    host = f"[{group.host}]" if ":" in group.host else group.host
    return settings, f"http://{host}:{settings.gateway.port}/"


def _free_port(group: GatewaySettings) -> int:
    for port in [*range(group.port, min(group.port + PORTS_TRIED, 65_536)), 0] if group.port else [0]:
        with socket.socket(socket.AF_INET6 if ":" in group.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((group.host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return group.port  # the host itself cannot be bound: the gateway says why
