"""OpenTelemetry's SDK: which requests are recorded, under which headers they go on, and how both are exported.

It and what it drags in (protobuf, urllib3) take time and memory to import: only a process that exports does.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.http.transport._urllib3 import Urllib3HTTPTransport
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.propagators.textmap import CarrierT, Getter, Setter, default_getter, default_setter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.chassis.identity import Identity
from services.chassis.logs import TRACE_ID
from services.chassis.settings import ServiceSettings
from services.chassis.telemetry import Telemetry
from services.chassis.trace import Caller

_B3_PARENT = "x-b3-parentspanid"


def exporting(settings: ServiceSettings, identity: Identity) -> Telemetry:
    """Telemetry that sends what `settings` ask for, under the name that they or else `identity` give it."""
    install_propagator(settings)
    # A batch is in memory as spans, as protobufs and as bytes at once: 512 of them, as is usual, took 3 MB more.
    os.environ.setdefault("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "128")
    resource, telemetry = _resource(settings, identity), Telemetry()
    if settings.exports_traces:
        telemetry = recording(BatchSpanProcessor(OTLPSpanExporter(_transport=_transport("TRACES"))), resource)
    if settings.otel_propagators:
        # Of a caller that speaks another format, only that format's propagator knows whether it records.
        telemetry = replace(telemetry, records=lambda _caller, _trace_id: True)
    if settings.exports_metrics:
        telemetry = _counting(telemetry, resource)
    return replace(telemetry, identity=identity)


def recording(processor: SpanProcessor, resource: Resource | None = None) -> Telemetry:
    """Telemetry that gives `processor` the spans of the requests that OTEL_TRACES_SAMPLER chooses."""
    provider = TracerProvider(resource=resource, id_generator=GatesIds(), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return Telemetry(tracer_provider=provider, records=_gate(provider.sampler), flush=provider.shutdown)


def _counting(telemetry: Telemetry, resource: Resource) -> Telemetry:
    # Only who counts pays for it.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415

    reader = PeriodicExportingMetricReader(OTLPMetricExporter(_transport=_transport("METRICS")))
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)

    def flush() -> None:
        telemetry.flush()
        provider.shutdown()

    return replace(telemetry, meter_provider=provider, counts=True, flush=flush)


def _gate(sampler: Sampler) -> Callable[[Caller, str], bool]:
    """The sampler's decision, before any of the instrumentation's work, which costs more than the answer itself."""
    heeds_callers = isinstance(sampler, ParentBased)

    def opens(caller: Caller, trace_id: str) -> bool:
        if heeds_callers and caller.sampled is not None:
            return caller.sampled
        return sampler.should_sample(None, int(trace_id, 16), "").decision is not Decision.DROP

    return opens


class GatesIds(RandomIdGenerator):
    """Begins a trace under the id on which the gate has decided: the sampler may decide by it, and does so again."""

    def generate_trace_id(self) -> int:
        """The id of the request's trace."""
        chosen = TRACE_ID.get()
        return int(chosen, 16) if chosen else super().generate_trace_id()


class OneForAll(Resource):
    """The process's resource. The exporter looks it up for each span, and the SDK's own is hashed as JSON each time."""

    def __hash__(self) -> int:
        """Equal to that of no other, for there is no other."""
        return id(self)


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
    return OneForAll(Resource.create().merge(known).merge(OTELResourceDetector().detect()).attributes)


def _transport(signal: str) -> Urllib3HTTPTransport:
    """The connections to a collector of "TRACES" or "METRICS".

    The exporters' own come with requests, which takes 5 MB of memory more; and they take HTTP_PROXY, which may name the
    pod's sidecar, which is for the service's own calls.
    """

    def file(what: str) -> str | None:
        return os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{what}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{what}")

    certificate, key = file("CLIENT_CERTIFICATE"), file("CLIENT_KEY")
    pair = (certificate, key) if certificate and key else certificate
    return Urllib3HTTPTransport(verify=file("CERTIFICATE") or True, cert=pair)


def install_propagator(settings: ServiceSettings) -> None:
    """Sets the process's propagator: the instrumentations take theirs from there and from nowhere else.

    Baggage is not read unless OTEL_PROPAGATORS says so: its header goes on as it came, for no service here adds any.
    """
    if not settings.otel_propagators:  # the API has read it when it was imported
        propagate.set_global_textmap(AsTheCallerSpeaks())


class AsTheCallerSpeaks(TraceContextTextMapPropagator):
    """W3C Trace Context always, and B3 in the forms in which the caller's own headers, which go on, have it."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """`context` with the caller's span; where both formats are sent, W3C counts."""
        found = super().extract(carrier, context, getter)
        if trace.get_current_span(found).get_span_context().is_valid:
            return found
        return B3MultiFormat().extract(carrier, context, getter)  # it reads both forms

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Writes the current span over the caller's."""
        super().inject(carrier, context, setter)
        if default_getter.get(carrier, B3SingleFormat.SINGLE_HEADER_KEY):
            B3SingleFormat().inject(carrier, context, setter)
        if default_getter.get(carrier, B3MultiFormat.TRACE_ID_KEY):
            B3MultiFormat().inject(carrier, context, setter)
            # Only the SDK's spans know their parent; the caller's own is one hop too old.
            if parent := getattr(trace.get_current_span(context), "parent", None):
                setter.set(carrier, _B3_PARENT, trace.format_span_id(parent.span_id))
