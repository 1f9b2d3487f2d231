"""Where settings come from: defaults, then natron.yaml, then NATRON_* variables, then flags; the last one wins."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from shared.broker_url import without_password
from shared.errors import SettingError
from shared.settings.groups import Settings

FILE = "natron.yaml"
FILE_VARIABLE = "NATRON_CONFIG"
TEST_PREFIX = "NATRON_TEST_"
"""Variables that are the test suite's own."""


class _Yaml(yaml.SafeLoader):
    """YAML in which ``1e-4`` is a number and ``off`` a word, as they are everywhere but in YAML 1.1."""


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


def leaves(model: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Path of every setting: ``("worker", "read_count")``."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, (*path, name))
        else:
            yield (*path, name)


def variable(path: tuple[str, ...]) -> str:
    """Name of a setting's environment variable: ``NATRON_WORKER_READ_COUNT``."""
    return "NATRON_" + "_".join(path).upper()


def load_settings(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Settings:
    """Merge the sources and check the result.

    Parameters
    ----------
    file
        The settings file; None: ``NATRON_CONFIG``, else ``natron.yaml`` here where there is one, else defaults.
    flags
        Dotted key -> value (``worker.read_count``); text is read as YAML.

    Raises
    ------
    SettingError
        An unknown key or a wrong value, wherever it came from; the message names it.
    """
    values: dict[str, Any] = {}
    chosen = file or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
    if chosen is None and Path(FILE).is_file():
        chosen = Path(FILE)
    if chosen is not None:
        values = _read_file(chosen)
    for path, text in _from_environment(environ):
        _put(values, path, _scalar(text))
    known = {".".join(path): path for path in leaves()}
    for key, value in flags.items():
        if key not in known:
            raise SettingError(key, _shown(key, value), "is not a setting", _suggestion(key, known))
        _put(values, known[key], _scalar(value) if isinstance(value, str) else value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explained(error, known) from None


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Copy ``settings`` with other values of dotted keys; SettingError as ``load_settings`` raises it."""
    known = {".".join(path): path for path in leaves()}
    document = settings.model_dump()
    for key, value in values.items():
        if key not in known:
            raise SettingError(key, value, "is not a setting", _suggestion(key, known))
        _put(document, known[key], value)
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        raise _explained(error, known) from None


def _read_file(file: Path) -> dict[str, Any]:
    try:
        values = yaml.load(file.read_text(encoding="utf-8"), _Yaml)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingError("config", str(file), f"cannot be read: {error}", "name a YAML file") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingError("config", str(file), "must hold groups of keys", "see natron.yaml or run `natron settings`")
    return {group: dict(keys) if isinstance(keys, dict) else keys for group, keys in values.items()}


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    known = {variable(path): path for path in leaves()}
    for name, text in environ.items():
        if not name.startswith("NATRON_") or name == FILE_VARIABLE or name.startswith(TEST_PREFIX):
            continue
        single = re.sub("_+", "_", name)  # NATRON_WORKER__READ_COUNT is understood as well
        if single not in known:
            raise SettingError(name, _shown(name, text), "is not a setting", _suggestion(single, known))
        yield known[single], text


def _scalar(text: str) -> Any:
    """Read one value as YAML; text that is no YAML stays text."""
    try:
        value = yaml.load(text, _Yaml)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        return text
    return text if value is None or isinstance(value, dict) else value


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        inner = values.get(name)
        inner = dict(inner) if isinstance(inner, dict) else {}
        values[name] = inner
        values = inner
    values[path[-1]] = value


def _suggestion(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else "run `natron settings` for all of them"


def _explained(error: ValidationError, known: Mapping[str, Any]) -> SettingError:
    """First problem of a ValidationError as one that names the key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return SettingError(key, _shown(key, first["input"]), "is not a setting", _suggestion(key, known))
    rule = first["msg"][0].lower() + first["msg"][1:]
    return SettingError(key, _shown(key, first["input"]), rule, "run `natron settings` for its meaning and default")


def _shown(key: str, value: object) -> object:
    """A value as an error may show it: no password of a URL, and nothing of a key that sounds like a secret."""
    if re.search("pas|secret|token|key", key, re.IGNORECASE):
        return "***"
    return without_password(value) if isinstance(value, str) and "@" in value else value
