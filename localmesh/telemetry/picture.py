"""The mesh as one sees it: who calls whom, how often, how fast, and with what success, for callers and for attempts."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct, field, to_builtins

from localmesh.telemetry import denials
from localmesh.telemetry.expressions import MIRRORED, SECURITY
from localmesh.telemetry.flags import in_words
from localmesh.telemetry.history import Value

UNKNOWN = ("unknown", "")
OUTSIDE = "outside"
"""The node of callers without a proxy."""

SERVER_ERRORS = 500


class Tally(Struct):
    """Requests a second, and how they ended."""

    total: float = 0.0
    good: float = 0.0
    ends: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Bad ends in words, by requests a second."""

    def add(self, labels: Mapping[str, str], rate: float) -> None:
        """Count requests of one status and flags."""
        self.total += rate
        code, flags = labels.get("response_code", ""), labels.get("response_flags", "-")
        if succeeded(code):
            self.good += rate
        elif rate:
            self.ends[", ".join(filter(None, (status_in_words(code), in_words(flags))))] += rate

    @property
    def success(self) -> float | None:
        """The share that succeeded, None when there was nothing."""
        return self.good / self.total if self.total > 0 else None


def succeeded(code: str) -> bool:
    """Tell whether a status is a success, as Istio's boards count: anything but 5xx and no answer."""
    return code.isdecimal() and 0 < int(code) < SERVER_ERRORS


def status_in_words(code: str) -> str:
    """Return a status, or that there was none."""
    return code if code not in ("0", "", "-") else "no answer"


class Edge(Struct):
    """Calls from one workload to another, or to a Service that nobody serves."""

    source: str
    destination: str
    service: str
    """Of the calls, `catalog.istioinaction`."""

    calls: Tally = field(default_factory=Tally)
    attempts: Tally = field(default_factory=Tally)
    mirrored: float = 0.0
    """Copies a second, which are no tries of a call."""

    p50: float | None = None
    """Milliseconds."""

    p99: float | None = None
    denied: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """What proxies denied, by who did in words, in requests a second; such a call counts as answered, too."""

    seen_by_callee: bool = False
    """Whether only the called counted it: the caller has no proxy."""


class GraphNode(Struct, frozen=True):
    """A box of the graph."""

    id: str
    name: str
    namespace: str
    version: str
    kind: str
    """`workload`, `service` for one that nobody serves, or `outside`."""


class Answers(Struct, frozen=True):
    """What Prometheus said to `expressions.Questions`."""

    calls: Sequence[Value] = ()
    taken: Sequence[Value] = ()
    attempts: Sequence[Value] = ()
    median: Sequence[Value] = ()
    slowest: Sequence[Value] = ()
    denied: Sequence[Value] = ()


class Graph:
    """Nodes and edges from rates."""

    def __init__(self, answers: Answers, running: Collection[str] = ()) -> None:
        self._running = running
        """Ids of the workloads that have pods; nothing when nobody knows."""

        self.nodes: dict[str, GraphNode] = {}
        self.edges: dict[tuple[str, str, str], Edge] = {}
        self._arrived: dict[tuple[str, str], Tally] = defaultdict(Tally)
        """By both ends what the called counted: `good` is what came by mutual TLS."""

        for value in answers.calls:
            self._edge(value.labels).calls.add(value.labels, value.value)
        for value in answers.attempts:
            if value.labels[MIRRORED] == "true":
                self._edge(value.labels).mirrored += value.value
            else:
                self._edge(value.labels).attempts.add(value.labels, value.value)
        for value in answers.taken:
            if value.labels["source_workload"] in UNKNOWN:
                edge = self._edge(value.labels)
                edge.seen_by_callee = True
                edge.calls.add(value.labels, value.value)
            self._note_arrival(value)
        for value in answers.denied:
            if value.value and (words := denials.in_words(value.labels["reason"])):
                self._nearest_edge(value.labels).denied[words] += value.value
        for value in answers.median:
            self._edge(value.labels).p50 = _number(value.value)
        for value in answers.slowest:
            self._edge(value.labels).p99 = _number(value.value)

    def document(self) -> dict[str, Any]:
        """Return the graph for JSON: what has been silent for the whole window is left out of the edges' numbers."""
        self._forget_silent_ghosts()
        groups = self._groups()
        edges = [self._edge_document(edge, groups[edge.source, edge.service]) for edge in self.edges.values()]
        return {
            "nodes": [to_builtins(node) for node in sorted(self.nodes.values(), key=lambda node: node.id)],
            "edges": sorted(edges, key=lambda edge: (edge["source"], edge["destination"], edge["service"])),
            "calls": [_group_document(*key, group) for key, group in sorted(groups.items())],
        }

    def _forget_silent_ghosts(self) -> None:
        """Leave out strangers, workloads without pods, and Services that nobody serves, once no call is theirs."""
        for key, edge in list(self.edges.items()):
            ends = {edge.source, edge.destination}
            is_ghost = {self.nodes[end].kind for end in ends} != {"workload"} or not ends <= {*(self._running or ends)}
            if is_ghost and not edge.calls.total and not edge.attempts.total:
                del self.edges[key]
        left = {end for edge in self.edges.values() for end in (edge.source, edge.destination)}
        self.nodes = {name: node for name, node in self.nodes.items() if name in left}

    def _groups(self) -> dict[tuple[str, str], list[Edge]]:
        """Return the edges by caller and Service: retries move between endpoints, so only together do they add up."""
        groups: dict[tuple[str, str], list[Edge]] = defaultdict(list)
        for edge in self.edges.values():
            groups[edge.source, edge.service].append(edge)
        return groups

    def _edge(self, labels: Mapping[str, str]) -> Edge:
        source, destination = self._node(_source(labels)), self._node(_destination(labels))
        service = f"{labels['destination_service_name']}.{labels['destination_service_namespace']}"
        return self.edges.setdefault((source, destination, service), Edge(source, destination, service))

    def _nearest_edge(self, labels: Mapping[str, str]) -> Edge:
        """Return the edge of what the called says: of several Services over one port it knows the first."""
        ends = _source(labels).id, _destination(labels).id
        service = f"{labels['destination_service_name']}.{labels['destination_service_namespace']}"
        edges = [edge for key, edge in self.edges.items() if key[:2] == ends]
        return next((edge for edge in edges if edge.service == service), None) or (
            edges[0] if edges else self._edge(labels)
        )

    def _note_arrival(self, value: Value) -> None:
        arrived = self._arrived[_source(value.labels).id, _destination(value.labels).id]
        arrived.total += value.value
        arrived.good += value.value if value.labels[SECURITY] == "mutual_tls" else 0

    def _node(self, node: GraphNode) -> str:
        known = self.nodes.get(node.id)
        if known is None or (node.version and not known.version):
            self.nodes[node.id] = node
        return node.id

    def _edge_document(self, edge: Edge, group: Sequence[Edge]) -> dict[str, Any]:
        everything = sum(sibling.calls.total for sibling in group)
        return {
            "source": edge.source,
            "destination": edge.destination,
            "service": edge.service,
            **_rates([edge]),
            "share": edge.calls.total / everything if everything else None,
            "p50": edge.p50,
            "p99": edge.p99,
            "mirrored_ps": edge.mirrored,
            "secured": self._arrived[edge.source, edge.destination].success,
            "seen_by_callee": edge.seen_by_callee,
        }


def _source(labels: Mapping[str, str]) -> GraphNode:
    if labels["source_workload"] in UNKNOWN:
        return GraphNode(OUTSIDE, "outside the mesh", "", "", "outside")
    name, namespace = labels["source_workload"], labels["source_workload_namespace"]
    return GraphNode(f"{namespace}/{name}", name, namespace, "", "workload")


def _destination(labels: Mapping[str, str]) -> GraphNode:
    if labels["destination_workload"] not in UNKNOWN:
        name, namespace = labels["destination_workload"], labels["destination_workload_namespace"]
        version = labels.get("destination_version", "")
        return GraphNode(f"{namespace}/{name}", name, namespace, known(version), "workload")
    name, namespace = labels["destination_service_name"], labels["destination_service_namespace"]
    name = name if name not in UNKNOWN else "no Service"
    return GraphNode(f"service:{namespace}/{name}", name, known(namespace), "", "service")


def _group_document(source: str, service: str, edges: Sequence[Edge]) -> dict[str, Any]:
    return {"source": source, "service": service, **_rates(edges)}


def _rates(edges: Sequence[Edge]) -> dict[str, Any]:
    """Return both success rates of some edges together, and what was tried again."""
    calls, attempts, denied = Tally(), Tally(), defaultdict[str, float](float)
    for edge in edges:
        for words, rate in edge.denied.items():
            denied[words] += rate
        for whole, part in ((calls, edge.calls), (attempts, edge.attempts)):
            whole.total += part.total
            whole.good += part.good
            for words, rate in part.ends.items():
                whole.ends[words] += rate
    return {
        "rps": calls.total,
        "success": calls.success,
        "attempts_ps": attempts.total,
        "attempt_success": attempts.success,
        "retries_ps": max(0.0, attempts.total - calls.total) if attempts.total else 0.0,
        "denied": dict(sorted(denied.items(), key=lambda end: -end[1])),
        "ends": dict(sorted(calls.ends.items(), key=lambda end: -end[1])),
        "attempt_ends": dict(sorted(attempts.ends.items(), key=lambda end: -end[1])),
    }


def known(text: str) -> str:
    """Return a label's value, "" for one that says that nobody knows."""
    return "" if text in UNKNOWN else text


def _number(value: float) -> float | None:
    return None if math.isnan(value) or math.isinf(value) else value
