from pathlib import Path
from typing import Any

import pytest

from localmesh.cli.explain import Entrance, configuration_at, endpoints_of, lines, pods_by_port, request_of
from localmesh.cli.proxies import PodProxy
from localmesh.core.errors import MeshError
from localmesh.envoy.admin import Admin
from localmesh.envoy.dump import Dump
from localmesh.envoy.matching import Request, steps
from localmesh.kinds.addresses import ANNOTATION, PodAddresses

CLUSTER = "outbound|80|v2|catalog.shop.svc.cluster.local"
PATH = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/catalog"
OURS = {"filter_metadata": {"istio": {"config": PATH}}}
DARK = {"prefix": "/", "headers": [{"name": "x-dark-launch", "string_match": {"exact": "v2"}}]}
RETRIES = {"num_retries": 3, "retry_on": "5xx", "per_try_timeout": "2s"}
ALL = {"cluster": CLUSTER, "retry_policy": RETRIES, "timeout": "6s"}
HOST = {
    "name": "catalog:80",
    "domains": ["catalog", "catalog.shop"],
    "routes": [
        {"match": DARK, "route": {"cluster": "x"}, "metadata": OURS},
        {
            "match": {"prefix": "/"},
            "metadata": OURS,
            "route": {"cluster": CLUSTER, "retry_policy": RETRIES, "timeout": "6s"},
        },
    ],
}
PROXY = PodProxy("webapp-1.shop", Admin(Path("admin.sock")), "1.31")
SIDECAR = Entrance(PROXY, 15001, is_gateway=False)
GATEWAY = Entrance(PROXY, 30000, is_gateway=True)


def endpoint(port: int, status: str = "HEALTHY") -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"address": address, "health_status": {"eds_health_status": status}}


def said(request: Request, *hosts: dict[str, Any]) -> list[str]:
    statuses = [{"name": CLUSTER, "host_statuses": list(hosts)}]
    beyond = {CLUSTER: ["in plain text"], "x": ["endpoints are chosen in turn"]}
    return list(lines(HOST, steps(HOST, request), endpoints_of(statuses, {2001: "catalog-1"}), beyond))


def test_the_answer_names_rules_reasons_endpoints_and_policies() -> None:
    assert said(Request("catalog", "/items"), endpoint(2001), endpoint(2002, "UNHEALTHY")) == [
        "virtual host catalog:80 (domains catalog, catalog.shop)",
        "✗ VirtualService catalog.shop, for x-dark-launch v2: header x-dark-launch is missing, not 'v2'",
        "✓ VirtualService catalog.shop, for every request",
        "→ catalog v2",
        "  catalog v2: 1 of 2 endpoints healthy",
        "    catalog-1 127.0.0.1:2001",
        "    unknown 127.0.0.1:2002, not healthy",
        "    in plain text",
        "retries: 3, on 5xx, 2s each",
        "timeout: 6s for all tries together",
    ]


def test_what_cannot_be_answered_says_with_which_flag_it_will_be() -> None:
    assert "  catalog v2: 0 of 1 endpoints healthy: 503 (UH)" in said(Request("catalog", "/"), endpoint(1, "UNHEALTHY"))
    missing = said(Request("catalog", "/", headers={"x-dark-launch": "v2"}))
    assert "  x: there is no such cluster: 503 (NC)" in missing
    assert "    endpoints are chosen in turn" not in missing
    assert list(lines(None, [], {}, {})) == ["no virtual host has this host: 404 (NR)"]
    none: dict[str, Any] = {"name": "n", "domains": ["*"], "routes": HOST["routes"][:1]}
    assert list(lines(none, steps(none, Request("a", "/")), {}, {}))[-1] == "no route takes it: 404 (NR)"


def test_urls_are_read_as_the_gateway_and_as_a_sidecar_see_them() -> None:
    assert request_of("/api?x=1", GATEWAY, "get", ["X-A:  b "]) == Request(
        "127.0.0.1:30000", "/api?x=1", "GET", {"x-a": "b"}
    )
    assert request_of("http://catalog:8080", SIDECAR, "POST", []) == Request("catalog:8080", "/", "POST")
    assert request_of("catalog/items", GATEWAY, "GET", []).authority == "catalog"
    wrong = [("/items", SIDECAR), ("https://x/", GATEWAY), ("http://[::1/", GATEWAY), ("", GATEWAY)]
    for url, place, headers in (*((url, place, []) for url, place in wrong), ("/", GATEWAY, ["no colon"])):
        with pytest.raises(MeshError):
            request_of(url, place, "GET", headers)


def test_routes_are_those_of_the_listener_that_takes_the_request() -> None:
    manager = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {"rds": {"route_config_name": "r"}},
    }
    routes = {"name": "r", "virtual_hosts": [HOST]}
    listener = {
        "address": {"socket_address": {"port_value": 15001}},
        "filter_chains": [{"filters": [{"name": "tcp"}, manager]}],
    }
    dump = Dump(
        [
            {"@type": "x.ListenersConfigDump", "dynamic_listeners": [{"active_state": {"listener": listener}}, {}]},
            {
                "@type": "x.RoutesConfigDump",
                "dynamic_route_configs": [{"route_config": routes}],
            },
        ]
    )
    assert configuration_at(dump, SIDECAR)["virtual_hosts"] == [HOST]
    with pytest.raises(MeshError, match="does not listen on port 30000"):
        configuration_at(dump, GATEWAY)


def test_pods_are_known_by_their_ports_however_odd_the_objects() -> None:
    annotations = {ANNOTATION: PodAddresses(app={3000: 5}, inbound={3000: 6}).to_annotation()}
    pod = {"kind": "Pod", "metadata": {"name": "a", "annotations": annotations}}
    assert pods_by_port([pod, {"kind": "Pod", "metadata": {"name": "b"}}, {"kind": "Deployment"}]) == {5: "a", 6: "a"}
