"""A FastAPI application on the chassis."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from services.chassis import probes, problems
from services.chassis.access import Answer
from services.chassis.identity import RELEASE, Identity
from services.chassis.logs import TRACE_ID
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry, instrumented, make_decodable
from services.chassis.trace import caller_of, new_trace_id, unsampled

# The instrumentation makes the server spans, and FastAPI's own telemetry does not know of it.
_NO_TELEMETRY_OF_ITS_OWN: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


class ServiceApp(FastAPI):
    """A FastAPI application with two ways in: through the instrumentation where a request is recorded, and past it."""

    def __init__(self, recorder: Telemetry, **settings: Any) -> None:
        super().__init__(**settings)
        self.identity = recorder.identity or Identity(service=self.title)
        self._recorder = recorder
        self._recorded = instrumented(self._past, self.routes, recorder) if recorder.in_use else self._past

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or runs the lifespan."""
        if scope["type"] != "http" or scope["path"] in probes.PATHS:
            await self._past(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A slash too much at the end is forgiven, as by the originals; a redirect would lead to http:// behind TLS.
        if scope["path"] != "/":
            scope["path"] = scope["path"].removesuffix("/")
        way_in: ASGIApp = self._past
        if self._is_recorded(scope):
            make_decodable(scope["headers"])
            way_in = self._recorded
        answer = Answer(scope, send, self.identity)
        error: BaseException | None = None
        try:
            await way_in(scope, receive, answer.send)
        except BaseException as caught:
            error = caught
            raise
        finally:
            answer.log(error)

    async def _past(self, scope: Scope, receive: Receive, send: Send) -> None:
        """FastAPI's own way, on which GET's route answers HEAD; the server sends the headers only.

        Its routes, unlike Starlette's, would answer 405 unless each one lists it.
        """
        if scope.get("method") != "HEAD":
            await super().__call__(scope, receive, send)
            return
        inner = {**scope, "method": "GET"}
        try:
            await super().__call__(inner, receive, send)
        finally:
            scope["route"] = inner.get("route")  # whoever looks for it has handed in the scope without it

    def _is_recorded(self, scope: Scope) -> bool:
        """Finds out which trace the request belongs to, and whether the instrumentation is to see it."""
        caller = caller_of(scope["headers"])
        trace_id = caller.trace_id or new_trace_id()
        TRACE_ID.set(trace_id)
        recorded = self._recorder.records(caller, trace_id)
        if not recorded and caller.trace_id is None:
            scope["headers"].append(unsampled(trace_id))
        return recorded or self._recorder.counts


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
        telemetry=_NO_TELEMETRY_OF_ITS_OWN,
        redirect_slashes=False,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    probes.install(app, readiness, app.identity)
    return app
