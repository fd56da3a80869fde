import pytest

from localmesh.core.objects import Object
from localmesh.kinds.addresses import PodAddresses
from localmesh.proxy.clusters import UpstreamProtocol
from localmesh.proxy.listeners import HttpConnectionManager, NetworkFilter, TcpProxy, TrafficDirection
from localmesh.proxy.proxies import Proxy
from localmesh.proxy.routes import RouteConfiguration
from tests.localmesh.pilot.objects import gateway_pod, outbound, pod, proxies, service

ADDRESSES = PodAddresses(app={3000: 21000}, inbound={3000: 21001})


def sidecar(*ports: Object) -> Proxy:
    services = [service("catalog", *ports)] if ports else []
    return proxies(*services, pod("catalog-1", ADDRESSES))["catalog-1"]


def filter_(proxy: Proxy) -> NetworkFilter:
    (found,) = [each for each in proxy.listeners if each.direction is TrafficDirection.INBOUND]
    (chain,) = found.chains
    return chain.filter


def routes_of(proxy: Proxy) -> RouteConfiguration:
    manager = filter_(proxy)
    assert isinstance(manager, HttpConnectionManager)
    assert isinstance(manager.routes, RouteConfiguration)
    return manager.routes


def port(name: str, **fields: object) -> Object:
    return {"name": name, "port": 80, "targetPort": 3000} | fields


@pytest.mark.parametrize(
    ("said", "upstream"),
    [
        (port("http"), UpstreamProtocol.HTTP1),
        (port("grpc"), UpstreamProtocol.HTTP2),
        (port("web"), UpstreamProtocol.AS_DOWNSTREAM),
        (port("web", appProtocol="kubernetes.io/h2c"), UpstreamProtocol.HTTP2),
        (port("http", appProtocol="mongo"), UpstreamProtocol.HTTP1),
    ],
)
def test_the_application_is_spoken_to_as_its_service_says(said: Object, upstream: UpstreamProtocol) -> None:
    (cluster,) = [each for each in sidecar(said).clusters if each.name == "inbound|3000||"]
    assert cluster.protocol is upstream


def test_requests_are_routed_one_by_one_under_the_services_port() -> None:
    routes = routes_of(sidecar(port("http", port=8080)))
    assert (routes.name, routes.virtual_hosts[0].name) == ("inbound|3000||", "inbound|http|8080")


def test_of_a_port_that_takes_no_http_the_bytes_are_forwarded() -> None:
    assert filter_(sidecar(port("tcp"))) == TcpProxy("inbound|3000||")


def test_of_two_ports_that_lead_to_one_the_first_decides() -> None:
    assert filter_(sidecar(port("tcp"), port("http", port=81))) == TcpProxy("inbound|3000||")


def test_a_container_port_that_no_service_has_is_served_all_the_same() -> None:
    routes = routes_of(sidecar())
    assert routes.virtual_hosts[0].name == "inbound|http|0"


def test_a_gateway_does_not_look_at_first_bytes() -> None:
    found = proxies(gateway_pod(), pod("webapp-1"), service("catalog", {"port": 80}))
    spoken = {
        name: next(each.protocol for each in proxy.clusters if each.name == outbound("catalog"))
        for name, proxy in found.items()
    }
    assert spoken == {"gateway-1": UpstreamProtocol.HTTP1, "webapp-1": UpstreamProtocol.AS_DOWNSTREAM}
