"""Calls to other services, as traces and metrics show them."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import httpx
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE
from opentelemetry.semconv.attributes.network_attributes import NETWORK_PROTOCOL_VERSION
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_FULL
from opentelemetry.semconv.metrics.http_metrics import HTTP_CLIENT_REQUEST_DURATION
from opentelemetry.trace import SpanKind, StatusCode

from services.chassis.telemetry import Telemetry

Send: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]
"""Makes a call."""
_Attributes: TypeAlias = dict[str, str | int]

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds in seconds, as the semantic conventions have them."""


def recorded(send: Send, telemetry: Telemetry) -> Send:
    """`send`, with one client span of each call that belongs to a recorded request, and every call counted if asked.

    Names are those of the semantic conventions for HTTP. OpenTelemetry's instrumentation of httpx has the same, and
    made webapp's recorded requests dearer: docs/performance.md has the figures.
    """
    if not telemetry.in_use:
        return send
    tracer = telemetry.tracer_provider.get_tracer(__name__)
    duration = telemetry.meter_provider.get_meter(__name__).create_histogram(
        HTTP_CLIENT_REQUEST_DURATION,
        unit="s",
        description="Duration of HTTP client requests.",
        explicit_bucket_boundaries_advisory=_BUCKETS,
    )

    async def send_recorded(request: httpx.Request) -> httpx.Response:
        if not (telemetry.counts or trace.get_current_span().is_recording()):
            return await send(request)
        url, started, came = request.url, time.perf_counter(), _Attributes()
        asked: _Attributes = {
            HTTP_REQUEST_METHOD: request.method,
            SERVER_ADDRESS: url.host,
            SERVER_PORT: url.port or 80,
        }
        span = tracer.start_span(request.method, kind=SpanKind.CLIENT, attributes={**asked, URL_FULL: str(url)})
        if span.is_recording():
            # Otherwise the caller's headers go on as they came: not all that they may say could be written again.
            inject(request.headers, trace.set_span_in_context(span))
        try:
            response = await send(request)
            came = _described(response)
        except Exception as error:
            came = {ERROR_TYPE: type(error).__qualname__}
            span.record_exception(error)
            raise
        finally:
            duration.record(time.perf_counter() - started, asked | came)
            span.set_attributes(came)
            if ERROR_TYPE in came:
                span.set_status(StatusCode.ERROR)
            span.end()
        return response

    return send_recorded


def _described(response: httpx.Response) -> _Attributes:
    status, version = response.status_code, response.http_version.removeprefix("HTTP/")
    described: _Attributes = {HTTP_RESPONSE_STATUS_CODE: status, NETWORK_PROTOCOL_VERSION: version}
    return described | {ERROR_TYPE: str(status)} if response.is_error else described
