"""The mesh page: a stream of pictures, and buttons for faults. Runs as `kiali` in `istio-system`."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from localmesh.telemetry import faults
from localmesh.telemetry.expressions import WINDOWS_S
from localmesh.telemetry.eyes import Eyes
from localmesh.telemetry.host_guard import Tokens
from localmesh.telemetry.pages import healthy, page, static

logger = logging.getLogger(__name__)

EVERY_S = 2.0
MAX_STREAMS = 16
"""Open pages; each costs a look at everything every two seconds."""


class Links(Struct, frozen=True):
    """Where the other pages are, as the user's browser reaches them."""

    traces: str
    metrics: str
    gateway: str


def create_app(eyes: Eyes, links: Links, every_s: float = EVERY_S) -> Starlette:
    """Return the app."""
    tokens, open_streams = Tokens(), set[object]()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with eyes.open():
            yield

    words = {"LINK_TRACES": links.traces, "LINK_METRICS": links.metrics, "LINK_GATEWAY": links.gateway}
    home = page("mesh.html", TOKEN=tokens.token, **words)

    async def picture(request: Request) -> Response:
        return JSONResponse(await eyes.picture(_window(request)))

    async def events(request: Request) -> Response:
        if len(open_streams) >= MAX_STREAMS:
            text = f"{MAX_STREAMS} pages look already: close one\n"
            return Response(text, HTTPStatus.SERVICE_UNAVAILABLE, {"retry-after": "10"}, "text/plain")
        return StreamingResponse(
            _stream(eyes, _window(request), every_s, open_streams),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )

    async def order(request: Request) -> Response:
        if complaint := tokens.complaint(request):
            return JSONResponse({"error": complaint}, HTTPStatus.FORBIDDEN)
        try:
            fault_order = faults.Order.read(json.loads(await request.body()))
        except (ValueError, RecursionError, faults.BadOrderError) as error:
            return JSONResponse({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        complaints = await faults.place(fault_order, eyes.fault_pods())
        status = HTTPStatus.BAD_GATEWAY if complaints else HTTPStatus.OK
        return JSONResponse({"error": "; ".join(complaints)} if complaints else {}, status)

    return Starlette(
        routes=[
            Route("/", home),
            Route("/static/{name}", static),
            Route("/healthz", healthy),
            Route("/api/picture", picture),
            Route("/api/events", events),
            Route("/api/faults", order, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


async def _stream(eyes: Eyes, window_s: int, every_s: float, open_streams: set[object]) -> AsyncIterator[str]:
    """Yield server-sent events until the browser goes; a picture that fails is an event of its own."""
    mine = object()
    open_streams.add(mine)
    try:
        while True:
            try:
                yield f"data: {json.dumps(await eyes.picture(window_s))}\n\n"
            except Exception as error:
                logger.exception("a picture failed")
                yield f"event: trouble\ndata: {json.dumps(str(error) or repr(error))}\n\n"
            await asyncio.sleep(every_s)
    finally:
        open_streams.discard(mine)


def _window(request: Request) -> int:
    text = request.query_params.get("window", "")
    return next((window for window in WINDOWS_S if text == str(window)), WINDOWS_S[1])
