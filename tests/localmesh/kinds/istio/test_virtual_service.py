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
        ROUTE | {"match": [{"withoutHeaders": {"x": {"regex": "*"}}, "ignoreUriCase": True, "statPrefix": "mine"}]},
        ROUTE | {"match": [{"uri": {"regex": r"\Q\C\E\\C(?P<a_1>.)(?<b>[^a]{1000})"}}]},
        ROUTE
        | {"headers": {"request": {"set": {"x": "%DOWNSTREAM_REMOTE_ADDRESS% 100%% %REQ(a)%", ":authority": "b"}}}},
        ROUTE | {"headers": {"request": {"set": {"x": '%METADATA(["a", "b\\"c"])%'}}}},
        ROUTE | {"retries": {"attempts": 1, "backoff": "1s", "retryIgnorePreviousHosts": False}},
        ROUTE | {"fault": {"abort": {"grpcStatus": "UNAVAILABLE"}, "delay": {}}},
        {"redirect": {"derivePort": "FROM_REQUEST_PORT", "redirectCode": 308}},
        {"directResponse": {"status": 200, "body": {"bytes": "aGVsbG8="}}},
    ],
)
def test_what_istiod_takes_is_taken(rule: Any) -> None:
    assert complaints(virtual_service(rule)) == []


REFUSED = [
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
    (ROUTE | {"retries": {"attempts": 1, "retryOn": "5" * 5000}}, 'retries.retryOn: "55555'),
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
        ROUTE | {"match": [{"uri": {"regex": "("}}]},
        'match[0].uri.regex: "uri": error parsing regexp: missing ): (; Istio uses RE2 style',
    ),
    (
        ROUTE | {"match": [{"uri": {"regex": r"a\C"}}]},
        r'match[0].uri.regex: "uri": error parsing regexp: invalid escape sequence: `\C`; Istio uses RE2 style',
    ),
    (
        ROUTE | {"match": [{"uri": {"regex": "(?P<é>a)"}}]},
        'match[0].uri.regex: "uri": error parsing regexp: invalid named capture: `(?P<é>`; Istio uses RE2 style',
    ),
    *(
        (
            ROUTE | {"match": [{"uri": {"regex": large}}]},
            "match[0].uri.regex: istiod lets it pass, but Envoy takes no program of more than 32768 steps",
        )
        for large in (r"\pL{50}", r"\pL{1000}")
    ),
    (
        ROUTE | {"match": [{"method": {"regex": ""}}]},
        'match[0].method.regex: "method": regex string match should not be empty',
    ),
    (
        ROUTE | {"match": [{"authority": {"regex": "a" * 1025}}]},
        'match[0].authority.regex: "authority": regex is too large, max length allowed is 1024',
    ),
    (
        ROUTE | {"match": [{"headers": {"x": {"regex": "*"}}}]},
        'match[0].headers[x].regex: "headers": error parsing regexp: no argument for repetition operator',
    ),
    (
        ROUTE | {"match": [{"queryParams": {"": {"exact": "x"}}}]},
        "match[0].queryParams[]: istiod lets it pass, but Envoy takes names of 1 to 1024 bytes only",
    ),
    (
        ROUTE | {"match": [{"queryParams": {"q": {"prefix": ""}}}]},
        'match[0].queryParams[q].prefix: "queryParams": prefix string match should not be empty',
    ),
    (
        ROUTE | {"match": [{"port": 65536}]},
        "match[0].port: port number 65536 must be in the range 1..65535",
    ),
    (
        ROUTE | {"match": [{"sourceLabels": {"a": "b c"}}]},
        'match[0].sourceLabels: invalid tag value: "b c"',
    ),
    (
        ROUTE | {"match": [{"sourceNamespace": "a.b"}]},
        "match[0].sourceNamespace: sourceNamespace match a.b is invalid",
    ),
    (
        ROUTE | {"match": [{"gateways": ["a/b.c"]}]},
        'match[0].gateways[0]: invalid value for gateway name: "b.c"',
    ),
    (
        ROUTE | {"match": [{"headers": {"@request.auth.claims.group": {"exact": "admin"}}}]},
        "match[0].headers[@request.auth.claims.group]: routing by the claims of a token is not supported",
    ),
    (
        ROUTE | {"fault": {}},
        "fault: HTTP fault injection must have an abort and/or a delay",
    ),
    (
        ROUTE | {"fault": {"abort": {"httpStatus": 199}}},
        "fault.abort.httpStatus: HTTP status 199 is not in range 200-599",
    ),
    (ROUTE | {"fault": {"abort": {"httpStatus": 600}}}, "fault.abort.httpStatus: HTTP status 600: istiod lets it pass"),
    (ROUTE | {"fault": {"abort": {"grpcStatus": "NO"}}}, 'fault.abort.grpcStatus: gRPC status "NO" is not supported'),
    (ROUTE | {"fault": {"abort": {"http2Error": "x"}}}, "fault.abort.http2Error: HTTP/2 abort fault injection not"),
    (
        ROUTE | {"fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 100.5}}}},
        "fault.delay.percentage: percentage 100.5 is neither 0.0, nor in range [0.0001, 100.0]",
    ),
    (ROUTE | {"fault": {"delay": {"exponentialDelay": "1s"}}}, "fault.delay.exponentialDelay: exponentialDelay not"),
    ({"redirect": {}}, "redirect: redirect must specify URI, authority, scheme, or port"),
    ({"redirect": {"uri": "/", "redirectCode": 200}}, "redirect: 200 is not a valid redirect code, must be 3xx"),
    ({"redirect": {"uri": "/", "redirectCode": 304}}, "redirect.redirectCode: 304: istiod lets it pass, but Envoy"),
    ({"redirect": {"scheme": "ftp"}}, 'redirect: invalid redirect scheme, must be "http" or "https"'),
    ({"redirect": {"uri": "/", "prefixRewrite": "/"}}, "redirect: redirect may only specify one of uri or"),
    (
        {"redirect": {"prefixRewrite": "/"}, "match": [{"uri": {"exact": "/"}}]},
        "redirect: redirect prefix_rewrite requires all URI matches to use prefix match type",
    ),
    ({"directResponse": {"status": 700}}, "directResponse.status: HTTP status 700 is not in range 200-599"),
    (
        {"directResponse": {"status": 200, "body": {"bytes": ""}}},
        "directResponse.body.bytes: Invalid value",
    ),
    (
        {"directResponse": {"status": 200, "body": {"bytes": "?"}}},
        "directResponse.body.bytes: illegal base64 data",
    ),
    (
        {"directResponse": {"status": 200, "body": {"bytes": "aGVsbG8"}}},
        "directResponse.body.bytes: illegal base64 data",
    ),
    (
        {"directResponse": {"status": 200, "body": {"bytes": "YS-i"}}},
        "directResponse.body.bytes: illegal base64 data",
    ),
    (
        {"directResponse": {"status": 200, "body": {"string": "x" * 1_048_577}}},
        "directResponse.body: large direct_responses may impact control plane performance, must be less than 1MB",
    ),
    (ROUTE | {"rewrite": {}}, "rewrite: rewrite must specify at least one of URI, UriRegexRewrite, or authority"),
    (
        ROUTE | {"rewrite": {"uri": "/", "uriRegexRewrite": {"match": "a", "rewrite": "b"}}},
        "rewrite: rewrite may only contain one of URI or UriRegexRewrite",
    ),
    (
        ROUTE | {"rewrite": {"uriRegexRewrite": {"match": "[", "rewrite": "b"}}},
        'rewrite.uriRegexRewrite.match: "HTTPRewrite.UriRegexRewrite.Match": error parsing regexp',
    ),
    (
        ROUTE | {"rewrite": {"authority": "a"}, "headers": {"request": {"set": {"Host": "b"}}}},
        'headers.request.set[Host]: authority header cannot be set multiple times: have "a", attempting to set "b"',
    ),
    (
        ROUTE | {"headers": {"response": {"set": {"host": "a"}}}},
        'headers.response.set[host]: invalid header "host": cannot set Host header',
    ),
    (
        ROUTE | {"headers": {"request": {"add": {":path": "/"}}}},
        'headers.request.add[:path]: invalid header ":path": header cannot have ":" prefix',
    ),
    (
        ROUTE | {"headers": {"request": {"remove": ["x y"]}}},
        "headers.request.remove[0]: 'x y' is no header name: istiod lets it pass, but Envoy refuses the whole route",
    ),
    (
        ROUTE | {"headers": {"request": {"set": {"x": "50%"}}}},
        "headers.request.set[x]: header value configuration: invalid header configuration '50%'",
    ),
    (
        ROUTE | {"headers": {"request": {"set": {"x": "a\nb"}}}},
        "headers.request.set[x]: header value configuration 'a\\nb' is invalid",
    ),
    (
        ROUTE | {"mirror": {"host": "a"}, "mirrorPercentage": {"value": 101}},
        "mirrorPercentage: mirror_percentage must have a max value of 100",
    ),
    (
        ROUTE | {"mirrors": [{"destination": {"host": "*"}}]},
        "mirrors[0].destination.host: invalid destination host *",
    ),
    (
        ROUTE | {"corsPolicy": {"allowMethods": ["get"]}},
        'corsPolicy.allowMethods[0]: "get" is not a supported HTTP method',
    ),
    (
        ROUTE | {"corsPolicy": {"allowOrigins": [{}]}},
        "corsPolicy.allowOrigins[0]: '' is not a valid match type for CORS allow origins",
    ),
    (
        ROUTE | {"corsPolicy": {"exposeHeaders": ["a b"]}},
        "corsPolicy.exposeHeaders[0]: header name a b is not a valid header name",
    ),
    (
        ROUTE | {"corsPolicy": {"maxAge": "1.5s"}},
        "corsPolicy.maxAge: max_age duration is accurate only to seconds precision",
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


CONFLICTS = [
    ({}, "HTTP route, redirect or direct_response is required"),
    (ROUTE | {"redirect": {"uri": "/"}}, "HTTP route cannot contain both route and redirect"),
    (ROUTE | {"directResponse": {"status": 200}}, "HTTP route cannot contain both route and direct_response"),
    (
        {"redirect": {"uri": "/"}, "directResponse": {"status": 200}},
        "HTTP route rule cannot contain both direct_response and redirect",
    ),
    (
        {"redirect": {"uri": "/"}, "fault": {"abort": {"httpStatus": 500}}},
        "HTTP route cannot contain both fault and redirect",
    ),
    (
        {"directResponse": {"status": 200}, "rewrite": {"uri": "/"}},
        "HTTP route rule cannot contain both rewrite and direct_response",
    ),
    (
        ROUTE | {"mirror": {"host": "a"}, "mirrors": [{"destination": {"host": "b"}}]},
        "HTTP route cannot contain both mirror and mirrors",
    ),
]


@pytest.mark.parametrize(("rule", "complaint"), CONFLICTS, ids=[complaint for _, complaint in CONFLICTS])
def test_actions_that_exclude_each_other_are_refused(rule: Any, complaint: str) -> None:
    assert complaints(virtual_service(rule)) == [f"spec.http[0]: {complaint}"]


UNSUPPORTED = [
    ({"http": [{"delegate": {"name": "a"}}]}, "http[0].delegate"),
    ({"tcp": [{"route": [{"destination": {"host": "a"}}]}]}, "tcp"),
]


@pytest.mark.parametrize(("spec", "field"), UNSUPPORTED, ids=[field for _, field in UNSUPPORTED])
def test_a_field_for_later_is_refused_by_name_with_what_is_there_instead(spec: Any, field: str) -> None:
    (said,) = complaints(virtual_service(**spec))
    assert said.startswith(f"spec.{field}: this field is not supported by the local mesh; supported here: ")


def test_all_complaints_come_together() -> None:
    tcp = [{"route": [{"destination": {"host": "a"}}]}]
    obj = virtual_service({"delegate": {}}, ROUTE | {"delegate": {"name": "b"}}, tcp=tcp)
    assert [said.partition(":")[0] for said in complaints(obj)] == [
        "spec.http[0].delegate",
        "spec.http[1].delegate",
        "spec.tcp",
    ]


def test_namespaces_that_cannot_be_are_refused() -> None:
    said = complaints(virtual_service(ROUTE, exportTo=["~", "b"]))
    assert said == ["spec.exportTo[0]: exportTo ~ (none) is not allowed for Istio configuration objects"]


@pytest.mark.parametrize(
    ("rule", "warning"),
    [
        (ROUTE | {"mirror": {"host": "a"}, "mirrorPercent": 5}, 'using deprecated setting "mirrorPercent"'),
        (ROUTE | {"fault": {"abort": {}}}, "abort configured, but error type not set"),
        (
            {"directResponse": {"status": 200, "body": {"string": "x" * 102_401}}},
            "large direct_responses may impact control plane performance",
        ),
    ],
)
def test_what_istiod_warns_of_is_taken_with_a_warning(rule: Any, warning: str) -> None:
    found = judged(virtual_service(rule))
    assert found.problems == ()
    (said,) = found.warnings
    assert said.startswith(warning)


def test_a_match_that_an_earlier_one_hides_is_warned_of_when_all_its_other_conditions_agree() -> None:
    early = {"uri": {"prefix": "/a"}, "port": 80, "queryParams": {"q": {"prefix": "1"}}}
    late = early | {"uri": {"prefix": "/ab"}}
    assert len(judged(virtual_service(ROUTE | {"match": [early]}, ROUTE | {"match": [late]})).warnings) == 1
    for other in ({"port": 81}, {"queryParams": {}}, {"withoutHeaders": {"x": {}}}, {"method": {"exact": "POST"}}):
        found = judged(virtual_service(ROUTE | {"match": [early]}, ROUTE | {"match": [late | other]}))
        assert found.warnings == (), other


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
