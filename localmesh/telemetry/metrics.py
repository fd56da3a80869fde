"""The metrics of all proxies and services: one page to scrape, and answers to what the mesh page asks.

Runs as `prometheus` in `istio-system` unless a real one is there, for which it is the page to scrape then.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from localmesh.telemetry.exposition import CONTENT_TYPE, merged, samples
from localmesh.telemetry.expressions import BY_PROMQL, Expression
from localmesh.telemetry.history import History, Value
from localmesh.telemetry.kube import Watched
from localmesh.telemetry.scraping import ScrapeError, ScrapeTarget, Targets, everything

logger = logging.getLogger(__name__)

INTERVAL_S = 2.0
MAX_POINTS = 1000
"""Of one time series."""

REFUSAL = (
    "this stand-in for Prometheus answers the mesh page's own questions and no others; put `prometheus` or"
    " `victoria-metrics` on the PATH before `mesh up` for PromQL. Asked was: "
)


class BadQueryError(Exception):
    """A question that is not answered; the text says why."""


class Metrics:
    """Asks all targets again and again."""

    def __init__(self, targets: Targets, interval_s: float = INTERVAL_S) -> None:
        self._targets = targets
        self._interval_s = interval_s
        self._silent: set[str] = set()
        self.history = History()

    async def run(self) -> None:
        """Look at everybody, for ever."""
        while True:
            began = time.monotonic()
            try:
                await self.look(time.time())
            except Exception:
                logger.exception("one look at the metrics failed; the next comes in %s s", self._interval_s)
            await asyncio.sleep(max(0.1, self._interval_s - (time.monotonic() - began)))

    async def look(self, now: float) -> None:
        """Take what everybody counts as of now."""
        targets = self._targets.all()
        names = [str(target.labels) for target in targets]
        for name, text in zip(names, await asyncio.gather(*map(self._counted, targets)), strict=True):
            if text:
                self.history.take(name, samples(text))
        self.history.forget_all_but(names)
        self.history.tick(now)

    async def page(self) -> str:
        """Return everything that everybody counts."""
        return merged(await everything(self._targets.all()))

    async def _counted(self, target: ScrapeTarget) -> str:
        """Return what a target counts, "" when it does not say; that it does not is said once."""
        name = str(target.labels)
        try:
            text = await target.counted()
        except ScrapeError as error:
            if name not in self._silent:
                logger.info("%s says nothing: %s", name, error)
            self._silent.add(name)
            return ""
        self._silent.discard(name)
        return text


def create_app(metrics: Metrics, pods: Watched | None = None, *, looks: bool = True) -> Starlette:
    """Return the app: `/metrics` for whoever scrapes, and so much of Prometheus' API as the mesh page needs.

    Without `looks` it keeps no history: somebody else does.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        looking = [asyncio.create_task(metrics.run())] if looks else []
        async with pods.watching() if pods else contextlib.nullcontext():
            yield
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)

    async def page(_: Request) -> Response:
        return Response(await metrics.page(), media_type=CONTENT_TYPE)

    async def query(request: Request) -> Response:
        parameters = await _parameters(request)
        at = _number(parameters, "time", time.time())
        values = metrics.history.value(_expression(parameters), at)
        return _success("vector", [{"metric": value.labels, "value": [at, str(value.value)]} for value in values])

    async def query_range(request: Request) -> Response:
        parameters = await _parameters(request)
        start, end, step = (_number(parameters, name) for name in ("start", "end", "step"))
        return _success("matrix", _matrix(metrics.history, _expression(parameters), start, end, step))

    async def ready(_: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Ready.\n")

    return Starlette(
        routes=[
            Route("/", page),
            Route("/metrics", page),
            Route("/api/v1/query", query, methods=["GET", "POST"]),
            Route("/api/v1/query_range", query_range, methods=["GET", "POST"]),
            Route("/-/ready", ready),
            Route("/-/healthy", ready),
        ],
        lifespan=lifespan,
        exception_handlers={BadQueryError: _refuse},
    )


def _matrix(history: History, expression: Expression, start: float, end: float, step: float) -> list[object]:
    """Return each series with its values at start, start + step … end. Raises BadQueryError."""
    if step <= 0 or end < start or (end - start) / step > MAX_POINTS:
        raise BadQueryError(f"from {start} to {end} in steps of {step} s is no range of at most {MAX_POINTS} points")
    lines: dict[tuple[str, ...], tuple[Value, list[list[object]]]] = {}
    for index in range(int((end - start) / step) + 1):
        at = start + index * step
        for value in history.value(expression, at):
            line = lines.setdefault(tuple(value.labels.values()), (value, []))
            line[1].append([at, str(value.value)])
    return [{"metric": value.labels, "values": points} for value, points in lines.values()]


async def _parameters(request: Request) -> dict[str, str]:
    """Return the query's and, as Prometheus allows, a form's parameters."""
    body = (await request.body()).decode(errors="replace") if request.method == "POST" else ""
    return {**request.query_params, **dict(parse_qsl(body))}


def _number(parameters: dict[str, str], name: str, default: float | None = None) -> float:
    text = parameters.get(name, "").removesuffix("s")
    if not text and default is not None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadQueryError(f"{name} is {parameters.get(name)!r}: say it in seconds")
    return number


def _expression(parameters: dict[str, str]) -> Expression:
    asked = parameters.get("query", "")
    if asked not in BY_PROMQL:
        raise BadQueryError(REFUSAL + asked)
    return BY_PROMQL[asked]


def _success(kind: str, result: object) -> Response:
    return JSONResponse({"status": "success", "data": {"resultType": kind, "result": result}})


def _refuse(_: Request, error: Exception) -> Response:
    answer = {"status": "error", "errorType": "bad_data", "error": str(error)}
    return JSONResponse(answer, HTTPStatus.BAD_REQUEST)
