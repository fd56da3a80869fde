"""One pod, from its sandbox to the end of its last process."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from localmesh.core.loopback import NoFreePortError
from localmesh.core.loops import described, ended
from localmesh.core.objects import Object, annotations_of, key_of
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.kubernetes.pods import spec_of, status_of
from localmesh.kinds.resources import PODS
from localmesh.kubelet.backoff import BackOff
from localmesh.kubelet.containers import ContainerRunner
from localmesh.kubelet.launch import Launch
from localmesh.kubelet.node import NODE_NAME, Node
from localmesh.kubelet.pod_status import pod_status
from localmesh.kubelet.sandbox import Sandbox
from localmesh.store.events import Recorder

logger = logging.getLogger(__name__)
SIDECAR_GRACE = 2.0
"""Seconds that a sidecar has at least to end after its application, as with Kubernetes' native sidecars."""
SIDECAR_LINGER = 0.2
"""Seconds that a sidecar goes on after its application: the last answers are still on their way through it."""
RETRY = 1.0
"""Seconds between attempts to make a sandbox."""


class PodWorker:
    """Runs one pod. The sidecar starts before the application and ends after it."""

    def __init__(self, node: Node, pod: Object) -> None:
        self.pod = pod
        self.sandbox: Sandbox | None = None
        self.containers: dict[str, ContainerRunner] = {}
        self.task = asyncio.create_task(self._run(), name=f"pod {key_of(pod)}")
        """Ends when nothing of the pod is left."""
        self._node = node
        self._stopping = asyncio.Event()
        self._deadline = float("inf")
        self._runs_hooks = True
        self._is_over = False

    def stop(self, grace: float, *, runs_hooks: bool = True) -> None:
        """Let the pod end within `grace` seconds; a later call can only make it shorter."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        if self._stopping.is_set() and deadline < self._deadline:
            loop.call_at(deadline, self._kill)
        self._deadline = min(self._deadline, deadline)
        self._runs_hooks = runs_hooks
        self._stopping.set()

    def update(self, pod: Object) -> None:
        """Take over what may change of a pod that runs: its containers' images."""
        if self.sandbox is None or pod["metadata"]["generation"] == self.pod["metadata"]["generation"]:
            return
        self._bind(self.sandbox.extend(pod))
        for container in spec_of(pod).containers:
            runner = self.containers.get(container.name)
            if runner is not None and runner.launch.container.image != container.image:
                runner.replace(Launch.of(self._node, self.pod, self.sandbox, container))

    def lead_to(self, ports: Iterable[int]) -> None:
        """Give each port that a Service leads to an address, also one where nobody listens: nobody answers there."""
        if self.sandbox is not None and not set(ports) <= self.sandbox.addresses.app.keys():
            self._bind(self.sandbox.extend(self.pod, ports))

    async def _run(self) -> None:
        """Run the pod until it is to end; what nobody foresaw is said on the pod and tried again."""
        trouble = BackOff()
        try:
            while not self._stopping.is_set() and not self._is_over:
                try:
                    await self._run_in(await Sandbox.create(self._node, self.pod))
                except (OSError, NoFreePortError) as error:
                    self._warn("FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
                    await self._or_stopping(asyncio.sleep(RETRY))
                except Exception as error:
                    logger.exception("cannot run pod %s", key_of(self.pod))
                    self._warn("FailedSync", f"error of the local mesh: {described(error)}")
                    await self._or_stopping(asyncio.sleep(trouble.next_delay() or RETRY))
        finally:
            self._forget()

    async def _run_in(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        try:
            self._bind(sandbox.addresses)
            launches = [
                Launch.of(self._node, self.pod, sandbox, container) for container in spec_of(self.pod).containers
            ]
            self.containers = {launch.container.name: ContainerRunner(launch, self._report) for launch in launches}
            self._report()
            await self._run_containers()
            self._is_over = True
            self._report()
            await self._stopping.wait()
        finally:
            self._kill()
            self.sandbox, self.containers = None, {}
            await sandbox.remove()

    def _warn(self, reason: str, message: str) -> None:
        self._node.events.warning(self.pod, reason, message)

    def _bind(self, addresses: PodAddresses) -> None:
        """Say on the pod where it runs and where it answers."""

        def change(pod: Object) -> None:
            pod["spec"]["nodeName"] = NODE_NAME
            pod["metadata"]["annotations"] = annotations_of(pod) | {ANNOTATION: addresses.to_annotation()}

        if not self._is_stored():
            return
        was_bound = self.pod["spec"].get("nodeName") == NODE_NAME
        self.pod = self._node.store.modify(PODS, key_of(self.pod), change)
        if not was_bound:
            message = f"Successfully assigned {key_of(self.pod)} to {NODE_NAME}"
            Recorder(self._node.store, "default-scheduler").normal(self.pod, "Scheduled", message)

    async def _run_containers(self) -> None:
        """Run until the application has ended for good or the pod is to end."""
        runs: list[asyncio.Task[None]] = []
        try:
            await self._run_in_order(runs)
        finally:
            for run in runs:
                await ended(run)

    async def _run_in_order(self, runs: "list[asyncio.Task[None]]") -> None:
        """Start sidecars, then the application; end the application, then sidecars; note each task in `runs`."""
        sidecars = [container for container in self.containers.values() if container.is_sidecar]
        apps = [container for container in self.containers.values() if not container.is_sidecar]
        sidecar_runs = _started(sidecars, runs)
        await self._or_stopping(asyncio.gather(*(container.started.wait() for container in sidecars)))
        app_runs = _started(apps, runs)
        await self._or_stopping(asyncio.wait(app_runs))
        now = asyncio.get_running_loop().time
        own_grace = spec_of(self.pod).termination_grace_period_seconds
        deadline = self._deadline if self._stopping.is_set() else now() + own_grace
        for container in apps:
            container.runs_hooks = self._runs_hooks
        await _stop(apps, app_runs, deadline)
        if sidecars and self._runs_hooks:
            await asyncio.sleep(SIDECAR_LINGER)
        await _stop(sidecars, sidecar_runs, max(deadline, now() + SIDECAR_GRACE))

    async def _or_stopping(self, other: Awaitable[object]) -> None:
        """Wait for something, but no longer than until the pod is to end."""
        stopping, waiting = asyncio.ensure_future(self._stopping.wait()), asyncio.ensure_future(other)
        await asyncio.wait((stopping, waiting), return_when=asyncio.FIRST_COMPLETED)
        await ended(stopping)
        await ended(waiting)

    def _kill(self) -> None:
        for container in self.containers.values():
            container.kill()

    def _report(self) -> None:
        """Write the pod's status."""
        if not self._is_stored():
            return
        statuses = [container.status for container in self.containers.values()]
        key = key_of(self.pod)
        status = pod_status(self._node.store.get(PODS, key), statuses, is_over=self._is_over)
        self._node.store.modify(PODS, key, lambda pod: pod.update(status={**status_of(pod), **status}))

    def _forget(self) -> None:
        if self._is_stored():
            self._node.store.remove(PODS, key_of(self.pod))

    def _is_stored(self) -> bool:
        """Tell whether the pod is still there: a pod of that name with another uid is another pod."""
        stored = self._node.store.find(PODS, key_of(self.pod))
        return stored is not None and stored["metadata"]["uid"] == self.pod["metadata"]["uid"]


def _started(containers: Iterable[ContainerRunner], runs: "list[asyncio.Task[None]]") -> "list[asyncio.Task[None]]":
    tasks = [asyncio.create_task(container.run(), name=f"container {container.name}") for container in containers]
    runs += tasks
    return tasks


async def _stop(containers: Iterable[ContainerRunner], tasks: "list[asyncio.Task[None]]", deadline: float) -> None:
    """End containers in parallel, and their runners with them."""
    await asyncio.gather(*(container.stop(deadline) for container in containers))
    left = max(0.0, deadline - asyncio.get_running_loop().time())
    if tasks:
        await asyncio.wait(tasks, timeout=left + 1)
    for task in tasks:
        await ended(task)
