from typing import Any

import pytest

from tests.localmesh.kinds.istio.documents import complaints, destination_rule, judged


def subset(**fields: Any) -> dict[str, Any]:
    return {"name": "version-v1", "labels": {"version": "v1"}} | fields


def test_the_tutorials_subsets_are_taken() -> None:
    assert complaints(destination_rule(subset(), subset(name="version-v2"), {"name": "all"})) == []


@pytest.mark.parametrize(
    ("subsets", "complaint"),
    [
        ([subset(), subset()], "spec.subsets[1].name: duplicate subset names: version-v1"),
        ([subset(name="")], "spec.subsets[0].name: subset name cannot be empty"),
        ([subset(name="v.1")], "spec.subsets[0].name: subset name is invalid: v.1"),
        ([subset(labels={"version": "v 1"})], 'spec.subsets[0].labels: invalid tag value: "v 1"'),
        ([subset(labels={"-version": "1"})], 'spec.subsets[0].labels: invalid tag key: "-version"'),
        ([subset(labels={"a" * 64: "1"})], f'spec.subsets[0].labels: invalid tag key: "{"a" * 64}" (name is too long)'),
        ([subset(name=1)], "spec.subsets[0].name: Invalid value: 1: must be a string: put it in quotes"),
    ],
)
def test_subsets_are_judged_as_istiod_judges(subsets: Any, complaint: str) -> None:
    assert complaints(destination_rule(*subsets)) == [complaint]


def test_a_host_is_needed_and_has_to_be_one() -> None:
    assert complaints(destination_rule(host="a_b")) == ['spec.host: domain name "a_b" invalid (label "a_b" invalid)']
    obj = destination_rule()
    del obj["spec"]["host"]
    assert complaints(obj) == ["spec.host: Required value"]


def policy(**fields: Any) -> Any:
    return destination_rule(trafficPolicy=fields)


NO_FIELD = "traffic policy must have at least one field"
DURATION = 'bad Duration: time: invalid duration "soon"'


@pytest.mark.parametrize(
    ("obj", "complaint"),
    [
        (policy(), f"spec.trafficPolicy: {NO_FIELD}"),
        (policy(portLevelSettings=[]), f"spec.trafficPolicy: {NO_FIELD}"),
        (destination_rule(subset(trafficPolicy={})), f"spec.subsets[0].trafficPolicy: {NO_FIELD}"),
        (
            policy(connectionPool={}),
            "spec.trafficPolicy.connectionPool: connection pool must have at least one field: http or tcp",
        ),
        (
            policy(portLevelSettings=[{"port": {"number": 80}}]),
            "spec.trafficPolicy.portLevelSettings[0]: port traffic policy must have at least one field",
        ),
        (
            policy(portLevelSettings=[{"tls": {"mode": "DISABLE"}}]),
            "spec.trafficPolicy.portLevelSettings[0].port: portTrafficPolicy must have valid port",
        ),
        (policy(retryBudget={"budgetInterval": "soon"}), f"spec.trafficPolicy.retryBudget.budgetInterval: {DURATION}"),
    ],
)
def test_policies_are_judged_as_istiod_judges(obj: Any, complaint: str) -> None:
    assert complaints(obj) == [complaint]


@pytest.mark.parametrize(
    ("pool", "complaint"),
    [
        ({"http": {"maxRetries": -1}}, "http.maxRetries: max retries must be non-negative"),
        ({"tcp": {"maxConnections": -1}}, "tcp.maxConnections: max connections must be non-negative"),
        ({"tcp": {"idleTimeout": "-1s"}}, "tcp.idleTimeout: duration must be greater than 1ms"),
        ({"tcp": {"idleTimeout": "1500us"}}, "tcp.idleTimeout: only durations to ms precision are supported"),
        ({"tcp": {"idleTimeout": "soon"}}, f"tcp.idleTimeout: {DURATION}"),
        ({"tcp": {"idleTimeout": ""}}, 'tcp.idleTimeout: bad Duration: time: invalid duration ""'),
        (
            {"http": {"http2KeepAlive": {"interval": "1s"}}},
            "http.http2KeepAlive: http2 keepalive timeout is required",
        ),
        (
            {"http": {"h2UpgradePolicy": "UPGRADE", "useClientProtocol": True}},
            "http.useClientProtocol: use client protocol must not be true when H2UpgradePolicy is UPGRADE",
        ),
    ],
)
def test_connection_pools_are_judged_as_istiod_judges(pool: Any, complaint: str) -> None:
    assert complaints(policy(connectionPool=pool)) == [f"spec.trafficPolicy.connectionPool.{complaint}"]


@pytest.mark.parametrize("pool", [{"http": {}}, {"tcp": {}}, {"tcp": {"idleTimeout": "0"}}])
def test_a_pool_that_says_nothing_is_taken_and_so_is_one_that_never_idles(pool: Any) -> None:
    assert complaints(policy(connectionPool=pool)) == []


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"maglev": {}}, "maglev.tableSize: tableSize must be set for maglev"),
        ({"maglev": {"tableSize": 9}}, "maglev.tableSize: tableSize must be a prime number for maglev"),
        ({"maglev": {"tableSize": 5000011}}, "maglev.tableSize: tableSize must be less than 5000011 for maglev"),
        (
            {"maglev": {"tableSize": 1}},
            "maglev.tableSize: 1: istiod lets it pass, but Envoy, which takes primes, ends when it is told so",
        ),
        (
            {"useSourceIp": True, "ringHash": {"minimumRingSize": 8388609}},
            "ringHash.minimumRingSize: 8388609: istiod lets it pass, but Envoy takes 8388608 at most",
        ),
        (
            {"useSourceIp": True, "minimumRingSize": 2**31},
            "minimumRingSize: 2147483648: istiod lets it pass, but Envoy takes 8388608 at most",
        ),
        ({"httpHeaderName": ""}, "httpHeaderName: istiod lets it pass, but Envoy takes no empty name"),
        ({"httpQueryParameterName": ""}, "httpQueryParameterName: istiod lets it pass, but Envoy takes no empty name"),
        (
            {"httpCookie": {"name": "a", "ttl": "-1s"}},
            "httpCookie.ttl: -1s: istiod lets it pass, but Envoy takes no duration below 0",
        ),
        ({"httpCookie": {"name": ""}}, "httpCookie.name: name required for HttpCookie"),
        ({"httpCookie": {"name": "a", "ttl": "soon"}}, f"httpCookie.ttl: {DURATION}"),
        (
            {"httpCookie": {"name": "a", "attributes": [{"name": "x"}, {"name": "x"}]}},
            "httpCookie.attributes[1].name: duplicate cookie attribute name: x",
        ),
    ],
)
def test_hashes_are_judged_as_istiod_judges(said: Any, complaint: str) -> None:
    obj = policy(loadBalancer={"consistentHash": said})
    assert complaints(obj) == [f"spec.trafficPolicy.loadBalancer.consistentHash.{complaint}"]


@pytest.mark.parametrize("size", [2, 3, 65537])
def test_a_table_may_have_any_prime_size(size: int) -> None:
    assert complaints(policy(loadBalancer={"consistentHash": {"maglev": {"tableSize": size}}})) == []


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"maxEjectionPercent": 101}, "maxEjectionPercent: percentage 101 is not in range 0..100"),
        ({"minHealthPercent": -1}, "minHealthPercent: percentage -1 is not in range 0..100"),
        (
            {"consecutiveLocalOriginFailures": 1},
            (
                "consecutiveLocalOriginFailures: outlier detection consecutive local origin failures is specified, "
                "but split external local origin errors is set to false"
            ),
        ),
    ],
)
def test_outlier_detection_is_judged_as_istiod_judges(said: Any, complaint: str) -> None:
    assert complaints(policy(outlierDetection=said)) == [f"spec.trafficPolicy.outlierDetection.{complaint}"]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"exportTo": ["~"]}, "[0]: exportTo ~ (none) is not allowed for Istio configuration objects"),
        ({"exportTo": ["b", "b"]}, "[1]: duplicate entries in exportTo for entry b"),
        (
            {"exportTo": ["istioinaction", "."]},
            "[1]: duplicate entries in exportTo: . and current namespace istioinaction",
        ),
        ({"exportTo": ["a_b"]}, "[0]: only .,*, or a valid DNS 1123 label is allowed as exportTo entry"),
        ({"exportTo": ["*", "b"]}, ": cannot have both public (*) and non-public exportTo values for a resource"),
        (
            {"exportTo": ["b"], "workloadSelector": {"matchLabels": {"a": "b"}}},
            ": destination rule with workload selector cannot have exportTo beyond current namespace",
        ),
        (
            {"exportTo": [".", "b"], "workloadSelector": {"matchLabels": {"a": "b"}}},
            ": destination rule with workload selector cannot have multiple entries in exportTo",
        ),
    ],
)
def test_who_sees_a_rule_is_judged_as_istiod_judges(fields: Any, complaint: str) -> None:
    assert complaints(destination_rule(**fields)) == [f"spec.exportTo{complaint}"]


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"workloadSelector": {}}, "workload selector specified without labels"),
        ({"trafficPolicy": {"outlierDetection": {"consecutiveErrors": 1}}}, "outlier detection consecutive errors is"),
        (
            {"trafficPolicy": {"loadBalancer": {"consistentHash": {"minimumRingSize": 9}}}},
            "consistent hash MinimumRingSize is deprecated",
        ),
        (
            {"trafficPolicy": {"loadBalancer": {"simple": "PASSTHROUGH"}}},
            "spec.trafficPolicy.loadBalancer.simple: PASSTHROUGH: not honoured",
        ),
    ],
)
def test_what_is_odd_or_other_here_is_warned_about(fields: Any, warning: str) -> None:
    (said,) = judged(destination_rule(**fields)).warnings
    assert said.startswith(warning)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"tls": {"mode": "SIMPLE"}}, "tls.mode"),
        ({"portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "SIMPLE"}}]}, "portLevelSettings[0].tls.mode"),
        ({"tunnel": {"targetHost": "a.b", "targetPort": 80}}, "tunnel"),
        ({"proxyProtocol": {}}, "proxyProtocol"),
        ({"loadBalancer": {"localityLbSetting": {}}}, "loadBalancer.localityLbSetting"),
        (
            {"outlierDetection": {"outlierDetectionHttpErrorCodes": [500]}},
            "outlierDetection.outlierDetectionHttpErrorCodes",
        ),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(fields: Any, refused: str) -> None:
    (said,) = complaints(policy(**fields))
    assert said.startswith(f"spec.trafficPolicy.{refused}: ")
    assert "supported" in said
