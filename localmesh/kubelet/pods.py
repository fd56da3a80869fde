"""One pod, from its sandbox to the end of its last process."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from localmesh.core.loopback import NoFreePortError
from localmesh.core.objects import Object, annotations_of, key_of
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.kubernetes.pods import spec_of
from localmesh.kinds.resources import PODS
from localmesh.kubelet.containers import ContainerRunner, cancelled
from localmesh.kubelet.launch import Launch
from localmesh.kubelet.node import NODE_NAME, Node
from localmesh.kubelet.sandbox import Sandbox
from localmesh.kubelet.status import pod_status
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
        self.pod = pod
        for container in spec_of(pod).containers:
            runner = self.containers.get(container.name)
            if runner is not None and runner.launch.container.image != container.image:
                runner.replace(Launch(self._node, pod, self.sandbox, container))

    async def _run(self) -> None:
        self.sandbox = await self._make_sandbox()
        try:
            if self.sandbox is not None:
                await self._run_in(self.sandbox)
        finally:
            self._forget()

    async def _run_in(self, sandbox: Sandbox) -> None:
        try:
            self._bind(sandbox.addresses)
            launches = [Launch(self._node, self.pod, sandbox, each) for each in spec_of(self.pod).containers]
            self.containers = {launch.container.name: ContainerRunner(launch, self._report) for launch in launches}
            self._report()
            await self._run_containers()
            self._is_over = True
            self._report()
            await self._stopping.wait()
        finally:
            self._kill()
            await sandbox.remove(self._node)

    async def _make_sandbox(self) -> Sandbox | None:
        """Return the sandbox, None when the pod is to end before it could be made."""
        while not self._stopping.is_set():
            try:
                return await Sandbox.create(self._node, self.pod)
            except (OSError, NoFreePortError) as error:
                self._node.events.warning(self.pod, "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
                await self._or_stopping(asyncio.sleep(RETRY))
        return None

    def _bind(self, addresses: PodAddresses) -> None:
        """Say on the pod where it runs and where it answers."""

        def change(pod: Object) -> None:
            pod["spec"]["nodeName"] = NODE_NAME
            pod["metadata"]["annotations"] = annotations_of(pod) | {ANNOTATION: addresses.to_annotation()}

        if self._is_stored():
            self.pod = self._node.store.modify(PODS, key_of(self.pod), change)
            message = f"Successfully assigned {key_of(self.pod)} to {NODE_NAME}"
            Recorder(self._node.store, "default-scheduler").normal(self.pod, "Scheduled", message)

    async def _run_containers(self) -> None:
        """Run until the application has ended for good or the pod is to end."""
        sidecars = [each for each in self.containers.values() if each.is_sidecar]
        apps = [each for each in self.containers.values() if not each.is_sidecar]
        sidecar_tasks = [asyncio.create_task(each.run()) for each in sidecars]
        await self._or_stopping(asyncio.gather(*(each.started.wait() for each in sidecars)))
        app_tasks = [asyncio.create_task(each.run()) for each in apps]
        await self._or_stopping(asyncio.wait(app_tasks))
        now = asyncio.get_running_loop().time
        own_grace = spec_of(self.pod).termination_grace_period_seconds
        deadline = self._deadline if self._stopping.is_set() else now() + own_grace
        for each in apps:
            each.runs_hooks = self._runs_hooks
        await _stop(apps, app_tasks, deadline)
        if sidecars and self._runs_hooks:
            await asyncio.sleep(SIDECAR_LINGER)
        await _stop(sidecars, sidecar_tasks, max(deadline, now() + SIDECAR_GRACE))

    async def _or_stopping(self, other: Awaitable[object]) -> None:
        """Wait for something, but no longer than until the pod is to end."""
        stopping, waiting = asyncio.ensure_future(self._stopping.wait()), asyncio.ensure_future(other)
        await asyncio.wait((stopping, waiting), return_when=asyncio.FIRST_COMPLETED)
        await cancelled(stopping)
        await cancelled(waiting)

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
        self._node.store.modify(PODS, key, lambda pod: pod.update(status=pod.get("status", {}) | status))

    def _forget(self) -> None:
        if self._is_stored():
            self._node.store.remove(PODS, key_of(self.pod))

    def _is_stored(self) -> bool:
        """Tell whether the pod is still there: a pod of that name with another uid is another pod."""
        stored = self._node.store.find(PODS, key_of(self.pod))
        return stored is not None and stored["metadata"]["uid"] == self.pod["metadata"]["uid"]


async def _stop(containers: Iterable[ContainerRunner], tasks: "list[asyncio.Task[None]]", deadline: float) -> None:
    """End containers in parallel, and their runners with them."""
    await asyncio.gather(*(container.stop(deadline) for container in containers))
    left = max(0.0, deadline - asyncio.get_running_loop().time())
    if tasks:
        await asyncio.wait(tasks, timeout=left + 1)
    await asyncio.gather(*(cancelled(task) for task in tasks))
