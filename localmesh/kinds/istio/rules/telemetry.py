"""What istiod's webhook says of a Telemetry, in its words.

Source: ValidateTelemetry in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.core.objects import Key
from localmesh.kinds.istio.rules.workload_selector import selector_problems, selector_warnings
from localmesh.kinds.istio.types.telemetry import Telemetry
from localmesh.kinds.review import Problem, Review

ALL = 100


def review_telemetry(_key: Key, spec: Telemetry) -> Review:
    """Judge a Telemetry."""
    return Review(tuple(_problems(spec)), tuple(_warnings(spec)))


def _problems(spec: Telemetry) -> Iterator[Problem]:
    if spec.selector:
        yield from selector_problems(spec.selector.match_labels)
    for index, tracing in enumerate(spec.tracing):
        percentage = tracing.random_sampling_percentage
        if percentage is not None and not 0 <= percentage <= ALL:
            field = f"spec.tracing[{index}].randomSamplingPercentage"
            yield Problem(field, "randomSamplingPercentage must be in range [0.0, 100.0]")


def _warnings(spec: Telemetry) -> Iterator[str]:
    if spec.selector:
        yield from selector_warnings(spec.selector.match_labels)
    if len(spec.tracing) > 1:
        yield "multiple tracing is not currently supported"
