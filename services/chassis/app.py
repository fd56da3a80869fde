"""A FastAPI application on the chassis."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.context import attach, detach, get_current
from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from services.chassis import probes, problems
from services.chassis.access import Answer
from services.chassis.head import HeadAsGet
from services.chassis.identity import Identity
from services.chassis.limit import BodyLimit
from services.chassis.logs import TRACE_ID
from services.chassis.probes import Readiness, is_probe
from services.chassis.release import RELEASE
from services.chassis.telemetry import Telemetry, instrument, make_decodable
from services.chassis.trace import caller_of, new_trace_id, unsampled

MAX_BODY_BYTES = 64 * 1024
"""Largest request body; a larger one is refused with 413."""
# The instrumentation makes the server spans. FastAPI's own telemetry steps back where it recognises that; off is surer.
_NO_TELEMETRY_OF_ITS_OWN: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}

with suppress_http_instrumentation():
    _CALLS_UNRECORDED = get_current()
    """The context of a request that nobody records: a call that is made in it begins no trace of its own."""


class ServiceApp(FastAPI):
    """A FastAPI application with two ways in: through the instrumentation where a request is recorded, and past it."""

    def __init__(self, recorder: Telemetry, **settings: Any) -> None:
        super().__init__(**settings)
        self.identity = recorder.identity or Identity(self.title)
        self._recorder = recorder
        self._uninstrumented: ASGIApp | None = None
        if recorder.in_use:
            instrument(self, recorder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or runs the lifespan."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif is_probe(scope):
            await self._past_the_instrumentation(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A slash too much at the end is forgiven, as by the originals; a redirect would lead to http:// behind TLS.
        if scope["path"] != "/":
            scope["path"] = scope["path"].removesuffix("/")
        way_in = self._past_the_instrumentation
        if self._is_recorded(scope):
            make_decodable(scope["headers"])
            way_in = super().__call__
        answer = Answer(scope, send, self.identity)
        error: BaseException | None = None
        try:
            await way_in(scope, receive, answer.send)
        except BaseException as caught:
            error = caught
            raise
        finally:
            answer.log(error)

    def _is_recorded(self, scope: Scope) -> bool:
        """Finds out which trace the request belongs to, and whether the instrumentation is to see it."""
        caller = caller_of(scope["headers"])
        trace_id = caller.trace_id or new_trace_id()
        TRACE_ID.set(trace_id)
        recorded = self._recorder.records(caller, trace_id)
        if not recorded and caller.trace_id is None:
            scope["headers"].append(unsampled(trace_id))
        return recorded or self._recorder.counts

    async def _past_the_instrumentation(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._uninstrumented is None:
            # The class's own method: the instrumentation has put another one on the object.
            self._uninstrumented = FastAPI.build_middleware_stack(self)
        scope["app"] = self
        if not self._recorder.in_use:
            await self._uninstrumented(scope, receive, send)
            return
        token = attach(_CALLS_UNRECORDED)
        try:
            await self._uninstrumented(scope, receive, send)
        finally:
            detach(token)


def new_app(
    title: str,
    *,
    readiness: Readiness,
    telemetry: Telemetry,
    routes: Iterable[BaseRoute] = (),
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[Any]] | None = None,
) -> FastAPI:
    """An app with probes, access log, traces, HEAD for every GET, and one shape of errors; the routes are yours.

    Args:
        title: Name of the service.
        readiness: Turned off by whoever serves the app, when it is about to end.
        telemetry: Where its spans go, and whose they are.
        routes: Those of your routers. FastAPI's ``include_router`` does the same, but then matches each request twice,
            which is a fifth of what a short answer costs.
        lifespan: Owns what the routes need.
    """
    app = ServiceApp(
        telemetry,
        title=title,
        version=RELEASE,
        routes=list(routes),
        lifespan=lifespan,
        middleware=[Middleware(HeadAsGet), Middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)],
        telemetry=_NO_TELEMETRY_OF_ITS_OWN,
        redirect_slashes=False,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    probes.install(app, readiness, app.identity)
    return app
