"""Request bodies: JSON whatever the client calls it, read once, refused with the field and the rule."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import ValidationError

from gateway.shapes import Shape
from shared.errors import InputError

S = TypeVar("S", bound=Shape)


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
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise BodyError("body", "", str(first["msg"]), "send one JSON object, in UTF-8") from None
        raise shape_error(first) from None


def shape_error(first: Any) -> InputError:
    """Pydantic's first complaint in Natron's words."""
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    rule = str(first["msg"])
    return InputError(field or "body", first.get("input"), rule[:1].lower() + rule[1:], "see /openapi.json")


def body_schema(shape: type[Shape]) -> dict[str, Any]:
    """OpenAPI's description of a body of this shape, which ``gateway.openapi`` defines."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}
    return {"requestBody": {"required": True, "content": content}}
