"""The kubelet: each pod in the store runs, each other one does not; and the door's way to what runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from localmesh.apiserver.runtime import LogOptions, RuntimeRefusedError
from localmesh.core.loopback import NoFreePortError
from localmesh.core.loops import Loops, described
from localmesh.core.objects import Key, Object, key_of, labels_of, selects
from localmesh.core.places import Place
from localmesh.core.sockets import make_private, sockets_of
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.injection import is_gateway
from localmesh.kinds.kubernetes.pods import is_critical, is_finished, is_terminating
from localmesh.kinds.resources import PODS, SERVICES
from localmesh.kinds.service_ports import container_port, target_of
from localmesh.kubelet.attach import Attachment
from localmesh.kubelet.containers import ContainerRunner
from localmesh.kubelet.exec import ExecProcess
from localmesh.kubelet.folders import remove_folder
from localmesh.kubelet.guard import Guard
from localmesh.kubelet.images import Images
from localmesh.kubelet.logs import LogFile
from localmesh.kubelet.node import DrainProxy, Node, PrepareProxy
from localmesh.kubelet.pods import PodWorker
from localmesh.kubelet.services import target_ports
from localmesh.kubelet.states import Waiting
from localmesh.store.events import Recorder
from localmesh.store.objects import Store

logger = logging.getLogger(__name__)
SHUTDOWN_GRACE = 10.0
"""Seconds that all pods together have to end when the kubelet does."""


class Kubelet:
    """Runs the store's pods as long as the context is open; implements `apiserver.runtime.Runtime`."""

    def __init__(
        self,
        store: Store,
        *,
        prepare_proxy: PrepareProxy,
        drain_proxy: DrainProxy,
        run_dir: Path,
        images: Images,
        loops: Loops,
        tracing: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._store = store
        self._loops = loops
        self._guard = Guard()
        events, sockets = Recorder(store, "kubelet"), sockets_of(run_dir)
        self._node = Node(
            store, events, images, prepare_proxy, drain_proxy, run_dir, self._guard, sockets, tracing=tracing
        )
        self._workers: dict[str, PodWorker] = {}
        """By the pod's uid."""

        self._unsynced: dict[str, str] = {}
        """What was said of pods that could not be looked after, by uid: to say it again would be a change to act on."""

        self._stack = ExitStack()
        self._loop = AsyncExitStack()

    async def __aenter__(self) -> Self:
        remove_folder(self._node.folder)  # what a killed predecessor left
        self._node.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private(self._node.sockets)
        self._stack.enter_context(self._guard)
        await self._loop.enter_async_context(self._loops.kept("kubelet", self._keep))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._loop.aclose()
        # What has come in through gateways is answered before those end that answer it. Who takes the last spans goes
        # after those who send them: in vain, they would try it until their patience is over.
        await self._end([worker for worker in self._workers.values() if is_gateway(worker.pod)])
        await self._end([worker for worker in self._workers.values() if not is_critical(worker.pod)])
        await self._end(list(self._workers.values()))
        self._stack.close()
        for folder in (self._node.sockets, self._node.folder):
            remove_folder(folder)

    async def _end(self, workers: Sequence[PodWorker]) -> None:
        """End pods together. Nothing has to spread any more, so preStop's pause would only make the end longer."""
        for worker in workers:
            worker.stop(SHUTDOWN_GRACE, runs_hooks=False)
        await asyncio.gather(*(worker.task for worker in workers), return_exceptions=True)

    async def _keep(self) -> None:
        async for _ in self._store.changed():
            self._reconcile()

    def _reconcile(self) -> None:
        pods = {pod["metadata"]["uid"]: pod for pod in self._store.objects(PODS)}
        ports = target_ports(self._store.objects(SERVICES), pods.values())
        for uid, pod in pods.items():
            try:
                self._sync(uid, pod, ports.get(uid, ()))
                self._unsynced.pop(uid, None)
            except NoFreePortError as error:
                self._say_unsynced(pod, str(error))
            except Exception as error:  # noqa: BLE001 -- one pod that cannot be looked after holds up no other
                self._say_unsynced(pod, f"error of the local mesh: {described(error)}", error)
        for uid in self._unsynced.keys() - pods.keys():
            del self._unsynced[uid]
        for uid, worker in self._workers.items():
            if uid not in pods:
                worker.stop(0)  # deleted by force

    def _say_unsynced(self, pod: Object, message: str, error: Exception | None = None) -> None:
        """Say once what keeps a pod from being looked after; it is tried again with each change."""
        uid = pod["metadata"]["uid"]
        if self._unsynced.get(uid) != message:
            self._unsynced[uid] = message
            logger.error("cannot sync pod %s: %s", key_of(pod), message, exc_info=error)
            self._node.events.warning(pod, "FailedSync", message)

    def _sync(self, uid: str, pod: Object, ports: Iterable[int]) -> None:
        if uid not in self._workers:
            self._begin(uid, pod)
        self._workers[uid].update(pod)
        self._workers[uid].lead_to(ports)
        if is_terminating(pod):
            self._workers[uid].stop(pod["metadata"].get("deletionGracePeriodSeconds") or 0)

    def _begin(self, uid: str, pod: Object) -> None:
        worker = PodWorker(self._node, pod)
        self._workers[uid] = worker
        worker.task.add_done_callback(lambda task: self._ended(uid, task))

    def _ended(self, uid: str, task: "asyncio.Task[None]") -> None:
        del self._workers[uid]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s ended by an error of the kubelet", task.get_name(), exc_info=error)

    async def logs(self, pod: Key, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Yield a container's log; with `follow`, until the container ends. Raises RuntimeRefusedError."""
        runner = self._container(pod, container)
        log = self._log(runner, options)
        if runner.streams is not None and not options.follow:
            runner.streams.note_log_was_read()
        async for part in log.read(options):
            yield part

    async def exec(self, pod: Key, container: str, command: Sequence[str], *, stdin: bool, tty: bool) -> ExecProcess:
        """Start a command in a container's environment. Raises RuntimeRefusedError."""
        stored = self._store.find(PODS, pod)
        if stored is not None and is_finished(stored):
            phase = stored["status"]["phase"]
            raise RuntimeRefusedError(f"cannot exec into a container in a completed pod; current phase is {phase}")
        return await self._container(pod, container).exec(command, stdin=stdin, tty=tty)

    async def attach(self, pod: Key, container: str, *, stdin: bool) -> Attachment:
        """Return a container's own process, to speak to it. Raises RuntimeRefusedError."""
        return self._container(pod, container).attach(stdin=stdin)

    def port(self, pod: Key, port: int) -> Place:
        """Return the place behind a pod's port, 15000 being its Envoy's admin page. Raises RuntimeRefusedError."""
        worker = self._worker(pod)
        addresses = worker.sandbox.addresses if worker.sandbox else PodAddresses()
        known = addresses.own() | self._node_ports(worker.pod)
        if port not in known:
            ports = ", ".join(str(number) for number in sorted(known)) or "none"
            raise RuntimeRefusedError(f"pod {pod} serves no port {port}; its ports: {ports}")
        return known[port]

    def missing_image(self, image: str) -> str:
        """Return why an image cannot run here and what can be done about it, "" when it can."""
        return self._node.images.missing(image)

    def _node_ports(self, pod: Object) -> dict[int, int]:
        """Return the ports of a gateway: its Envoy listens on the node ports of the Services that select it."""
        if not is_gateway(pod):
            return {}
        services = self._store.objects(SERVICES, pod["metadata"]["namespace"])
        return {
            number: port["nodePort"]
            for service in services
            if (selector := service["spec"].get("selector")) and selects(selector, labels_of(pod))
            for port in service["spec"].get("ports") or []
            if port.get("nodePort") and (number := container_port(pod, target_of(port))) is not None
        }

    def _worker(self, pod: Key) -> PodWorker:
        stored = self._store.find(PODS, pod)
        worker = self._workers.get(stored["metadata"]["uid"]) if stored else None
        if worker is None:
            raise RuntimeRefusedError(f'pods "{pod.name}" not found', 404)
        return worker

    def _container(self, pod: Key, name: str) -> ContainerRunner:
        containers = self._worker(pod).containers
        if name not in containers:
            names = " ".join(containers) or "none yet"
            raise RuntimeRefusedError(f"container {name} is not valid for pod {pod.name}; its containers: {names}")
        return containers[name]

    def _log(self, container: ContainerRunner, options: LogOptions) -> LogFile:
        where = f'"{container.name}" in pod "{container.launch.pod["metadata"]["name"]}"'
        log = container.last_log if options.previous else container.log
        if log is not None:
            return log
        if options.previous:
            raise RuntimeRefusedError(f"previous terminated container {where} not found")
        state = container.status.state
        reason = state.reason if isinstance(state, Waiting) else "ContainerCreating"
        raise RuntimeRefusedError(f"container {where} is waiting to start: {reason}")
