"""The receiver of what proxies and services send, and the page of traces.

Runs as `jaeger` in `istio-system`, behind the Service `tracing`.
"""

import asyncio
import contextlib
import itertools
import zlib
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localmesh.telemetry.exposition import CONTENT_TYPE
from localmesh.telemetry.forwarding import Forwarder, to_otlp
from localmesh.telemetry.host_guard import MAX_BODY
from localmesh.telemetry.pages import healthy, page, static
from localmesh.telemetry.service_metrics import BadMetricsError, ServiceMetrics
from localmesh.telemetry.spans import BadSpansError, Span, from_otlp, from_zipkin, from_zipkin_protobuf
from localmesh.telemetry.trace_store import TraceQuery, TraceStore
from localmesh.telemetry.waterfall import document, summary

MAX_LISTED = 200
MAX_SPANS = 20_000
"""Of one body: the smallest spans take a hundred times the room once they are read."""

PROTOBUF = "application/x-protobuf"


class Receiver(Struct, frozen=True):
    """Takes spans, which go to a collector outside if there is one and are kept here if not, and services' metrics."""

    store: TraceStore
    forwarder: Forwarder | None
    metrics: ServiceMetrics

    async def zipkin(self, request: Request) -> Response:
        """Take a list of Zipkin's: in protobuf, as Envoys send it, or JSON."""
        read = from_zipkin_protobuf if _media_type(request) == PROTOBUF else from_zipkin
        spans = _all(read(await _body(request)))
        if self.forwarder:
            self.forwarder.take(to_otlp(spans))
        else:
            self.store.add(spans)
        return Response(b"", HTTPStatus.ACCEPTED)

    async def otlp(self, request: Request) -> Response:
        """Take a body of OTLP's, as services send it."""
        body = await _otlp_body(request)
        spans = _all(from_otlp(body))
        if self.forwarder:
            self.forwarder.take(body)
        else:
            self.store.add(spans)
        return Response(b"", media_type=PROTOBUF)

    async def otlp_metrics(self, request: Request) -> Response:
        """Take what a service counts."""
        self.metrics.take(await _otlp_body(request))
        return Response(b"", media_type=PROTOBUF)

    async def page(self, _: Request) -> Response:
        """Show what services count, for the page of all metrics."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Pass spans on as long as the app is served."""
        forwarding = [asyncio.create_task(self.forwarder.run())] if self.forwarder else []
        yield
        for task in forwarding:
            task.cancel()
        await asyncio.gather(*forwarding, return_exceptions=True)


def create_app(store: TraceStore, mesh_url: str = "/", forwarder: Forwarder | None = None) -> Starlette:
    """Return the app: receivers for Zipkin and OTLP, a page, and the JSON behind it."""
    receiver = Receiver(store, forwarder, ServiceMetrics())

    async def listed(request: Request) -> Response:
        traces = store.search(_query(request))
        return JSONResponse(
            {
                "services": store.services,
                "kept": len(store),
                "dropped": store.dropped,
                "bytes": store.size,
                "outside": forwarder.document() if forwarder else None,
                "traces": [summary(trace) for trace in traces],
            }
        )

    async def one(request: Request) -> Response:
        trace = store.find(request.path_params["id"])
        if trace is None:
            why = f"spans go to {forwarder.url}" if forwarder else "it is gone, was not sampled or has not come in yet"
            text = f"no trace begins with {request.path_params['id']}: {why}"
            return JSONResponse({"error": text}, HTTPStatus.NOT_FOUND)
        return JSONResponse(document(trace))

    return Starlette(
        routes=[
            Route("/", page("traces.html", LINK_MESH=mesh_url)),
            Route("/static/{name}", static),
            Route("/healthz", healthy),
            Route("/api/traces", listed),
            Route("/api/traces/{id}", one),
            Route("/api/v2/spans", receiver.zipkin, methods=["POST"]),
            Route("/v1/traces", receiver.otlp, methods=["POST"]),
            Route("/v1/metrics", receiver.otlp_metrics, methods=["POST"]),
            Route("/metrics", receiver.page),
        ],
        lifespan=receiver.lifespan,
        exception_handlers={BadSpansError: _refuse, BadMetricsError: _refuse},
    )


def _all(spans: Iterator[Span]) -> list[Span]:
    """Return the spans of one body. Raises BadSpansError, so that nothing of it is kept."""
    taken = list(itertools.islice(spans, MAX_SPANS + 1))
    if len(taken) > MAX_SPANS:
        raise BadSpansError(f"more than the {MAX_SPANS} spans that are taken at once")
    return taken


async def _otlp_body(request: Request) -> bytes:
    """Return a body of OTLP over HTTP. Raises BadSpansError."""
    if _media_type(request) != PROTOBUF:
        raise BadSpansError(f"OTLP is taken as {PROTOBUF}: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    return await _body(request)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request) -> bytes:
    """Return a request's body, unpacked within the same limit that holds for what is sent. Raises BadSpansError."""
    body = await request.body()
    if request.headers.get("content-encoding", "identity").lower() != "gzip":
        return body
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        unpacked = unpacker.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise BadSpansError(f"no gzip: {error}") from error
    if unpacker.unconsumed_tail:
        raise BadSpansError(f"more than {MAX_BODY} bytes once unpacked")
    if not unpacker.eof:
        raise BadSpansError("no gzip: it ends too early")
    return unpacked


def _query(request: Request) -> TraceQuery:
    asked = request.query_params

    def number(name: str, default: int) -> int:
        text = asked.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 10 else default  # noqa: PLR2004 -- digits of an int

    return TraceQuery(
        service=asked.get("service", ""),
        min_duration_us=number("min_ms", 0) * 1000,
        errors=asked.get("errors") == "true",
        retried=asked.get("retried") == "true",
        limit=min(MAX_LISTED, max(1, number("limit", 50))),
    )


def _refuse(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, HTTPStatus.BAD_REQUEST)
