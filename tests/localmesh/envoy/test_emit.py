"""Every word of the model, written down for Envoy and taken by it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from localmesh.envoy.emit import emit
from localmesh.envoy.emit.route import route
from localmesh.envoy.emit.route_match import route_match
from localmesh.proxy.actions import Action, DirectResponse, Forward, Redirect, WeightedCluster
from localmesh.proxy.addresses import Address
from localmesh.proxy.cluster_policies import CircuitBreakers, Connections, LoadBalancer, LoadBalancing
from localmesh.proxy.clusters import Cluster, ClusterType, Endpoint, UpstreamProtocol
from localmesh.proxy.listeners import (
    FilterChain,
    FilterChainMatch,
    HttpConnectionManager,
    Listener,
    PlainFilter,
    TcpProxy,
    TrafficDirection,
)
from localmesh.proxy.matches import HeaderMatch, QueryMatch, RouteMatch, TextKind, TextMatch
from localmesh.proxy.proxies import NodeType, Proxy, ProxyId
from localmesh.proxy.routes import Route, RouteConfiguration, VirtualHost
from tests.localmesh.pilot.static import bootstrap, envoy_complaints

EXACT, REGEX, PRESENT = (
    TextMatch(TextKind.EXACT, "/a"),
    TextMatch(TextKind.REGEX, "/a[0-9]+"),
    TextMatch(TextKind.PRESENT),
)
MATCHES: list[tuple[RouteMatch, dict[str, Any]]] = [
    (RouteMatch(), {"prefix": "/"}),
    (RouteMatch(EXACT, conditional=True), {"path": "/a", "case_sensitive": True}),
    (
        RouteMatch(TextMatch(TextKind.PREFIX, "/A", ignore_case=True), conditional=True),
        {"prefix": "/A", "case_sensitive": False},
    ),
    (RouteMatch(REGEX), {"safe_regex": {"regex": "/a[0-9]+"}}),
    (
        RouteMatch(headers=(HeaderMatch("x", REGEX), HeaderMatch("y", PRESENT, inverted=True))),
        {
            "prefix": "/",
            "headers": [
                {"name": "x", "string_match": {"safe_regex": {"regex": "/a[0-9]+"}}},
                {"name": "y", "present_match": True, "invert_match": True},
            ],
        },
    ),
    (
        RouteMatch(headers=(HeaderMatch("x", EXACT, inverted=True),)),
        {
            "prefix": "/",
            "headers": [
                {
                    "name": "x",
                    "string_match": {"exact": "/a"},
                    "invert_match": True,
                    "treat_missing_header_as_empty": True,
                }
            ],
        },
    ),
    (
        RouteMatch(query=(QueryMatch("q", PRESENT), QueryMatch("r", EXACT))),
        {
            "prefix": "/",
            "query_parameters": [
                {"name": "q", "present_match": True},
                {"name": "r", "string_match": {"exact": "/a"}},
            ],
        },
    ),
]
ACTIONS: list[tuple[Action, dict[str, Any]]] = [
    (Redirect(301, host="b.io"), {"redirect": {"host_redirect": "b.io", "response_code": "MOVED_PERMANENTLY"}}),
    (
        Redirect(308, scheme="https", port=8443, prefix="/b"),
        {
            "redirect": {
                "scheme_redirect": "https",
                "port_redirect": 8443,
                "prefix_rewrite": "/b",
                "response_code": "PERMANENT_REDIRECT",
            }
        },
    ),
    (DirectResponse(503), {"direct_response": {"status": 503}}),
    (DirectResponse(503, ""), {"direct_response": {"status": 503, "body": {"inline_string": ""}}}),
    (
        DirectResponse(418, "kännchen"),
        {"direct_response": {"status": 418, "body": {"inline_string": "kännchen"}}},
    ),
    (DirectResponse(200, b"\xff"), {"direct_response": {"status": 200, "body": {"inline_bytes": "/w=="}}}),
    (
        Forward((WeightedCluster("one", 1), WeightedCluster("two", 2)), timeout=timedelta(seconds=2)),
        {
            "route": {
                "weighted_clusters": {"clusters": [{"name": "one", "weight": 1}, {"name": "two", "weight": 2}]},
                "timeout": "2s",
                "max_grpc_timeout": "2s",
            }
        },
    ),
]


@pytest.mark.parametrize(("described", "written"), MATCHES)
def test_a_match_is_written_in_envoys_words(described: RouteMatch, written: dict[str, Any]) -> None:
    assert route_match(described) == written


@pytest.mark.parametrize(("action", "written"), ACTIONS)
def test_an_action_is_written_in_envoys_words(action: Action, written: dict[str, Any]) -> None:
    assert route(Route(action)) == {"match": {"prefix": "/"}, **written}


def cluster(name: str, **fields: Any) -> Cluster:
    return Cluster(name, ClusterType.EDS, timedelta(seconds=1), (Endpoint(Address("127.0.0.1", 1)),), **fields)


def proxy() -> Proxy:
    """Return a proxy in which each word of the model is said once."""
    routes = (
        *(Route(DirectResponse(200), match) for match, _ in MATCHES),
        *(Route(action) for action, _ in ACTIONS),
    )
    manager = HttpConnectionManager("80", "outbound_80", tuple(PlainFilter), use_remote_address=False)
    chains = (
        FilterChain(manager, timedelta(seconds=5), match=FilterChainMatch("raw_buffer"), name="plain"),
        FilterChain(
            TcpProxy("one"), timedelta(seconds=5), match=FilterChainMatch("tls", ("*.a.io",), ("h2",)), name="tls"
        ),
        FilterChain(TcpProxy("two"), timedelta(seconds=5)),
    )
    return Proxy(
        ProxyId("shop", "web-1"),
        NodeType.SIDECAR,
        (Listener("all", Address("127.0.0.1", 1), TrafficDirection.OUTBOUND, chains),),
        (RouteConfiguration("80", (VirtualHost("all", ("*",), routes),)),),
        (
            cluster(
                "one",
                load_balancer=LoadBalancer(LoadBalancing.RANDOM),
                panic_threshold=30,
                connections=Connections(timedelta(seconds=9)),
            ),
            cluster(
                "two",
                load_balancer=LoadBalancer(LoadBalancing.ROUND_ROBIN),
                protocol=UpstreamProtocol.HTTP2,
                panic_threshold=0,
                circuit_breakers=CircuitBreakers(1, 2, 3, 4),
            ),
        ),
    )


def test_envoy_takes_each_word(tmp_path: Path) -> None:
    assert envoy_complaints(bootstrap({"web": emitted()}), tmp_path) == ""


def test_policies_are_written_in_envoys_words() -> None:
    one, two = emitted().cds
    assert one["common_lb_config"] == {"healthy_panic_threshold": {"value": 30}}
    assert two["common_lb_config"] == {"healthy_panic_threshold": {}}
    assert (one["lb_policy"], two["lb_policy"]) == ("RANDOM", "ROUND_ROBIN")
    (options,) = one["typed_extension_protocol_options"].values()
    assert options["common_http_protocol_options"] == {"idle_timeout": "9s"}
    assert two["circuit_breakers"]["thresholds"] == [
        {"max_connections": 1, "max_pending_requests": 2, "max_requests": 3, "max_retries": 4}
    ]


def test_chains_are_told_apart_by_what_is_seen_of_a_connection() -> None:
    (listener,) = emitted().lds
    assert [chain.get("filter_chain_match") for chain in listener["filter_chains"]] == [
        {"transport_protocol": "raw_buffer"},
        {"transport_protocol": "tls", "server_names": ["*.a.io"], "application_protocols": ["h2"]},
        None,
    ]


def emitted() -> Any:
    return emit(proxy())
