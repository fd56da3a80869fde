from typing import Any

import pytest

from localmesh.kinds.review import Review
from tests.localmesh.kinds.istio.documents import complaints, gateway, judged

PORT = {"number": 80, "name": "http", "protocol": "HTTP"}


def server(**fields: Any) -> dict[str, Any]:
    return {"port": PORT, "hosts": ["*"]} | fields


@pytest.mark.parametrize("host", ["*", "*.shop.io", "shop.io", "ns/shop.io", "./shop.io", "*/shop.io", "10.0.0.1"])
def test_hosts_that_istiod_takes_are_taken(host: str) -> None:
    assert complaints(gateway(selector={"istio": "ingressgateway"}, servers=[server(hosts=[host])])) == []


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("shop", "short names (non FQDN) are not allowed"),
        ("*-eu.shop.io", 'partial wildcard "*-eu.shop.io" not allowed'),
        ("a_b.io", 'domain name "a_b.io" invalid (label "a_b" invalid)'),
        ("a.1", 'domain name "1" invalid (top level domain "1" cannot be all-numeric)'),
        ("ns./shop.io", 'invalid namespace value "ns." in gateway'),
    ],
)
def test_hosts_that_istiod_refuses_are_refused(host: str, complaint: str) -> None:
    (said,) = complaints(gateway(servers=[server(hosts=[host])]))
    assert said.startswith(f"spec.servers[0].hosts[0]: {complaint}")


@pytest.mark.parametrize(
    ("servers", "complaint"),
    [
        ([], "spec.servers: gateway must have at least one server"),
        ([server(hosts=[])], "spec.servers[0].hosts: server config must contain at least one host"),
        ([server(port=PORT | {"name": ""})], "spec.servers[0].port.name: port name must be set"),
        (
            [server(port=PORT | {"number": 0})],
            "spec.servers[0].port.number: port number 0 must be in the range 1..65535",
        ),
        ([server(), server()], "spec.servers[1].port.name: port names in servers must be unique: duplicate name http"),
        (
            [server(port=PORT | {"protocol": "HTTPS"})],
            "spec.servers[0].port.protocol: 'HTTPS' is not supported by the local mesh; supported here: 'HTTP'",
        ),
        (
            [server(tls={"httpsRedirect": True})],
            "spec.servers[0].tls: this field is not supported by the local mesh; supported here: name, port, hosts",
        ),
    ],
)
def test_servers_are_judged_as_istiod_judges(servers: Any, complaint: str) -> None:
    assert complaints(gateway(servers=servers)) == [complaint]


def test_a_name_that_no_virtual_service_could_say_is_refused() -> None:
    obj = gateway(servers=[server()])
    obj["metadata"]["name"] = "front.gate"
    assert complaints(obj) == ['metadata.name: invalid gateway name: "front.gate"']


@pytest.mark.parametrize("number", [80, 8080])
@pytest.mark.parametrize("protocol", ["HTTP", "http", "Http"])
def test_the_ports_of_the_ingress_gateway_are_taken_without_a_word(number: int, protocol: str) -> None:
    assert judged(gateway(servers=[server(port=PORT | {"number": number, "protocol": protocol})])) == Review()


def test_a_port_that_the_ingress_gateway_does_not_open_is_warned_of() -> None:
    (warning,) = judged(gateway(servers=[server(port=PORT | {"number": 8081})])).warnings
    assert warning.startswith("spec.servers[0].port.number: 8081 can be reached only if the gateway's Service has")
