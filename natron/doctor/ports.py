"""Looks at the addresses where a bridge and a gateway listen: what an EA or a browser would find there."""

import socket
from collections.abc import Iterator

from natron.doctor.finding import Finding, Health
from shared.settings.groups import Settings

_PATIENCE_S = 2.0
_ZMTP_SIGNATURE = b"\xff"


def look_at_ports(settings: Settings) -> Iterator[Finding]:
    """Whether who should listen does, and whether it is ours; nobody there is no error."""
    start = "start it: natron bridge, or natron up; an EA finds nobody here"
    for key in ("signals_bind", "requests_bind", "curve_signals_bind", "curve_requests_bind"):
        address = getattr(settings.bridge, key)
        if not address:
            continue
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        about = f"bridge {key.removesuffix('_bind').replace('_', ' ')}"
        yield _bridge(about, host, int(port) if port.isdecimal() else 0, start, f"bridge.{key}")
    group = settings.gateway
    if group.port:
        answer = _ask(group.host, group.port, b"GET /healthz HTTP/1.0\r\n\r\n")
        taken = f"something else listens at {group.host}:{group.port}"
        if answer is None:
            yield Finding("gateway", Health.ABSENT, "does not run", "natron gateway, where somebody wants HTTP")
        elif answer.startswith(b"HTTP/"):
            yield Finding("gateway", Health.OK, f"answers at {group.host}:{group.port}")
        else:
            yield Finding("gateway", Health.WARNING, taken, "set gateway.port to a free one")


def _bridge(about: str, host: str, port: int, start: str, key: str) -> Finding:
    answer = _ask(host, port, b"")
    if answer is None:
        return Finding(about, Health.ABSENT, f"nobody listens at {host}:{port}", start)
    if answer.startswith(_ZMTP_SIGNATURE):
        return Finding(about, Health.OK, f"speaks ZeroMQ at {host}:{port}")
    return Finding(about, Health.ERROR, f"something else listens at {host}:{port}", f"stop it, or set {key}")


def _ask(host: str, port: int, question: bytes) -> bytes | None:
    """First bytes that come back; None where nobody listens, nothing where whoever does keeps silent."""
    try:
        with socket.create_connection((host, port), _PATIENCE_S) as door:
            door.settimeout(_PATIENCE_S)
            if question:
                door.sendall(question)
            return door.recv(64)
    except TimeoutError:
        return b""
    except OSError:
        return None
