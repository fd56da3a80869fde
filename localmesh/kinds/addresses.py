"""Where a pod's ports really answer on loopback.

One loopback address cannot hold two catalogs on port 3000, so the kubelet gives each pod free local ports, as a
container network gives each pod an address, and writes them on the pod in an annotation, as network plugins do.
Controllers, pilot and the door read them from there.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct, field

from localmesh.core.objects import annotations_of
from localmesh.core.places import Place

ANNOTATION = "localmesh/addresses"
ADMIN_PORT = 15000
"""The container port of an Envoy's admin page, by Istio's convention."""


HTTP_PORT = 80
"""The port that a URL without one means."""

GATEWAY_HTTP_PORT = 8080
"""The container port behind port 80 of istio-ingressgateway, as in Istio's chart: a gateway does not run as root."""


class PodAddresses(Struct, frozen=True):
    """Where one pod answers: local ports, all on 127.0.0.1, and its Envoy's admin page on a Unix socket."""

    app: Mapping[int, int] = field(default_factory=dict)
    """Container port → the local port on which the application itself listens."""

    inbound: Mapping[int, int] = field(default_factory=dict)
    """Container port → the local port on which the pod's sidecar takes requests for it; empty without a sidecar."""

    http_proxy: int | None = None
    """Where the sidecar serves as HTTP proxy for the pod's own calls (Istio's `proxyHttpPort`), if there is one."""

    admin: str | None = None
    """The socket on which the Envoy beside (or, in a gateway, in) the pod has its admin page, in a cluster port 15000.

    On a port, any web page in this machine's browser could post to it.
    """

    network: int | None = None
    """Where the pod reaches the cluster's network: an HTTP proxy that knows Services and the pod's own ports."""

    def reach(self, container_port: int) -> int | None:
        """Return the local port on which others reach a container port: the sidecar's if there is one."""
        return self.inbound.get(container_port, self.app.get(container_port))

    def own(self) -> dict[int, Place]:
        """Return what the pod serves at its own localhost: container port → place, Envoy's admin page included."""
        return {**self.app, **({ADMIN_PORT: self.admin} if self.admin is not None else {})}

    def to_annotation(self) -> str:
        """Return the annotation's value."""
        return msgspec.json.encode(self).decode()


def addresses_of(pod: Mapping[str, Any]) -> PodAddresses | None:
    """Return a pod's addresses, None until the kubelet has given it some; what somebody else wrote there is none."""
    text = annotations_of(pod).get(ANNOTATION)
    return None if text is None else _read(text)


@lru_cache(maxsize=4096)
def _read(text: str) -> PodAddresses | None:
    """Return the addresses of an annotation's value; each is read once, for they are asked for again and again."""
    try:
        return msgspec.json.decode(text, type=PodAddresses)
    except (msgspec.DecodeError, RecursionError):
        return None
