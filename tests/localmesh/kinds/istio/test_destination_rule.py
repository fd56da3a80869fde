from typing import Any

import pytest

from tests.localmesh.kinds.istio.documents import complaints, destination_rule


def subset(**fields: Any) -> dict[str, Any]:
    return {"name": "version-v1", "labels": {"version": "v1"}} | fields


def test_the_tutorials_subsets_are_taken() -> None:
    assert complaints(destination_rule(subset(), subset(name="version-v2"), {"name": "all"})) == []


@pytest.mark.parametrize(
    ("subsets", "complaint"),
    [
        ([subset(), subset()], "spec.subsets[1].name: duplicate subset names: version-v1"),
        ([subset(name="")], "spec.subsets[0].name: subset name cannot be empty"),
        ([subset(name="v.1")], "spec.subsets[0].name: subset name is invalid: v.1"),
        ([subset(labels={"version": "v 1"})], 'spec.subsets[0].labels: invalid tag value: "v 1"'),
        ([subset(labels={"-version": "1"})], 'spec.subsets[0].labels: invalid tag key: "-version"'),
        ([subset(labels={"a" * 64: "1"})], f'spec.subsets[0].labels: invalid tag key: "{"a" * 64}" (name is too long)'),
        ([subset(name=1)], "spec.subsets[0].name: Invalid value: 1: must be a string: put it in quotes"),
    ],
)
def test_subsets_are_judged_as_istiod_judges(subsets: Any, complaint: str) -> None:
    assert complaints(destination_rule(*subsets)) == [complaint]


def test_a_host_is_needed_and_has_to_be_one() -> None:
    assert complaints(destination_rule(host="a_b")) == ['spec.host: domain name "a_b" invalid (label "a_b" invalid)']
    obj = destination_rule()
    del obj["spec"]["host"]
    assert complaints(obj) == ["spec.host: Required value"]


def test_policies_are_for_later() -> None:
    supported = "this field is not supported by the local mesh; supported here"
    assert complaints(destination_rule(subset(trafficPolicy={}), trafficPolicy={})) == [
        f"spec.subsets[0].trafficPolicy: {supported}: name, labels",
        f"spec.trafficPolicy: {supported}: host, subsets",
    ]
