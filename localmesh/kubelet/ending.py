"""How a container's process ends: its preStop hook, a gateway's drain, SIGTERM and, at the deadline, SIGKILL."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial

from msgspec import Struct

from localmesh.core.loops import ended
from localmesh.core.places import Place
from localmesh.kinds.injection import PROXY, is_gateway
from localmesh.kinds.kubernetes.pods import HttpGet, LifecycleHandler
from localmesh.kubelet.children import Child
from localmesh.kubelet.commands import run_command
from localmesh.kubelet.launch import Launch
from localmesh.kubelet.probes import http_status

Farewell = Callable[[], Coroutine[None, None, None]]


class Ending(Struct, frozen=True):
    """One container's way to end."""

    launch: Launch
    warn: Callable[[str, str], None]
    """Takes a reason and a message for the pod's events."""

    async def end(self, child: Child, deadline: float, *, runs_hooks: bool) -> None:
        """End a process by a deadline in loop time; `runs_hooks` says whether preStop is run before."""
        loop = asyncio.get_running_loop()
        for farewell in self._farewells(runs_hooks=runs_hooks):
            farewelled, over = asyncio.create_task(self._guarded(farewell)), asyncio.create_task(child.wait())
            await asyncio.wait((farewelled, over), timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            await ended(farewelled)
            await ended(over)
        await child.end(deadline - loop.time())

    def _farewells(self, *, runs_hooks: bool) -> Iterator[Farewell]:
        """Yield what is to be done before SIGTERM."""
        if runs_hooks and (handler := self.launch.container.lifecycle.pre_stop):
            yield partial(self._pre_stop, handler)
        if self.launch.container.name == PROXY and is_gateway(self.launch.pod):
            yield partial(self.launch.node.drain_proxy, self.launch.sandbox.addresses)

    async def _guarded(self, farewell: Farewell) -> None:
        """Say in the pod's events what a farewell failed of: the process ends all the same."""
        try:
            await farewell()
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is said, and SIGTERM follows
            self.warn("FailedPreStopHook", f"PreStopHook failed: {error}")

    async def _pre_stop(self, handler: LifecycleHandler) -> None:
        if handler.sleep is not None:
            await asyncio.sleep(handler.sleep.seconds)
        elif handler.exec is not None:
            code, output = await run_command(self.launch, handler.exec.command)
            if code:
                raise RuntimeError(f"command exited {code}: {output.strip()}")
        elif handler.http_get is not None:
            await http_status(handler.http_get, self._local_port(handler.http_get))

    def _local_port(self, get: HttpGet) -> Place:
        port = self.launch.local_port(get.port)
        if port is None:
            raise RuntimeError(f"no container of the pod has a port {get.port}")
        return port
