"""One container: start, probe, log, restart, end."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping, Sequence

from localmesh.apiserver.runtime import RuntimeRefusedError
from localmesh.core.loops import described, ended, observed
from localmesh.core.objects import key_of
from localmesh.core.places import Place
from localmesh.kinds.injection import sidecars_of
from localmesh.kubelet.attach import Attachment, Streams
from localmesh.kubelet.backoff import FIRST, BackOff
from localmesh.kubelet.children import Child
from localmesh.kubelet.commands import CANNOT_EXECUTE, run_command
from localmesh.kubelet.ending import Ending
from localmesh.kubelet.exec import ExecProcess
from localmesh.kubelet.health import Health
from localmesh.kubelet.launch import CannotStartError, Launch
from localmesh.kubelet.logs import LogFile
from localmesh.kubelet.states import ContainerStatus, Terminated, Waiting

logger = logging.getLogger(__name__)
LAST_WORDS = 1.0
"""Seconds that a log may stay open after its process: only a process that left its group can hold it."""


class ContainerRunner:
    """Runs a container again and again as its pod's restart policy says, until it is told to stop."""

    def __init__(self, launch: Launch, changed: Callable[[], None]) -> None:
        self.launch = launch
        self.runs_hooks = True
        """Whether preStop is run; it is not when everything ends together."""
        self.status = ContainerStatus(launch.container.name, launch.container.image)
        self.started = asyncio.Event()
        """Set once the container has started for the first time, as its startup probe says."""
        self.log: LogFile | None = None
        self.previous_log: LogFile | None = None
        self.child: Child | None = None
        self.streams: Streams | None = None
        self.execs: set[ExecProcess] = set()
        """Commands of `kubectl exec`, which end with the container's process."""
        self._changed = changed
        self._stopping = asyncio.Event()
        self._replaced = asyncio.Event()
        """Set by another image: what kept the one before from starting need not keep this one."""
        self._start_trouble = BackOff()
        self._run_trouble = BackOff()
        self._last: Terminated | None = None
        self._is_replaced = False

    @property
    def name(self) -> str:
        """The container's name."""
        return self.launch.container.name

    @property
    def is_sidecar(self) -> bool:
        """Whether it was injected beside the application."""
        return self.name in sidecars_of(self.launch.pod)

    @property
    def last_log(self) -> LogFile | None:
        """The log of the last run that ended: while the container waits to be restarted, that is the current one."""
        return self.log if isinstance(self.status.state, Waiting) else self.previous_log

    async def run(self) -> None:
        """Run until the container has ended for good or `stop` was called."""
        while not self._stopping.is_set():
            try:
                exit_code = await self._run_once()
            except CannotStartError as error:
                await self._wait_to_start(error)
                continue
            except Exception as error:
                logger.exception("cannot run container %s of %s", self.name, key_of(self.launch.pod))
                await self._wait_to_start(CannotStartError("CreateContainerError", described(error)))
                continue
            if not self._restarts(exit_code):
                return
            await self._wait_to_restart()

    async def stop(self, deadline: float) -> None:
        """End the container: its preStop, SIGTERM and, at the deadline (loop time), SIGKILL."""
        self._stopping.set()
        if self.child is not None and self.child.is_running:
            self._say("Killing", f"Stopping container {self.name}")
            await self._end(self.child, deadline)

    def replace(self, launch: Launch) -> None:
        """Run another image from now on: the process ends, and one of the new image begins."""
        self.launch = launch
        self.status.image = launch.container.image
        self._start_trouble = BackOff()
        self._replaced.set()
        if self.child is not None and self.child.is_running:
            self._is_replaced = True
            self._say("Killing", f"Container {self.name} definition changed, will be restarted")
            observed(self._end(self.child, self._own_deadline()), f"the end of {self.name}'s former image")

    def kill(self) -> None:
        """End the container at once."""
        self._stopping.set()
        if self.child is not None:
            self.child.signal(signal.SIGKILL)

    async def run_command(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in the container's environment to its end; return the exit code and what it said."""
        return await run_command(self.launch, command)

    def attach(self, *, stdin: bool) -> Attachment:
        """Return a user's end of the container's own input and output. Raises RuntimeRefusedError."""
        if self.streams is None or not self.streams.has_more:
            raise RuntimeRefusedError(f'container not found ("{self.name}"): it does not run now', 404)
        if stdin and self.streams.stdin is None:
            raise RuntimeRefusedError(f"container {self.name} takes no input: its manifest has no `stdin: true`")
        return self.streams.attach()

    async def exec(self, command: Sequence[str], *, stdin: bool, tty: bool) -> ExecProcess:
        """Start a command beside the container's process. Raises RuntimeRefusedError."""
        if self.child is None or not self.child.is_running:
            raise RuntimeRefusedError(f'container not found ("{self.name}"): it does not run now', 404)
        process = await ExecProcess.start(self.launch, command, stdin=stdin, tty=tty)
        self.execs = {running for running in self.execs if running.is_running} | {process}
        return process

    async def _run_once(self) -> int:
        """Run the process to its end and return its exit code. Raises CannotStartError."""
        argv, environment = await self.launch.argv(), self.launch.environment()
        log = self._next_log()
        try:
            exit_code = await self._live(argv, environment, log)
        except (OSError, ValueError) as error:
            log.write(f"{error}\n".encode())
            exit_code = CANNOT_EXECUTE
        finally:
            log.close()
        self._last = self.status.end(exit_code)
        self._changed()
        return exit_code

    async def _live(self, argv: Sequence[str], environment: Mapping[str, str], log: LogFile) -> int:
        """Start the process, log and probe it until it ends, and end with it what was started beside it."""
        streams = await Streams.open(self.launch, argv, environment)
        child = streams.child
        self.child, self.streams = child, streams
        self._note_start(child)
        pump, watch = (
            observed(streams.pump(log), f"the log of {self.name}"),
            observed(self._watch(child), f"the probes of {self.name}"),
        )
        try:
            if self._stopping.is_set():  # told to stop before there was a process
                child.signal(signal.SIGTERM)
            return await child.wait()
        finally:
            child.signal(signal.SIGKILL)
            await child.wait()
            await ended(watch)
            await asyncio.gather(*(process.end() for process in self.execs))
            await asyncio.wait([pump], timeout=LAST_WORDS)
            await ended(pump)
            streams.close()

    def _note_start(self, child: Child) -> None:
        self._run_trouble.started()
        self.status.begin(child.pid)
        self._say("Created", f"Created container: {self.name}")
        self._say("Started", f"Started container {self.name}")
        self._changed()

    def _next_log(self) -> LogFile:
        if self.previous_log is not None:
            self.previous_log.remove()
        self.previous_log = self.log
        self.log = LogFile(self.launch.folders.logs / f"{self.status.restarts}.log")
        return self.log

    def _restarts(self, exit_code: int) -> bool:
        """Tell whether the container is to run again after it ended."""
        if self._stopping.is_set():
            return False
        if self._is_replaced:
            self._is_replaced = False
            return True
        policy = "Always" if self.is_sidecar else self.launch.spec.restart_policy
        return policy == "Always" or (policy == "OnFailure" and exit_code != 0)

    async def _wait_to_restart(self) -> None:
        self.status.last = self._last
        delay = self._run_trouble.next_delay()
        if delay:
            pod = self.launch.pod["metadata"]
            where = f"pod={pod['name']}_{pod['namespace']}({pod['uid']})"
            message = f"back-off {delay:.0f}s restarting failed container={self.name} {where}"
            self._wait("CrashLoopBackOff", message)
            self._warn("BackOff", f"Back-off restarting failed container {self.name} in pod {pod['name']}")
            await self._pause(delay)
        self.status.restarts += 1

    async def _wait_to_start(self, error: CannotStartError) -> None:
        """Wait before the next attempt to start what cannot start, as with an image that cannot be pulled."""
        self._wait(error.reason, str(error))
        self._warn("Failed", f"Error: {error.reason}: {error}")
        delay = self._start_trouble.next_delay() or FIRST
        if error.reason == "ErrImagePull":
            self._wait("ImagePullBackOff", f'Back-off pulling image "{self.status.image}": {error}')
            self._say("BackOff", f'Back-off pulling image "{self.status.image}"')
        await self._pause(delay)

    async def _pause(self, seconds: float) -> None:
        self._replaced.clear()
        waits = [asyncio.create_task(event.wait()) for event in (self._stopping, self._replaced)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                await ended(wait)

    async def _watch(self, child: Child) -> None:
        """Probe a process, and end it when it is to be started anew; `run` then does so."""
        container = self.launch.container
        kind = await Health(container, self, self.status, self._changed_health, self._complain).failed()
        if self._stopping.is_set():
            return
        self._say("Killing", f"Container {self.name} failed {kind} probe, will be restarted")
        await self._end(child, self._own_deadline())

    def _own_deadline(self) -> float:
        """Return the loop time by which a process must have ended that is ended now."""
        return asyncio.get_running_loop().time() + self.launch.spec.termination_grace_period_seconds

    def _changed_health(self) -> None:
        self.started.set()
        self._changed()

    def _complain(self, text: str) -> None:
        if not self._stopping.is_set():
            self._warn("Unhealthy", text)

    async def _end(self, child: Child, deadline: float) -> None:
        await Ending(self.launch, self._warn).end(child, deadline, runs_hooks=self.runs_hooks)

    def local_port(self, port: int | str) -> Place | None:
        """Return the place behind a container port given by number or name."""
        return self.launch.local_port(port)

    def _wait(self, reason: str, message: str) -> None:
        self.status.state = Waiting(reason, message)
        self._changed()

    def _say(self, reason: str, message: str) -> None:
        self.launch.node.events.normal(self.launch.pod, reason, message, field=self._field)

    def _warn(self, reason: str, message: str) -> None:
        self.launch.node.events.warning(self.launch.pod, reason, message, field=self._field)

    @property
    def _field(self) -> str:
        return f"spec.containers{{{self.name}}}"
