"""The dashboard's files, served from the package: no build step, and nothing from another host."""

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = Path(str(files("gateway"))) / "site"
_POLICY = "; ".join((
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",  # the chart library writes its own style element
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",  # a HALT button must not be clicked through somebody else's page
))  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guarded:
    """ASGI middleware: every answer says what a browser may do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers."""

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-cache")  # the page asks again; unchanged files are a 304
            await send(message)

        await self._app(scope, receive, headed if scope["type"] == "http" else send)


def add_page(app: FastAPI) -> None:
    """Serve the page at ``/`` and its files under ``/assets``."""

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(FOLDER / "index.html")

    app.mount("/assets", StaticFiles(directory=FOLDER), name="assets")
