"""Where pods answer: the one thing that differs between pods that run and pods that are only written down."""

from typing import Protocol

from msgspec import Struct

from localmesh.core.loopback import LOOPBACK
from localmesh.core.objects import Object
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.service_ports import local_port
from localmesh.proxy.addresses import Address


class PodPort(Struct, frozen=True):
    """A container port of a pod, and the node's port through which the outside reaches it, if there is one."""

    pod: Object
    number: int
    node_port: int | None = None


class Addresses(Protocol):
    """Answers None for what is not there (yet)."""

    intercepts: bool
    """Whether proxies catch what an application sends, and so know to which address it was sent."""

    def endpoint(self, port: PodPort) -> Address | None:
        """Return where other pods reach a container port."""

    def inbound(self, port: PodPort) -> Address | None:
        """Return where the pod's sidecar takes requests for a container port."""

    def application(self, port: PodPort) -> Address | None:
        """Return where the application behind a container port listens."""

    def gateway(self, port: PodPort) -> Address | None:
        """Return where a gateway pod opens a container port."""

    def http_proxy(self, pod: Object) -> Address | None:
        """Return where the pod's sidecar serves the application as an HTTP proxy."""

    def network(self, pod: Object) -> Address | None:
        """Return the HTTP proxy that stands for all that the mesh does not know."""


class LiveAddresses:
    """The addresses that the kubelet has given to pods and written on them; a gateway listens on the node's ports."""

    intercepts = False

    def endpoint(self, port: PodPort) -> Address | None:
        """Return the sidecar's address for the port, without one the application's, of a gateway the node's."""
        return _local(local_port(port.pod, port.number, port.node_port))

    def inbound(self, port: PodPort) -> Address | None:
        """Return the local port that the kubelet has reserved for the sidecar."""
        addresses = addresses_of(port.pod)
        return _local(addresses.inbound.get(port.number)) if addresses else None

    def application(self, port: PodPort) -> Address | None:
        """Return the local port that the application was told to listen on."""
        addresses = addresses_of(port.pod)
        return _local(addresses.app.get(port.number)) if addresses else None

    def gateway(self, port: PodPort) -> Address | None:
        """Return the node's port: nothing stands between it and the gateway here."""
        return _local(port.node_port)

    def http_proxy(self, pod: Object) -> Address | None:
        """Return the sidecar's HTTP proxy."""
        addresses = addresses_of(pod)
        return _local(addresses.http_proxy) if addresses else None

    def network(self, pod: Object) -> Address | None:
        """Return the pod's own proxy into the cluster's network."""
        addresses = addresses_of(pod)
        return _local(addresses.network) if addresses else None


def _local(port: int | None) -> Address | None:
    return None if port is None else Address(LOOPBACK, port)


OUTBOUND_CAPTURE = 15001
"""Where Istio's sidecars catch what the application sends."""

HTTP_PROXY = 15002
"""The port that Istio's documentation gives to a sidecar's HTTP proxy (`proxyHttpPort`)."""


class MadeUpAddresses:
    """The addresses of a cluster in which each pod has an IP address of its own, for pods that do not run."""

    intercepts = True

    def endpoint(self, port: PodPort) -> Address | None:
        """Return the container port at the address of the pod."""
        return Address(port.pod["status"]["podIP"], port.number)

    def inbound(self, port: PodPort) -> Address | None:
        """Return the same: the sidecar takes the application's place."""
        return self.endpoint(port)

    def application(self, port: PodPort) -> Address | None:
        """Return the container port on the pod's loopback interface."""
        return Address(LOOPBACK, port.number)

    def gateway(self, port: PodPort) -> Address | None:
        """Return the container port on all of the pod's interfaces."""
        return Address("0.0.0.0", port.number)

    def http_proxy(self, pod: Object) -> Address | None:  # noqa: ARG002 - the same in each pod
        """Return the port of Istio's documentation."""
        return Address(LOOPBACK, HTTP_PROXY)

    def network(self, pod: Object) -> Address | None:  # noqa: ARG002 - the same in each pod
        """Return the port behind which a cluster's network begins."""
        return Address(LOOPBACK, OUTBOUND_CAPTURE)
