from typing import Any

from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.resources import ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES
from localmesh.kinds.service_ports import NOBODY
from localmesh.store.deletion import delete

from .conftest import SHOP, Cluster


def serving(cluster: Cluster, replicas: int = 2) -> None:
    cluster.service()
    cluster.deployment(replicas=replicas)
    cluster.settle()
    cluster.run()
    cluster.settle()


def subsets(cluster: Cluster, key: Key = SHOP) -> list[Any]:
    found: list[Any] = cluster.store.get(ENDPOINTS, key).get("subsets", [])
    return found


def conditions(cluster: Cluster) -> list[tuple[bool, bool, bool]]:
    found = [each["endpoints"][0]["conditions"] for each in cluster.store.objects(ENDPOINT_SLICES)]
    return sorted((each["ready"], each["serving"], each["terminating"]) for each in found)


def test_ready_pods_are_endpoints_where_they_really_answer(cluster: Cluster) -> None:
    serving(cluster)
    ports = [subset["ports"] for subset in subsets(cluster)]
    assert ports == [[{"name": "http", "port": port, "protocol": "TCP"}] for port in (20000, 20001)]
    assert {subset["addresses"][0]["ip"] for subset in subsets(cluster)} == {"127.0.0.1"}
    assert conditions(cluster) == [(True, True, False)] * 2


def test_slices_are_found_by_the_label_that_kubectl_describe_asks_for(cluster: Cluster) -> None:
    serving(cluster)
    for each in cluster.store.objects(ENDPOINT_SLICES):
        assert each["metadata"]["labels"]["kubernetes.io/service-name"] == "web"


def test_a_pod_that_is_not_ready_gets_no_requests(cluster: Cluster) -> None:
    serving(cluster, replicas=1)
    cluster.run(ready=False)
    cluster.settle()
    assert "addresses" not in subsets(cluster)[0]
    assert conditions(cluster) == [(False, False, False)]


def test_a_pod_that_is_to_end_leaves_at_once_and_still_serves(cluster: Cluster) -> None:
    serving(cluster, replicas=1)
    delete(cluster.store, PODS, key_of(cluster.pods()[0]))
    cluster.settle()
    assert subsets(cluster) == []
    assert conditions(cluster) == [(False, True, True)]


def test_a_sidecar_is_what_others_reach(cluster: Cluster) -> None:
    serving(cluster, replicas=1)

    def inject(draft: Object) -> None:
        addresses = PodAddresses(app={3000: 20000}, inbound={3000: 21000})
        draft["metadata"]["annotations"][ANNOTATION] = addresses.to_annotation()

    cluster.store.modify(PODS, key_of(cluster.pods()[0]), inject)
    cluster.settle()
    assert subsets(cluster)[0]["ports"][0]["port"] == 21000


def test_a_target_port_may_be_a_name(cluster: Cluster) -> None:
    cluster.service(ports=[{"port": 80, "targetPort": "http"}])
    cluster.deployment()
    cluster.settle()
    cluster.run()
    cluster.settle()
    assert subsets(cluster)[0]["ports"] == [{"port": 20000, "protocol": "TCP"}]


def test_a_port_on_which_no_pod_listens_has_endpoints_that_refuse(cluster: Cluster) -> None:
    cluster.service(ports=[{"port": 80, "targetPort": 9}])
    cluster.deployment()
    cluster.settle()
    cluster.run()
    cluster.settle()
    assert [port["port"] for subset in subsets(cluster) for port in subset["ports"]] == [NOBODY]


def test_a_name_that_no_pod_has_gives_no_endpoint(cluster: Cluster) -> None:
    cluster.service(ports=[{"port": 80, "targetPort": "nine"}])
    cluster.deployment()
    cluster.settle()
    cluster.run()
    cluster.settle()
    assert subsets(cluster) == []


def test_a_gateway_answers_on_the_node_port(cluster: Cluster) -> None:
    ports = [{"name": "http2", "port": 80, "targetPort": 8080, "nodePort": 30000}, {"name": "x", "port": 1}]
    cluster.create(SERVICES, "gateway", spec={"type": "NodePort", "selector": {"istio": "gw"}, "ports": ports})
    metadata = {"labels": {"istio": "gw"}, "annotations": {"inject.istio.io/templates": "gateway"}}
    pod = cluster.create(PODS, "gateway-1", metadata=metadata, spec={"containers": []})
    cluster.settle()
    assert subsets(cluster, Key("shop", "gateway")) == [], "it does not run yet"
    cluster.run(pod)
    cluster.settle()
    assert subsets(cluster, Key("shop", "gateway"))[0]["ports"] == [{"name": "http2", "port": 30000, "protocol": "TCP"}]


def test_a_service_without_selector_is_left_alone(cluster: Cluster) -> None:
    cluster.service(selector={})
    cluster.create(ENDPOINTS, "web", subsets=[{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 1}]}])
    cluster.settle()
    assert len(subsets(cluster)) == 1


def test_endpoints_go_with_their_service(cluster: Cluster) -> None:
    serving(cluster)
    delete(cluster.store, SERVICES, SHOP)
    cluster.settle()
    assert cluster.store.objects(ENDPOINTS) == cluster.store.objects(ENDPOINT_SLICES) == []
