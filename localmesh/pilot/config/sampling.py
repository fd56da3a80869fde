"""Of how many requests a proxy begins a trace.

Source: applicableTelemetries and Tracing in pilot/pkg/model/telemetry.go of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.core.objects import Object, key_of, labels_of, selects
from localmesh.kinds.istio import Telemetry
from localmesh.pilot.destination_rules import ROOT_NAMESPACE
from localmesh.pilot.push_context import PushContext


def sampling_of(pod: Object, context: PushContext) -> float | None:
    """Return the percentage that Telemetries say for a pod's proxy, None if none does: the last one that says it."""
    percentages = [
        tracing.random_sampling_percentage
        for telemetry in _about(pod, context)
        for tracing in telemetry.tracing
        if tracing.random_sampling_percentage is not None
    ]
    return percentages[-1] if percentages else None


def _about(pod: Object, context: PushContext) -> Iterator[Telemetry]:
    """Yield the mesh's, the namespace's, then those for the workload: of those for all, the oldest alone counts."""
    namespace = key_of(pod).namespace
    for whose in dict.fromkeys((ROOT_NAMESPACE, namespace)):
        yield from [spec for spec in _in(whose, context) if not _labels(spec)][:1]
    yield from (spec for spec in _in(namespace, context) if _labels(spec) and selects(_labels(spec), labels_of(pod)))


def _in(namespace: str, context: PushContext) -> Iterator[Telemetry]:
    return (config.spec for config in context.snapshot.configs(Telemetry) if config.namespace == namespace)


def _labels(spec: Telemetry) -> dict[str, str]:
    return dict(spec.selector.match_labels) if spec.selector else {}
