"""Keeps every Envoy at what pilot computes for it: what istiod's discovery service is in a cluster."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

from localmesh.core.loops import Loops
from localmesh.core.objects import Key, Object, key_of, labels_of
from localmesh.envoy.admin import Admin, AdminError
from localmesh.envoy.bootstrap import Node, command, write_bootstrap
from localmesh.envoy.delivery import Delivery
from localmesh.envoy.drain import drain
from localmesh.envoy.emit import emit
from localmesh.envoy.push import PushResult
from localmesh.envoy.xds import XdsServer, from_server
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.resources import PODS
from localmesh.pilot.proxies import compute
from localmesh.pilot.registry.addresses import LiveAddresses
from localmesh.pilot.reporting import Reporter
from localmesh.pilot.snapshot import Snapshot, SnapshotReader
from localmesh.proxy.proxies import NodeType, Proxy, ProxyId
from localmesh.store.events import Recorder
from localmesh.store.objects import Store

logger = logging.getLogger(__name__)


class Discovery:
    """Computes all proxies' configuration after each change, and delivers what differs."""

    def __init__(self, store: Store, folder: Path, loops: Loops) -> None:
        """Take everything applied, the folder that holds one folder for each proxy, and who keeps the loop alive."""
        self._store = store
        self._loops = loops
        self._events = Recorder(store, "istiod")
        self._folder = folder
        self._server = XdsServer()
        self._proxy_log: Callable[[Key], str] = lambda _: ""
        self._deliveries: dict[Key, Delivery] = {}
        self._snapshots = SnapshotReader()
        self._reporter = Reporter(store)
        self._seen: Snapshot | None = None
        self._proxies: Mapping[ProxyId, Proxy] = {}

    @asynccontextmanager
    async def delivering(self, proxy_log: Callable[[Key], str]) -> AsyncIterator[None]:
        """Deliver as long as the context is open.

        `proxy_log` returns the latest piece of what a pod's Envoy wrote, in which it says why it refuses something.
        """
        self._proxy_log = proxy_log
        shutil.rmtree(self._folder, ignore_errors=True)  # what a killed predecessor left
        async with self._server:
            try:
                async with self._loops.kept("discovery", self._run):
                    yield
            finally:
                closing = [delivery.close() for delivery in self._deliveries.values()]
                await asyncio.gather(*closing, return_exceptions=True)

    async def prepare(self, pod: Object, addresses: PodAddresses) -> Sequence[str]:
        """Write a pod's bootstrap and its first complete configuration; return the command that runs its Envoy."""
        key = key_of(pod)
        if addresses.admin is None:
            raise ValueError(f"pod {key} has no place for an admin page")
        proxy = self._computed()[ProxyId(key.namespace, key.name)]
        node = _node(pod, proxy)
        folder = self._server.open(node.id, self._folder / key.namespace / key.name)
        write_bootstrap(folder, node, addresses.admin, self._server.port)
        folder.write_all(emit(proxy, from_server))
        if key not in self._deliveries:
            self._deliveries[key] = Delivery(
                folder,
                Admin(addresses.admin),
                log=lambda: self._proxy_log(key),
                report=lambda result: self._report(key, result),
            )
        return command(folder)

    async def drain(self, addresses: PodAddresses) -> None:
        """Have an Envoy that is to end answer what it was asked; nothing when it does not run any more."""
        if addresses.admin is not None:
            with suppress(AdminError):
                await drain(Admin(addresses.admin))

    async def _run(self) -> None:
        async for _ in self._store.changed():
            try:
                self._deliver()
                await self._forget_the_gone()
            except Exception:
                # What was delivered stays in force; the next change is looked at afresh.
                logger.exception("the proxies' configuration could not be computed")

    def _deliver(self) -> None:
        proxies = self._computed()
        for key, delivery in self._deliveries.items():
            proxy = proxies.get(ProxyId(key.namespace, key.name))
            if proxy is not None:
                delivery.submit(emit(proxy, from_server))

    def _computed(self) -> Mapping[ProxyId, Proxy]:
        """Return all proxies as the store has them now; computed once for each state of what they depend on."""
        snapshot = self._snapshots.of(self._store)
        if snapshot != self._seen:
            computed = compute(snapshot, LiveAddresses())
            self._proxies, self._seen = computed.proxies, snapshot
            self._reporter.report(computed.findings)
        return self._proxies

    async def _forget_the_gone(self) -> None:
        for key in [key for key in self._deliveries if self._store.find(PODS, key) is None]:
            await self._deliveries.pop(key).close()
            folder = self._folder / key.namespace / key.name
            self._server.close(folder)
            shutil.rmtree(folder, ignore_errors=True)

    def _report(self, key: Key, result: PushResult) -> None:
        """Say in the pod's events what its Envoy did not take."""
        logger.info("%s: %s", key, result)
        pod = self._store.find(PODS, key)
        if pod is not None and result.outcome == "refused":
            self._events.warning(pod, "ConfigRejected", str(result))


def _node(pod: Object, proxy: Proxy) -> Node:
    key = key_of(pod)
    role: Literal["sidecar", "router"] = "router" if proxy.type is NodeType.ROUTER else "sidecar"
    return Node(role, key.name, key.namespace, labels_of(pod).get("app", key.name))
