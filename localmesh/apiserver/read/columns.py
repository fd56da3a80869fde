"""The columns of each resource's table, as a cluster prints them (`pkg/printers/internalversion`, printer columns)."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from localmesh.apiserver.absent import ABSENT
from localmesh.apiserver.read import pod_columns
from localmesh.apiserver.read.ages import age
from localmesh.core.objects import Object
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    NAMESPACES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)
from localmesh.kinds.schema.definitions import PrinterColumn, printer_columns

NONE = "<none>"
SCALE = Resource("autoscaling", ("v1",), "Scale", "scale", "scale")
"""What `get --subresource=scale` shows of a workload: nothing that discovery lists."""

SHOWN_ENDPOINTS = 3
"""Addresses that `get endpoints` shows before it counts the rest."""


class Column(Struct, frozen=True):
    """One column."""

    name: str
    cell: Callable[[Object], Any]
    wide: bool = False
    """Whether it is shown with `-o wide` only."""

    type: str = "string"

    def to_object(self) -> Object:
        """Return the column's definition as it stands in a Table."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": "",
            "priority": int(self.wide),
        }


def _at(*path: str, default: Any = "") -> Callable[[Object], Any]:
    """Return a cell that is a field of the object."""

    def cell(obj: Object) -> Any:
        value: Any = obj
        for name in path:
            value = (value or {}).get(name)
        return default if value is None else value

    return cell


def _json(*path: str) -> Callable[[Object], Any]:
    """Return a cell as kubectl shows a field of a custom resource: lists as JSON, "" for an absent one."""
    field = _at(*path)

    def cell(obj: Object) -> Any:
        value = field(obj)
        return json.dumps(value, separators=(",", ":")) if isinstance(value, (list, dict)) else value

    return cell


def _selector(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def _pod_ip(pod: Object) -> str:
    """Return where the pod really answers: all pods share one address, so the ports are part of it."""
    address = _at("status", "podIP", default=NONE)(pod)
    known = addresses_of(pod)
    ports = sorted(known.app) if known else []
    return ",".join(f"{address}:{known.reach(port)}" for port in ports) if known and ports else str(address)


def _ready_replicas(deployment: Object) -> str:
    return f"{_at('status', 'readyReplicas', default=0)(deployment)}/{deployment['spec'].get('replicas', 1)}"


def _containers(field: str) -> Callable[[Object], str]:
    """Return a cell that lists a field of the template's containers."""
    return lambda obj: ",".join(container.get(field, "") for container in obj["spec"]["template"]["spec"]["containers"])


def _external_ip(service: Object) -> str:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    # Nobody gives a load balancer its address here.
    return ",".join(spec.get("externalIPs", [])) or ("<pending>" if spec.get("type") == "LoadBalancer" else NONE)


def _service_ports(service: Object) -> str:
    texts = []
    for port in service["spec"].get("ports", []):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        texts.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(texts) or NONE


def _shortened(texts: Iterable[str]) -> str:
    everything = list(texts)
    more = len(everything) - SHOWN_ENDPOINTS
    return (",".join(everything[:SHOWN_ENDPOINTS]) + (f" + {more} more..." if more > 0 else "")) or NONE


def _endpoints(obj: Object) -> str:
    return _shortened(
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or []
        for port in subset.get("ports") or []
        for address in subset.get("addresses") or []
    )


def _slice_ports(obj: Object) -> str:
    return _shortened(str(port.get("port", "*")) for port in obj.get("ports") or [])


def _slice_addresses(obj: Object) -> str:
    return _shortened(address for endpoint in obj.get("endpoints") or [] for address in endpoint.get("addresses") or [])


def _involved(event: Object) -> str:
    involved = event["involvedObject"]
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def _last_seen(event: Object) -> str:
    return age(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp"))


def _data_count(config_map: Object) -> int:
    return len(config_map.get("data") or {}) + len(config_map.get("binaryData") or {})


_NAME = Column("Name", _at("metadata", "name"))
_AGE = Column("Age", lambda obj: age(obj["metadata"].get("creationTimestamp")))
_WORKLOAD_WIDE = (
    Column("Containers", _containers("name"), wide=True),
    Column("Images", _containers("image"), wide=True),
    Column("Selector", lambda obj: _selector(obj["spec"]["selector"].get("matchLabels")), wide=True),
)

_COLUMNS: Mapping[Resource, tuple[Column, ...]] = {
    NAMESPACES: (_NAME, Column("Status", _at("status", "phase")), _AGE),
    PODS: (
        _NAME,
        Column("Ready", pod_columns.ready),
        Column("Status", pod_columns.phase),
        Column("Restarts", pod_columns.restarts),
        _AGE,
        Column("IP", _pod_ip, wide=True),
        Column("Node", _at("spec", "nodeName", default=NONE), wide=True),
        Column("Nominated Node", _at("status", "nominatedNodeName", default=NONE), wide=True),
        Column("Readiness Gates", lambda _: NONE, wide=True),
    ),
    SERVICES: (
        _NAME,
        Column("Type", _at("spec", "type")),
        Column("Cluster-IP", _at("spec", "clusterIP", default=NONE)),
        Column("External-IP", _external_ip),
        Column("Port(s)", _service_ports),
        _AGE,
        Column("Selector", lambda obj: _selector(obj["spec"].get("selector")), wide=True),
    ),
    ENDPOINTS: (_NAME, Column("Endpoints", _endpoints), _AGE),
    ENDPOINT_SLICES: (
        _NAME,
        Column("AddressType", _at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        _AGE,
    ),
    POD_DISRUPTION_BUDGETS: (
        _NAME,
        Column("Min Available", _at("spec", "minAvailable", default="N/A")),
        Column("Max Unavailable", _at("spec", "maxUnavailable", default="N/A")),
        Column("Allowed Disruptions", _at("status", "disruptionsAllowed", default=0), type="integer"),
        _AGE,
    ),
    # Kubernetes counts the Secrets that are named here, and has made none since 1.24.
    SERVICE_ACCOUNTS: (_NAME, Column("Secrets", lambda obj: len(obj.get("secrets") or []), type="integer"), _AGE),
    CONFIG_MAPS: (_NAME, Column("Data", _data_count, type="integer"), _AGE),
    EVENTS: (
        Column("Last Seen", _last_seen),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _involved),
        Column("Subobject", _at("involvedObject", "fieldPath"), wide=True),
        Column("Source", _at("source", "component"), wide=True),
        Column("Message", lambda event: event.get("message", "").strip()),
        Column("Count", _at("count", default=1), wide=True),
        Column("Name", _at("metadata", "name"), wide=True),
    ),
    DEPLOYMENTS: (
        _NAME,
        Column("Ready", _ready_replicas),
        Column("Up-to-date", _at("status", "updatedReplicas", default=0), type="integer"),
        Column("Available", _at("status", "availableReplicas", default=0), type="integer"),
        _AGE,
        *_WORKLOAD_WIDE,
    ),
    REPLICA_SETS: (
        _NAME,
        Column("Desired", _at("spec", "replicas", default=1), type="integer"),
        Column("Current", _at("status", "replicas", default=0), type="integer"),
        Column("Ready", _at("status", "readyReplicas", default=0), type="integer"),
        _AGE,
        *_WORKLOAD_WIDE,
    ),
    SCALE: (
        _NAME,
        Column("Desired", _at("spec", "replicas", default=0), type="integer"),
        Column("Available", _at("status", "replicas", default=0), type="integer"),
        _AGE,
    ),
}


def columns_of(resource: Resource) -> tuple[Column, ...]:
    """Return a resource's columns: name and age for one that has none of its own, as Gateway."""
    if resource in ABSENT:
        return _NAME, _AGE
    return _COLUMNS.get(resource) or _custom_columns(resource)


@cache
def _custom_columns(resource: Resource) -> tuple[Column, ...]:
    """Return the columns that a CustomResourceDefinition names."""
    named = tuple(map(_custom_column, printer_columns(resource)))
    return (_NAME, *named) if named else (_NAME, _AGE)


def _custom_column(column: PrinterColumn) -> Column:
    path = tuple(column.json_path.strip(".").split("."))
    if column.type == "date":
        return Column(column.name, lambda obj: age(_at(*path, default=None)(obj)))
    return Column(column.name, _json(*path), type=column.type)
