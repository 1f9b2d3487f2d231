"""The HTTP application: its routes, and what answers them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from feature_service.reference import rows as feature_rows
from gateway.batcher import Batcher
from gateway.champion import ChampionFollower
from gateway.documents import FeaturesDocument, HealthDocument, ModelsDocument, ReadyDocument
from gateway.doorman import DoorLimits, Doorman
from gateway.live import Live, open_feed
from gateway.live_routes import add_live
from gateway.meter import Meter, exposition
from gateway.openapi import answers, describe
from gateway.page import Guarded, add_page
from gateway.predict_routes import add_prediction
from gateway.predictor import Predictor
from gateway.problems import refuse_broker, refuse_busy, refuse_http, refuse_input, refuse_query
from gateway.stream_routes import Streams, add_stream
from shared.clock import Clock
from shared.errors import BrokerError, BusyError, InputError
from shared.metrics import GatewayMetrics

WAITING_MAX = 512
_GPU = ("cuda", "tensorrt")


@dataclass
class Parts:
    """What an application is built of; ``live`` is None without a broker."""

    batcher: Batcher
    limits: DoorLimits
    clock: Clock
    metrics: GatewayMetrics
    broker_url: str = ""
    live: Live | None = None
    follower: ChampionFollower | None = None  # None: it serves a bundle of its own
    streams: Streams = field(init=False)

    def __post_init__(self) -> None:
        self.streams = Streams(self.live)

    @property
    def predictor(self) -> Predictor:
        """What predicts now."""
        return self.batcher.predictor


def create_application(parts: Parts) -> FastAPI:
    """Build the application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if parts.live is not None:
            looks = [parts.follower.look] if parts.follower else []
            parts.streams.feed = open_feed(parts.live, parts.broker_url, parts.clock, parts.metrics, looks)
            parts.streams.feed.start()
        yield
        if parts.streams.feed is not None:
            await run_in_threadpool(parts.streams.feed.close)
        parts.batcher.close()

    app = FastAPI(title="Natron", version=parts.predictor.manifest.id, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Doorman, limits=parts.limits, clock=parts.clock)
    app.add_middleware(Guarded)
    app.add_middleware(Meter, metrics=parts.metrics, clock=parts.clock)
    for kind, handler in (
        (InputError, refuse_input),
        (RequestValidationError, refuse_query),
        (BusyError, refuse_busy),
        (BrokerError, refuse_broker),
        (RedisError, refuse_broker),
        (HTTPException, refuse_http),
    ):
        app.add_exception_handler(kind, handler)
    add_prediction(app, parts.batcher, parts.metrics, parts.live.reasons if parts.live else None)
    _add_description(app, parts)
    add_live(app, parts.live)
    add_stream(app, parts.streams)
    add_page(app)
    describe(app)
    return app


def _add_description(app: FastAPI, parts: Parts) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        """As every process of Natron answers it: that it answers is the answer."""
        return JSONResponse({"healthy": True})

    @app.get("/health", responses=answers(HealthDocument))
    async def health() -> Response:
        """Whether it is alive, and what it predicts with."""
        manifest = parts.predictor.manifest
        return JSONResponse({
            "status": "ok",
            "model_loaded": True,
            "device": "cuda" if parts.predictor.runtime in _GPU else "cpu",
            "bundle": manifest.id,
            "feature_set": manifest.feature_set.hash,
        })  # fmt: skip

    @app.get("/readyz", responses=answers(ReadyDocument) | {503: {"model": ReadyDocument, "description": "Not yet."}})
    async def ready() -> Response:
        """Whether it can do all it is there for: predict, and where it has a broker, reach it."""
        reasons = parts.metrics.readiness.reasons
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    @app.get("/metrics", responses=answers(HealthDocument) | {200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """What it counts, for Prometheus."""
        parts.metrics.waiting.set(parts.batcher.waiting)
        return exposition(parts.metrics.registry)

    @app.get("/v1/models", responses=answers(ModelsDocument))
    async def models() -> Response:
        """Describe the bundle: its data, heads and figures beside their baselines."""
        shown = {"id", "preset", "parameters", "heads", "labels", "data", "splits", "metrics", "code_version", "seed"}
        return JSONResponse({"models": [parts.predictor.manifest.model_dump(include=shown, mode="json")]})

    @app.get("/v1/features", responses=answers(FeaturesDocument))
    async def features() -> Response:
        """List the features of a row, in model order."""
        return JSONResponse({"features": feature_rows()})
