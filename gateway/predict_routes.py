"""Routes that predict from the candles of a request."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from gateway.batcher import Answer, Batcher
from gateway.bodies import body_schema, first_fault, read_body, shape_error
from gateway.documents import BatchDocument, PredictionDocument
from gateway.openapi import answers
from gateway.predictor import Question
from gateway.problems import error_body
from gateway.shapes import BatchRequest, PredictRequest
from shared.contracts import Prediction, Reason
from shared.delivery import DeliveryReasons
from shared.errors import InputError
from shared.metrics import GatewayMetrics
from shared.prediction_document import prediction_document

_ERRORS = (400, 408, 413, 422, 503)


class Answers:
    """Makes documents of answers, with the reasons that belong to their delivery.

    Parameters
    ----------
    reasons
        None without a broker: then only the bundle's own date is known.
    """

    def __init__(self, batcher: Batcher, metrics: GatewayMetrics, reasons: DeliveryReasons | None) -> None:
        self._batcher, self._metrics, self._reasons = batcher, metrics, reasons

    def document(self, prediction: Prediction) -> dict[str, Any]:
        """JSON form. Never STALE: who sends candles knows how old they are."""
        now_us = self._batcher.predictor.now_us()
        standing = self._standing(prediction, now_us // 1_000)
        self._metrics.predictions.inc()
        for word in (Reason(prediction.reasons) | standing).words:
            self._metrics.reasons.labels(word).inc()
        begun_us, row_us, inferred_us = prediction.admitted_us, prediction.row_us, prediction.inferred_us
        latency_us = {"row": row_us - begun_us, "inferred": inferred_us - row_us, "total": now_us - begun_us}
        return prediction_document(prediction, delivery=standing, latency_us=latency_us)

    def _standing(self, prediction: Prediction, now_ms: int) -> Reason:
        if self._reasons is not None:
            return self._reasons.standing(prediction, now_ms)
        expires_ms = self._batcher.predictor.manifest.expires_ms
        return Reason.EXPIRED if expires_ms is not None and now_ms >= expires_ms else Reason(0)


def add_prediction(app: FastAPI, batcher: Batcher, metrics: GatewayMetrics, reasons: DeliveryReasons | None) -> None:
    """Add /predict and /predict_batch."""
    made = Answers(batcher, metrics, reasons)

    @app.post("/predict", responses=answers(PredictionDocument, *_ERRORS), openapi_extra=body_schema(PredictRequest))
    async def predict(request: Request) -> Response:
        """Predict at the last of a series' closed candles. ``buy_prob`` is of a setup, not of profit."""
        question = batcher.predictor.check(await read_body(request, PredictRequest))
        answer = (await batcher.ask([question]))[0]
        if isinstance(answer, InputError):
            raise answer
        return JSONResponse(made.document(answer))

    @app.post("/predict_batch", responses=answers(BatchDocument, *_ERRORS), openapi_extra=body_schema(BatchRequest))
    async def predict_batch(request: Request) -> Response:
        """Answer each request in order; a wrong one is an error in its place and stops no other."""
        checked = [_checked(batcher, body) for body in (await read_body(request, BatchRequest)).batch]
        answered = iter(await batcher.ask([found for found in checked if isinstance(found, Question)]))
        results: list[Answer] = [next(answered) if isinstance(found, Question) else found for found in checked]
        return JSONResponse({
            "results": [
                error_body(found.rule, found.mend, field=found.field, value=found.value)
                if isinstance(found, InputError)
                else made.document(found)
                for found in results
            ]
        })  # fmt: skip


def _checked(batcher: Batcher, body: dict[str, Any]) -> Question | InputError:
    try:
        return batcher.predictor.check(PredictRequest.model_validate(body))
    except ValidationError as error:
        return _refusal(error)
    except InputError as error:
        return error


def _refusal(error: ValidationError) -> InputError:
    try:
        return shape_error(first_fault(error))
    except InputError as refusal:
        return refusal
