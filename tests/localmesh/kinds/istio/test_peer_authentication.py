from typing import Any

import pytest

from localmesh.core.objects import Object
from tests.localmesh.kinds.istio.documents import complaints, judged

CATALOG = {"matchLabels": {"app": "catalog"}}


def policy(**spec: Any) -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "policy", "namespace": "istioinaction"},
        "spec": spec,
    }


@pytest.mark.parametrize(
    "obj",
    [
        policy(),
        policy(mtls={}),
        policy(mtls={"mode": "UNSET"}),
        policy(mtls={"mode": "STRICT"}, selector=CATALOG),
        policy(selector=CATALOG, portLevelMtls={"3000": {"mode": "DISABLE"}, "080": {}}),
    ],
)
def test_what_istiod_takes_is_taken_without_a_word(obj: Object) -> None:
    assert complaints(obj) == []
    assert not judged(obj).warnings


@pytest.mark.parametrize(
    ("obj", "complaint"),
    [
        (policy(mtls={"mode": "strict"}), 'spec.mtls.mode: Unsupported value: "strict"'),
        (policy(portLevelMtls={"80": {"mode": "STRICT"}}), "portLevelMtls requires selector"),
        (policy(portLevelMtls={"80": {"mode": "STRICT"}}, selector={}), "portLevelMtls requires selector"),
        (policy(portLevelMtls={"0": {}}, selector=CATALOG), "port must be between 1-65535"),
        (policy(portLevelMtls={"http": {}}, selector=CATALOG), "port must be between 1-65535"),
        (policy(selector={"matchLabels": {"a*": "b"}}), "wildcard not allowed in label key match"),
    ],
)
def test_what_istiod_refuses_is_refused(obj: Object, complaint: str) -> None:
    assert complaint in "\n".join(complaints(obj))


def test_a_selector_without_labels_is_odd() -> None:
    assert list(judged(policy(selector={})).warnings) == ["workload selector specified without labels"]


@pytest.mark.parametrize("selector", ["app", ["app"], 1, {"matchLabels": "app"}])
def test_a_rule_of_the_crd_is_not_asked_about_what_has_another_type(selector: Any) -> None:
    obj = policy(selector=selector, portLevelMtls={"80": {"mode": "STRICT"}})
    (said,) = complaints(obj)
    assert said.startswith("spec.selector")
