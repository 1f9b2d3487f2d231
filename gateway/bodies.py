"""Request bodies: JSON whatever the client calls it, read once, refused with the field and the rule."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import ValidationError

from gateway.shapes import Shape
from shared.errors import InputError

S = TypeVar("S", bound=Shape)


FAULTS_MAX = 1_000
"""Faults of a body that are looked at: a body of nothing but unknown keys has as many as keys."""
_STAMP_KINDS = frozenset({"str", "int", "float"})


class BodyError(InputError):
    """A body that is no JSON at all."""


async def read_body(request: Request, shape: type[S]) -> S:
    """Parse a body.

    Raises
    ------
    BodyError
        It is no JSON.
    InputError
        It is JSON of another shape; the first wrong field is named.
    """
    try:
        return shape.model_validate_json(await request.body())
    except ValidationError as error:
        first = first_fault(error)
        if first["type"] == "json_invalid":
            raise BodyError("body", "", str(first["msg"]), "send one JSON object, in UTF-8") from None
        raise shape_error(first) from None


def first_fault(error: ValidationError) -> Any:
    """Pydantic's first complaint; InputError where there are more than anybody needs to be told."""
    count = error.error_count()
    if count > FAULTS_MAX:
        rule = f"has {count} faults, as bodies of unknown keys have"
        raise InputError("body", "", rule, "send the keys that /openapi.json names, and no others")
    return error.errors(include_url=False)[0]


def shape_error(first: Any) -> InputError:
    """Pydantic's first complaint in Natron's words."""
    place, rule = first["loc"], str(first["msg"])
    if len(place) > 1 and place[-2] == "time" and place[-1] in _STAMP_KINDS:  # it says so of each kind in turn
        place, rule = place[:-1], "must be a text or a number"
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    return InputError(field or "body", first.get("input"), rule[:1].lower() + rule[1:], "see /openapi.json")


def body_schema(shape: type[Shape]) -> dict[str, Any]:
    """OpenAPI's description of a body of this shape, which ``gateway.openapi`` defines."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}
    return {"requestBody": {"required": True, "content": content}}
