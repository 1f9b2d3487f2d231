"""What a client is given: inputs that MetaTrader loads, and a key file for clients that use libzmq."""

import codecs
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from bridge.keys import Keys, load_or_create_keys, write_secret
from bridge.trust import Client
from producer.zones import parse_zone
from shared.errors import InputError
from shared.settings.groups import BridgeSettings

OWNER_EA = "ea"
"""What an Expert Advisor calls itself that uses the owner's key."""
SET_NAME, KEYS_NAME = "NatronEA.set", "keys.json"
_EVERYWHERE = {"0.0.0.0", "*"}  # noqa: S104 - refused
_HOUR_MS = 3_600_000
_ZONES = {"broker-eu": 0, "broker-us": 1}  # ENUM_NATRON_ZONE
_FIXED = 2


def write_handout(folder: Path, keys: Keys, client: Client, settings: BridgeSettings) -> Path:
    """Write both files into a folder of the client's own, which nobody else can read.

    Parameters
    ----------
    keys
        The owner's.

    Returns
    -------
    Path
        The inputs' file.

    Raises
    ------
    InputError
        As ``check_inputs``.
    """
    check_inputs(settings, client.host, client.tz)
    for made in (folder.parent, folder):
        made.mkdir(exist_ok=True, mode=0o700)
    document = {
        "bridge": keys.bridge.hex(), "client": client.key.hex(), "name": client.name, "server": keys.curve_public.hex(),
    }  # fmt: skip
    write_secret(folder / KEYS_NAME, document).replace(folder / KEYS_NAME)
    write_inputs(folder / SET_NAME, keys, client, settings)
    return folder / SET_NAME


def write_owner_inputs(folder: Path, keys: Path, settings: BridgeSettings) -> None:
    """Write the inputs of an Expert Advisor on this machine, which uses the owner's own key; made where there is none.

    Raises
    ------
    InputError
        The key file cannot be used.
    """
    made = load_or_create_keys(keys)
    write_inputs(folder / SET_NAME, made, replace(made.client_named(OWNER_EA), host="127.0.0.1"), settings)


def write_inputs(path: Path, keys: Keys, client: Client, settings: BridgeSettings) -> None:
    """Write the inputs of the Expert Advisor as MetaTrader does: a .set file, readable by its owner alone."""
    inputs = ea_inputs(keys, client, settings)
    lines = [*_remarks(client), *(f"{name}={value}" for name, value in inputs.items()), ""]
    path.touch(mode=0o600)
    path.write_bytes(codecs.BOM_UTF16_LE + "\r\n".join(lines).encode("utf-16-le"))


def _remarks(client: Client) -> list[str]:
    symbols = "any" if client.symbols is None else ",".join(sorted(client.symbols)) or "none"
    return [f"; Natron, client {client.name}. Keep this file to yourself.", f"; symbols={symbols}"]


def check_inputs(settings: BridgeSettings, host: str | None, tz: str | None) -> None:
    """Refuse what no input can say.

    Raises
    ------
    InputError
        The host is not known, or the zone is none that the Expert Advisor has.
    """
    if (host or _place(settings.signals_bind)[0]) in _EVERYWHERE:
        raise InputError("--host", host, "must be an address that a client can connect to", "name this machine's")
    if tz is not None:
        _zone_inputs(tz)


def ea_inputs(keys: Keys, client: Client, settings: BridgeSettings) -> dict[str, str]:
    """Inputs of ``NatronEA.mq5``: its name for each, and the value."""
    signals, requests = _place(settings.signals_bind), _place(settings.requests_bind)
    plain = settings.security == "plain"
    inputs = {
        "Host": client.host or signals[0],
        "SignalsPort": signals[1],
        "RequestsPort": requests[1],
        "User": client.user if plain else "",
        "Password": client.password if plain else "",
        "BridgeKey": keys.bridge.hex(),
        "ClientKey": client.key.hex(),
        "ClientId": client.name,
        "PushCandles": "false" if client.symbols is not None and not client.symbols else "true",
    }
    return inputs | (_zone_inputs(client.tz) if client.tz else {})


def _place(address: str) -> tuple[str, str]:
    found = re.fullmatch(r"tcp://(.*):(.*)", address)
    assert found, address
    return found[1], found[2]


def _zone_inputs(tz: str) -> dict[str, str]:
    zone = parse_zone(tz)
    if zone.name in _ZONES:
        return {"ServerZone": str(_ZONES[zone.name]), "ServerOffsetHours": "0"}
    offset_ms = int(zone.offsets(np.zeros(1, np.int64))[0])
    if zone.changes or offset_ms % _HOUR_MS:
        rule = "is no zone that the Expert Advisor has"
        raise InputError("--tz", tz, rule, "give broker-eu, broker-us, or whole hours such as +02:00")
    return {"ServerZone": str(_FIXED), "ServerOffsetHours": str(offset_ms // _HOUR_MS)}
