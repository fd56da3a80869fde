"""OpenTelemetry's SDK, sending to a collector by OTLP over HTTP."""

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from services.chassis.gate import Gate, GatesIds
from services.chassis.identity import Identity
from services.chassis.settings import ServiceSettings
from services.chassis.telemetry import Telemetry
from services.chassis.trace import Caller


def exporting(settings: ServiceSettings, identity: Identity) -> Telemetry:
    """Telemetry that sends what `settings` ask for, under the name that they or else `identity` give it."""
    resource = _resource(settings, identity)
    spans = Telemetry()
    if settings.exports_traces:
        spans = recording(BatchSpanProcessor(OTLPSpanExporter(session=_session())), resource)
    meters = _meters(resource) if settings.exports_metrics else NoOpMeterProvider()

    def flush() -> None:
        spans.flush()
        if isinstance(meters, SdkMeterProvider):
            meters.shutdown()

    # Of a caller that speaks another format, only that format's propagator knows whether it records.
    records = _all if settings.otel_propagators else spans.records
    return Telemetry(identity, spans.tracer_provider, meters, records, settings.exports_metrics, flush)


def recording(processor: SpanProcessor, resource: Resource | None = None) -> Telemetry:
    """Telemetry that gives `processor` the spans of the requests that OTEL_TRACES_SAMPLER chooses."""
    provider = TracerProvider(resource=resource, id_generator=GatesIds(), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return Telemetry(tracer_provider=provider, records=Gate(provider.sampler).opens, flush=provider.shutdown)


def _meters(resource: Resource) -> MeterProvider:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(session=_session()))
    return SdkMeterProvider([reader], resource, shutdown_on_exit=False)


def _resource(settings: ServiceSettings, identity: Identity) -> Resource:
    own = {
        "service.name": settings.otel_service_name or identity.service,
        "service.version": identity.version,
        "service.namespace": identity.namespace,
        "k8s.namespace.name": identity.namespace,
        "k8s.pod.name": identity.pod,
        "service.instance.id": identity.pod,
    }
    # OTEL_RESOURCE_ATTRIBUTES has the last word, but for the name.
    known = Resource({name: value for name, value in own.items() if value})
    return Resource.create().merge(known).merge(OTELResourceDetector().detect())


def _session() -> requests.Session:
    session = requests.Session()
    # HTTP_PROXY may name the pod's sidecar, which is for the service's own calls. The exporter sets the
    # session's TLS verification from OTEL_EXPORTER_OTLP_CERTIFICATE by itself.
    session.trust_env = False
    return session


def _all(_caller: Caller, _trace_id: str) -> bool:
    return True
