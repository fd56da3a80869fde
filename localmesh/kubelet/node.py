"""What all pods of the one node share."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from localmesh.core.loopback import PortAllocator
from localmesh.core.objects import Object
from localmesh.kinds.addresses import PodAddresses
from localmesh.kubelet.guard import Guard
from localmesh.kubelet.images import Images
from localmesh.store.events import Recorder
from localmesh.store.objects import Store

NODE_NAME = "localmesh"

PrepareProxy = Callable[[Object, PodAddresses], Awaitable[Sequence[str]]]
"""Writes the bootstrap and the first complete configuration of a pod's Envoy and returns its command line."""

DrainProxy = Callable[[PodAddresses], Coroutine[None, None, None]]
"""Has a pod's Envoy take no new connection, and waits until it has answered what it was asked."""


class Node(Struct, frozen=True):
    """The machine, as far as pods need it."""

    store: Store
    events: Recorder
    images: Images
    prepare_proxy: PrepareProxy
    drain_proxy: DrainProxy
    folder: Path
    """Holds one folder for each pod."""

    guard: Guard
    sockets: Path
    """Holds the admin pages of Envoys; a short path."""

    tracing: Mapping[str, str] = field(default_factory=dict)
    """Variables for applications in the mesh that say nothing of OpenTelemetry themselves."""

    ports: PortAllocator = field(default_factory=PortAllocator)
