"""Loopback ports that nobody listens on."""

import socket


def free_port() -> int:
    """One of them. Another process may take it before the caller does, which then says so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
