"""Write `localmesh/kinds/istio/types/`: the messages of Istio's kinds as frozen structs.

    .venv/bin/python tools/make_types.py

They are made from `localmesh/kinds/schema/schema.json`. A CRD does not say what its messages are called, so their names
in Istio's API stand in NAMES; a message without one stops the script.
"""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "localmesh/kinds/istio/types"
Node = Mapping[str, Any]

NAMES: Mapping[str, Mapping[str, str]] = {
    "AuthorizationPolicy": {
        "provider": "ExtensionProvider",
        "rules[]": "Rule",
        "rules[].from[]": "From",
        "rules[].from[].source": "Source",
        "rules[].to[]": "To",
        "rules[].to[].operation": "Operation",
        "rules[].when[]": "Condition",
        "selector": "WorkloadSelector",
        "targetRef": "PolicyTargetReference",
    },
    "DestinationRule": {
        "subsets[]": "Subset",
        "subsets[].trafficPolicy": "TrafficPolicy",
        "subsets[].trafficPolicy.connectionPool": "ConnectionPoolSettings",
        "subsets[].trafficPolicy.connectionPool.http": "HTTPSettings",
        "subsets[].trafficPolicy.connectionPool.http.http2KeepAlive": "Http2KeepAlive",
        "subsets[].trafficPolicy.connectionPool.tcp": "TCPSettings",
        "subsets[].trafficPolicy.connectionPool.tcp.tcpKeepalive": "TcpKeepalive",
        "subsets[].trafficPolicy.loadBalancer": "LoadBalancerSettings",
        "subsets[].trafficPolicy.loadBalancer.consistentHash": "ConsistentHashLB",
        "subsets[].trafficPolicy.loadBalancer.consistentHash.httpCookie": "HTTPCookie",
        "subsets[].trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes[]": "CookieAttribute",
        "subsets[].trafficPolicy.loadBalancer.consistentHash.maglev": "MagLev",
        "subsets[].trafficPolicy.loadBalancer.consistentHash.ringHash": "RingHash",
        "subsets[].trafficPolicy.loadBalancer.localityLbSetting": "LocalityLoadBalancerSetting",
        "subsets[].trafficPolicy.loadBalancer.localityLbSetting.distribute[]": "Distribute",
        "subsets[].trafficPolicy.loadBalancer.localityLbSetting.failover[]": "Failover",
        "subsets[].trafficPolicy.loadBalancer.warmup": "WarmupConfiguration",
        "subsets[].trafficPolicy.loadBalancer.zoneAwareLbSetting": "ZoneAwareLbSetting",
        "subsets[].trafficPolicy.outlierDetection": "OutlierDetection",
        "subsets[].trafficPolicy.portLevelSettings[]": "PortTrafficPolicy",
        "subsets[].trafficPolicy.portLevelSettings[].port": "PortSelector",
        "subsets[].trafficPolicy.portLevelSettings[].tls": "ClientTLSSettings",
        "subsets[].trafficPolicy.proxyProtocol": "ProxyProtocol",
        "subsets[].trafficPolicy.retryBudget": "RetryBudget",
        "subsets[].trafficPolicy.tunnel": "TunnelSettings",
        "workloadSelector": "WorkloadSelector",
    },
    "Gateway": {
        "servers[]": "Server",
        "servers[].port": "Port",
        "servers[].tls": "ServerTLSSettings",
        "servers[].tls.tlsCertificates[]": "TLSCertificate",
    },
    "PeerAuthentication": {
        "mtls": "MutualTLS",
        "selector": "WorkloadSelector",
    },
    "RequestAuthentication": {
        "jwtRules[]": "JWTRule",
        "jwtRules[].fromHeaders[]": "JWTHeader",
        "jwtRules[].outputClaimToHeaders[]": "ClaimToHeader",
        "selector": "WorkloadSelector",
        "targetRef": "PolicyTargetReference",
    },
    "ServiceEntry": {
        "endpoints[]": "WorkloadEntry",
        "ports[]": "ServicePort",
        "workloadSelector": "WorkloadSelector",
    },
    "Sidecar": {
        "egress[]": "IstioEgressListener",
        "egress[].port": "SidecarPort",
        "inboundConnectionPool": "ConnectionPoolSettings",
        "inboundConnectionPool.http": "HTTPSettings",
        "inboundConnectionPool.http.http2KeepAlive": "Http2KeepAlive",
        "inboundConnectionPool.tcp": "TCPSettings",
        "inboundConnectionPool.tcp.tcpKeepalive": "TcpKeepalive",
        "ingress[]": "IstioIngressListener",
        "ingress[].tls": "ServerTLSSettings",
        "ingress[].tls.tlsCertificates[]": "TLSCertificate",
        "outboundTrafficPolicy": "OutboundTrafficPolicy",
        "outboundTrafficPolicy.egressProxy": "Destination",
        "outboundTrafficPolicy.egressProxy.port": "PortSelector",
        "workloadSelector": "WorkloadSelector",
    },
    "Telemetry": {
        "accessLogging[]": "AccessLogging",
        "accessLogging[].filter": "LogFilter",
        "accessLogging[].match": "LogSelector",
        "accessLogging[].providers[]": "ProviderRef",
        "metrics[]": "Metrics",
        "metrics[].overrides[]": "MetricsOverrides",
        "metrics[].overrides[].match": "MetricSelector",
        "metrics[].overrides[].tagOverrides{}": "TagOverride",
        "selector": "WorkloadSelector",
        "targetRef": "PolicyTargetReference",
        "tracing[]": "Tracing",
        "tracing[].customTags{}": "CustomTag",
        "tracing[].customTags{}.environment": "Environment",
        "tracing[].customTags{}.formatter": "Formatter",
        "tracing[].customTags{}.header": "RequestHeader",
        "tracing[].customTags{}.literal": "Literal",
        "tracing[].match": "TracingSelector",
    },
    "VirtualService": {
        "http[]": "HTTPRoute",
        "http[].corsPolicy": "CorsPolicy",
        "http[].corsPolicy.allowOrigins[]": "StringMatch",
        "http[].delegate": "Delegate",
        "http[].directResponse": "HTTPDirectResponse",
        "http[].directResponse.body": "HTTPBody",
        "http[].fault": "HTTPFaultInjection",
        "http[].fault.abort": "Abort",
        "http[].fault.abort.percentage": "Percent",
        "http[].fault.delay": "Delay",
        "http[].headers": "Headers",
        "http[].headers.request": "HeaderOperations",
        "http[].match[]": "HTTPMatchRequest",
        "http[].mirror": "Destination",
        "http[].mirror.port": "PortSelector",
        "http[].mirrors[]": "HTTPMirrorPolicy",
        "http[].redirect": "HTTPRedirect",
        "http[].retries": "HTTPRetry",
        "http[].rewrite": "HTTPRewrite",
        "http[].rewrite.uriRegexRewrite": "RegexRewrite",
        "http[].route[]": "HTTPRouteDestination",
        "tcp[]": "TCPRoute",
        "tcp[].match[]": "L4MatchAttributes",
        "tcp[].route[]": "RouteDestination",
        "tls[]": "TLSRoute",
        "tls[].match[]": "TLSMatchAttributes",
    },
    "WorkloadEntry": {},
}
"""The names of messages in Istio's API, by the first place in the kind's spec where they stand."""

SCALARS = {"string": "str", "boolean": "bool", "integer": "int", "number": "float"}
EMPTY = {"str": '""', "bool": "False", "int": "0", "float": "0.0"}
DURATION = "duration(self) >= duration('1ms')"
FREE_DURATIONS = ("budgetInterval", "idleTimeout", "ttl")
"""Durations of which the CRD says only that they are texts; "" is none, so it has to be told from nothing said."""

KEYWORDS = ("from",)


def snake(name: str) -> str:
    """Return a field's name in Python; reading goes the other way, so there must be one."""
    made = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
    back = re.sub(r"_([a-z0-9])", lambda letter: letter[1].upper(), made)
    if back != name:
        raise SystemExit(f"{name}: cannot be told from its Python name {made}")
    return f"{made}_" if made in KEYWORDS else made


class Module:
    """The types of one kind; messages that are alike are one type."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._by_schema: dict[str, str] = {}
        self.classes: dict[str, list[str]] = {}
        """The lines of each class, in an order in which each stands before its users."""

    def message(self, node: Node, place: str) -> str:
        """Return the name of a message's type; it is made when it is met first."""
        schema = json.dumps(node.get("properties"), sort_keys=True)
        if schema not in self._by_schema:
            name = self._name(place)
            self._by_schema[schema] = name
            exclusive = {field for group in node.get("atMostOne", []) for field in group}
            required = set(node.get("required", []))
            self.classes[name] = [
                f"    {snake(field)}: {self._typed(child, f'{place}.{field}'.lstrip('.'), field, exclusive, required)}"
                for field, child in node["properties"].items()
                if "_" not in field  # an old spelling of the field that has its name without
            ]
            self.classes[name] = self.classes.pop(name)  # behind the messages that it is made of
        return self._by_schema[schema]

    def _name(self, place: str) -> str:
        name = NAMES[self._kind].get(place) if place else self._kind
        if name is None:
            raise SystemExit(f"{self._kind}.{place}: NAMES does not say what this message is called")
        if name in self._by_schema.values():
            raise SystemExit(f"{self._kind}.{place}: there is another message {name}, with other fields")
        return name

    def _typed(self, node: Node, place: str, field: str, exclusive: set[str], required: set[str]) -> str:
        """Return a field's annotation, and its default unless it must be there."""
        annotation = self._annotation(node, place)
        if field in required:
            return annotation
        if annotation.startswith("tuple["):
            return f"{annotation} = ()"
        if annotation.startswith("Mapping["):
            return f"{annotation} = _field(default_factory=dict)"
        if annotation in EMPTY and not node.get("nullable") and field not in {*exclusive, *FREE_DURATIONS}:
            return f"{annotation} = {EMPTY[annotation]}"
        return f"{annotation} | None = None"

    def _annotation(self, node: Node, place: str) -> str:
        if any(rule == DURATION for rule, _ in node.get("cel", [])):
            return "timedelta"
        match node.get("type"):
            case "array":
                return f"tuple[{self._annotation(node['items'], f'{place}[]')}, ...]"
            case "object" if "properties" in node:
                return self.message(node, place)
            case "object" if "additionalProperties" in node:
                return f"Mapping[str, {self._annotation(node['additionalProperties'], f'{place}{{}}')}]"
            case str(scalar) if scalar in SCALARS:
                return SCALARS[scalar]
        return "Any"


def render(kind: str, spec: Node) -> str:
    """Return the text of a kind's module."""
    module = Module(kind)
    module.message(spec, "")
    body = "".join(
        f"\n\nclass {name}(Struct, frozen=True, kw_only=True):\n" + "\n".join(lines or ["    pass"]) + "\n"
        for name, lines in module.classes.items()
    )
    return "".join((*_head(kind, body), body))


def _head(kind: str, body: str) -> Iterator[str]:
    yield f'"""The messages of {kind}, generated by `tools/make_types.py` from `kinds/schema/schema.json`."""\n\n'
    if "Mapping[" in body:
        yield "from collections.abc import Mapping\n"
    if "timedelta" in body:
        yield "from datetime import timedelta\n"
    if re.search(r"\bAny\b", body):
        yield "from typing import Any\n"
    yield "\nfrom msgspec import Struct\n"
    if "_field(" in body:
        yield "from msgspec import field as _field\n"


def modules() -> dict[str, str]:
    """Return the text of each module by its file's name."""
    definitions = json.loads((files("localmesh.kinds.schema") / "schema.json").read_text())
    texts = {}
    for name, root in definitions.items():
        kind = name.rpartition("/")[2]
        if "istio.io" in name and kind in NAMES:
            file = re.sub(r"\B[A-Z]", r"_\g<0>", kind).lower() + ".py"
            texts[file] = render(kind, root["properties"]["spec"])
    return texts


def main() -> None:
    """Write the files; `ruff format` gives them their last shape."""
    TARGET.mkdir(exist_ok=True)
    (TARGET / "__init__.py").touch()
    for file, text in modules().items():
        (TARGET / file).write_text(text)
        print(TARGET / file)


if __name__ == "__main__":
    main()
