"""One mesh: everything wired together, from the first namespace to the last drained pod."""

import asyncio
import gc
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from localmesh.addons import AddonPorts, Addons
from localmesh.apiserver.http.certificates import Credentials
from localmesh.apiserver.http.server import Door, PortTakenError
from localmesh.apiserver.target import Target
from localmesh.apiserver.write.latecomers import create_last, tell_available
from localmesh.apiserver.write.registry import Registry, WriteOptions
from localmesh.controllers import Controllers
from localmesh.core.errors import MeshError
from localmesh.core.loopback import LOOPBACK
from localmesh.core.loops import Loops, ended, observed
from localmesh.core.manifests import documents
from localmesh.core.objects import Key, Object, key_of
from localmesh.discovery import Discovery
from localmesh.dressing import Dressed
from localmesh.envoy.telemetry import Telemetry
from localmesh.home import AVAILABLE, READY, Home, Lock, RunningMesh
from localmesh.identity.authority import Authority
from localmesh.identity.certificates import Certificates
from localmesh.kinds.addresses import HTTP_PORT
from localmesh.kinds.resources import DEPLOYMENTS, NAMESPACES, SERVICES, resource_of
from localmesh.kubelet import Images, Kubelet
from localmesh.kubelet.environment import tracing_environment
from localmesh.kubelet.node_ports import NodePorts
from localmesh.log_stream import LogStream, Output
from localmesh.store.objects import Store, now

logger = logging.getLogger(__name__)

SEED = Path(__file__).with_name("seed.yaml")


class Options(Struct, frozen=True):
    """What `mesh up` was asked for."""

    home: Home
    lock: Lock
    """Of the folder, held."""

    credentials: Credentials
    """Of the kubeconfig that is there already, and of the door."""

    gateway_port: int
    """Of the ingress gateway's port 80, on loopback."""

    api_port: int
    """Of the door."""

    confines_signals: bool = False
    """Whether the kernel keeps signals of this process, and of all that it starts, among them."""

    images: tuple[Path, ...] = ()
    """Files that say what stands for further images."""

    telemetry: AddonPorts | None = None
    """Where the pages of telemetry answer on loopback; None for a mesh without telemetry."""

    outside_collector: str = ""
    """OTEL_EXPORTER_OTLP_ENDPOINT as it was set at `mesh up`: it gets all spans then."""

    prometheus: Path | None = None
    """A real Prometheus or VictoriaMetrics of this machine."""

    stream: bool = False
    """Whether all that pods write goes to standard output as well."""


async def supervise(options: Options, stop: asyncio.Event, tell: Callable[[str], bool]) -> None:
    """Run the mesh until `stop` is set; `tell` of READY, and of what is AVAILABLE as long as that says True.

    Raises MeshError when the door's port is taken, when a file of images cannot be read, and with the cause when the
    mesh cannot go on.
    """
    store, home, lock = Store(), options.home, options.lock
    loops = Loops()
    images = Images.load((*home.own_images, *options.images))
    async with AsyncExitStack() as stack:
        dress = Dressed(Telemetry(collector=home.collector)) if options.telemetry else None
        certificates = Certificates(Authority.of(home.path))
        discovery = Discovery(store, home.sockets, loops, certificates, dress)
        kubelet = Kubelet(
            store,
            prepare_proxy=discovery.prepare,
            drain_proxy=discovery.drain,
            run_dir=home.pods,
            images=images,
            loops=loops,
            tracing=tracing_environment(options.telemetry.traces) if options.telemetry else {},
        )
        door = Door(store, kubelet, loops, options.credentials, host=LOOPBACK, port=options.api_port)
        door.pages |= {"syncz": discovery.syncz, "findings": discovery.findings}
        seed = [_with_node_port(obj, options.gateway_port) for obj in documents(SEED.read_text("utf-8"))]
        _create(door.registry, (obj for obj in seed if obj["kind"] == NAMESPACES.kind))
        # Before the gateway's Service, whose other ports get any that are free: these have to have theirs.
        addons = _addons(options, store)
        _create(door.registry, (obj for obj in addons if obj["kind"] != DEPLOYMENTS.kind))
        _create(door.registry, (obj for obj in seed if obj["kind"] != NAMESPACES.kind))
        # What is entered last ends first: no more commands, no more decisions, no more pods, no more pushes. Node ports
        # are the pods' way to their collector, to their end.
        await stack.enter_async_context(discovery.delivering())
        await stack.enter_async_context(loops.kept("node ports", NodePorts(store).run))
        await stack.enter_async_context(kubelet)
        await stack.enter_async_context(Controllers(store, loops))
        if options.stream:
            await stack.enter_async_context(LogStream(store, kubelet, Output(1).write).running(loops))
        try:
            await stack.enter_async_context(door)
        except PortTakenError as error:
            raise MeshError(str(error)) from error
        told = RunningMesh(os.getpid(), options.gateway_port, door.port, now(), options.confines_signals)
        lock.tell(told)
        loops.changed = lambda: lock.tell(replace(told, troubles=loops.troubles))
        gc.freeze()
        gc.enable()
        tell(READY)
        workloads = [obj for obj in addons if obj["kind"] == DEPLOYMENTS.kind]

        late = set(map(key_of, workloads))

        def told_of(key: Key) -> bool:
            return key in late or tell(f"{AVAILABLE}{key}")

        def settle() -> None:
            _create(door.registry, workloads)
            gc.freeze()  # what is there now stays: a full collection would look at it all, and hold up a push by 40 ms

        starting = (
            observed(create_last(store, settle), "the start of the add-ons"),
            observed(tell_available(store, told_of), "what is said of Deployments"),
        )
        try:
            await loops.until(stop)
        except MeshError as error:
            logger.critical("%s", error)
            lock.tell(replace(told, troubles=loops.troubles, failure=str(error)))
            raise
        finally:
            for task in starting:
                await ended(task)


def _addons(options: Options, store: Store) -> list[Object]:
    """Return the manifests of what telemetry was asked for."""
    if options.telemetry is None:
        return []
    return Addons(
        options.telemetry,
        options.gateway_port,
        options.home.kubeconfig,
        options.home.collector,
        store.get(NAMESPACES, Key("", "istio-system"))["metadata"]["uid"],
        prometheus=options.prometheus,
        outside=options.outside_collector,
    ).manifests()


def _create(registry: Registry, documents: Iterable[Object]) -> None:
    for document in documents:
        registry.create(_target(document), document, WriteOptions())


def _target(document: Object) -> Target:
    resource = resource_of(document["apiVersion"], document["kind"])
    if resource is None:
        raise ValueError(f"{SEED.name} names a kind that is not served: {document['kind']}")
    metadata = document["metadata"]
    return Target(resource, resource.versions[0], metadata.get("namespace", ""), metadata["name"])


def _with_node_port(document: Object, gateway_port: int) -> Object:
    """Give the gateway's port 80 its place on loopback."""
    if document["kind"] == SERVICES.kind:
        for port in document["spec"]["ports"]:
            if port["port"] == HTTP_PORT:
                port["nodePort"] = gateway_port
    return document
