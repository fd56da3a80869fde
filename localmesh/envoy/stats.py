"""The counters and histograms of Istio's metrics, as Envoy's stats access logger keeps them.

istio-proxy has a filter of its own for this (`istio.stats`). Here what is known when the configuration is written is a
constant in it, and what differs by request comes from the metadata of endpoint, cluster and route; the called learns
from headers who calls, as in Istio.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from localmesh.envoy.emit.messages import Message, any_of

SCOPE = "istio"
"""Prefix of the loggers' stats: `envoy_istio_istio_requests_total` on Envoy's page, the rest being Istio's name."""

PEER, SERVICE, MESH = "istio.peer", "istio.service", "mesh"
"""Namespaces of metadata: who an endpoint or a caller is, what a cluster stands for, which rule a route comes from."""

IDENTITY = ("workload", "namespace", "app", "version", "revision")
DENIED = (
    "reporter", "source_workload", "source_workload_namespace", "destination_workload",
    "destination_workload_namespace", "destination_version", "destination_service_name",
    "destination_service_namespace",
)  # fmt: skip
"""Istio's labels of which denials are counted."""

UNVERSIONED = "latest"
"""The canonical revision of a pod without a version."""

HEADER = "x-istio-peer-"
MIRRORED = f"{HEADER}mirrored"
"""The header of a mirrored request: Envoy counts such as tries, too."""

_DENIERS = ("envoy.filters.http.rbac", "envoy.filters.http.jwt_authn")
_ROUTER = "envoy.filters.http.router"
_CONFIG = "envoy.extensions.access_loggers.stats.v3.Config"


class Identity(Struct, frozen=True):
    """Who a pod is in metrics."""

    workload: str
    """The Deployment's name."""

    namespace: str
    app: str
    """The canonical name."""

    revision: str
    """The canonical revision: the label `version`, else `latest`."""

    def fields(self) -> Mapping[str, str]:
        """Return it as metadata."""
        fields = {
            "workload": self.workload,
            "namespace": self.namespace,
            "app": self.app,
            "version": "" if self.revision == UNVERSIONED else self.revision,
            "revision": self.revision,
        }
        return {name: value or "unknown" for name, value in fields.items()}


def labels(identity: Identity, *, inbound: bool, secured: bool) -> list[Message]:
    """Return Istio's labels (istio.io/latest/docs/reference/config/metrics) as tags of a stat."""
    here = identity.fields()
    there = {name: f"%{'DYNAMIC' if inbound else 'UPSTREAM'}_METADATA({PEER}:{name})%" for name in IDENTITY}
    source, destination = (there, here) if inbound else (here, there)
    caller, called = _principals(inbound=inbound, secured=secured)
    policy = ("mutual_tls" if secured else "none") if inbound else "unknown"
    formats = {
        "reporter": "destination" if inbound else "source",
        **_party("source", source, caller),
        **_party("destination", destination, called),
        "destination_service": f"%CLUSTER_METADATA({SERVICE}:host)%",
        "destination_service_name": f"%CLUSTER_METADATA({SERVICE}:name)%",
        "destination_service_namespace": f"%CLUSTER_METADATA({SERVICE}:namespace)%",
        "request_protocol": "http",
        "response_code": "%RESPONSE_CODE%",
        "grpc_response_status": "%GRPC_STATUS_NUMBER%",
        "response_flags": "%RESPONSE_FLAGS%",
        "connection_security_policy": policy,
    }
    return [{"name": name, "value_format": value} for name, value in formats.items()]


def _principals(*, inbound: bool, secured: bool) -> tuple[str, str]:
    """Return whose certificates both ends show: caller and called; what a client may speak TLS to, it may not."""
    if inbound:
        return ("%DOWNSTREAM_PEER_URI_SAN%", "%DOWNSTREAM_LOCAL_URI_SAN%") if secured else ("unknown", "unknown")
    return "%UPSTREAM_LOCAL_URI_SAN%", "%UPSTREAM_PEER_URI_SAN%"


def _party(side: str, who: Mapping[str, str], principal: str) -> Mapping[str, str]:
    return {
        f"{side}_workload": who["workload"],
        f"{side}_workload_namespace": who["namespace"],
        f"{side}_principal": principal,
        f"{side}_app": who["app"],
        f"{side}_version": who["version"],
        f"{side}_canonical_service": who["app"],
        f"{side}_canonical_revision": who["revision"],
        f"{side}_cluster": "Kubernetes",
    }


def calls(tags: Sequence[Message]) -> Message:
    """Return the logger that counts each request once, when it is over."""
    histograms = {
        "istio_request_duration_milliseconds": ("Milliseconds", "%DURATION%"),
        "istio_request_bytes": ("Bytes", "%BYTES_RECEIVED%"),
        "istio_response_bytes": ("Bytes", "%BYTES_SENT%"),
    }
    rule = [{"name": "rule", "value_format": f"%METADATA(ROUTE:{MESH}:rule)%"}]
    return _logger(
        counters=[_one("istio_requests_total", tags), _one("mesh_rule_requests_total", rule)],
        histograms=[
            {"stat": {"name": name, "tags": tags}, "unit": unit, "value_format": value}
            for name, (unit, value) in histograms.items()
        ],
    )


def can_deny(filters: Sequence[Message]) -> bool:
    """Tell whether some of a connection manager's filters may refuse a request."""
    return any(http_filter["name"] in _DENIERS for http_filter in filters)


def denials(tags: Sequence[Message]) -> Message:
    """Return the logger that counts answers of 401 and 403 by who gave them: a proxy, in its own words, or not."""
    named = [tag for tag in tags if tag["name"] in DENIED]
    reason = {"name": "reason", "value_format": "%RESPONSE_CODE_DETAILS%"}
    either = [{"status_code_filter": {"comparison": {"value": _is(status)}}} for status in (401, 403)]
    logger = _logger(counters=[_one("mesh_denied_requests_total", [*named, reason])])
    return {**logger, "filter": {"or_filter": {"filters": either}}}


def _is(status: int) -> Message:
    """Return a number that nothing overrides: Envoy wants the name of a key that could."""
    return {"default_value": status, "runtime_key": "mesh.denied"}


def _one(name: str, tags: Sequence[Message]) -> Message:
    return {"stat": {"name": name, "tags": tags}, "value_fixed": 1}


def _logger(**stats: Sequence[Message]) -> Message:
    """Return a stats access logger. Envoy 1.40 would rather have `stats_scope`, which xds-protos does not know yet."""
    return {
        "name": "envoy.access_loggers.stats",
        "typed_config": any_of(_CONFIG, stat_prefix=SCOPE, **stats),
    }


def with_attempts(filters: Sequence[Message], tags: Sequence[Message]) -> list[Message]:
    """Return HTTP filters whose router counts each try of a request, retries too."""
    mirrored = {"name": "mirrored", "value_format": f"%REQ({MIRRORED})%"}
    logger = _logger(counters=[_one("mesh_attempts_total", [*tags, mirrored])])

    def counting(http_filter: Message) -> Message:
        if http_filter["name"] != _ROUTER:
            return http_filter
        return {**http_filter, "typed_config": {**http_filter["typed_config"], "upstream_log": [logger]}}

    return [counting(http_filter) for http_filter in filters]


def who_calls() -> Message:
    """Return the filter that takes the caller's identity out of the headers, so that no application sees them."""
    rules = [
        {
            "header": f"{HEADER}{name}",
            "on_header_present": {"metadata_namespace": PEER, "key": name, "type": "STRING"},
            "remove": True,
        }
        for name in (*IDENTITY, "mirrored")
    ]
    config = any_of("envoy.extensions.filters.http.header_to_metadata.v3.Config", request_rules=rules)
    return {"name": "envoy.filters.http.header_to_metadata", "typed_config": config}
