"""Faults to order: what catalog's `/blowup` says, in each of its pods, and how it is told."""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, to_builtins

from localmesh.telemetry.client import ClientError, get_json, post_json
from localmesh.telemetry.kube import Object
from localmesh.telemetry.scraping import ADDRESSES

IMAGE = "istioinaction/catalog"
PATH = "/blowup"
TYPES = ("drop", "latency")
_STATUS = re.compile(r"[45][0-9][0-9]")
"""Besides the statuses from 400 to 599."""


class BadOrderError(Exception):
    """A fault that is not to be had; the text says why."""


class Pod(Struct, frozen=True):
    """A pod that takes orders for faults."""

    namespace: str
    name: str
    version: str
    port: int
    """Of the application itself, on loopback."""

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}{PATH}"


class PodFault(Struct, frozen=True):
    """One active fault in one pod."""

    pod: str
    namespace: str
    version: str
    type: str
    percentage: int
    seen: int
    """Requests that it could have hit."""

    hit: int
    latency_ms: int = 0


class Order(Struct, frozen=True):
    """A fault to set in all pods, or to clear."""

    type: str
    active: bool
    percentage: int = 100
    latency_ms: int = 1000
    version: str = ""
    """Only in pods of this version; "" for all."""

    @classmethod
    def read(cls, fields: object) -> "Order":
        """Read what the page sends. Raises BadOrderError."""
        if not isinstance(fields, Mapping):
            raise BadOrderError("a fault is a JSON object")
        type_, percentage = fields.get("type"), fields.get("percentage", 100)
        latency, version = fields.get("latency_ms", 1000), fields.get("version", "")
        if not isinstance(type_, str) or not (_STATUS.fullmatch(type_) or type_ in TYPES):
            raise BadOrderError(f"{type_!r} is no fault: a status from 400 to 599, {' or '.join(TYPES)}")
        if not _is_number(percentage, 100) or not _is_number(latency, 60_000) or not isinstance(version, str):
            raise BadOrderError("percentage is 0 to 100, latency_ms 0 to 60000, version a label")
        return cls(type_, fields.get("active") is True, percentage, latency, version)

    def body(self) -> Mapping[str, Any]:
        """Return it as `/blowup` takes it."""
        if not self.active:
            return {"active": False, "type": self.type}
        if self.type == "latency":
            return {"active": True, "type": self.type, "latencyMs": self.latency_ms, "percentage": self.percentage}
        return {"active": True, "type": self.type, "percentage": self.percentage}


def _is_number(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def pods(objects: Iterable[Object]) -> list[Pod]:
    """Return the pods among all that take orders and run, by namespace and name."""
    unordered = [pod for pod in map(_pod, objects) if pod]
    return sorted(unordered, key=lambda pod: (pod.namespace, pod.name))


def _pod(pod: Object) -> Pod | None:
    metadata = pod["metadata"]
    if metadata.get("deletionTimestamp") or pod.get("status", {}).get("phase") != "Running":
        return None
    if not any(IMAGE in container.get("image", "") for container in pod["spec"]["containers"]):
        return None
    try:
        ports = json.loads((metadata.get("annotations") or {})[ADDRESSES])["app"]
        port = next(iter(ports.values()))
    except (KeyError, ValueError, StopIteration, TypeError, AttributeError):
        return None
    return Pod(metadata["namespace"], metadata["name"], (metadata.get("labels") or {}).get("version", ""), port)


async def active(fault_pods: Iterable[Pod]) -> list[PodFault]:
    """Return the faults that are on now; a pod that does not answer has none that is known."""
    return [fault for faults in await asyncio.gather(*map(_of, fault_pods)) for fault in faults]


async def _of(pod: Pod) -> list[PodFault]:
    try:
        reports = await get_json(pod.url, direct=True)
        return [
            PodFault(
                pod.name, pod.namespace, pod.version, kind, report["percentage"], report["seen"], report["hit"],
                report.get("latencyMs") or report.get("latency_ms") or 0,
            )
            for kind, report in reports.items()
        ]  # fmt: skip
    except (ClientError, KeyError, AttributeError, TypeError):
        return []


async def place(order: Order, fault_pods: Iterable[Pod]) -> list[str]:
    """Give an order to the pods that it is for; return a complaint for each that did not take it."""

    async def tell(pod: Pod) -> str:
        try:
            await post_json(pod.url, order.body())
        except ClientError as error:
            return f"{pod.name}: {error}"
        return ""

    chosen = [pod for pod in fault_pods if order.version in ("", pod.version)]
    if not chosen:
        return ["no pod takes this fault: catalog does not run" + (f" as {order.version}" if order.version else "")]
    return [complaint for complaint in await asyncio.gather(*map(tell, chosen)) if complaint]


def documents(faults: Iterable[PodFault]) -> list[dict[str, Any]]:
    """Return faults for JSON."""
    return [to_builtins(fault) for fault in faults]
