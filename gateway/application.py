"""The HTTP application: its routes, and what answers them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from feature_service.reference import rows as feature_rows
from gateway.batcher import Batcher
from gateway.bodies import body_schema, read_body, shape_error
from gateway.doorman import DoorLimits, Doorman
from gateway.predictor import Predictor, Question
from gateway.problems import error_body, refuse_busy, refuse_http, refuse_input
from gateway.shapes import BatchRequest, PredictRequest
from shared.clock import Clock
from shared.errors import BusyError, InputError
from shared.prediction_document import prediction_document

WAITING_MAX = 512


def create_application(predictor: Predictor, limits: DoorLimits, clock: Clock) -> FastAPI:
    """Build the application around a predictor."""
    batcher = Batcher(predictor, WAITING_MAX)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        batcher.close()

    app = FastAPI(title="Natron", version=predictor.manifest.id, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Doorman, limits=limits, clock=clock)
    for kind, handler in ((InputError, refuse_input), (BusyError, refuse_busy), (HTTPException, refuse_http)):
        app.add_exception_handler(kind, handler)
    _add_prediction(app, predictor, batcher)
    _add_description(app, predictor)
    return app


def _add_prediction(app: FastAPI, predictor: Predictor, batcher: Batcher) -> None:
    @app.post("/predict", openapi_extra=body_schema(PredictRequest))
    async def predict(request: Request) -> dict[str, Any]:
        """Predict at the last of a series' closed candles. ``buy_prob`` is of a setup, not of profit."""
        question = predictor.check(await read_body(request, PredictRequest))
        return prediction_document((await batcher.ask([question]))[0])

    @app.post("/predict_batch", openapi_extra=body_schema(BatchRequest))
    async def predict_batch(request: Request) -> dict[str, Any]:
        """Answer each request in order; a wrong one is an error in its place and stops no other."""
        checked = [_checked(predictor, body) for body in (await read_body(request, BatchRequest)).batch]
        answers = iter(await batcher.ask([found for found in checked if isinstance(found, Question)]))
        return {
            "results": [
                prediction_document(next(answers))
                if isinstance(found, Question)
                else error_body(found.rule, found.mend, field=found.field, value=found.value)
                for found in checked
            ]
        }


def _checked(predictor: Predictor, body: dict[str, Any]) -> Question | InputError:
    try:
        return predictor.check(PredictRequest.model_validate(body))
    except ValidationError as error:
        return shape_error(error.errors(include_url=False)[0])
    except InputError as error:
        return error


def _add_description(app: FastAPI, predictor: Predictor) -> None:
    manifest = predictor.manifest

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether it is alive, and what it predicts with."""
        return {
            "status": "ok",
            "model_loaded": True,
            "device": "cpu",
            "bundle": manifest.id,
            "feature_set": manifest.feature_set.hash,
        }

    @app.get("/readyz")
    async def ready() -> JSONResponse:
        """Whether it can predict."""
        return JSONResponse({"ready": True, "bundle": manifest.id})

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """Describe the bundle: its data, heads and figures beside their baselines."""
        shown = {"id", "preset", "parameters", "heads", "labels", "data", "splits", "metrics", "code_version", "seed"}
        return {"models": [manifest.model_dump(include=shown, mode="json")]}

    @app.get("/v1/features")
    async def features() -> dict[str, Any]:
        """List the features of a row, in model order."""
        return {"features": feature_rows()}
