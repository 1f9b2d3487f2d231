"""natron.yaml, written from the settings themselves, so that the file and the code cannot disagree."""

from collections.abc import Iterator

import yaml
from pydantic import BaseModel

from shared.broker_url import without_password
from shared.settings.groups import Settings

_HEAD = """\
# Every setting of Natron: its default, what it is for and its unit. Written by `natron settings`.
# NATRON_<GROUP>_<KEY> (say NATRON_WORKER_READ_COUNT) overrides a key; `--set group.key=value` overrides both.
"""


def settings_document(settings: Settings | None = None) -> str:
    """YAML text of ``settings`` (the defaults, without any), a comment above each key."""
    return _HEAD + "\n".join(_lines(settings or Settings(), 0)) + "\n"


def _lines(group: BaseModel, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            if depth == 0:
                yield ""
            yield f"{indent}# {(type(value).__doc__ or '').splitlines()[0]}"
            yield f"{indent}{name}:"
            yield from _lines(value, depth + 1)
        else:
            yield f"{indent}# {field.description}"
            yield f"{indent}{name}: {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, str) and "@" in value:
        value = without_password(value)
    if isinstance(value, float):
        return repr(value)
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()
