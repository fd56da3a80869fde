from tests.localmesh.pilot.objects import (
    clusters,
    hosts,
    outbound,
    pod,
    proxies,
    route,
    service,
    virtual_service,
)

CLIENT = pod("webapp-1")
SERVICES = (service("catalog"), service("webapp"))


def test_a_service_is_called_by_each_of_its_names() -> None:
    found = hosts(proxies(CLIENT, *SERVICES)["webapp-1"])
    names = [domain for domain, host in found.items() if clusters(host) == [outbound("catalog")]]
    assert names == [
        "catalog.istioinaction.svc.cluster.local",
        "catalog.istioinaction.svc.cluster.local.",
        "catalog",
        "catalog.istioinaction.svc",
        "catalog.istioinaction",
        "10.200.1.7",
    ]


def test_from_another_namespace_the_bare_name_is_nobodys() -> None:
    found = hosts(proxies(pod("webapp-1", namespace="elsewhere"), *SERVICES)["webapp-1"])
    assert clusters(found["catalog.istioinaction"]) == [outbound("catalog")]
    assert "catalog" not in found


def test_what_is_no_services_goes_where_it_was_going() -> None:
    assert clusters(hosts(proxies(CLIENT, *SERVICES)["webapp-1"])["*"]) == ["PassthroughCluster"]


def test_of_two_virtual_services_for_a_host_the_older_has_it_and_the_younger_keeps_its_others() -> None:
    old = virtual_service("old", route("a"), age=1)
    young = virtual_service("young", route("b"), age=2, hosts=["catalog", "shop.io"])
    found = hosts(proxies(CLIENT, *SERVICES, young, old)["webapp-1"])
    assert clusters(found["catalog"]) == [outbound("a")]
    assert clusters(found["shop.io"]) == [outbound("b")]


def test_made_in_the_same_second_the_one_that_is_first_by_name_has_it() -> None:
    found = hosts(proxies(CLIENT, *SERVICES, virtual_service("b"), virtual_service("a"))["webapp-1"])
    assert clusters(found["catalog"]) == [outbound("a")]


def test_a_host_with_a_dot_is_no_service_but_takes_that_name_from_one() -> None:
    found = hosts(
        proxies(CLIENT, *SERVICES, virtual_service("v", route("b"), hosts=["catalog.istioinaction"]))["webapp-1"]
    )
    assert clusters(found["catalog.istioinaction"]) == [outbound("b")]
    assert clusters(found["catalog"]) == [outbound("catalog")]


def test_a_wildcard_takes_the_services_that_nobody_names_more_precisely() -> None:
    wide = virtual_service("wide", route("a"), age=1, hosts=["*.svc.cluster.local"])
    narrow = virtual_service("narrow", route("b"), age=2, hosts=["*.istioinaction.svc.cluster.local"])
    exact = virtual_service("exact", route("c"), age=3)
    found = hosts(proxies(CLIENT, *SERVICES, service("other", namespace="ns"), wide, narrow, exact)["webapp-1"])
    assert clusters(found["catalog"]) == [outbound("c")]
    assert clusters(found["webapp"]) == [outbound("b")]
    assert clusters(found["other.ns"]) == [outbound("a")]


def test_a_virtual_service_for_gateways_alone_is_not_for_sidecars() -> None:
    bound = virtual_service("v", route("b"), gateways=["front"])
    both = virtual_service("v", route("b"), gateways=["front", "mesh"])
    assert clusters(hosts(proxies(CLIENT, *SERVICES, bound)["webapp-1"])["catalog"]) == [outbound("catalog")]
    assert clusters(hosts(proxies(CLIENT, *SERVICES, both)["webapp-1"])["catalog"]) == [outbound("b")]


def test_a_destination_without_a_port_means_the_port_that_was_called() -> None:
    search = service("search", {"name": "http", "port": 8088})
    found = hosts(proxies(CLIENT, *SERVICES, search, virtual_service("v", route("search")))["webapp-1"])
    assert clusters(found["catalog"]) == [outbound("search", 80)]


def test_a_port_of_which_nothing_is_said_has_routes_of_its_own() -> None:
    silent = service("silent", {"port": 9000})
    proxy = proxies(CLIENT, *SERVICES, silent)["webapp-1"]
    assert clusters(hosts(proxy, "silent.istioinaction.svc.cluster.local:9000")["*"]) == [outbound("silent", 9000)]
    assert "9000" not in [each.name for each in proxy.routes]


def test_a_port_that_takes_no_http_has_a_cluster_and_no_route() -> None:
    database = service("database", {"name": "mysql", "port": 3306})
    proxy = proxies(CLIENT, *SERVICES, database)["webapp-1"]
    assert outbound("database", 3306) in [each.name for each in proxy.clusters]
    assert "database" not in hosts(proxy, "http_proxy")
