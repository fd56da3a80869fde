"""Each rule of Istio's CRDs: what it lets pass, and what it does not."""

from collections.abc import Iterator
from typing import Any

import pytest

from localmesh.kinds.schema.cel import RULES, holds

PORTS = [{"number": 80}, {"number": 81}]
# The beginning of the rule's text, values that keep it, values that break it.
CASES: list[tuple[str, list[Any], list[Any]]] = [
    ("duration(self)", ["1ms", "2s", "1m30s"], ["0s", "999us", "2", ""]),
    ("0 < self &&", [1, 65535], [0, 65536]),
    ("self.all(key, 0 < int(key)", [{"80": 1}, {}], [{"0": 1}, {"http": 1}, {"70000": 1}]),
    ("self.all(l1,", [PORTS, []], [[*PORTS, {"number": 80}]]),
    ("self.all(key, size(key)", [{"http-1": 1}], [{"-http": 1}, {"a" * 63: 1}, {"": 1}]),
    ("self.all(key, !key.contains", [{"app": 1}], [{"a*": 1}]),
    ("self.all(key, key.size()", [{"app": 1}], [{"": 1}]),
    ('!self.contains("*")', ["v1"], ["v*"]),
    ('self != "*"', ["*.io"], ["*"]),
    ("self.size() == 0", [""], ["other"]),
    ('self in ["", "HTTP"', ["", "HTTPS"], ["http"]),
    ("url(self)", ["https://a.io"], ["ftp://a.io", "a.io", "http://["]),
    ('isURL(self) ? (url(self).getScheme() in ["", "http", "https", "file"', ["oci://a", "a.io/b:1"], ["ftp://a"]),
    ('isURL(self) ? (url(self).getScheme() in ["", "http", "https", "oci"', ["file:///a", "a"], ["s3://a/b"]),
    ("has(self.wasm) !=", [{"lua": 1}], [{}, {"wasm": 1, "lua": 1}]),
    ("has(self.address) ||", [{"network": "n"}], [{}]),
    ("(has(self.selector) ? 1 : 0) + (has(self.targetRefs)", [{}, {"selector": 1}], [{"selector": 1, "targetRefs": 1}]),
    ("(has(self.selector) ? 1 : 0) + (has(self.targetRef) ", [{"targetRef": 1}], [{"targetRef": 1, "targetRefs": 1}]),
    ("(has(self.workloadSelector) ? 1 : 0) + (has(self.t", [{}], [{"workloadSelector": 1, "targetRefs": 1}]),
    ("(has(self.workloadSelector) ? 1 : 0) + (has(self.e", [{}], [{"workloadSelector": 1, "endpoints": 1}]),
    ("(has(self.tlsCertificates)", [{}], [{"tlsCertificates": 1, "credentialNames": 1}]),
    ("(has(self.credentialName) ", [{}], [{"credentialName": 1, "credentialNames": 1}]),
    ("(has(self.credentialNames)", [{}], [{"tlsCertificates": 1, "credentialNames": 1}]),
    ("(has(self.jwksUri)", [{"jwks": 1}], [{"jwks": 1, "jwks_uri": 1}]),
    (
        "has(self.context)",
        [{}, {"context": "WAYPOINT", "waypoint": 1}],
        [{"waypoint": 1}, {"context": "WAYPOINT"}, {"context": "GATEWAY", "waypoint": 1}],
    ),
    ("(has(self.valueFrom)", [{"value": 1}, {"valueFrom": "HOST"}], [{"valueFrom": "HOST", "value": 1}]),
    (
        "!((has(self.addresses)",
        [{"addresses": ["10.0.0.0/8"]}, {"addresses": ["10.0.0.1"], "resolution": "DNS"}],
        [{"addresses": ["10.0.0.0/8"], "resolution": "DNS"}],
    ),
    (
        '((has(self.resolution) ? self.resolution : "NONE")',
        [{}, {"endpoints": 1, "resolution": "DNS"}],
        [{"endpoints": 1}],
    ),
    (
        '((has(self.resolution) ? self.resolution : "")',
        [{"resolution": "DNS_ROUND_ROBIN", "endpoints": [1]}, {"endpoints": [1, 2]}],
        [{"resolution": "DNS_ROUND_ROBIN", "endpoints": [1, 2]}],
    ),
    ("(has(self.address) ?", [{"address": "unix:///s"}, {"ports": 1}], [{"address": "unix:///s", "ports": 1}]),
    ('self.startsWith("unix://") ? (', ["unix:///s", "unix://@s", "a.io"], ["unix://s", "unix://"]),
    ('self.startsWith("unix://") ? !', ["unix:///s", "a.io/"], ["unix:///s/"]),
    ("(has(self.serviceAccounts)", [{"serviceAccounts": 1}], [{"notServiceAccounts": 1, "namespaces": 1}]),
    (
        "has(self.portLevelMtls)",
        [{}, {"portLevelMtls": 1, "selector": {"matchLabels": {"a": "b"}}}],
        [{"portLevelMtls": 1}],
    ),
    (
        '((has(self.operation) ? self.operation : "") == "UPSERT")',
        [{}, {"operation": "UPSERT", "value": "v"}],
        [{"operation": "UPSERT"}],
    ),
    (
        '((has(self.operation) ? self.operation : "") == "REMOVE")',
        [{"operation": "REMOVE"}],
        [{"operation": "REMOVE", "value": ""}],
    ),
]


def verdicts() -> Iterator[Any]:
    for start, good, bad in CASES:
        (rule,) = [rule for rule in RULES if rule.startswith(start)]
        yield from (pytest.param(rule, value, True, id=f"{start} {value} stays") for value in good)
        yield from (pytest.param(rule, value, False, id=f"{start} {value} goes") for value in bad)


@pytest.mark.parametrize(("rule", "value", "kept"), list(verdicts()))
def test_a_rule_tells_what_may_stay(rule: str, value: Any, kept: bool) -> None:
    assert bool(holds(rule, value)) is kept


def test_each_rule_is_tried() -> None:
    assert len({start for start, _, _ in CASES}) == len(RULES)
