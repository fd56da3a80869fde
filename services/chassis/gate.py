"""Decides, before any of OpenTelemetry's work is done, whether a request is recorded.

In a mesh, most requests come with the word that nobody records them. What the instrumentations do for these
(attributes, contexts, a span without content) costs more than the answer itself.
"""

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler

from services.chassis.logs import TRACE_ID
from services.chassis.trace import Caller


class Gate:
    """The sampler's decision, made early."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._heeds_callers = isinstance(sampler, ParentBased)

    def opens(self, caller: Caller, trace_id: str) -> bool:
        """Whether a request of `caller` is recorded, as part of the trace `trace_id`."""
        if self._heeds_callers and caller.sampled is not None:
            return caller.sampled
        return self._sampler.should_sample(None, int(trace_id, 16), "").decision is not Decision.DROP


class GatesIds(RandomIdGenerator):
    """Begins a trace under the id on which the gate has decided: the sampler may decide by it, and does so again."""

    def generate_trace_id(self) -> int:
        """The id of the request's trace."""
        chosen = TRACE_ID.get()
        return int(chosen, 16) if chosen else super().generate_trace_id()
