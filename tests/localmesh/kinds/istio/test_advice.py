"""Warnings about what istiod takes in silence, and fields that may have been meant."""

from typing import Any

import pytest

from localmesh.kinds.admission import DecodingError, admit
from localmesh.kinds.resources import VIRTUAL_SERVICES

ROUTE = [{"destination": {"host": "catalog"}}]


def _virtual_service(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "catalog", "namespace": "default"}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata,
        "spec": {"hosts": ["catalog"]} | spec,
    }


def _warnings(**rule: Any) -> tuple[str, ...]:
    return admit(VIRTUAL_SERVICES, _virtual_service(http=[{"route": ROUTE, **rule}])).warnings


def test_retries_of_an_abort_of_the_same_route_are_warned_of() -> None:
    abort = {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}
    (warning,) = _warnings(fault=abort, retries={"attempts": 2})
    assert warning.startswith("spec.http[0].fault.abort: ")
    assert _warnings(fault=abort, retries={"attempts": 0}) == ()


def test_a_timeout_that_a_delay_does_not_reach_is_warned_of() -> None:
    delay = {"delay": {"fixedDelay": "5s", "percentage": {"value": 100}}}
    (warning,) = _warnings(fault=delay, timeout="1s")
    assert warning.startswith("spec.http[0].fault.delay: ")
    assert _warnings(fault=delay) == ()


@pytest.mark.parametrize(("timeout", "warned"), [("5s", True), ("5.999s", True), ("6s", False)])
def test_tries_that_take_longer_than_the_timeout_are_warned_of(timeout: str, *, warned: bool) -> None:
    found = _warnings(timeout=timeout, retries={"attempts": 2, "perTryTimeout": "2s"})
    text = f"spec.http[0].timeout: {timeout} ends all tries together, which may take 6s (3 tries of 2s each)"
    assert found == ((text,) if warned else ())


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"hots": []}, 'unknown field "spec.hots"; did you mean "hosts"?'),
        ({"http": [{"rout": []}]}, 'unknown field "spec.http[0].rout"; did you mean "route"?'),
        ({"http": [{"match": [{"queryparams": {}}]}]}, 'match[0].queryparams"; did you mean "queryParams"?'),
        ({"http": [{"match": [{"headers": {"a": {"exakt": ""}}}]}]}, 'headers.a.exakt"; did you mean "exact"?'),
    ],
)
def test_a_typo_is_answered_with_what_may_have_been_meant(spec: Any, complaint: str) -> None:
    with pytest.raises(DecodingError) as caught:
        admit(VIRTUAL_SERVICES, _virtual_service(**spec))
    assert complaint in str(caught.value)


def test_a_field_that_is_like_no_other_is_unknown_and_that_is_all() -> None:
    with pytest.raises(DecodingError) as caught:
        admit(VIRTUAL_SERVICES, _virtual_service(zzzz=1))
    assert str(caught.value).endswith('unknown field "spec.zzzz"')
