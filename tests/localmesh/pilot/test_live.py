"""What runs: a store, and pods with addresses on loopback."""

from typing import Any

from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.resources import DESTINATION_RULES, PODS, SERVICES, resource_of
from localmesh.kinds.service_ports import NOBODY
from localmesh.pilot.proxies import Pilot, compute
from localmesh.pilot.registry.addresses import LiveAddresses
from localmesh.pilot.snapshot import Snapshot, SnapshotReader
from localmesh.proxy.addresses import Address
from localmesh.proxy.clusters import Cluster
from localmesh.proxy.listeners import TrafficDirection
from localmesh.proxy.proxies import Proxy, ProxyId
from localmesh.store.objects import Store
from tests.localmesh.pilot.objects import (
    NAMESPACE,
    destination_rule,
    gateway_pod,
    gateway_service,
    outbound,
    pod,
    proxies,
    service,
)

CATALOG = PodAddresses(app={3000: 21000}, inbound={3000: 21001}, http_proxy=21002, network=21003, admin="/run/catalog")
WEBAPP = PodAddresses(app={3000: 22000}, inbound={3000: 22001}, http_proxy=22002, network=22003, admin="/run/webapp")


def cluster(proxy: Proxy, name: str) -> Cluster:
    return next(each for each in proxy.clusters if each.name == name)


def ports(found: Cluster) -> list[tuple[int, bool]]:
    return [(each.address.port, each.healthy) for each in found.endpoints]


def test_a_store_is_looked_at_as_it_is() -> None:
    store = Store()
    store.create(SERVICES, service("catalog") | {"apiVersion": "v1"})
    store.create(PODS, pod("catalog-1", CATALOG) | {"apiVersion": "v1"})
    store.create(DESTINATION_RULES, destination_rule("rule", "v1"))
    computed = compute(SnapshotReader().of(store), LiveAddresses())
    assert list(computed.proxies) == [ProxyId(NAMESPACE, "catalog-1")]
    assert resource_of("networking.istio.io/v1", "DestinationRule") is DESTINATION_RULES


def test_a_sidecar_listens_in_the_applications_place_and_as_its_http_proxy() -> None:
    proxy = proxies(service("catalog"), pod("catalog-1", CATALOG))["catalog-1"]
    bound = {each.address: each.direction for each in proxy.listeners if each.bound}
    assert bound == {
        Address("127.0.0.1", 21001): TrafficDirection.INBOUND,
        Address("127.0.0.1", 21002): TrafficDirection.OUTBOUND,
    }
    assert ports(cluster(proxy, "inbound|3000||")) == [(21000, True)]
    assert ports(cluster(proxy, "PassthroughCluster")) == [(21003, True)]


def test_others_reach_a_pod_through_its_sidecar_or_without_one_directly() -> None:
    objects = (service("catalog"), service("webapp"), pod("webapp-1", WEBAPP))
    proxy = proxies(*objects, pod("catalog-1", CATALOG))["webapp-1"]
    assert ports(cluster(proxy, outbound("catalog"))) == [(21001, True)]
    bare = PodAddresses(app={3000: 21000}, network=21003)
    proxy = proxies(*objects, pod("catalog-1", bare, sidecar=False))["webapp-1"]
    assert ports(cluster(proxy, outbound("catalog"))) == [(21000, True)]


def test_pods_that_are_not_ready_or_on_their_way_out_are_listed_and_get_nothing() -> None:
    client = pod("webapp-1", WEBAPP)
    starting = pod("catalog-1", CATALOG, ready=False)
    ending = pod("catalog-2", CATALOG, deletionTimestamp="2026-01-02T00:00:00Z")
    proxy = proxies(client, service("catalog"), starting, ending)["webapp-1"]
    assert ports(cluster(proxy, outbound("catalog"))) == [(21001, False), (21001, False)]


def test_a_service_may_want_requests_for_its_pods_before_they_are_ready() -> None:
    eager = service("catalog", publishNotReadyAddresses=True)
    proxy = proxies(pod("webapp-1", WEBAPP), eager, pod("catalog-1", CATALOG, ready=False))["webapp-1"]
    assert ports(cluster(proxy, outbound("catalog"))) == [(21001, True)]


def test_pods_that_have_ended_or_have_no_addresses_yet_are_not_listed() -> None:
    ended = pod("catalog-1", CATALOG)
    ended["status"]["phase"] = "Failed"
    proxy = proxies(pod("webapp-1", WEBAPP), service("catalog"), ended, pod("catalog-2"))["webapp-1"]
    assert ports(cluster(proxy, outbound("catalog"))) == []


def test_a_subset_has_the_pods_with_its_labels() -> None:
    one, two = pod("catalog-1", CATALOG, labels={"version": "v1"}), pod("catalog-2", WEBAPP, labels={"version": "v2"})
    proxy = proxies(service("catalog"), one, two, destination_rule("rule", "v2"))["catalog-1"]
    assert ports(cluster(proxy, outbound("catalog", subset="v2"))) == [(22001, True)]


def test_a_named_target_port_is_looked_up_in_each_pod() -> None:
    named = service("catalog", {"name": "http", "port": 80, "targetPort": "http"})
    proxy = proxies(named, pod("catalog-1", CATALOG))["catalog-1"]
    assert ports(cluster(proxy, outbound("catalog"))) == [(21001, True)]


def test_where_no_container_listens_connections_are_refused() -> None:
    idle = service("catalog", {"name": "http", "port": 80, "targetPort": 9})
    proxy = proxies(idle, pod("catalog-1", CATALOG), pod("webapp-1", WEBAPP))["webapp-1"]
    assert ports(cluster(proxy, outbound("catalog"))) == [(NOBODY, True)]


def test_a_name_that_the_pod_has_not_leads_nowhere_and_stands_in_the_way_of_nothing() -> None:
    wrong = service("catalog", {"name": "http", "port": 80, "targetPort": "web"})
    proxy = proxies(wrong, pod("catalog-1", CATALOG))["catalog-1"]
    assert ports(cluster(proxy, outbound("catalog"))) == []
    assert "inbound|0||" not in [each.name for each in proxy.clusters]
    assert Address("127.0.0.1", 21001) in [each.address for each in proxy.listeners]


def test_the_gateway_is_reached_in_the_mesh_where_it_is_reached_from_outside() -> None:
    proxy = proxies(gateway_pod(), gateway_service(), pod("webapp-1", WEBAPP))["webapp-1"]
    name = outbound("istio-ingressgateway", namespace="istio-system")
    assert [each.address for each in cluster(proxy, name).endpoints] == [Address("127.0.0.1", 30000)]


def test_what_depends_on_nothing_but_order_of_arrival_does_not() -> None:
    objects = [service("catalog"), service("webapp"), pod("catalog-1", CATALOG), pod("webapp-1", WEBAPP)]
    assert proxies(*objects) == proxies(*reversed(objects))


def parts(proxy: Proxy) -> dict[str, Any]:
    return {part.name: part for part in (*proxy.listeners, *proxy.routes, *proxy.clusters)}


def test_what_has_not_changed_is_the_same_object_as_before() -> None:
    pilot, standing = (
        Pilot(LiveAddresses(), auto_mtls=True),
        [service("catalog"), service("webapp"), pod("webapp-1", WEBAPP)],
    )
    id_ = ProxyId(NAMESPACE, "webapp-1")
    before, after = (
        parts(pilot.compute(Snapshot.of_objects([*standing, pod("catalog-1", CATALOG, ready=ready)])).proxies[id_])
        for ready in (True, False)
    )
    assert [name for name, part in after.items() if part is not before[name]] == [outbound("catalog")]


def test_what_proxies_have_in_common_is_the_same_object_for_all() -> None:
    found = proxies(service("catalog"), pod("catalog-1", CATALOG), pod("webapp-1", WEBAPP))
    one, other = parts(found["catalog-1"]), parts(found["webapp-1"])
    assert {name for name in one if one[name] is other.get(name)} >= {
        "80",
        "http_proxy",
        "0.0.0.0_80",
        outbound("catalog"),
    }
