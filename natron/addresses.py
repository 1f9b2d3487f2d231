"""Loopback addresses that nobody listens on, for systems that live as long as a command."""

import socket

from bridge.listener import Addresses


def free_addresses() -> Addresses:
    """Two of them. Another process may take one before the bridge does, which the bridge then says."""
    return Addresses(_free_address(), _free_address())


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"
