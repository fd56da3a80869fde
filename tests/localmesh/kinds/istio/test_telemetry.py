from typing import Any

import pytest

from localmesh.core.objects import Object
from tests.localmesh.kinds.istio.documents import complaints, judged


def telemetry(**spec: Any) -> Object:
    metadata = {"name": "sampling", "namespace": "istioinaction"}
    return {"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": metadata, "spec": spec}


def sampled(percentage: Any) -> Object:
    return telemetry(tracing=[{"randomSamplingPercentage": percentage}])


@pytest.mark.parametrize("percentage", [0, 0.5, 10, 100, 100.0])
def test_a_share_of_the_requests_may_be_traced(percentage: float) -> None:
    review = judged(sampled(percentage))
    assert review.problems == ()
    assert review.warnings == ()


@pytest.mark.parametrize("percentage", [-1, 100.1, "10", True])
def test_what_is_no_percentage_is_refused(percentage: Any) -> None:
    (said,) = complaints(sampled(percentage))
    assert said.startswith("spec.tracing[0].randomSamplingPercentage: ")


def test_what_is_not_honoured_is_refused_by_name() -> None:
    unsupported = "this field is not supported by the local mesh; supported here: "
    assert complaints(telemetry(accessLogging=[{"disabled": True}])) == [
        f"spec.accessLogging: {unsupported}selector, tracing"
    ]
    assert complaints(telemetry(tracing=[{"disableSpanReporting": True}])) == [
        f"spec.tracing[0].disableSpanReporting: {unsupported}randomSamplingPercentage"
    ]


def test_istiod_wonders_about_these_as_well() -> None:
    twice = telemetry(tracing=[{"randomSamplingPercentage": 1}, {"randomSamplingPercentage": 2}])
    assert judged(twice).warnings == ("multiple tracing is not currently supported",)
    assert judged(telemetry(selector={})).warnings == ("workload selector specified without labels",)
    (said,) = complaints(telemetry(selector={"matchLabels": {"app": "a*"}}))
    assert "wildcard" in said
