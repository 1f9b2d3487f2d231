"""Loopback addresses that nobody listens on, for systems that live as long as a command."""

from pathlib import Path

from bridge.listener import Addresses
from shared.addresses import free_port
from shared.settings.groups import Settings


def free_addresses() -> Addresses:
    """Two of them. Another process may take one before the bridge does, which the bridge then says."""
    return Addresses(*(f"tcp://127.0.0.1:{free_port()}" for _ in range(2)))


def with_free_addresses(settings: Settings, keys: Path) -> Settings:
    """Settings of a system that meets no other one: a bridge at free addresses, with keys of its own."""
    addresses = free_addresses()
    update = {"signals_bind": addresses.signals, "requests_bind": addresses.requests, "keys": str(keys)}
    return settings.model_copy(update={"bridge": settings.bridge.model_copy(update=update)})
