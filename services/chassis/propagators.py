"""Trace headers in and out of a recorded request: W3C Trace Context and both forms of B3."""

from opentelemetry import trace
from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_FORMS = create_key("b3-forms")
PARENT_SPAN_ID = "x-b3-parentspanid"


class CallersB3(TextMapPropagator):
    """B3 in whichever form the caller spoke it: single header, several headers, both, or not at all."""

    def __init__(self) -> None:
        self._single = B3SingleFormat()
        self._multi = B3MultiFormat()

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """`context` with the caller's span and a note of the forms it came in."""
        # Each look for one header reads them all: of a caller that speaks W3C alone, eight looks more than are needed.
        if not any(name == "b3" or name.startswith("x-b3-") for name in getter.keys(carrier)):
            return context if context is not None else Context()
        keys = {self._single: B3SingleFormat.SINGLE_HEADER_KEY, self._multi: B3MultiFormat.TRACE_ID_KEY}
        forms = [form for form, key in keys.items() if getter.get(carrier, key)]
        # Either class reads both forms.
        return set_value(_FORMS, forms, self._multi.extract(carrier, context, getter))

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Writes the current span in the caller's forms; its parent too where the form has a header for that."""
        forms = get_value(_FORMS, context)
        for form in forms if isinstance(forms, list) else ():
            form.inject(carrier, context, setter)
            if form is self._multi:
                _inject_parent(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """The headers that `inject` may write."""
        return {*self._single.fields, *self._multi.fields, PARENT_SPAN_ID}


class RecordedOnly(CompositePropagator):
    """Writes headers for recorded spans only.

    Where nothing is recorded, the caller's context is in the headers that are passed on as they came: what the formats
    can't express (a deferred sampling decision, properties in baggage) survives.
    """

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Writes the current span's headers, if it is recorded."""
        if trace.get_current_span(context).is_recording():
            super().inject(carrier, context, setter)


def default_propagator() -> TextMapPropagator:
    """What a service speaks when ``OTEL_PROPAGATORS`` does not say otherwise.

    Where a caller sends both and they differ, the last one to read, W3C, wins. Baggage is not read: its header goes on
    as it came, for no service here adds any.
    """
    return CompositePropagator([CallersB3(), TraceContextTextMapPropagator()])


def _inject_parent(carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
    # Only the SDK's spans know their parent. The caller's own x-b3-parentspanid is one hop too old.
    parent = getattr(trace.get_current_span(context), "parent", None)
    if parent is not None:
        setter.set(carrier, PARENT_SPAN_ID, trace.format_span_id(parent.span_id))
