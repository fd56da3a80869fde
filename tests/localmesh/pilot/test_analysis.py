"""What objects say of one another that does not fit, in the words and with the codes of `istioctl analyze`."""

import pytest

from localmesh.core.objects import Key, Object
from localmesh.kinds.resources import EVENTS, NAMESPACES, VIRTUAL_SERVICES
from localmesh.pilot.analysis import analyse
from localmesh.pilot.findings import Finding
from localmesh.pilot.reporting import Reporter
from localmesh.pilot.snapshot import Snapshot
from localmesh.store.objects import Store
from tests.localmesh.pilot.objects import (
    GATEWAY_LABELS,
    NAMESPACE,
    destination_rule,
    gateway,
    gateway_pod,
    gateway_service,
    pod,
    route,
    service,
    virtual_service,
)

HTTP = {"name": "http", "port": 80, "targetPort": 3000}
METRICS = {"name": "http-metrics", "port": 81, "targetPort": 3001}
THERE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
V1 = pod("catalog-1", labels={"version": "v1"})
STANDING = (gateway_pod(), gateway_service(), gateway(), service("catalog"), V1, THERE)
SUBSET = {"route": [{"destination": {"host": "catalog", "subset": "v1"}}]}
ANYTHING = (
    "which can lead to undefined behavior. This can be fixed by merging the conflicting VirtualServices into a single"
)


def found(*objects: Object) -> list[tuple[str, str]]:
    """Return the code of each finding behind its place, and its words."""
    findings = analyse(Snapshot.of_objects((*STANDING, *objects)))
    return [(f"{each.key.name}: {each.field}", each.message) for each in findings]


def test_what_fits_together_is_nothing_to_talk_about() -> None:
    named = virtual_service("catalog", SUBSET)
    outer = virtual_service("webapp", SUBSET, hosts=["shop.io"], gateways=["front"])
    assert found(named, outer, destination_rule("catalog", "v1")) == []


@pytest.mark.parametrize(
    ("rule", "place", "message"),
    [
        (SUBSET, "route[0].destination.subset", 'Referenced host+subset in destinationrule not found: "catalog+v1"'),
        (route("gone"), "route[0].destination.host", 'Referenced host not found: "gone"'),
        (
            route("catalog.istioinaction"),
            "route[0].destination.host",
            'Referenced host not found: "catalog.istioinaction"',
        ),
        (route("catalog", mirror={"host": "gone"}), "mirror.host", 'Referenced mirror host not found: "gone"'),
        (
            route("catalog", mirrors=[{"destination": {"host": "catalog", "subset": "v2"}}]),
            "mirrors[0].destination.subset",
            'Referenced mirror+subset in destinationrule not found: "catalog+v2"',
        ),
        (
            {"route": [{"destination": {"host": "catalog", "port": {"number": 99}}}]},
            "route[0].destination.port.number",
            'Referenced host:port not found: "catalog:99"',
        ),
    ],
)
def test_a_destination_that_is_not_there(rule: Object, place: str, message: str) -> None:
    assert found(virtual_service("catalog", rule)) == [(f"catalog: spec.http[0].{place}", f"{message} [IST0101]")]


def test_the_share_of_old_is_deprecated() -> None:
    ((place, message),) = found(virtual_service("catalog", route("catalog", fault={"delay": {"percent": 5}})))
    assert place == "catalog: spec.http[0].fault.delay.percent"
    assert message.endswith("delay.percent is deprecated; use HTTPRoute.fault.delay.percentage [IST0002]")


def test_a_port_has_to_be_named_where_there_are_several() -> None:
    ((_, message),) = found(virtual_service("both", route("two")), service("two", HTTP, METRICS))
    assert message.startswith('This VirtualService routes to a service "two" that exposes multiple ports [80 81].')
    assert message.endswith("[IST0112]")


def test_a_rule_for_a_host_that_nobody_has() -> None:
    words = "The host {} defined in the DestinationRule does not match any services in the mesh. [IST0174]"
    assert found(destination_rule("d", host="gone")) == [("d: spec.host", words.format("gone"))]
    assert found(destination_rule("d", host="*.io")) == [("d: spec.host", words.format("*.io"))]
    assert found(destination_rule("d", host="*.svc.cluster.local")) == []


def test_a_subset_of_no_pods() -> None:
    ((place, message),) = found(destination_rule("d", "v1", "v2"))
    assert place == "d: spec.subsets[1].labels"
    assert message.startswith("The Subset v2 defined in the DestinationRule does not select any pods.")


def test_a_service_that_others_do_not_see_is_none_for_them() -> None:
    hidden = service("hidden", namespace="shop")
    hidden["metadata"]["annotations"] = {"networking.istio.io/exportTo": ".,garden"}
    host = "hidden.shop.svc.cluster.local"
    not_found = [("one: spec.http[0].route[0].destination.host", f'Referenced host not found: "{host}" [IST0101]')]
    assert found(hidden, virtual_service("one", route(host))) == not_found
    assert found(hidden, virtual_service("one", route(host), namespace="shop")) == []
    assert found(hidden, virtual_service("one", route(host), exportTo=["garden"])) == []
    hidden["metadata"]["annotations"] = {"networking.istio.io/exportTo": "~"}
    assert found(hidden, virtual_service("one", route("hidden"), namespace="shop")) != []


def test_a_gateway_knows_nothing_of_the_subsets_that_sidecars_have() -> None:
    inner, outer = virtual_service("inner", SUBSET), virtual_service("outer", route("catalog"), gateways=["front"])
    message = f"Subset in virtual service {NAMESPACE}/inner has no effect on ingress gateway {NAMESPACE}/outer requests"
    place = "outer: spec.http[0].route[0].destination.host"
    assert (place, f"{message} [IST0140]") in found(inner, outer, destination_rule("d", "v1"))
    elsewhere = virtual_service("inner", SUBSET, hosts=["other"])
    assert found(elsewhere, outer, destination_rule("d", "v1")) == []


def test_gateways_that_are_not_there_or_serve_other_hosts() -> None:
    lost = virtual_service("lost", hosts=["shop.io"], gateways=["gone", "narrow"], http=[route("catalog")])
    own = f"{NAMESPACE}/lost"
    assert found(lost, gateway("narrow", "other.io", f"{NAMESPACE}x/shop.io")) == [
        ("lost: spec.gateways[0]", 'Referenced gateway not found: "gone" [IST0101]'),
        (
            "lost: spec.gateways[0]",
            (
                f"one or more host [shop.io] defined in VirtualService {own} not found in Gateway {NAMESPACE}/gone."
                " [IST0132]"
            ),
        ),
        (
            "lost: spec.gateways[1]",
            (
                f"one or more host [shop.io] defined in VirtualService {own} not found in Gateway {NAMESPACE}/narrow."
                " [IST0132]"
            ),
        ),
    ]


def test_two_for_one_host_in_the_mesh() -> None:
    one, other = virtual_service("one", route("catalog")), virtual_service("two", route("catalog"))
    places = [place for place, message in found(one, other) if ANYTHING in message and "[IST0109]" in message]
    assert places == ["one: spec.hosts", "two: spec.hosts"]
    outer = virtual_service("two", route("catalog"), gateways=["front"])
    assert found(one, outer) == []


def test_hosts_conflict_only_where_both_rules_are_seen() -> None:
    shop = virtual_service("one", route("catalog"), exportTo=["shop"])
    garden = virtual_service("two", route("catalog"), exportTo=["garden"])
    assert found(shop, garden) == []
    for_all = virtual_service("three", route("catalog"), hosts=["*.svc.cluster.local"])
    messages = [message for _, message in found(shop, for_all)]
    assert len(messages) == 2
    assert all(f"the same host shop/catalog.{NAMESPACE}.svc.cluster.local which" in message for message in messages)


def test_gateways_for_nobody_and_on_ports_that_nobody_reaches() -> None:
    nobody = gateway("nobody")
    nobody["spec"]["selector"] = {"app": "none"}
    assert found(nobody) == [("nobody: spec.selector", 'Referenced selector not found: "app=none" [IST0101]')]
    ((place, message),) = found(gateway("odd", number=8099))
    assert (place, message) == (
        "odd: spec.servers[0].port.number",
        (
            "The gateway is listening on a target port (port 8099) that is not defined in the Service associated with"
            " its workload instances (Pod selector istio=ingressgateway). If you need to access the gateway port"
            " through the gateway Service, it will not be available. [IST0162]"
        ),
    )


def test_a_service_without_a_selector_counts_for_all_pods_of_its_namespace() -> None:
    for namespace, count in (("istio-system", 0), (NAMESPACE, 1)):
        wide = service("wide", {"name": "http", "port": 8099}, namespace=namespace)
        del wide["spec"]["selector"]
        assert len(found(gateway("odd", number=8099), wide)) == count


def test_gateways_that_claim_one_host() -> None:
    places = [place for place, message in found(gateway("second")) if "Conflict with gateways" in message]
    assert places == ["front: spec.servers[0].hosts", "second: spec.servers[0].hosts"]
    assert found(gateway("second", "shop.io")) == []
    nobodys = [gateway(name, number=8080) for name in ("one", "other")]
    for each in nobodys:
        each["spec"]["selector"] = {"app": "none"}
    assert [place for place, _ in found(*nobodys)] == [
        f"{name}: {field}" for name in ("one", "other") for field in ("spec.selector", "spec.servers[0].hosts")
    ]
    both, either = gateway("second"), gateway("second")
    both["spec"]["selector"], either["spec"]["selector"] = GATEWAY_LABELS, {}
    for wide in (both, either):
        assert len(found(wide)) == 2
    twice = gateway("second")
    twice["spec"]["servers"] = [*twice["spec"]["servers"], twice["spec"]["servers"][0] | {"hosts": ["shop.io"]}]
    assert [place for place, _ in found(twice)] == ["second: spec.servers[0].hosts"]


def test_rules_that_never_match() -> None:
    never = virtual_service("catalog", route("catalog"), route("catalog"))
    ((_, message),) = found(never)
    assert message == "VirtualService rule #1 not used (only the last rule can have no matches). [IST0130]"
    prefixes = [route("catalog", match=[{"uri": {"prefix": prefix}}]) for prefix in ("/a", "/ab")]
    ((_, message),) = found(virtual_service("catalog", *prefixes))
    assert "[IST0131]" in message


def test_a_warning_is_an_event_and_leaves_the_status_alone() -> None:
    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    store.create(VIRTUAL_SERVICES, virtual_service("catalog"))
    reporter = Reporter(store)
    for _ in range(2):
        reporter.report(
            [Finding(VIRTUAL_SERVICES, Key(NAMESPACE, "catalog"), "spec.hosts", "odd [IST0101]", "IST0101")]
        )
    (event,) = store.objects(EVENTS)
    assert (event["reason"], event["type"], event["message"]) == ("IST0101", "Warning", "spec.hosts: odd [IST0101]")
    assert "status" not in store.get(VIRTUAL_SERVICES, Key(NAMESPACE, "catalog"))
