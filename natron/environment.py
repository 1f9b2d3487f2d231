"""Settings as a command sees them, and as environment variables for the processes it starts."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis
import yaml

from natron.run_file import RunFile, read_run_file, runtime_folder
from shared.broker import connect
from shared.broker_url import with_password
from shared.doors import read_secret
from shared.errors import InputError
from shared.names import Names
from shared.settings.groups import Settings, SystemSettings
from shared.settings.loading import leaves, load_settings, variable


def environment_of(settings: Settings) -> dict[str, str]:
    """``NATRON_*`` variables that say the same as ``settings``; secrets stay off command lines this way."""
    environ = {}
    for path in leaves():
        value: Any = settings
        for name in path:
            value = getattr(value, name)
        environ[variable(path)] = yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()
    return environ


def share_cores() -> None:
    """Let threads that wait for each other sleep instead of spin; before torch is imported.

    Where another process wants a core, spinning threads take it from the very one that they wait for.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def read_settings(config: Path | None, assignments: list[str] | None, **flags: Any) -> Settings:
    """Settings of one command; ``flags`` that are None do not count, dots in their names are double underscores."""
    merged: dict[str, Any] = {}
    for assignment in assignments or []:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise InputError("--set", assignment, "must read group.key=value", "say --set worker.read_count=32")
        merged[key] = value
    merged |= {name.replace("__", "."): value for name, value in flags.items() if value is not None}
    return load_settings(config, os.environ, merged)


def find_system(settings: Settings) -> Settings:
    """Fill in the broker and bridge of the running ``natron up``, where the settings name none.

    Raises
    ------
    InputError
        No broker is named, and no system of this user runs.
    """
    if settings.system.broker_url:
        keys = settings.bridge.keys or str(runtime_folder() / "keys.json")  # one place for bridge and clients
        bridge = settings.bridge.model_copy(update={"keys": keys})
        return settings.model_copy(update={"bridge": bridge, "system": _with_password(settings.system)})
    run = read_run_file()
    if run is None:
        raise InputError(
            "system.broker_url", "", "names no broker, and no `natron up` of this user is running",
            "start `natron up`, or give --broker redis://host:port",
        )  # fmt: skip
    return settings.model_copy(
        update={
            "system": settings.system.model_copy(update={"broker_url": run.broker_url}),
            "bridge": settings.bridge.model_copy(update=_bridge(run, settings)),
        }
    )


def open_system(settings: Settings) -> tuple[redis.Redis, Names]:
    """Broker and key names of the system that ``find_system`` finds."""
    system = find_system(settings).system
    return connect(system.broker_url), Names(system.namespace)


def _with_password(system: SystemSettings) -> SystemSettings:
    if not system.broker_password_file:
        return system
    password = read_secret("system.broker_password_file", system.broker_password_file)
    return system.model_copy(update={"broker_url": with_password(system.broker_url, password)})


def _bridge(run: RunFile, settings: Settings) -> Mapping[str, str]:
    return {
        "signals_bind": run.signals,
        "requests_bind": run.requests,
        "security": run.security,
        "keys": settings.bridge.keys or run.keys,
    }


def find_keys(settings: Settings, data: Path | None) -> tuple[Settings, Path]:
    """Settings with the running bridge's addresses, if one runs, and the key file of whichever bridge is meant.

    That is the one named in the settings; else that under ``data``; else the running system's; else the one that a
    bridge uses which is started by itself.
    """
    run = read_run_file()
    if run is not None and data is None:
        settings = settings.model_copy(update={"bridge": settings.bridge.model_copy(update=_bridge(run, settings))})
    if settings.bridge.keys:
        return settings, Path(settings.bridge.keys)
    return settings, data / "keys.json" if data is not None else runtime_folder() / "keys.json"
