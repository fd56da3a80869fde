from typing import Any

from localmesh.cli.explain_access import MANAGER, OtherSide, access_lines, as_it_arrives
from localmesh.envoy.access import RBAC
from localmesh.envoy.dump import Dump
from localmesh.envoy.matching import Request
from localmesh.telemetry.cluster_words import policies_in_words

WEBAPP = "spiffe://cluster.local/ns/shop/sa/webapp"
REQUEST = Request("catalog", "/api/items")
MAY_SPEAK_TLS = {"transport_socket_matches": [{"transport_socket": {"typed_config": {"sni": "outbound_.80"}}}]}
SPEAKS_TLS: dict[str, Any] = {"transport_socket": {}}


def side(*takes: str, principal: str = "") -> OtherSide:
    """A proxy that takes connections of some kinds on port 7, from anybody or from one principal."""
    identifier = {"authenticated": {"principal_name": {"exact": principal}}}
    name = "ns[shop]-policy[own]-rule[2]"
    rules = {"policies": {name: {"permissions": [{"any": True}], "principals": [identifier]}}}
    filters = [{"name": RBAC, "typed_config": {"rules": rules}}] if principal else []
    manager = {"name": MANAGER, "typed_config": {"http_filters": filters}}
    chains = [{"filter_chain_match": {"transport_protocol": taken}, "filters": [manager]} for taken in takes]
    listener = {"address": {"socket_address": {"port_value": 7}}, "filter_chains": chains}
    document = {"@type": "x.ListenersConfigDump", "dynamic_listeners": [{"active_state": {"listener": listener}}]}
    return OtherSide(Dump([document]), 7)


def said(cluster: Any, other: OtherSide) -> list[str]:
    return list(access_lines(cluster, other, WEBAPP, REQUEST))


def test_tls_is_spoken_where_it_is_taken_and_not_held_back() -> None:
    assert said(MAY_SPEAK_TLS, side("tls", "raw_buffer")) == [f"over mutual TLS, as {WEBAPP}"]
    assert said(MAY_SPEAK_TLS, side("")) == ["in plain text"]
    assert said({}, side("tls", "raw_buffer")) == ["in plain text"]


def test_who_does_not_speak_what_is_taken_is_told_with_which_flag_it_ends() -> None:
    closed = "alone (PeerAuthentication): the connection is closed, 503"
    assert said({}, side("tls"))[1] == f"it takes mutual TLS {closed} (UC)"
    assert said(SPEAKS_TLS, side(""))[1] == f"it takes plain text {closed} (UF)"


def test_the_policy_that_decides_is_named() -> None:
    assert said(SPEAKS_TLS, side("tls", principal=WEBAPP))[1] == "let in by AuthorizationPolicy own.shop, rule 2"
    none = "denied: none of 1 rules that allow something allows this: 403 (RBAC: access denied)"
    assert said({}, side("raw_buffer", principal=WEBAPP))[1] == none


def test_a_request_arrives_as_its_route_has_rewritten_it() -> None:
    route = {"match": {"prefix": "/api"}, "route": {"prefix_rewrite": "/v2", "host_rewrite_literal": "inner"}}
    assert as_it_arrives(REQUEST, route) == Request("inner", "/v2/items")
    assert as_it_arrives(REQUEST, {"match": {"prefix": "/"}, "route": {"cluster": "c"}}) == REQUEST


def test_a_clusters_policies_are_told_where_they_are_not_istios_default() -> None:
    limits = {"max_connections": 5, "max_requests": 2**32 - 1, "retry_budget": {"budget_percent": {"value": 20}}}
    cluster = {
        "lb_policy": "RING_HASH",
        "circuit_breakers": {"thresholds": [limits]},
        "outlier_detection": {"consecutive_5xx": 3, "base_ejection_time": "9s"},
    }
    assert list(policies_in_words(cluster, [{"header": {"header_name": "x-user"}}, {"cookie": {"name": "c"}}])) == [
        "endpoints are chosen by a hash of header x-user and cookie c (RING_HASH)",
        "at most 5 connections: more is answered 503 (UO)",
        "retries: at most 20 % of the requests",
        "an endpoint is left out for 9s after 3 times 5xx in a row",
    ]
    usual = {"lb_policy": "LEAST_REQUEST", "circuit_breakers": {"thresholds": [{"max_connections": 2**32 - 1}]}}
    assert list(policies_in_words(usual, [])) == []
