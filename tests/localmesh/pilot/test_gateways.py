from localmesh.proxy.addresses import Address
from localmesh.proxy.proxies import Proxy
from tests.localmesh.pilot.objects import (
    clusters,
    gateway,
    gateway_pod,
    gateway_service,
    hosts,
    outbound,
    proxies,
    route,
    service,
    virtual_service,
)

STANDING = (gateway_pod(), gateway_service(), service("webapp"))


def bound(name: str, *rules: object, **fields: object) -> dict[str, object]:
    return virtual_service(name, *rules, **{"hosts": ["*"], "gateways": ["front"]} | fields)


def ingress(*objects: object) -> Proxy:
    return proxies(*STANDING, *objects)["gateway-1"]


def test_without_a_gateway_nothing_listens() -> None:
    assert ingress(bound("webapp")).listeners == ()


def test_it_listens_on_the_nodes_port_of_the_services_port() -> None:
    (listener,) = ingress(gateway()).listeners
    assert (listener.name, listener.address, listener.shared) == ("0.0.0.0_8080", Address("127.0.0.1", 30000), True)


def test_a_gateway_that_names_the_pods_own_port_is_reached_through_the_node() -> None:
    proxy = ingress(gateway(number=8080), bound("webapp"))
    assert [listener.address for listener in proxy.listeners] == [Address("127.0.0.1", 30000)]
    assert clusters(hosts(proxy, "http.8080")["*"]) == [outbound("webapp")]


def test_patching_the_node_port_moves_the_listener() -> None:
    proxy = proxies(gateway_pod(), gateway_service(nodePort=30005), gateway())["gateway-1"]
    assert [listener.address.port for listener in proxy.listeners] == [30005]


def test_a_gateway_with_nothing_behind_it_answers_404() -> None:
    (host,) = hosts(ingress(gateway()), "http.8080").values()
    assert (host.name, host.routes) == ("blackhole:80", ())


def test_only_virtual_services_that_name_the_gateway_are_served() -> None:
    other = bound("webapp", gateways=["elsewhere/front"])
    assert hosts(ingress(gateway(), other), "http.8080")["*"].name == "blackhole:80"
    assert clusters(hosts(ingress(gateway(), bound("webapp")), "http.8080")["*"]) == [outbound("webapp")]


def test_the_narrower_host_of_gateway_and_virtual_service_is_served() -> None:
    found = hosts(ingress(gateway("front", "*.shop.io"), bound("webapp", hosts=["eu.shop.io", "a.com"])), "http.8080")
    assert list(found) == ["eu.shop.io"]
    found = hosts(ingress(gateway("front", "Eu.shop.io"), bound("webapp", hosts=["*.shop.io"])), "http.8080")
    assert list(found) == ["eu.shop.io"]


def test_hosts_may_be_for_some_namespaces_only() -> None:
    served = bound("webapp", hosts=["shop.io"])
    assert "shop.io" in hosts(ingress(gateway("front", "./shop.io"), served), "http.8080")
    assert "shop.io" in hosts(ingress(gateway("front", "*/shop.io"), served), "http.8080")
    assert "shop.io" not in hosts(ingress(gateway("front", "other/shop.io"), served), "http.8080")


def test_virtual_services_for_one_host_follow_each_other_and_what_takes_everything_is_last() -> None:
    old = bound("old", route("webapp", match=[{"uri": {"prefix": "/a"}}]), route("webapp", name="rest"), age=1)
    young = bound("young", route("catalog", match=[{"uri": {"prefix": "/b"}}]), age=2)
    found = hosts(ingress(gateway(), young, old), "http.8080")["*"]
    assert [each.match.path.value for each in found.routes] == ["/a", "/b", "/"]


def test_hosts_with_the_very_same_routes_share_a_virtual_host() -> None:
    found = hosts(ingress(gateway(), bound("webapp", hosts=["*.b.io", "long.a.io", "a.io"])), "http.8080")
    (host,) = {host.name: host for host in found.values()}.values()
    assert (host.name, host.domains) == ("long.a.io:80", ("long.a.io", "a.io", "*.b.io"))


def test_a_destination_without_a_port_means_the_only_port_of_its_service() -> None:
    search = service("search", {"name": "http", "port": 8088})
    assert clusters(hosts(ingress(gateway(), search, bound("search")), "http.8080")["*"]) == [outbound("search", 8088)]


def test_a_low_port_that_the_service_has_not_stays_closed() -> None:
    proxy = ingress(gateway(number=81))
    assert (proxy.listeners, proxy.routes) == ((), ())


def test_gateways_on_the_services_port_and_on_the_pods_share_the_listener() -> None:
    proxy = ingress(gateway("front", "a.io"), gateway("back", "b.io", number=8080), bound("webapp", gateways=["back"]))
    assert [listener.address.port for listener in proxy.listeners] == [30000]
    assert list(hosts(proxy, "http.8080")) == ["b.io"]


def test_a_gateway_for_other_pods_is_not_served() -> None:
    other = gateway()
    other["spec"]["selector"] = {"istio": "egressgateway"}
    assert ingress(other).listeners == ()
