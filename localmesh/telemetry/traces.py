"""The receiver of spans, and the page of traces. Runs as `jaeger` in `istio-system`, behind the Service `tracing`."""

import zlib
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localmesh.telemetry.guard import MAX_BODY
from localmesh.telemetry.pages import healthy, page, static
from localmesh.telemetry.spans import BadSpansError, Span, from_otlp, from_zipkin
from localmesh.telemetry.trace_store import TraceStore, Wanted
from localmesh.telemetry.waterfall import document, summary

MAX_LISTED = 200


def create_app(store: TraceStore, mesh_url: str = "/") -> Starlette:
    """Return the app: receivers for Zipkin and OTLP, a page, and the JSON behind it."""

    async def zipkin(request: Request) -> Response:
        return _taken(store, list(from_zipkin(await _body(request))), HTTPStatus.ACCEPTED)

    async def otlp(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-protobuf":
            raise BadSpansError(
                "OTLP is taken as application/x-protobuf: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
            )
        _taken(store, list(from_otlp(await _body(request))), HTTPStatus.OK)
        return Response(b"", media_type="application/x-protobuf")

    async def listed(request: Request) -> Response:
        traces = store.search(_wanted(request))
        return JSONResponse(
            {
                "services": store.services,
                "kept": len(store),
                "dropped": store.dropped,
                "bytes": store.size,
                "traces": [summary(trace) for trace in traces],
            }
        )

    async def one(request: Request) -> Response:
        trace = store.find(request.path_params["id"])
        if trace is None:
            text = (
                f"no trace begins with {request.path_params['id']}: it is gone, was not sampled or has not come in yet"
            )
            return JSONResponse({"error": text}, HTTPStatus.NOT_FOUND)
        return JSONResponse(document(trace))

    return Starlette(
        routes=[
            Route("/", page("traces.html", LINK_MESH=mesh_url)),
            Route("/static/{name}", static),
            Route("/healthz", healthy),
            Route("/api/traces", listed),
            Route("/api/traces/{id}", one),
            Route("/api/v2/spans", zipkin, methods=["POST"]),
            Route("/v1/traces", otlp, methods=["POST"]),
        ],
        exception_handlers={BadSpansError: _refuse},
    )


async def _body(request: Request) -> bytes:
    """Return a request's body, unpacked within the same limit that holds for what is sent. Raises BadSpansError."""
    body = await request.body()
    if request.headers.get("content-encoding", "identity") != "gzip":
        return body
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        unpacked = unpacker.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise BadSpansError(f"no gzip: {error}") from error
    if unpacker.unconsumed_tail:
        raise BadSpansError(f"more than {MAX_BODY} bytes once unpacked")
    return unpacked


def _taken(store: TraceStore, spans: list[Span], status: HTTPStatus) -> Response:
    store.add(spans)
    return Response(b"", status)


def _wanted(request: Request) -> Wanted:
    asked = request.query_params

    def number(name: str, default: int) -> int:
        text = asked.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 10 else default  # noqa: PLR2004 -- digits of an int

    return Wanted(
        service=asked.get("service", ""),
        min_duration_us=number("min_ms", 0) * 1000,
        errors=asked.get("errors") == "true",
        retried=asked.get("retried") == "true",
        limit=min(MAX_LISTED, max(1, number("limit", 50))),
    )


def _refuse(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, HTTPStatus.BAD_REQUEST)
