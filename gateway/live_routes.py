"""Routes that show a running system: series, candles, predictions, the whole, and its halts."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from gateway.bodies import body_schema, read_body
from gateway.documents import (
    CandlesDocument,
    HaltsDocument,
    PredictionsDocument,
    ScoresDocument,
    SeriesListDocument,
    SystemDocument,
    TradesDocument,
)
from gateway.live import Live
from gateway.live_feed import candle_document
from gateway.openapi import answers
from gateway.problems import problem
from gateway.shapes import HaltRequest
from gateway.spans import parse_series, parse_span
from shared.broker import broker_ms
from shared.contracts import encode_symbol
from shared.delivery import halt, resume
from shared.errors import BrokerError

CANDLES_SHOWN_MAX = 1_000
PREDICTIONS_SHOWN_MAX = 500
_TIME = "Epoch seconds or milliseconds, or ISO 8601 (UTC where it names no zone)."
From = Annotated[str | None, Query(alias="from", max_length=40, description=f"First open time. {_TIME}")]
To = Annotated[str | None, Query(max_length=40, description=f"Last open time. {_TIME}")]


def add_live(app: FastAPI, live: Live | None) -> None:
    """Add the routes; without a broker each answers 503."""

    def need() -> Live:
        if live is None:
            raise BrokerError("this gateway has no broker")
        return live

    _add_series(app, need)
    _add_system(app, need)


def _add_series(app: FastAPI, need: Callable[[], Live]) -> None:
    @app.get("/v1/series", responses=answers(SeriesListDocument, 503))
    def series(found: Annotated[Live, Depends(need)]) -> Response:
        """Every series: the state of its feed, its last candle and its newest prediction."""
        return JSONResponse({"series": found.series.summary()})

    @app.get("/v1/predictions/{symbol:path}/{timeframe}", responses=answers(PredictionsDocument, 404, 422, 503))
    def predictions(
        found: Annotated[Live, Depends(need)],
        symbol: str,
        timeframe: str,
        begin: From = None,
        to: To = None,
        limit: Annotated[int | None, Query(ge=1, le=PREDICTIONS_SHOWN_MAX)] = None,
    ) -> Response:
        """The newest predictions of a series: the last one, or a range of the 500 that are kept."""
        asked = parse_series(symbol, timeframe)
        ranged = begin is not None or to is not None
        span = parse_span(begin, to, limit or (PREDICTIONS_SHOWN_MAX if ranged else 1))
        kept = found.series.predictions(asked, span)
        if not kept and not ranged:
            return _unknown(asked.key, "prediction")
        documents = [found.series.document(one) for one in kept]
        return JSONResponse({"symbol": asked.symbol, "timeframe": asked.timeframe, "predictions": documents})

    @app.get("/v1/candles/{symbol:path}/{timeframe}", responses=answers(CandlesDocument, 404, 422, 503))
    def candles(
        found: Annotated[Live, Depends(need)],
        symbol: str,
        timeframe: str,
        begin: From = None,
        to: To = None,
        limit: Annotated[int, Query(ge=1, le=CANDLES_SHOWN_MAX)] = 500,
    ) -> Response:
        """The newest closed candles of a series, as /predict takes them."""
        asked = parse_series(symbol, timeframe)
        kept = found.series.candles(asked, parse_span(begin, to, limit))
        if not kept and begin is None and to is None:
            return _unknown(asked.key, "candle")
        document = {"symbol": asked.symbol, "timeframe": asked.timeframe, "n": kept[-1].n if kept else 0}
        return JSONResponse(document | {"candles": [candle_document(one) for one in kept]})


def _add_system(app: FastAPI, need: Callable[[], Live]) -> None:
    @app.get("/v1/system", responses=answers(SystemDocument, 503))
    def system(found: Annotated[Live, Depends(need)]) -> Response:
        """Lag and latency of the stages, who works, dead letters, bundles, halts."""
        return JSONResponse(found.system.document())

    @app.get("/v1/scores", responses=answers(ScoresDocument, 503))
    def scores(found: Annotated[Live, Depends(need)]) -> Response:
        """How right the predictions were whose outcome is known, and which series drift, as the scorer says."""
        scores, drift = found.scores.newest()
        return JSONResponse({"scores": scores, "drift": drift})

    @app.get("/v1/trades", responses=answers(TradesDocument, 503))
    def trades(found: Annotated[Live, Depends(need)]) -> Response:
        """Fills that terminals reported, beside the predictions that they followed."""
        return JSONResponse({"trades": found.trades.trades()})

    @app.post(
        "/v1/halt",
        responses=answers(HaltsDocument, 400, 403, 408, 413, 422, 503),
        openapi_extra=body_schema(HaltRequest),
    )
    async def halt_(found: Annotated[Live, Depends(need)], request: Request) -> Response:
        """Say HALTED with every prediction of a symbol, or of all, until it is resumed. Survives restarts."""
        symbol = (await read_body(request, HaltRequest)).symbol
        return await run_in_threadpool(_halt, found, symbol)

    @app.post(
        "/v1/resume",
        responses=answers(HaltsDocument, 400, 403, 408, 413, 422, 503),
        openapi_extra=body_schema(HaltRequest),
    )
    async def resume_(found: Annotated[Live, Depends(need)], request: Request) -> Response:
        """Lift the halt of a symbol, or every halt."""
        symbol = (await read_body(request, HaltRequest)).symbol
        return await run_in_threadpool(_resume, found, symbol)


def _halt(live: Live, symbol: str | None) -> Response:
    halt(live.client, live.names, symbol, broker_ms(live.client))
    return JSONResponse({"halted": live.system.halted()})


def _resume(live: Live, symbol: str | None) -> Response:
    if symbol is not None:
        encode_symbol(symbol)
    resume(live.client, live.names, symbol)
    return JSONResponse({"halted": live.system.halted()})


def _unknown(key: str, what: str) -> Response:
    return problem(404, f"{key} has no {what} here", "see /v1/series", field="symbol", value=key)
