from typing import Any

import pytest

from localmesh.core.objects import Object
from tests.localmesh.kinds.istio.documents import complaints, destination_rule, judged

ENDLESS = "9" * 5000
"""More digits than Python reads at once."""


def policy(*rules: Object, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "policy", "namespace": "istioinaction", "annotations": annotations or {}},
        "spec": {"rules": list(rules), **spec} if rules else spec,
    }


def to(**operation: Any) -> Object:
    return {"to": [{"operation": operation}]}


def source(**fields: Any) -> Object:
    return {"from": [{"source": fields}]}


def when(key: str, *values: str) -> Object:
    return {"when": [{"key": key, "values": list(values)}]}


def warnings(obj: Object) -> list[str]:
    return list(judged(obj).warnings)


@pytest.mark.parametrize(
    "obj",
    [
        policy(),
        policy({}),
        policy({}, action="DENY"),
        policy(to(methods=["GET"], paths=["/a", "/b*", "*/c", "/d/{*}/e/{**}"]), action="AUDIT"),
        policy(to(hosts=["*.io"], ports=["80", "0"])),
        policy(when("request.headers[x-team]", "shop"), selector={"matchLabels": {"app": "catalog"}}),
        policy(when("destination.port", "80")),
        policy(source(requestPrincipals=["*"])),
        policy(when("request.auth.claims[a][b]", "c")),
        policy(when("request.auth.principal", "*")),
        policy(source(principals=["*", "cluster.local/ns/a/sa/b"], namespaces=["a*"], notNamespaces=["b"])),
        policy(source(serviceAccounts=["a/b", "c"], notServiceAccounts=["d"], trustDomains=["*"])),
        policy(when("source.principal", "*"), when("source.namespace", "a"), when("connection.sni", "*.b")),
        policy(when("source.serviceAccount", "a/b"), when("source.trustDomain", "a*", "a/b")),
    ],
)
def test_what_istiod_takes_is_taken_without_a_word(obj: Object) -> None:
    assert complaints(obj) == []
    assert warnings(obj) == []


@pytest.mark.parametrize(
    ("obj", "complaint"),
    [
        (
            policy(action="DENY"),
            (
                "spec.rules: DENY action without `rules` is meaningless as it will never be triggered, add an empty "
                "rule `{}` if you want it be triggered for every request"
            ),
        ),
        (policy({"from": [{}]}), "spec.rules[0].from[0].source: `from.source` must not be nil, found at rule 0"),
        (policy(source()), "spec.rules[0].from[0].source: `from.source` must not be empty, found at rule 0"),
        (policy({}, {"to": [{}]}), "spec.rules[1].to[0].operation: `to.operation` must not be nil, found at rule 1"),
        (policy(to()), "spec.rules[0].to[0].operation: `to.operation` must not be empty, found at rule 0"),
        (policy(to(ports=["http"])), "spec.rules[0].to[0].operation: bad port (http)"),
        (policy(to(notPorts=["65536"])), "spec.rules[0].to[0].operation: bad port (65536)"),
        (policy(to(ports=[ENDLESS])), f"spec.rules[0].to[0].operation: bad port ({ENDLESS})"),
        (policy(to(methods=[""])), "spec.rules[0].to[0].operation: empty value not allowed, found in Methods"),
        (
            policy(to(paths=["a/{*}"])),
            "a/{*}, found in Paths: istiod lets it pass, but Envoy ends: a template begins with / and has no //",
        ),
        (
            policy(to(notPaths=["/a/{*}//"])),
            "/a/{*}//, found in NotPaths: istiod lets it pass, but Envoy ends: a template begins with / and has no //",
        ),
        (
            policy(to(paths=["/" + "a" * 254 + "/{*}"])),
            "Paths: istiod lets it pass, but Envoy takes templates of 256 characters at most",
        ),
        (
            policy(to(paths=["/{**}/{*}"])),
            (
                "spec.rules[0].to[0].operation: invalid or unsupported path, found in Paths: {**}/{*}: {**} is not the "
                "last operator"
            ),
        ),
        (
            policy(to(notPaths=["/a{*}"])),
            (
                "spec.rules[0].to[0].operation: invalid or unsupported path, found in NotPaths: a{*}: contains '{' or "
                "'}' beyond a supported path template"
            ),
        ),
        (policy(source(ipBlocks=["10.0.0.0/33"])), "spec.rules[0].from[0].source: bad CIDR range (10.0.0.0/33)"),
        (policy(source(ipBlocks=[f"10.0.0.0/{ENDLESS}"])), f"source: bad CIDR range (10.0.0.0/{ENDLESS})"),
        (policy(source(remoteIpBlocks=["10.0.0"])), "spec.rules[0].from[0].source: bad IP address (10.0.0)"),
        (policy(source(notPrincipals=[""])), "source: empty value not allowed, found in NotPrincipals"),
        (policy(source(namespaces=[""])), "source: empty value not allowed, found in Namespaces"),
        (policy(source(serviceAccounts=["*"])), "source: wildcard not allowed, found in ServiceAccounts"),
        (
            policy(source(serviceAccounts=["a/b/c"])),
            "expected format 'serviceAccount' or 'namespace/serviceAccount', found \"a/b/c\" in ServiceAccounts",
        ),
        (policy(source(notServiceAccounts=["/a"])), 'found empty namespace "/a" in NotServiceAccounts'),
        (policy(source(serviceAccounts=["a/"])), 'found empty serviceAccount "a/" in ServiceAccounts'),
        (policy(source(serviceAccounts=["a"], principals=["b"])), "Cannot set serviceAccounts with namespaces or"),
        (policy(source(trustDomains=["**"])), 'at most one wildcard is allowed, found in TrustDomains: "**"'),
        (policy(source(trustDomains=["a/b"])), "trust domain must not contain '/', found in TrustDomains: \"a/b\""),
        (
            policy(source(notTrustDomains=["a*b"])),
            'wildcard is only allowed at the start or end, found in NotTrustDomains: "a*b"',
        ),
        (
            policy(when("source.serviceAccount", "a*")),
            "invalid `value` for `key` source.serviceAccount: wildcard not allowed, found in source.serviceAccount",
        ),
        (policy(when("source.principal", "")), "empty value not allowed, found in source.principal"),
        (
            policy({"when": [{"key": "source.ip"}]}),
            "spec.rules[0].when[0]: at least one of `values` or `notValues` must be set for key source.ip",
        ),
        (
            policy(when("source.ip", "")),
            "spec.rules[0].when[0]: invalid `value` for `key` source.ip: empty value not allowed, found in source.ip",
        ),
        (
            policy(when("request.headers[]", "a")),
            (
                "spec.rules[0].when[0]: invalid `value` for `key` request.headers[]: bad key (request.headers[]): "
                "should have format a[b]"
            ),
        ),
        (
            policy(selector={"matchLabels": {"app": "cat*"}}),
            'spec.selector.matchLabels.app: Invalid value: "cat*": wildcard not allowed in label value match',
        ),
    ],
)
def test_what_istiod_refuses_is_refused(obj: Object, complaint: str) -> None:
    assert complaint in "\n".join(complaints(obj))


@pytest.mark.parametrize(
    ("obj", "field"),
    [
        (policy(action="CUSTOM", provider={"name": "opa"}), "spec.provider"),
        (policy(when("destination.ip", "10.0.0.1")), "spec.rules[0].when[0].key"),
        (policy(when("request.headersx[a]", "a")), "spec.rules[0].when[0].key"),
    ],
)
def test_what_the_local_mesh_does_not_have_is_refused_by_name(obj: Object, field: str) -> None:
    assert any(each.startswith(f"{field}: ") and "supported here" in each for each in complaints(obj))


def test_a_deny_rule_of_http_alone_is_warned_about() -> None:
    assert "deny all traffic to TCP ports" in warnings(policy(to(paths=["/admin"]), action="DENY"))[0]
    assert warnings(policy(to(paths=["/admin"], ports=["80"]), action="DENY")) == []
    assert warnings(policy(to(paths=["/admin"]))) == []


def test_addresses_are_warned_about_for_there_is_one_only() -> None:
    assert "127.0.0.1" in warnings(policy(source(ipBlocks=["10.0.0.0/8"])))[0]
    assert "127.0.0.1" in warnings(policy(when("remote.ip", "10.0.0.0/8")))[0]


def test_a_dry_run_is_for_policies_that_decide() -> None:
    def dry(value: str) -> dict[str, str]:
        return {"istio.io/dry-run": value}

    assert complaints(policy({}, annotations=dry("true"))) == []
    assert "invalid value (yes)" in complaints(policy({}, annotations=dry("yes")))[0]
    assert "ALLOW/DENY, found action AUDIT" in complaints(policy({}, action="AUDIT", annotations=dry("true")))[0]
    rule = destination_rule()
    rule["metadata"]["annotations"] = dry("true")
    assert "unsupported annotation" in complaints(rule)[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("parents", "annotation found, this may not be set by users"),
        ("webhook-always-reject", "annotation found, rejecting"),
        ("route-semantics", "not supported by the local mesh"),
    ],
)
def test_annotations_by_which_istiod_tells_itself_things_are_not_for_users(name: str, said: str) -> None:
    (complaint,) = complaints(policy({}, annotations={f"internal.istio.io/{name}": "x"}))
    assert complaint.startswith(f"metadata.annotations[internal.istio.io/{name}]: ")
    assert said in complaint


def test_a_revision_that_is_not_there_is_said() -> None:
    obj = policy({})
    obj["metadata"]["labels"] = {"istio.io/rev": "canary"}
    assert "an istiod of this revision" in warnings(obj)[0]
