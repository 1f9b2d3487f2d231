"""Errors as clients see them: one JSON shape, the field and the rule, never a stack trace."""

import math
import reprlib
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis.exceptions import ResponseError
from starlette.exceptions import HTTPException

from gateway.bodies import BodyError, shape_error
from shared.errors import BrokerError, BusyError, InputError

RETRY_AFTER_S = 1
_INTEGER_MAX = 2**53  # that every reader of JSON holds exactly
_SHOWN_MAX = 120  # characters of a refused value that are sent back


def error_body(rule: str, mend: str, *, field: str = "", value: object = None) -> dict[str, Any]:
    """``{"error": {field, value, rule, mend}}``, of a whole request or of one in a batch."""
    return {"error": {"field": field, "value": _shown(value), "rule": rule, "mend": mend}}


def problem(status: int, rule: str, mend: str, *, field: str = "", value: object = None) -> JSONResponse:
    """Answer with ``error_body``; 429 and 503 say when to come back."""
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in {429, 503} else None
    return JSONResponse(error_body(rule, mend, field=field, value=value), status, headers)


async def refuse_input(_: Request, error: Exception) -> JSONResponse:
    """422 of an InputError, 400 of what is no JSON."""
    assert isinstance(error, InputError)
    status = 400 if isinstance(error, BodyError) else 422
    return problem(status, error.rule, error.mend, field=error.field, value=error.value)


async def refuse_busy(_: Request, error: Exception) -> JSONResponse:
    """503 of a queue that is full."""
    assert isinstance(error, BusyError)
    return problem(503, str(error), "try again")


async def refuse_broker(_: Request, error: Exception) -> JSONResponse:
    """503 of a broker that is away, refuses what is asked of it, or was never there."""
    refused = isinstance(error, ResponseError)
    rule = (
        str(error) if isinstance(error, BrokerError) else "the broker refuses it" if refused else "the broker is away"
    )
    return problem(503, rule, "try again, or start `natron up` and a gateway beside it")


async def refuse_query(_: Request, error: Exception) -> JSONResponse:
    """422 of a path or query that is not what it must be."""
    assert isinstance(error, RequestValidationError)
    wrong = shape_error(error.errors()[0])
    return problem(422, wrong.rule, wrong.mend, field=wrong.field.partition(".")[2], value=wrong.value)


async def refuse_http(_: Request, error: Exception) -> JSONResponse:
    """What the framework refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    response = problem(error.status_code, str(error.detail).lower(), "see /openapi.json")
    response.headers.update(error.headers or {})
    return response


def _shown(value: object) -> object:
    """A value as JSON can hold it, and no longer than a person reads."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _INTEGER_MAX:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    text = value if isinstance(value, str) else reprlib.repr(value)
    text = text.encode(errors="replace").decode()
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "..."
