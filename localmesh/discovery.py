"""Keeps every Envoy at what pilot computes for it: what istiod's discovery service is in a cluster."""

import asyncio
import importlib
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from localmesh.core.errors import MeshError
from localmesh.core.loops import Loops, ended
from localmesh.core.objects import Key, Object, key_of, labels_of
from localmesh.core.sockets import make_private
from localmesh.dressing import Dress, Undressed
from localmesh.envoy.admin import Admin, AdminError
from localmesh.envoy.bootstrap import EnvoyNode, Places, command
from localmesh.envoy.delivery import Delivery
from localmesh.envoy.drain import drain
from localmesh.envoy.emit import Emitter
from localmesh.envoy.memo import Memo
from localmesh.envoy.push import PushResult, Refusal
from localmesh.envoy.resources import Configuration, Resource
from localmesh.envoy.secrets import authority, own_certificate
from localmesh.identity.certificates import Certificates
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.resources import PODS
from localmesh.pilot.findings import Finding, Findings
from localmesh.pilot.proxies import Pilot
from localmesh.pilot.registry.addresses import LiveAddresses
from localmesh.pilot.registry.workloads import identity_of
from localmesh.pilot.reporting import Reporter
from localmesh.pilot.snapshot import Snapshot, SnapshotReader, origin
from localmesh.proxy.proxies import NodeType, Proxy, ProxyId
from localmesh.store.events import Recorder
from localmesh.store.objects import Store

if TYPE_CHECKING:
    from localmesh.envoy.ads import AdsServer
    from localmesh.envoy.wire import Encoder
    from localmesh.identity.authority import Certificate

logger = logging.getLogger(__name__)

SETTLING_SECONDS = 5.0
"""How long after a change it is said what does not fit together: `kubectl apply -f FOLDER` has had its time."""


class _Delivered(Struct, frozen=True):
    uid: str
    """The pod's: another one may have its name by now."""

    node: EnvoyNode
    places: Places
    proof: str
    """By which the server knows this Envoy's stream from another's."""

    delivery: Delivery


class Discovery:
    """Computes all proxies' configuration after each change, and delivers what differs."""

    def __init__(
        self, store: Store, sockets: Path, loops: Loops, certificates: Certificates, dress: Dress | None = None
    ) -> None:
        """Take what there is to deliver, and how.

        Args:
            store: everything applied.
            sockets: the folder in which Envoys find their socket.
            loops: who keeps the loops alive.
            certificates: the proxies' own.
            dress: what is added to each proxy's configuration.
        """
        self._store = store
        self._certificates = certificates
        self._authority = authority(certificates.authority.pem)
        self._own_certificates: Memo[Certificate, Resource] = Memo(lambda own: own_certificate(own.chain, own.key))
        self._loops = loops
        self._events = Recorder(store, "istiod")
        self._socket = sockets / "xds.sock"
        self._server: AdsServer | None = None
        self._serves = asyncio.Event()
        """Set once Envoys can be told something."""

        self._emitter = Emitter()
        self._dress = dress or Undressed()
        self._encoder: Encoder | None = None
        self._deliveries: dict[Key, _Delivered] = {}
        self._snapshots = SnapshotReader()
        self._pilot = Pilot(LiveAddresses(), auto_mtls=True)
        self._reporter, self._adviser = Reporter(store), Reporter(store)
        self._seen: Snapshot | None = None
        self._proxies: Mapping[ProxyId, Proxy] = {}
        self._findings: Sequence[Finding] = ()
        self._unwritten: Sequence[Finding] = ()
        """Of pods, for whose Envoys no resources could be made of what was computed."""

        self._advice: Sequence[Finding] = ()
        self._refusals: dict[Key, Sequence[Finding]] = {}
        """What each Envoy does not take, by its pod: of objects, or of the pod where no object is to blame."""

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Deliver as long as the context is open."""
        make_private(self._socket.parent)
        serving = self._loops.vital("the discovery service", self._serve())
        try:
            async with (
                self._loops.kept("discovery", self._run),
                self._loops.kept("analysis", self._advise),
                self._loops.kept("certificates", self._renew),
            ):
                yield
        finally:
            closing = [delivered.delivery.close() for delivered in self._deliveries.values()]
            await asyncio.gather(*closing, return_exceptions=True)
            self._loops.relieve(serving)
            await ended(serving)

    async def _serve(self) -> None:
        """Serve Envoys until this is cancelled."""
        # gRPC and the protobufs take a third of a second to import, in which kubectl's first objects can be taken.
        ads = await asyncio.to_thread(importlib.import_module, "localmesh.envoy.ads")
        self._encoder = importlib.import_module("localmesh.envoy.wire").Encoder()
        async with ads.AdsServer(self._socket) as self._server:
            self._serves.set()
            await asyncio.Event().wait()

    async def prepare(self, pod: Object, addresses: PodAddresses) -> Sequence[str]:
        """Have a pod's first complete configuration there; return the command that runs its Envoy. Raises MeshError."""
        key = key_of(pod)
        await self._serves.wait()
        if addresses.admin is None or self._server is None:
            raise ValueError(f"pod {key} has no place for an admin page")
        await self._forget_the_gone()
        if self._uid(key) != pod["metadata"]["uid"]:
            raise MeshError("the pod is gone")
        proxy = self._computed().get(ProxyId(key.namespace, key.name))
        if proxy is None:
            raise MeshError("what it is to do could not be computed: see its events")
        if key not in self._deliveries:
            admin, proof = Path(addresses.admin), secrets.token_hex(32)
            node, places = _node(pod, proxy), Places(admin.with_suffix(".json"), admin, self._socket)
            delivery = Delivery(self._server.open(node.id, proof), report=lambda result: self._report(key, result))
            delivery.submit(self._configuration(proxy, pod))
            self._deliveries[key] = _Delivered(pod["metadata"]["uid"], node, places, proof, delivery)
        known = self._deliveries[key]
        return command(known.node, known.places, known.proof, self._dress.runtime)

    async def drain(self, addresses: PodAddresses) -> None:
        """Have an Envoy that is to end answer what it was asked; nothing when it does not run any more."""
        if addresses.admin is not None:
            with suppress(AdminError):
                await drain(Admin(Path(addresses.admin)))

    def syncz(self) -> list[dict[str, Any]]:
        """Return for each Envoy that is connected how it stands to what it was told."""
        return [
            {
                "proxy": f"{key.name}.{key.namespace}",
                "proxy_type": delivered.node.role,
                "cluster_id": "Kubernetes",
                **sync,
            }
            for key, delivered in sorted(self._deliveries.items())
            if (sync := delivered.delivery.sync())
        ]

    def findings(self) -> list[dict[str, str]]:
        """Return all that is wrong with what was applied: what is left out, what Envoys refuse, and advice."""
        refused = (finding for findings in self._refusals.values() for finding in findings)
        return [
            {
                "kind": finding.resource.kind,
                "namespace": finding.key.namespace,
                "name": finding.key.name,
                "message": str(finding),
                "code": finding.code,
            }
            for finding in dict.fromkeys([*self._findings, *self._unwritten, *refused, *self._advice])
        ]

    async def _run(self) -> None:
        async for _ in self._store.changed():
            self._deliver()
            await self._forget_the_gone()

    async def _advise(self) -> None:
        """Say what does not fit together; what is applied one after the other is looked at together."""
        seen: Snapshot | None = None
        async for _ in self._store.changed():
            await asyncio.sleep(SETTLING_SECONDS)
            if self._seen is not None and self._seen is not seen:
                seen = self._seen
                from localmesh.pilot.analysis import analyse  # noqa: PLC0415 -- the start does not wait for it

                self._advice = tuple(analyse(seen))
                self._adviser.report(self._advice)

    async def _renew(self) -> None:
        """Renew certificates before they end, for ever."""
        while True:
            await asyncio.sleep(self._certificates.wait_s())
            if self._certificates.are_due:
                self._deliver()

    def _deliver(self) -> None:
        proxies = self._computed()
        self._own_certificates.forget()
        self._emitter.forget()
        self._dress.forget()
        if self._encoder is not None:
            self._encoder.forget()
        unwritten = Findings()
        for key, delivered in self._deliveries.items():
            proxy, pod = proxies.get(ProxyId(key.namespace, key.name)), self._store.find(PODS, key)
            if proxy is not None and pod is not None:
                # What cannot be written down stays as it is, and keeps nothing from the others.
                with unwritten.about(PODS, key):
                    delivered.delivery.submit(self._configuration(proxy, pod))
        if unwritten.all() != self._unwritten:
            self._unwritten = unwritten.all()
            self._report_findings()

    def _computed(self) -> Mapping[ProxyId, Proxy]:
        """Return all proxies as the store has them now; computed once for each state of what they depend on."""
        snapshot = self._snapshots.of(self._store)
        if snapshot != self._seen:
            computed = self._pilot.compute(snapshot)
            self._proxies, self._seen, self._findings = computed.proxies, snapshot, computed.findings
            self._report_findings()
        return self._proxies

    def _configuration(self, proxy: Proxy, pod: Object) -> Configuration:
        if self._encoder is None:
            raise RuntimeError("nothing is delivered yet")
        dressed = self._dress(self._emitter.emit(proxy), pod, proxy.sampling)
        return self._encoder.encode_all(replace(dressed, sds=self._secrets(pod)))

    def _secrets(self, pod: Object) -> Sequence[Resource]:
        own = self._certificates.of(key_of(pod), identity_of(pod))
        return [self._authority, self._own_certificates.get(own)]

    async def _forget_the_gone(self) -> None:
        while gone := [key for key, delivered in self._deliveries.items() if self._uid(key) != delivered.uid]:
            await self._forget(gone[0])

    def _uid(self, key: Key) -> str:
        """Return the uid of the pod that has a name now, "" for none."""
        pod = self._store.find(PODS, key)
        return pod["metadata"]["uid"] if pod is not None else ""

    async def _forget(self, key: Key) -> None:
        """Deliver to a pod no longer. All but the end of its task is done at once: its name may be another's then."""
        delivered = self._deliveries.pop(key)
        delivered.places.file.unlink(missing_ok=True)
        self._certificates.forget(key)
        if self._server is not None:
            self._server.close(delivered.node.id)
        if self._refusals.pop(key, None):
            self._report_findings()
        await delivered.delivery.close()

    def _report(self, key: Key, result: PushResult) -> None:
        """Say in the pod's events what its Envoy did not take, and of the object that it was made of."""
        logger.info("%s: %s", key, result)
        pod = self._store.find(PODS, key)
        if pod is not None and result.outcome == "refused":
            self._events.warning(pod, "ConfigRejected", str(result))
        if result.outcome in ("accepted", "refused"):
            self._refusals[key] = [_finding(refusal, key) for refusal in result.refusals]
            self._report_findings()

    def _report_findings(self) -> None:
        # What is nobody's is an event of the pod already.
        refusals = (
            finding for refused in self._refusals.values() for finding in refused if finding.resource is not PODS
        )
        self._reporter.report([*self._findings, *self._unwritten, *refusals])


def _finding(refusal: Refusal, pod: Key) -> Finding:
    """Return what is to be said of the object that a pod's Envoy refuses, or of the pod where that may be several."""
    paths: frozenset[str] = importlib.import_module("localmesh.envoy.origins").origins(refusal)
    about = origin(min(paths)) if len(paths) == 1 else None
    return Finding(*(about or (PODS, pod)), "", f"Envoy refuses {refusal}")


def _node(pod: Object, proxy: Proxy) -> EnvoyNode:
    key = key_of(pod)
    role: Literal["sidecar", "router"] = "router" if proxy.type is NodeType.ROUTER else "sidecar"
    return EnvoyNode(role, key.name, key.namespace, labels_of(pod).get("app", key.name))
