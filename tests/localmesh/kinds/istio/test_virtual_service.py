from typing import Any

import pytest

from tests.localmesh.kinds.istio.documents import ROUTE, complaints, judged, virtual_service


@pytest.mark.parametrize(
    "rule",
    [
        ROUTE,
        ROUTE | {"name": "all", "timeout": "500ms"},
        ROUTE | {"retries": {"attempts": 3, "retryOn": "5xx", "perTryTimeout": "2s"}},
        ROUTE | {"retries": {"attempts": 1, "retryOn": "503,reset,gateway-error,+429"}},
        ROUTE | {"retries": {"attempts": 0}},
        ROUTE | {"retries": {}},
        ROUTE | {"match": [{"headers": {"x-dark-launch": {"exact": "v2"}, ":method": {"exact": "GET"}, "x-any": {}}}]},
        ROUTE | {"match": [{"uri": {"prefix": ""}}, {"uri": {}}, {"name": "one", "uri": {"exact": "/items"}}]},
        {"route": [{"destination": {"host": "catalog", "subset": "V1", "port": {"number": 80}}, "weight": 0}]},
        {"route": [{"destination": {"host": "a"}, "weight": 70}, {"destination": {"host": "b"}, "weight": 70}]},
    ],
)
def test_what_istiod_takes_is_taken(rule: Any) -> None:
    assert complaints(virtual_service(rule)) == []


REFUSED = [
    ({}, "route: HTTP route, redirect or direct_response is required"),
    (ROUTE | {"timeout": "0s"}, 'timeout: Invalid value: "0s": must be a valid duration greater than 1ms'),
    (ROUTE | {"timeout": "soon"}, 'timeout: Invalid value: "soon": must be a valid duration greater than 1ms'),
    (ROUTE | {"timeout": "1.5ms"}, "timeout: only durations to ms precision are supported"),
    (ROUTE | {"retries": {"attempts": -1}}, "retries.attempts: attempts cannot be negative"),
    (
        ROUTE | {"retries": {"perTryTimeout": "1s"}},
        "retries.attempts: http retry policy configured when attempts are set to 0 (disabled)",
    ),
    (
        ROUTE | {"retries": {"attempts": 1, "retryOn": "5xx, reset"}},
        'retries.retryOn: " reset" is not a valid retryOn policy; no spaces around it',
    ),
    (ROUTE | {"retries": {"attempts": 1, "retryOn": "599"}}, 'retries.retryOn: "599" is not a valid retryOn policy'),
    (ROUTE | {"retries": {"attempts": 1, "retryOn": "5xx,"}}, 'retries.retryOn: "" is not a valid retryOn policy'),
    ({"route": [{"destination": {"host": "*"}}]}, "route[0].destination.host: invalid destination host *"),
    ({"route": [{"destination": {"host": "a_b"}}]}, 'route[0].destination.host: domain name "a_b" invalid'),
    ({"route": [{"destination": {}}]}, "route[0].destination.host: Required value"),
    (
        {"route": [{"destination": {"host": "catalog", "port": {}}}]},
        "route[0].destination.port.number: port number 0 must be in the range 1..65535",
    ),
    (
        {"route": [{"destination": {"host": "catalog", "subset": "v.1"}}]},
        "route[0].destination.subset: subset name is invalid: v.1",
    ),
    (
        {"route": [{"destination": {"host": "a"}}, {"destination": {"host": "b"}}]},
        "route: total destination weight = 0",
    ),
    ({"route": [{"destination": {"host": "a"}, "weight": -1}]}, "route[0].weight: weight -1 < 0"),
    (
        {"route": [{"destination": {"host": "a"}, "weight": "9"}]},
        'route[0].weight: Invalid value: "9": must be an integer',
    ),
    (
        ROUTE | {"match": [{"headers": {"x": {"prefix": ""}}}]},
        'match[0].headers[x].prefix: "headers": prefix string match should not be empty',
    ),
    (
        ROUTE | {"match": [{"headers": {"x y": {"exact": "1"}}}]},
        "match[0].headers[x y]: header name x y is not a valid header name",
    ),
    (
        ROUTE | {"match": [{"uri": {"exact": "/a", "prefix": "/a"}}]},
        'match[0].uri: Invalid value: {"exact": "/a", "prefix": "/a"}: at most one of exact, prefix, regex may be set',
    ),
]


@pytest.mark.parametrize(("rule", "complaint"), REFUSED, ids=[complaint for _, complaint in REFUSED])
def test_what_istiod_refuses_is_refused_in_its_words_with_its_place(rule: Any, complaint: str) -> None:
    (said,) = complaints(virtual_service(rule))
    assert said.startswith(f"spec.http[0].{complaint}")


UNSUPPORTED = [
    ({"fault": {}}, "fault", "name, match, route, timeout, retries"),
    ({"retries": {"backoff": "1s"}}, "retries.backoff", "attempts, perTryTimeout, retryOn"),
    ({"match": [{"sourceLabels": {}}]}, "match[0].sourceLabels", "name, uri, headers"),
    ({"match": [{"headers": {"exact": {"regex": ".*"}}}]}, "match[0].headers[exact].regex", "exact, prefix"),
    ({"match": [{"uri": {"regex": ".*"}}]}, "match[0].uri.regex", "exact, prefix"),
    ({"route": [{"destination": {"host": "a"}, "headers": {}}]}, "route[0].headers", "destination, weight"),
]


@pytest.mark.parametrize(("rule", "field", "supported"), UNSUPPORTED, ids=[field for _, field, _ in UNSUPPORTED])
def test_a_field_for_later_is_refused_with_what_is_there_instead(rule: Any, field: str, supported: str) -> None:
    assert complaints(virtual_service(ROUTE | rule)) == [
        f"spec.http[0].{field}: this field is not supported by the local mesh; supported here: {supported}"
    ]


def test_all_complaints_come_together() -> None:
    obj = virtual_service({"fault": {}}, ROUTE | {"mirror": {"host": "b"}}, exportTo=["."])
    assert [said.partition(":")[0] for said in complaints(obj)] == [
        "spec.http[0].fault",
        "spec.http[1].mirror",
        "spec.exportTo",
    ]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (
            {"hosts": ["*"]},
            "spec.hosts[0]: wildcard host * is not allowed for virtual services bound to the mesh gateway",
        ),
        ({"hosts": ["*"], "gateways": ["mesh", "front"]}, "spec.hosts[0]: wildcard host * is not allowed"),
        ({"hosts": ["a.io", "a.io"]}, "spec.hosts: duplicate hosts in virtual service: a.io & a.io"),
        ({"hosts": ["*.io", "a.io"]}, "spec.hosts: duplicate hosts in virtual service: *.io & a.io"),
        ({"hosts": ["a..io"]}, 'spec.hosts[0]: domain name ".io" invalid (label "" invalid)'),
        ({"hosts": []}, "spec.hosts: a VirtualService without hosts is a delegate"),
        ({"http": []}, "spec.http: http, tcp or tls must be provided in virtual service"),
        ({"gateways": ["./front"]}, 'spec.gateways[0]: invalid value for namespace: "."'),
        ({"gateways": ["ns/front.gate"]}, 'spec.gateways[0]: invalid value for gateway name: "front.gate"'),
        ({"gateways": [""]}, "spec.gateways[0]: empty domain name not allowed"),
    ],
)
def test_hosts_and_gateways_are_judged_as_istiod_judges(spec: Any, complaint: str) -> None:
    (said,) = complaints(virtual_service(**spec))
    assert said.startswith(complaint)


def test_any_host_is_fine_on_a_gateway() -> None:
    assert complaints(virtual_service(hosts=["*"], gateways=["front"])) == []


def test_the_gateways_old_long_name_is_taken_with_istiods_warning() -> None:
    found = judged(virtual_service(gateways=["front.ns.svc"]))
    assert found.problems == ()
    (warning,) = found.warnings
    assert warning == 'using legacy gatewayName format "front.ns.svc"; prefer the <namespace>/<name> format: "ns/front"'
