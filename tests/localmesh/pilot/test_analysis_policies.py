"""What policies say of workloads and namespaces that are not there, or of the same ones."""

from localmesh.core.objects import Object
from tests.localmesh.pilot.objects import NAMESPACE, metadata
from tests.localmesh.pilot.test_analysis import found
from tests.localmesh.pilot.test_sampling import telemetry


def authorization_policy(name: str, namespace: str = NAMESPACE, **spec: object) -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": metadata(name, namespace),
        "spec": spec,
    }


def test_an_authorization_policy_for_no_pod_or_about_no_namespace() -> None:
    words = "No matching workloads for this resource with the following labels: "
    nobody = authorization_policy("nobody", selector={"matchLabels": {"app": "webapp"}})
    assert found(nobody) == [("nobody: spec.selector", f"{words}app=webapp [IST0127]")]
    assert found(nobody | {"metadata": metadata("nobody", "istio-system")}) != []
    assert found(authorization_policy("all", "shop")) == [("all: ", f"{words} [IST0127]")]
    assert found(authorization_policy("all"), authorization_policy("mesh", "istio-system")) == []
    named = {"namespaces": ["istio*", "gone", "*action"], "notNamespaces": ["*", "away*"]}
    assert found(authorization_policy("named", rules=[{"from": [{"source": named}]}])) == [
        ("named: spec.rules[0].from[0].source.namespaces[1]", 'Referenced namespace not found: "gone" [IST0101]'),
        ("named: spec.rules[0].from[0].source.notNamespaces[1]", 'Referenced namespace not found: "away*" [IST0101]'),
    ]


def test_telemetries_that_stand_in_one_anothers_way() -> None:
    for_all = [telemetry(name, 1) for name in ("two", "one")]
    message = f'The Telemetries [one two] in namespace "{NAMESPACE}" have no workload selector, which can lead to'
    assert [text.startswith(message) for _, text in found(*for_all)] == [True, True]
    of_catalog = [telemetry(name, 1, app="catalog") for name in ("two", "one")]
    message = f'The Telemetries [one two] in namespace "{NAMESPACE}" select the same workload pod "catalog-1", which'
    assert [text.startswith(message) for _, text in found(*of_catalog)] == [True, True]
    assert found(telemetry("none", 1, app="none")) == [
        ("none: spec.selector", 'Referenced selector not found: "app=none" [IST0101]')
    ]
    assert found(telemetry("one", 1), telemetry("two", 2, app="catalog")) == []
