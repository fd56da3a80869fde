import pytest

from localmesh.core.objects import Object
from localmesh.kinds.addresses import PodAddresses
from localmesh.proxy.clusters import Upstream
from localmesh.proxy.listeners import Forward, Listener, Side
from localmesh.proxy.proxies import Proxy
from localmesh.proxy.routes import RouteConfiguration
from tests.localmesh.pilot.objects import gateway_pod, outbound, pod, proxies, service

ADDRESSES = PodAddresses(app={3000: 21000}, inbound={3000: 21001})


def sidecar(*ports: Object) -> Proxy:
    services = [service("catalog", *ports)] if ports else []
    return proxies(*services, pod("catalog-1", ADDRESSES))["catalog-1"]


def listener(proxy: Proxy) -> Listener:
    (found,) = [each for each in proxy.listeners if each.side is Side.INBOUND]
    return found


def port(name: str, **fields: object) -> Object:
    return {"name": name, "port": 80, "targetPort": 3000} | fields


@pytest.mark.parametrize(
    ("said", "upstream"),
    [
        (port("http"), Upstream.HTTP1),
        (port("grpc"), Upstream.HTTP2),
        (port("web"), Upstream.AS_DOWNSTREAM),
        (port("web", appProtocol="kubernetes.io/h2c"), Upstream.HTTP2),
        (port("http", appProtocol="mongo"), Upstream.HTTP1),
    ],
)
def test_the_application_is_spoken_to_as_its_service_says(said: Object, upstream: Upstream) -> None:
    (cluster,) = [each for each in sidecar(said).clusters if each.name == "inbound|3000||"]
    assert cluster.upstream is upstream


def test_requests_are_routed_one_by_one_under_the_services_port() -> None:
    routes = listener(sidecar(port("http", port=8080))).routes
    assert isinstance(routes, RouteConfiguration)
    assert (routes.name, routes.virtual_hosts[0].name) == ("inbound|3000||", "inbound|http|8080")


def test_of_a_port_that_takes_no_http_the_bytes_are_forwarded() -> None:
    assert listener(sidecar(port("tcp"))).routes == Forward("inbound|3000||")


def test_of_two_ports_that_lead_to_one_the_first_decides() -> None:
    assert listener(sidecar(port("tcp"), port("http", port=81))).routes == Forward("inbound|3000||")


def test_a_container_port_that_no_service_has_is_served_all_the_same() -> None:
    routes = listener(sidecar()).routes
    assert isinstance(routes, RouteConfiguration)
    assert routes.virtual_hosts[0].name == "inbound|http|0"


def test_a_gateway_does_not_look_at_first_bytes() -> None:
    found = proxies(gateway_pod(), pod("webapp-1"), service("catalog", {"port": 80}))
    spoken = {
        name: next(each.upstream for each in proxy.clusters if each.name == outbound("catalog"))
        for name, proxy in found.items()
    }
    assert spoken == {"gateway-1": Upstream.HTTP1, "webapp-1": Upstream.AS_DOWNSTREAM}
