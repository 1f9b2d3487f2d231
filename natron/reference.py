"""The pages of ``docs/reference``: commands, settings, metrics and the HTTP API, written from the code itself."""

from collections.abc import Callable, Iterator
from typing import Any

import click
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from typer.main import get_command

from shared.settings.groups import Settings
from shared.settings.loading import variable

_MADE = "Written by `make reference`; edit the code, not this page.\n"


def pages() -> dict[str, Callable[[], str]]:
    """File name -> what writes it."""
    return {
        "commands.md": commands_page,
        "settings.md": settings_page,
        "metrics.md": metrics_page,
        "http.md": http_page,
    }


def commands_page() -> str:
    """Every command, its arguments and options."""
    from natron.cli import app

    lines = ["# Commands", "", _MADE]
    for path, command in _commands(get_command(app), ("natron",)):
        lines += [f"## {' '.join(path)}", "", (command.help or "").strip(), ""]
        rows = [row for parameter in command.params for row in _parameter(parameter)]
        if rows:
            lines += ["| option | default | what |", "|---|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, one in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(one, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


def _parameter(parameter: Any) -> Iterator[str]:
    if parameter.name == "help":
        return
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    needed = "needed" if parameter.required else ""
    default = parameter.default
    shown = f"`{default}`" if isinstance(default, (str, int, float)) and not isinstance(default, bool) else ""
    text = (getattr(parameter, "help", None) or "").replace("|", "\\|")
    yield f"| {names} | {needed or shown} | {text} |"


def settings_page() -> str:
    """Every setting: key, variable, default and reason."""
    lines = ["# Settings", "", _MADE]
    for name, field in Settings.model_fields.items():
        group: Any = field.annotation
        lines += [f"## {name}", "", (group.__doc__ or "").splitlines()[0], ""]
        lines += ["| key | default | what for |", "|---|---|---|", *_settings((name,), group(), group), ""]
    return "\n".join(lines).rstrip() + "\n"


def _settings(path: tuple[str, ...], values: BaseModel, group: type[BaseModel]) -> Iterator[str]:
    for name, field in group.model_fields.items():
        value, here = getattr(values, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _settings(here, value, type(value))
        else:
            shown = f"`{value}`" if value != "" else "empty"
            text = (field.description or "").replace("|", "\\|")
            yield f"| `{'.'.join(here)}`<br>`{variable(here)}` | {shown} | {text} |"


def metrics_page() -> str:
    """Every metric of every kind of process."""
    from shared import metrics as declared

    made: dict[str, CollectorRegistry] = {}
    for name in ("feature_service", "worker", "scorer"):
        made[name] = declared.Metrics(name).registry
    for kind in declared.Watched.__subclasses__():
        if kind is not declared.Metrics:
            make: Callable[[], declared.Watched] = kind
            made[kind.__name__] = make().registry
    found: dict[str, tuple[str, str]] = {}
    for registry in made.values():
        for metric in registry.collect():
            suffix = "_total" if metric.type == "counter" else ""
            found[metric.name + suffix] = (metric.type, metric.documentation)
    rows = [f"| `{name}` | {kind} | {text} |" for name, (kind, text) in sorted(found.items())]
    return "\n".join(["# Metrics", "", _MADE, "| name | kind | what |", "|---|---|---|", *rows]) + "\n"


def http_page() -> str:
    """Every path of the gateway, from its own description."""
    from gateway.service import build
    from shared.clock import SystemClock

    described = build(Settings(), SystemClock()).openapi()
    lines = ["# HTTP API", "", _MADE, "A running gateway tells the shapes at `/openapi.json`.", ""]
    lines += ["| path | what | answers |", "|---|---|---|"]
    for path, methods in sorted(described["paths"].items()):
        for method, one in sorted(methods.items()):
            text = " ".join((one.get("description") or one.get("summary") or "").split()).replace("|", "\\|")
            lines.append(f"| `{method.upper()} {path}` | {text} | {', '.join(sorted(one['responses']))} |")
    return "\n".join(lines) + "\n"
