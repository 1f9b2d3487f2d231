"""The API's description: what every route takes and answers, errors included."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.documents import Problem
from gateway.shapes import BatchRequest, CandleShape, HaltRequest, PredictRequest

_WHY = {
    400: "No JSON.",
    401: "No API key, or a wrong one.",
    403: "From another site, or to an address that this gateway does not answer to.",
    404: "No such series.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    422: "Not what it must be: the field, the value and the rule.",
    429: "Too many requests; see Retry-After.",
    503: "Too busy, or no broker; see Retry-After.",
}
_ALWAYS = (401, 403, 429)
_ABOUT = """\
Natron: closed candles in, a transformer's predictions out.

`buy_prob` and `sell_prob` are probabilities that the next candle shows a bullish or bearish *setup*, a condition of the
market. They are **not** probabilities of profit; `outlook.long_win_prob` and `short_win_prob` are.
"""


def answers(model: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Answers of a route: its document, and which errors it can have besides those that all have."""
    found: dict[int | str, dict[str, Any]] = {200: {"model": model}}
    for status in sorted({*statuses, *_ALWAYS}):
        found[status] = {"model": Problem, "description": _WHY[status]}
        if status in {429, 503}:
            found[status]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return found


def describe(app: FastAPI) -> None:
    """Make ``app.openapi()`` complete: bodies that routes read themselves, and the key."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
            shapes = [(shape, "validation") for shape in (PredictRequest, BatchRequest, CandleShape, HaltRequest)]
            _, definitions = models_json_schema(shapes, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
            components = schema["components"]
            components["schemas"] |= definitions["$defs"]
            components["securitySchemes"] = {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            }
            schema["security"] = [{"key": []}, {"bearer": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
