"""AuthorizationPolicies and RequestAuthentications by chance, of what the local mesh takes of them."""

from random import Random
from typing import Any

from tests.differential.rules import maybe

Object = dict[str, Any]

PLACES = ("a", "b", "istio-system")
SELECTORS = ({"app": "s"}, {"app": "t"}, {"version": "v1"}, {"istio": "ingressgateway"}, {"istio": "edge"})
PATHS = ("/", "/api", "/api/*", "*.html", "/items/{*}", "/a/{**}", "*")
METHODS = ("GET", "POST", "P*", "*")
HOSTS = ("shop.example", "*.example", "s.a:80", "*", "shop*")
PORTS = ("80", "8080", "8000", "9000")
NETWORKS = ("10.0.0.0/8", "10.10.1.1", "192.168.0.0/16", "fe80::1%eth0")
PRINCIPALS = ("testing@secure.istio.io/user", "*", "issuer/*", "*/user", "issuer")
TEXTS = ("admin", "ad*", "*min", "*")
MODES = ("STRICT", "PERMISSIVE", "DISABLE", "UNSET")
PEERS = {
    "principals": ("cluster.local/ns/a/sa/s", "*/sa/default", "cluster.local/*", "*", "*ns/b*"),
    "namespaces": ("a", "b", "a*", "*b", "*"),
    "serviceAccounts": ("a/s", "s", "default", "b/default"),
    "trustDomains": ("cluster.local", "td2", "td2", "*.local", "*"),
}
JWKS = (
    '{"keys":[{"e":"AQAB","kid":"k","kty":"RSA","n":"xAE7eB6qugXyCAG3yhh7pkDkT65pHymX-P7KfIupjf59vsdo91bSP9C8H07pSA"}]}'
)


def authorization_policy(random: Random, name: str = "ap") -> Object:
    """Return one AuthorizationPolicy."""
    action = random.choice(("ALLOW", "ALLOW", "DENY", "AUDIT"))
    spec: Object = {"action": action} if action != "ALLOW" or random.random() < 0.5 else {}
    maybe(random, spec, "selector", lambda: {"matchLabels": random.choice(SELECTORS)}, 0.5)
    always = action == "DENY"  # without rules it never comes to anything, and is refused
    maybe(
        random, spec, "rules", lambda: [_rule(random) for _ in range(random.choice((1, 1, 2)))], 0.98 if always else 0.8
    )
    made = _object("AuthorizationPolicy", random, name, spec)
    if action in ("ALLOW", "DENY") and random.random() < 0.1:
        made["metadata"]["annotations"] = {"istio.io/dry-run": random.choice(("true", "false"))}
    return made


def _object(kind: str, random: Random, name: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": random.choice(PLACES)}
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _some(random: Random, values: tuple[str, ...]) -> list[str]:
    return random.sample(values, random.choice((1, 1, 2)))


def _rule(random: Random) -> Object:
    rule: Object = {}
    maybe(random, rule, "from", lambda: [{"source": _source(random)} for _ in range(random.choice((1, 1, 2)))], 0.4)
    maybe(random, rule, "to", lambda: [{"operation": _operation(random)} for _ in range(random.choice((1, 2)))], 0.6)
    maybe(random, rule, "when", lambda: [_condition(random) for _ in range(random.choice((1, 2)))], 0.4)
    return rule


def _source(random: Random) -> Object:
    source: Object = {}
    for name, values in (("ipBlocks", NETWORKS), ("remoteIpBlocks", NETWORKS), ("requestPrincipals", PRINCIPALS)):
        maybe(random, source, name, lambda values=values: _some(random, values), 0.4)
        maybe(random, source, f"not{name[0].upper()}{name[1:]}", lambda values=values: _some(random, values), 0.15)
    return source or {"ipBlocks": ["10.0.0.0/8"]}


def _operation(random: Random) -> Object:
    operation: Object = {}
    for name, values in (("paths", PATHS), ("methods", METHODS), ("hosts", HOSTS), ("ports", PORTS)):
        maybe(random, operation, name, lambda values=values: _some(random, values), 0.4)
        maybe(random, operation, f"not{name[0].upper()}{name[1:]}", lambda values=values: _some(random, values), 0.15)
    return operation or {"methods": ["GET"]}


def _condition(random: Random) -> Object:
    key, values = random.choice(
        (
            ("request.headers[x-user]", TEXTS),
            ("source.ip", NETWORKS),
            ("remote.ip", NETWORKS),
            ("destination.port", PORTS),
            ("request.auth.principal", PRINCIPALS),
            ("request.auth.audiences", TEXTS),
            ("request.auth.presenter", TEXTS),
            ("request.auth.claims[group]", TEXTS),
            ("request.auth.claims[a][b]", TEXTS),
        )
    )
    condition: Object = {"key": key}
    maybe(random, condition, "values", lambda: _some(random, values), 0.7)
    if "values" not in condition or random.random() < 0.2:
        condition["notValues"] = _some(random, values)
    return condition


def identity_policy(random: Random, name: str = "ip") -> Object:
    """Return one AuthorizationPolicy that asks who the other is by its certificate."""
    spec: Object = {"action": random.choice(("ALLOW", "DENY", "AUDIT"))}
    maybe(random, spec, "selector", lambda: {"matchLabels": random.choice(SELECTORS)}, 0.5)
    spec["rules"] = [_identity_rule(random) for _ in range(random.choice((1, 1, 2)))]
    return _object("AuthorizationPolicy", random, name, spec)


def _identity_rule(random: Random) -> Object:
    rule: Object = {}
    maybe(random, rule, "from", lambda: [{"source": _peer(random)} for _ in range(random.choice((1, 2)))], 0.7)
    maybe(random, rule, "to", lambda: [{"operation": _operation(random)}], 0.3)
    maybe(random, rule, "when", lambda: [_peer_condition(random)], 0.4)
    return rule


def _peer(random: Random) -> Object:
    names = ("principals", "namespaces", "serviceAccounts", "trustDomains")
    source: Object = {}
    for name in names if random.random() < 0.5 else names[:2]:
        maybe(random, source, name, lambda name=name: _some(random, PEERS[name]), 0.4)
        maybe(random, source, f"not{name[0].upper()}{name[1:]}", lambda name=name: _some(random, PEERS[name]), 0.2)
    if {"serviceAccounts", "notServiceAccounts"} & source.keys():  # not beside what says the same in other words
        source = {key: value for key, value in source.items() if "rincipals" not in key and "amespaces" not in key}
    return source or {"namespaces": ["a"]}


def _peer_condition(random: Random) -> Object:
    key = random.choice(("principals", "namespaces", "serviceAccounts", "trustDomains", "connection.sni"))
    values = PEERS.get(key, ("outbound_.80_._.s.a.svc.cluster.local", "*.local", "*"))
    condition: Object = {"key": key if key == "connection.sni" else f"source.{key[:-1]}"}
    maybe(random, condition, "values", lambda: _some(random, values), 0.7)
    if "values" not in condition or random.random() < 0.2:
        condition["notValues"] = _some(random, values)
    return condition


def peer_authentication(random: Random, name: str = "pa") -> Object:
    """Return one PeerAuthentication."""
    spec: Object = {}
    maybe(random, spec, "selector", lambda: {"matchLabels": random.choice(SELECTORS)}, 0.5)
    maybe(random, spec, "mtls", lambda: random.choice(({}, *({"mode": mode} for mode in MODES))), 0.8)
    if "selector" in spec:
        ports = random.sample(("80", "8080", "8000", "7070", "9000", "8025"), random.choice((1, 2)))
        levels = {port: {"mode": random.choice(MODES)} for port in ports}
        maybe(random, spec, "portLevelMtls", lambda: levels, 0.5)
    made = _object("PeerAuthentication", random, name, spec)
    maybe(random, made["metadata"], "creationTimestamp", lambda: f"2026-01-0{random.randint(1, 3)}T00:00:00Z", 0.4)
    return made


def request_authentication(random: Random, name: str = "ra") -> Object:
    """Return one RequestAuthentication, with its keys written in it."""
    spec: Object = {}
    maybe(random, spec, "selector", lambda: {"matchLabels": random.choice(SELECTORS)}, 0.5)
    issuers = random.sample(("testing@secure.istio.io", "issuer", "other"), random.choice((1, 1, 2)))
    maybe(random, spec, "jwtRules", lambda: [_jwt_rule(random, issuer) for issuer in issuers], 0.95)
    return _object("RequestAuthentication", random, name, spec)


def _jwt_rule(random: Random, issuer: str) -> Object:
    rule: Object = {"issuer": issuer, "jwks": JWKS}
    maybe(random, rule, "audiences", lambda: _some(random, ("a", "b")), 0.3)
    maybe(random, rule, "fromHeaders", lambda: [{"name": "x-jwt", "prefix": random.choice(("", "Bearer "))}], 0.3)
    maybe(random, rule, "fromParams", lambda: ["token"], 0.2)
    maybe(random, rule, "fromCookies", lambda: ["token"], 0.2)
    maybe(random, rule, "forwardOriginalToken", lambda: random.random() < 0.5, 0.3)
    maybe(random, rule, "outputPayloadToHeader", lambda: "x-payload", 0.2)
    maybe(random, rule, "outputClaimToHeaders", lambda: [{"header": "x-sub", "claim": "sub"}], 0.2)
    maybe(random, rule, "spaceDelimitedClaims", lambda: ["roles"], 0.15)
    return rule
