"""Traces and metrics: what an app needs to record them; `exporting` has what sends them."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider, Span, TracerProvider, format_trace_id

from services.chassis.identity import Identity
from services.chassis.logs import TRACE_ID
from services.chassis.settings import ServiceSettings
from services.chassis.trace import Caller

FLUSH_SECONDS = 5.0
"""Most that the end of the process waits for the last spans to be delivered."""

_NO_SPANS = NoOpTracerProvider()
_NO_METERS = NoOpMeterProvider()


def _none(_caller: Caller, _trace_id: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What an app tells of itself; made without arguments, it records nothing."""

    identity: Identity | None = None
    """Whose spans and answers these are; None leaves it to the app's title."""
    tracer_provider: TracerProvider = _NO_SPANS
    """Makes the spans."""
    meter_provider: MeterProvider = _NO_METERS
    """Counts the requests."""
    records: Callable[[Caller, str], bool] = _none
    """Whether a request with this caller, in the trace with this id, is recorded."""
    counts: bool = False
    """Whether the instrumentation is to see every request, because it counts them."""
    flush: Callable[[], object] = lambda: None
    """Delivers what was recorded and ends the exporters; may block for long."""

    @property
    def in_use(self) -> bool:
        """Whether a request may ever be recorded or counted."""
        return self.counts or self.records is not _none

    def close(self, seconds: float) -> None:
        """Delivers the last spans, for `seconds` and `FLUSH_SECONDS` at most: a dead collector holds up no exit."""
        # A daemon thread, because the exporter's own retries can't be cancelled.
        worker = threading.Thread(target=self.flush, daemon=True)
        worker.start()
        worker.join(min(seconds, FLUSH_SECONDS))


def from_settings(settings: ServiceSettings, service: str) -> Telemetry:
    """Telemetry as the standard OTEL_* variables say; without an endpoint there is no exporter and no thread."""
    identity = Identity.of(service, settings)
    if not (settings.exports_traces or settings.exports_metrics):
        return Telemetry(identity)
    from services.chassis.exporting import exporting  # noqa: PLC0415 - only who exports pays for the SDK

    return exporting(settings, identity)


def instrument(app: FastAPI, telemetry: Telemetry) -> None:
    """Has `app` make one server span of each request that reaches its middleware, and count it."""
    # What records nothing need not import it.
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415

    # The attributes' names are the stable ones, which the instrumentations still have to be asked for.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
        server_request_hook=_note_trace_id,
        exclude_spans=["receive", "send"],
    )


def make_decodable(headers: list[tuple[bytes, bytes]]) -> None:
    """Takes out the headers that the instrumentation can't decode, on which it would fail.

    It reads UTF-8 or else Python's escape sequences. Of the bytes that HTTP allows in a header (RFC 9110, 5.5), it
    fails on some and takes others for code points that can't be encoded again.
    """
    headers[:] = [(name, value) for name, value in headers if b"\\" not in value or _is_utf8(value)]


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _note_trace_id(span: Span, _scope: dict[str, Any]) -> None:
    if (context := span.get_span_context()).is_valid:
        TRACE_ID.set(format_trace_id(context.trace_id))
