"""One bad object hurts itself alone, and says so."""

import copy
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from localmesh.core.objects import Key, Object
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.injection import STATUS
from localmesh.kinds.resources import EVENTS, NAMESPACES, PODS, VIRTUAL_SERVICES
from localmesh.pilot.findings import Finding
from localmesh.pilot.http import actions
from localmesh.pilot.proxies import Computed, compute
from localmesh.pilot.registry.addresses import LiveAddresses
from localmesh.pilot.reporting import Reporter
from localmesh.pilot.snapshot import Snapshot
from localmesh.proxy.proxies import Proxy
from localmesh.store.objects import Store
from tests.localmesh.pilot.objects import (
    NAMESPACE,
    clusters,
    gateway,
    gateway_pod,
    gateway_service,
    hosts,
    outbound,
    pod,
    service,
    virtual_service,
)

CATALOG = PodAddresses(app={3000: 21000}, inbound={3000: 21001}, http_proxy=21002, network=21003, admin="/run/catalog")
WEBAPP = PodAddresses(app={3000: 22000}, inbound={3000: 22001}, http_proxy=22002, network=22003, admin="/run/webapp")
STANDING = (
    gateway_pod(),
    gateway_service(),
    gateway(),
    service("catalog"),
    service("webapp"),
    pod("webapp-1", WEBAPP),
    virtual_service("webapp", hosts=["webapp"], gateways=["front", "mesh"]),
)
NATIVE = '{"initContainers":["istio-proxy"],"containers":null,"volumes":["workload-socket"],"revision":"default"}'
ODD_TEXTS = (
    "",
    "x",
    "null",
    "[]",
    "{}",
    '"text"',
    "7",
    NATIVE,
    '{"containers":"x"}',
    '{"containers":[{}]}',
    "[" * 5000,
)
ODD_VALUES: tuple[Any, ...] = ("broken", None, [], {}, 7, True, {"phase": 7}, {"conditions": "Ready"})
ODD_CONDITIONS = ([None], ["Ready"], [{}], [{"type": "Ready"}], [{"type": "Ready", "status": None}], {"type": "Ready"})


def computed(*objects: Object) -> Computed:
    return compute(Snapshot.of_objects(objects), LiveAddresses())


def by_name(outcome: Computed) -> Mapping[str, Proxy]:
    return {proxy.name: outcome.proxies[proxy] for proxy in outcome.proxies}


def odd(random: Random, number: int) -> Object:
    """Return a pod as others may have written it: annotations and status are anybody's."""
    made = copy.deepcopy(pod(f"catalog-{number}", CATALOG))
    metadata = made["metadata"]
    for annotation in random.sample([STATUS, ANNOTATION, "inject.istio.io/templates"], random.randint(0, 2)):
        metadata["annotations"][annotation] = random.choice([*ODD_TEXTS, "gateway"])
    for field in random.sample(["labels", "annotations", "ownerReferences"], random.randint(0, 1)):
        metadata[field] = None
    if random.random() < 0.5:
        made["status"] = random.choice([*ODD_VALUES, *({"conditions": each} for each in ODD_CONDITIONS)])
    if random.random() < 0.3:
        del made["status"]
    if random.random() < 0.3:
        made["spec"]["containers"][0].pop("ports")
    return made


@pytest.mark.parametrize("text", ODD_TEXTS)
@pytest.mark.parametrize("annotation", [STATUS, ANNOTATION])
def test_an_annotation_that_somebody_else_wrote_stops_no_proxy(annotation: str, text: str) -> None:
    strange = copy.deepcopy(pod("catalog-1", CATALOG))
    strange["metadata"]["annotations"][annotation] = text
    outcome = computed(*STANDING, strange)
    assert {"gateway-1", "webapp-1"} <= by_name(outcome).keys()
    assert outcome.findings == ()


@pytest.mark.parametrize("status", ODD_VALUES)
def test_a_status_that_somebody_else_wrote_is_that_of_a_pod_that_is_not_ready(status: Any) -> None:
    outcome = computed(*STANDING, pod("catalog-1", CATALOG) | {"status": status})
    found = next(each for each in by_name(outcome)["webapp-1"].clusters if each.name == outbound("catalog"))
    assert [each.healthy for each in found.endpoints] == [False]
    assert outcome.findings == ()


@pytest.mark.parametrize("seed", range(60))
def test_odd_pods_change_nothing_for_others_but_their_endpoints(seed: int) -> None:
    random = Random(seed)
    alone, beside = computed(*STANDING), computed(*STANDING, *(odd(random, number) for number in range(4)))
    for name, proxy in by_name(alone).items():
        other = by_name(beside)[name]
        assert (other.listeners, other.routes) == (proxy.listeners, proxy.routes)
        assert [each.name for each in other.clusters] == [each.name for each in proxy.clusters]


def broken(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the translation of whatever has `retries` fail."""
    translate = actions.retry_policy

    def fail(retries: Any, **said: Any) -> Any:
        if retries is not None:
            raise error
        return translate(retries, **said)

    monkeypatch.setattr(actions, "retry_policy", fail)


def failing(name: str) -> Object:
    return virtual_service(name, {"route": [{"destination": {"host": "nowhere"}}], "retries": {"attempts": 7}})


def test_what_cannot_be_translated_is_left_out_and_found_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, ZeroDivisionError("of all things"))
    outcome = computed(*STANDING, failing("catalog"))
    message = "the local mesh cannot translate this: ZeroDivisionError: of all things"
    assert outcome.findings == (Finding(VIRTUAL_SERVICES, Key(NAMESPACE, "catalog"), "", message),)
    assert "test_findings.py" in outcome.findings[0].trace
    served = hosts(by_name(outcome)["webapp-1"])
    assert clusters(served["webapp"]) == [outbound("webapp")]
    assert clusters(served["catalog"]) == [outbound("catalog")]


def test_a_proxy_that_cannot_be_computed_is_the_only_one_that_is_not_there() -> None:
    nameless = pod("catalog-1", CATALOG)
    nameless["spec"]["containers"][0]["ports"] = [{"name": "no number"}]
    outcome = computed(*STANDING, nameless)
    assert set(by_name(outcome)) == {"gateway-1", "webapp-1"}
    assert {(finding.resource, finding.key.name) for finding in outcome.findings} == {(PODS, "catalog-1")}


def test_findings_are_said_in_an_event_and_in_the_status_and_taken_back() -> None:
    store, finding = Store(), Finding(VIRTUAL_SERVICES, Key(NAMESPACE, "catalog"), "spec.http[0]", "does not work")
    store.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    store.create(VIRTUAL_SERVICES, virtual_service("catalog"))
    reporter = Reporter(store)
    for _ in range(2):
        reporter.report([finding])
    (event,) = store.objects(EVENTS)
    assert (event["reason"], event["message"], event["count"]) == ("NotTranslated", "spec.http[0]: does not work", 1)
    (condition,) = store.get(VIRTUAL_SERVICES, finding.key)["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Reconciled", "False")
    reporter.report([])
    assert store.get(VIRTUAL_SERVICES, finding.key)["status"]["conditions"] == []


def test_a_finding_about_what_is_gone_is_no_trouble() -> None:
    Reporter(Store()).report([Finding(VIRTUAL_SERVICES, Key(NAMESPACE, "gone"), "", "too late")])
