"""How an Envoy is started: its binary, its arguments and its bootstrap, after Istio's own bootstrap template."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Struct

from localmesh.envoy.binary import envoy_binary
from localmesh.envoy.emit.http_protocol_options import HTTP_OPTIONS
from localmesh.envoy.emit.messages import any_of
from localmesh.envoy.resources import ADS

RUNTIME = {
    # istio.io/istio pkg/bootstrap/config.go, release 1.31
    "re2.max_program_size.error_level": 32768,
    "envoy.reloadable_features.http_reject_path_with_fragment": False,
    "envoy.reloadable_features.coalesce_lb_rebuilds_on_batch_update": False,
    "envoy.reloadable_features.fixed_heap_use_allocated": True,
}

PROOF_HEADER = "x-mesh-proof"
"""The metadata of a stream that says whose it is."""

NOTHING_MORE: Mapping[str, int] = MappingProxyType({})

LOG_FORMAT = "%Y-%m-%dT%T.%f%z\t%l\tenvoy %n %g:%#\t%v\tthread=%t"
"""istio-proxy's, but with the time zone that Envoy really writes in: the machine's, which in a container is UTC."""

STATS_TAGS = {
    # tools/packaging/common/envoy_bootstrap.json there: the `;` that ends a stat prefix is istiod's, for these.
    "cluster_name": r"^cluster(\.(.+);)",
    "http_conn_manager_prefix": r"^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)",
    "thread_name": r"^server(\.(.+))\.watchdog",
    "tcp_prefix": r"^tcp\.((.*?)\.)\w+?$",
    "response_code": r"_rq(_(\d{3}))$",
    "response_code_class": r"_rq(_(\dxx))$",
    "http_conn_manager_listener_prefix": r"^listener(?=\.).*?\.http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)",  # noqa: E501 - as it stands there
    "listener_address": r"^listener\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)",
}

XDS_CLUSTER = "xds-grpc"
"""What Istio's proxies call the server of their configuration."""

DRAIN_S = 45
"""How long connections of a replaced listener may go on: Istio's drainDuration."""


class EnvoyNode(Struct, frozen=True):
    """Whose proxy an Envoy is."""

    role: Literal["sidecar", "router"]
    pod: str
    namespace: str
    workload: str
    """What the pod belongs to, by its `app` label: `webapp`."""

    @property
    def id(self) -> str:
        """Return the node id in istiod's form; on loopback all pods have one address."""
        return f"{self.role}~127.0.0.1~{self.pod}.{self.namespace}~{self.namespace}.svc.cluster.local"


class Places(Struct, frozen=True):
    """Where an Envoy finds what it needs."""

    file: Path
    """Its bootstrap."""

    admin: Path
    """The socket of its admin page."""

    xds: Path
    """The socket from which it gets its configuration."""


def command(
    node: EnvoyNode, places: Places, proof: str, runtime: Mapping[str, int] = NOTHING_MORE, *, misc_level: str = "error"
) -> list[str]:
    """Return the command that runs a pod's Envoy, and have its bootstrap (see there) in a file for this user alone.

    Anybody on the machine can read a command line, and the bootstrap holds the proof that a stream is that pod's. The
    "misc" logger has a level of its own, as in Istio: at "warning" it names each deprecated field at each start. Raises
    EnvoyMissingError, OSError.
    """
    own = json.dumps(bootstrap(node, places, proof, runtime), separators=(",", ":"))
    places.file.unlink(missing_ok=True)
    with open(places.file, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as written:
        written.write(own)
    return [
        str(envoy_binary()),
        *("--config-path", str(places.file)),
        *("--concurrency", "1"),
        *("--log-level", "warning"),
        *("--component-log-level", f"misc:{misc_level}"),
        *("--drain-time-s", str(DRAIN_S)),
        *("--drain-strategy", "immediate"),
        # Ten seconds by default: `kubectl logs -f` would trail far behind the requests.
        *("--file-flush-interval-msec", "100"),
        "--disable-hot-restart",
        # A field that this Envoy does not know is a mistake of ours, to be refused and not passed over.
        "--reject-unknown-dynamic-fields",
    ]


def bootstrap(node: EnvoyNode, places: Places, proof: str, runtime: Mapping[str, int] = NOTHING_MORE) -> dict[str, Any]:
    """Return the bootstrap (envoy.config.bootstrap.v3.Bootstrap); everything else comes by the stream.

    Args:
        node: whose Envoy it is.
        places: where it finds what it needs.
        proof: says on its stream whose it is.
        runtime: settings beside Istio's.
    """
    return {
        "node": {
            "id": node.id,
            "cluster": f"{node.workload}.{node.namespace}",
            "metadata": {"NAME": node.pod, "NAMESPACE": node.namespace, "CLUSTER_ID": "Kubernetes"},
        },
        "application_log_config": {"log_format": {"text_format": LOG_FORMAT}},
        "layered_runtime": {
            "layers": [
                {"name": "global config", "static_layer": {**RUNTIME, **runtime}},
                {"name": "admin", "admin_layer": {}},
            ]
        },
        "stats_config": {
            "use_all_default_tags": False,
            "stats_tags": [{"tag_name": name, "regex": regex} for name, regex in STATS_TAGS.items()],
        },
        "admin": {"address": {"pipe": {"path": str(places.admin), "mode": 0o600}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [
                    {
                        "envoy_grpc": {"cluster_name": XDS_CLUSTER},
                        "initial_metadata": [{"key": PROOF_HEADER, "value": proof}],
                    }
                ],
            },
            "cds_config": ADS,
            "lds_config": ADS,
        },
        "static_resources": {"clusters": [_xds_cluster(places.xds)]},
        "overload_manager": _unlimited_connections(),
    }


def _xds_cluster(path: Path) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(path)}}}}]}]
    http2 = any_of(HTTP_OPTIONS, explicit_http_config={"http2_protocol_options": {}})
    return {
        "name": XDS_CLUSTER,
        "alt_stat_name": f"{XDS_CLUSTER};",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {HTTP_OPTIONS: http2},
        "load_assignment": {"cluster_name": XDS_CLUSTER, "endpoints": endpoints},
    }


def _unlimited_connections() -> dict[str, Any]:
    """Say that no limit is meant: Envoy warns at each start of a limit that is merely not set."""
    monitors = "type.googleapis.com/envoy.extensions.resource_monitors"
    config = {
        "@type": f"{monitors}.downstream_connections.v3.DownstreamConnectionsConfig",
        "max_active_downstream_connections": 2**31 - 1,
    }
    return {
        "resource_monitors": [
            {"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": config}
        ]
    }
