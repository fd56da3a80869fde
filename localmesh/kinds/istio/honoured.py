"""What the local mesh honours of Istio's kinds: one table of field paths. Every other field is refused by name.

A further field is a line here, its translation in `pilot`, and a test of both. A list's items are `[]`, a map's values
`{}`; what lies in a field that stands here without a tail is honoured in full.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from localmesh.core.objects import Object
from localmesh.kinds.resources import (
    AUTHORIZATION_POLICIES,
    DESTINATION_RULES,
    GATEWAYS,
    PEER_AUTHENTICATIONS,
    REQUEST_AUTHENTICATIONS,
    TELEMETRIES,
    VIRTUAL_SERVICES,
    Resource,
)
from localmesh.kinds.review import Problem
from localmesh.kinds.schema.definitions import Schema

_POLICY = (
    "connectionPool",
    "loadBalancer.simple",
    "loadBalancer.consistentHash",
    "loadBalancer.warmup",
    "loadBalancer.warmupDurationSecs",
    "outlierDetection.baseEjectionTime",
    "outlierDetection.consecutive5xxErrors",
    "outlierDetection.consecutiveErrors",
    "outlierDetection.consecutiveGatewayErrors",
    "outlierDetection.consecutiveLocalOriginFailures",
    "outlierDetection.interval",
    "outlierDetection.maxEjectionPercent",
    "outlierDetection.minHealthPercent",
    "outlierDetection.splitExternalLocalOriginErrors",
    "tls.mode",
    "tls.sni",
    "tls.subjectAltNames",
)
"""What a DestinationRule may say of all ports, of one, of a subset, and of a subset's port."""

_POLICIES = ("trafficPolicy", "subsets[].trafficPolicy")
_PORTS = tuple(f"{place}.portLevelSettings[]" for place in _POLICIES)

HONOURED: Mapping[Resource, tuple[str, ...]] = {
    DESTINATION_RULES: (
        "host",
        "exportTo",
        "workloadSelector",
        "subsets[].name",
        "subsets[].labels",
        *(f"{place}.{field}" for place in _POLICIES for field in (*_POLICY, "retryBudget")),
        *(f"{place}.{field}" for place in _PORTS for field in ("port", *_POLICY)),
    ),
    GATEWAYS: (
        "selector",
        "servers[].name",
        "servers[].port.number",
        "servers[].port.name",
        "servers[].port.protocol",
        "servers[].hosts",
    ),
    VIRTUAL_SERVICES: (
        "hosts",
        "gateways",
        "exportTo",
        "http[].name",
        "http[].match[].name",
        "http[].match[].uri",
        "http[].match[].ignoreUriCase",
        "http[].match[].headers",
        "http[].match[].withoutHeaders",
        "http[].match[].method",
        "http[].match[].authority",
        "http[].match[].scheme",
        "http[].match[].queryParams",
        "http[].match[].port",
        "http[].match[].gateways",
        "http[].match[].sourceLabels",
        "http[].match[].sourceNamespace",
        "http[].match[].statPrefix",
        "http[].route[].destination",
        "http[].route[].weight",
        "http[].route[].headers",
        "http[].redirect",
        "http[].directResponse",
        "http[].rewrite",
        "http[].headers",
        "http[].fault",
        "http[].corsPolicy",
        "http[].mirror",
        "http[].mirrorPercent",
        "http[].mirrorPercentage",
        "http[].mirrors",
        "http[].timeout",
        "http[].retries",
    ),
    AUTHORIZATION_POLICIES: (
        "selector",
        "action",
        "rules[].from[].source.principals",
        "rules[].from[].source.notPrincipals",
        "rules[].from[].source.namespaces",
        "rules[].from[].source.notNamespaces",
        "rules[].from[].source.serviceAccounts",
        "rules[].from[].source.notServiceAccounts",
        "rules[].from[].source.trustDomains",
        "rules[].from[].source.notTrustDomains",
        "rules[].from[].source.ipBlocks",
        "rules[].from[].source.notIpBlocks",
        "rules[].from[].source.remoteIpBlocks",
        "rules[].from[].source.notRemoteIpBlocks",
        "rules[].from[].source.requestPrincipals",
        "rules[].from[].source.notRequestPrincipals",
        "rules[].to[].operation",
        "rules[].when[].key",
        "rules[].when[].values",
        "rules[].when[].notValues",
    ),
    REQUEST_AUTHENTICATIONS: (
        "selector",
        "jwtRules[].issuer",
        "jwtRules[].audiences",
        "jwtRules[].jwks",
        "jwtRules[].fromHeaders",
        "jwtRules[].fromParams",
        "jwtRules[].fromCookies",
        "jwtRules[].forwardOriginalToken",
        "jwtRules[].outputPayloadToHeader",
        "jwtRules[].outputClaimToHeaders",
        "jwtRules[].spaceDelimitedClaims",
    ),
    TELEMETRIES: ("selector", "tracing[].randomSamplingPercentage"),
    PEER_AUTHENTICATIONS: ("selector", "mtls", "portLevelMtls"),
}

VALUES: Mapping[Resource, Mapping[str, tuple[str, ...]]] = {
    AUTHORIZATION_POLICIES: {
        "action": ("ALLOW", "DENY", "AUDIT"),
        "rules[].when[].key": (
            "request.headers[NAME]",
            "source.principal",
            "source.namespace",
            "source.serviceAccount",
            "source.trustDomain",
            "source.ip",
            "remote.ip",
            "request.auth.principal",
            "request.auth.audiences",
            "request.auth.presenter",
            "request.auth.claims[NAME]",
            "destination.port",
            "connection.sni",
        ),
    },
    DESTINATION_RULES: {f"{place}.tls.mode": ("DISABLE", "ISTIO_MUTUAL") for place in (*_POLICIES, *_PORTS)},
    GATEWAYS: {"servers[].port.protocol": ("HTTP",)},
}
"""Fields of which some values only are honoured; capitals make no difference, and a NAME is anybody's choice."""


def refusals(resource: Resource, obj: Object) -> Iterator[Problem]:
    """Yield what of an object is not honoured; the object has passed its schema."""
    spec = Schema.of(resource).child("spec") or Schema()
    yield from _Table.of(resource).refusals(obj.get("spec") or {}, spec, "spec", "")


def is_honoured(resource: Resource, path: str) -> bool:
    """Tell whether a field of `spec` is honoured, in whole or in part; `path` is written as in the table."""
    return _Table.of(resource).is_honoured(path)


class _Table:
    """The part of the table for one kind, with all that lies on the way to a field."""

    def __init__(self, paths: tuple[str, ...], values: Mapping[str, tuple[str, ...]]) -> None:
        self._whole = frozenset(paths)
        self._ways = frozenset(way for path in paths for way in _ways(path))
        self._values = values
        self._paths = paths

    @classmethod
    @cache
    def of(cls, resource: Resource) -> "_Table":
        return cls(HONOURED[resource], VALUES.get(resource, {}))

    def is_honoured(self, path: str) -> bool:
        """Tell whether something is honoured of what lies at a path."""
        return path in self._ways or any(way in self._whole for way in _ways(path))

    def refusals(self, value: Any, schema: Schema, at: str, path: str) -> Iterator[Problem]:
        """Yield what is not honoured of a value; `at` is its place in the object, `path` its path in the table."""
        if path in self._whole:
            yield from self._refused_value(value, at, path)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.refusals(item, schema.item(), f"{at}[{index}]", f"{path}[]")
        elif isinstance(value, dict) and "properties" not in schema.keywords:
            for name, item in value.items():
                yield from self.refusals(item, schema.child(name) or Schema(), f"{at}[{name}]", f"{path}{{}}")
        elif isinstance(value, dict):
            yield from self._refused_fields(value, schema, at, path)

    def _refused_fields(self, value: Mapping[str, Any], schema: Schema, at: str, path: str) -> Iterator[Problem]:
        for name, content in value.items():
            field = f"{path}.{name}".lstrip(".")
            if field in self._ways:
                yield from self.refusals(content, schema.child(name) or Schema(), f"{at}.{name}", field)
            else:
                supported = ", ".join(self._fields(path))
                message = f"this field is not supported by the local mesh; supported here: {supported}"
                yield Problem(f"{at}.{name}", message)

    def _refused_value(self, value: Any, at: str, path: str) -> Iterator[Problem]:
        supported = self._values.get(path)
        if supported and not any(_is_one_of_them(str(value), taken) for taken in supported):
            names = ", ".join(map(repr, supported))
            yield Problem(at, f"{value!r} is not supported by the local mesh; supported here: {names}")

    def _fields(self, path: str) -> Iterator[str]:
        """Yield the names of the fields that are honoured at a path."""
        start = f"{path}." if path else ""
        tails = (honoured.removeprefix(start) for honoured in self._paths if honoured.startswith(start))
        yield from dict.fromkeys(tail.partition(".")[0].rstrip("[]{}") for tail in tails)


def _is_one_of_them(value: str, supported: str) -> bool:
    start, has_name, _ = supported.partition("NAME]")
    return value.startswith(start) if has_name else value.upper() == supported.upper()


def _ways(path: str) -> Iterator[str]:
    """Yield `http`, `http[].match` and so on: each field on the way to a path, itself included."""
    parts = path.split(".")
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length]).removesuffix("[]").removesuffix("{}")
