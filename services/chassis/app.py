"""A FastAPI application on the chassis."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from services.chassis import probes, problems
from services.chassis.access import Answer
from services.chassis.identity import RELEASE, Identity
from services.chassis.logs import TRACE_ID
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry, instrument, make_decodable
from services.chassis.trace import caller_of, new_trace_id, unsampled


class ServiceApp(FastAPI):
    """A FastAPI application with probes, access log, traces, HEAD for every GET, and one shape of errors.

    It has two ways in: through the instrumentation where a request is recorded, and past it.

    Args:
        title: Name of the service.
        readiness: Turned off by whoever serves the app, when it is about to end.
        telemetry: Where its spans go, and whose they are.
        routes: Those of your routers. FastAPI's ``include_router`` does the same, but then matches each request twice,
            which is a fifth of what a short answer costs.
        lifespan: Owns what the routes need.
    """

    def __init__(
        self,
        title: str,
        *,
        readiness: Readiness,
        telemetry: Telemetry,
        routes: Iterable[BaseRoute] = (),
        lifespan: Callable[[FastAPI], AbstractAsyncContextManager[Any]] | None = None,
    ) -> None:
        super().__init__(
            title=title,
            version=RELEASE,
            routes=list(routes),
            lifespan=lifespan,
            middleware=[Middleware(HeadAsGet)],
            # The instrumentation makes the server spans. FastAPI's own telemetry steps back where it recognises that;
            # off is surer.
            telemetry={"tracing": False, "metrics": False, "logs": False},
            redirect_slashes=False,
            # Their pages load scripts from elsewhere.
            docs_url=None,
            redoc_url=None,
        )
        self.identity = telemetry.identity or Identity(service=title)
        self._recorder = telemetry
        problems.install(self)
        probes.install(self, readiness, self.identity)
        if telemetry.in_use:
            instrument(self, telemetry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or runs the lifespan."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif scope["path"] in probes.PATHS:
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

    @cached_property
    def _uninstrumented(self) -> ASGIApp:
        # The class's own method: the instrumentation has put another one on the object.
        return FastAPI.build_middleware_stack(self)

    async def _past_the_instrumentation(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self._uninstrumented(scope, receive, send)


class HeadAsGet:
    """Has GET's route answer HEAD; the server sends the headers only.

    FastAPI's routes, unlike Starlette's, answer HEAD with 405 unless each one lists it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has the app answer."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        inner = {**scope, "method": "GET"}
        try:
            await self._app(inner, receive, send)
        finally:
            scope["route"] = inner.get("route")  # the access log looks for it where it handed in its own scope
