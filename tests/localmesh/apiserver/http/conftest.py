"""A real door, in a loop of its own, for the real kubectl. Whoever runs the pods is the far edge, and a fake."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest

from localmesh.apiserver.http.certificates import issue
from localmesh.apiserver.http.kubeconfig import write
from localmesh.apiserver.http.server import Door
from localmesh.apiserver.runtime import LogOptions, RuntimeRefusedError
from localmesh.apiserver.target import Target
from localmesh.apiserver.write.registry import WriteOptions
from localmesh.core.loops import Loops
from localmesh.core.objects import Key, Object
from localmesh.kinds.resources import NAMESPACES, PODS, Resource
from localmesh.store.objects import Store

KUBECTL = Path(sys.executable).with_name("kubectl")
LOCALHOST = "127.0.0.1"
T = TypeVar("T")


class PipedProcess:
    """A command with pipes; a terminal is only said to be there."""

    def __init__(self, process: asyncio.subprocess.Process, *, tty: bool) -> None:
        self._process = process
        self._tty = tty
        self.sizes: list[tuple[int, int]] = []

    async def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def close_stdin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def output(self) -> AsyncIterator[tuple[Literal["stdout", "stderr"], bytes]]:
        said: asyncio.Queue[tuple[Literal["stdout", "stderr"], bytes]] = asyncio.Queue(8)

        async def read(stream: asyncio.StreamReader | None, name: Literal["stdout", "stderr"]) -> None:
            while stream is not None and (data := await stream.read(32768)):
                await said.put((name, data))
            await said.put((name, b""))

        readers = [
            asyncio.create_task(read(self._process.stdout, "stdout")),
            asyncio.create_task(read(self._process.stderr, "stderr")),
        ]
        for _ in readers:
            while (item := await said.get())[1]:
                yield item

    async def wait(self) -> int:
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def hang_up(self) -> None:
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGHUP)


@dataclass
class FakeRuntime:
    """Runs commands on this machine, and has logs and ports that a test gives it."""

    logs_of: dict[tuple[Key, str], list[bytes]] = field(default_factory=dict)
    ports: dict[tuple[Key, int], int] = field(default_factory=dict)
    asked: list[LogOptions] = field(default_factory=list)
    processes: list[PipedProcess] = field(default_factory=list)

    async def logs(self, pod: Key, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        self.asked.append(options)
        if options.previous:
            raise RuntimeRefusedError(f'previous terminated container "{container}" in pod "{pod.name}" not found')
        for chunk in self.logs_of.get((pod, container), []):
            yield chunk
        if options.follow:
            await asyncio.Event().wait()

    async def exec(self, pod: Key, container: str, command: Sequence[str], *, stdin: bool, tty: bool) -> PipedProcess:
        del pod, container
        source = asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=source, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except FileNotFoundError as error:
            raise RuntimeRefusedError(f'exec: "{command[0]}": executable file not found in $PATH') from error
        self.processes.append(PipedProcess(process, tty=tty))
        return self.processes[-1]

    async def attach(self, pod: Key, container: str, *, stdin: bool) -> PipedProcess:
        return await self.exec(pod, container, ["sh", "-c", "echo attached; cat"], stdin=stdin, tty=False)

    def missing_image(self, image: str) -> str:
        del image
        return ""

    def port(self, pod: Key, port: int) -> int:
        if (pod, port) not in self.ports:
            raise RuntimeRefusedError(f"nothing serves port {port} of pod {pod.name}")
        return self.ports[pod, port]


@dataclass(frozen=True)
class World:
    """The door, what is behind it, and a kubectl that knows the way."""

    loop: asyncio.AbstractEventLoop
    store: Store
    runtime: FakeRuntime
    door: Door
    kubeconfig: Path
    environment: dict[str, str]

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the door's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def do(self, function: Callable[[], T]) -> T:
        """Call something in the door's loop: the store belongs to it."""

        async def call() -> T:
            return function()

        return self.run(call())

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return self.do(lambda: self.store.get(resource, Key(namespace, name)))

    def modify(self, resource: Resource, namespace: str, name: str, change: Callable[[Object], None]) -> None:
        self.do(lambda: self.store.modify(resource, Key(namespace, name), change))

    def create(self, resource: Resource, namespace: str, document: Object) -> Object:
        target = Target(resource, resource.versions[0], namespace)
        return self.do(lambda: self.door.registry.create(target, document, WriteOptions()).object)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, timeout: float = 20
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [KUBECTL, *arguments], input=stdin, env=self.environment, capture_output=True, text=True, check=False,
            timeout=timeout,
        )  # fmt: skip

    def ok(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl, which must succeed, and return what it prints."""
        done = self.kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def fails(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl, which must fail, and return its complaint."""
        done = self.kubectl(*arguments, stdin=stdin)
        assert done.returncode != 0, done.stdout
        return done.stderr

    @contextmanager
    def background(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run kubectl until the end of the block."""
        with subprocess.Popen(
            [KUBECTL, *arguments], env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                yield process
            finally:
                process.kill()


@contextmanager
def open_world() -> Iterator[World]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    try:
        with tempfile.TemporaryDirectory() as folder:
            store, runtime, credentials = Store(), FakeRuntime(), issue()

            async def build() -> Door:
                return Door(store, runtime, Loops(), credentials, host=LOCALHOST, port=0)

            door = run(build())
            run(door.__aenter__())
            kubeconfig = Path(folder) / "kubeconfig"
            write(kubeconfig, f"https://{LOCALHOST}:{door.port}", credentials)
            environment = {"KUBECONFIG": str(kubeconfig), "HOME": folder, "PATH": os.environ["PATH"]}
            world = World(loop, store, runtime, door, kubeconfig, environment)
            world.create(NAMESPACES, "", {"metadata": {"name": "default"}})
            try:
                yield world
            finally:
                run(door.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with open_world() as opened:
        yield opened


_NUMBERS = itertools.count()


@pytest.fixture
def namespace(world: World) -> str:
    """A namespace of the test's own."""
    name = f"test-{next(_NUMBERS)}"
    world.create(NAMESPACES, "", {"metadata": {"name": name}})
    return name


def pod(name: str = "webapp", **spec: Any) -> Object:
    """Return a pod with an application and something beside it."""
    containers = [{"name": "webapp", "image": "webapp:1"}, {"name": "beside", "image": "beside:1"}]
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": containers, **spec}}


def start(world: World, namespace: str, name: str = "webapp") -> Key:
    """Create a pod that runs, as far as its status says."""
    world.create(PODS, namespace, pod(name))

    def run(draft: Object) -> None:
        draft["spec"]["nodeName"] = "localmesh"
        states = {"ready": True, "restartCount": 0, "state": {"running": {}}, "image": "", "imageID": ""}
        draft["status"] = {
            "phase": "Running",
            "podIP": LOCALHOST,
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": known["name"], **states} for known in draft["spec"]["containers"]],
        }

    world.modify(PODS, namespace, name, run)
    return Key(namespace, name)


@pytest.fixture
def running(world: World, namespace: str) -> Key:
    """A pod that runs."""
    return start(world, namespace)
