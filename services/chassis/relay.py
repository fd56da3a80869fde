"""A tracer for a process that exports no spans: it relays the caller's trace and records nothing.

With the SDK's tracer and no exporter, each hop would get a span id that no backend ever hears of, and the spans
that the sidecars do report would hang in the air. Here the caller's context goes on as it came, so the trace that
the mesh draws stays whole. A request that nobody traces gets a trace id of its own, not sampled, for the logs.
"""

import random
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanContext,
    Tracer,
    TracerProvider,
    get_current_span,
)


class RelayTracer(NoOpTracer):
    """Makes spans that record nothing and bear the caller's ids, or new ids where there are none."""

    def start_span(self, name: str, context: Context | None = None, *_args: Any, **_attributes: Any) -> Span:  # noqa: ARG002 - the API's signature
        """A span with the ids of the one in `context`."""
        parent = get_current_span(context).get_span_context()
        return NonRecordingSpan(parent if parent.is_valid else _new_context())


class RelayTracerProvider(TracerProvider):
    """Hands out `RelayTracer`."""

    def get_tracer(self, *_args: Any, **_attributes: Any) -> Tracer:
        """The same tracer for every library."""
        return RelayTracer()


def _new_context() -> SpanContext:
    # `or 1`: zero means "no id".
    return SpanContext(random.getrandbits(128) or 1, random.getrandbits(64) or 1, is_remote=False)
