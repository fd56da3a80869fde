"""Traces: what records them, where they go, and which headers carry them."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI
from opentelemetry import propagate
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import TracerProvider

from services.chassis.probes import PATHS
from services.chassis.propagators import OwnSpansOnly, default_propagator
from services.chassis.relay import RelayTracerProvider
from services.chassis.settings import ServiceSettings

FLUSH_SECONDS = 0.5
"""How long the end of the process waits for the last spans to be delivered."""
_PROBE_URLS = rf"^https?://[^/]*({'|'.join(sorted(PATHS))})$"


def _nothing() -> None:
    """There is nothing to flush."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What an app needs to take part in traces."""

    tracer_provider: TracerProvider
    """Makes the spans."""
    flush: Callable[[], None] = _nothing
    """Delivers what was recorded and ends the exporter; may block for long."""

    def close(self) -> None:
        """Delivers the last spans, for `FLUSH_SECONDS` at most: a dead collector must not hold up the exit."""
        # A daemon thread, because the exporter's own retries can't be cancelled.
        worker = threading.Thread(target=self.flush, daemon=True)
        worker.start()
        worker.join(FLUSH_SECONDS)


def instrument(app: FastAPI, telemetry: Telemetry) -> None:
    """Has `app` make one server span of each request but the probes'; no metrics, for which there is no exporter."""
    # The attributes' names are the stable ones, which the instrumentations still have to be asked for.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=telemetry.tracer_provider,
        meter_provider=NoOpMeterProvider(),
        excluded_urls=_PROBE_URLS,
        exclude_spans=["receive", "send"],
    )


def relaying() -> Telemetry:
    """Telemetry that records nothing and passes the caller's trace on."""
    return Telemetry(RelayTracerProvider())


def from_settings(settings: ServiceSettings, service: str) -> Telemetry:
    """Telemetry as the standard OTEL_* variables say; without an endpoint there is no exporter and no thread."""
    install_propagator(settings)
    return _exporting(settings.otel_service_name or service) if settings.exports_traces else relaying()


def install_propagator(settings: ServiceSettings) -> None:
    """Sets the process's propagator: the instrumentations take theirs from there and from nowhere else."""
    # The API has read OTEL_PROPAGATORS when it was imported.
    chosen = propagate.get_global_textmap() if settings.otel_propagators else default_propagator()
    propagate.set_global_textmap(OwnSpansOnly(chosen))


def _exporting(service: str) -> Telemetry:
    # The exporter and what it drags in (requests, protobuf) cost 0.2 s to import: only who exports pays.
    import requests  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    session = requests.Session()
    # HTTP_PROXY may name the pod's sidecar, which is for the service's own calls. The exporter sets the
    # session's TLS verification from OTEL_EXPORTER_OTLP_CERTIFICATE by itself.
    session.trust_env = False
    name = OTELResourceDetector().detect().attributes.get(SERVICE_NAME, service)
    provider = SdkTracerProvider(resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(session=session)))
    return Telemetry(provider, flush=provider.shutdown)
