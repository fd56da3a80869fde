import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localmesh.apiserver.runtime import LogOptions
from localmesh.core.loops import Loops
from localmesh.core.objects import Key, Object
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.resources import EVENTS, NAMESPACES, PODS
from localmesh.kubelet import Image, Images, Kubelet
from localmesh.store.objects import Store

# A server as small as they come: it answers each request with its environment, its first argument and the request.
SERVER = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        size = int(self.headers.get("content-length") or 0)
        said = {"env": dict(os.environ), "method": self.command, "path": self.path, "headers": dict(self.headers),
                "body": self.rfile.read(size).decode(), "name": sys.argv[1:]}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
print("listening", flush=True)
server.serve_forever()
"""
IMAGES = Images(
    {
        "test/server": Image(command=(sys.executable, "-I", "-S", "-c", SERVER), port=3000),
        "test/other-server": Image(command=(sys.executable, "-I", "-S", "-c", SERVER), port=4000),
        "test/tool": Image(args=("sh",)),
        "test/painted": Image(command=("sh", "-c", "echo $COLOR $SIZE"), env={"COLOR": "red", "SIZE": "1"}),
        "test/proxy": Image(is_proxy=True),
    }
)


@dataclass
class Node:
    """A store and a kubelet over it."""

    store: Store
    kubelet: Kubelet
    prepared: list[tuple[Object, PodAddresses]] = field(default_factory=list)

    def pod(self, name: str, *containers: Object, **spec: Any) -> Key:
        metadata = {"name": name, "namespace": "shop", **spec.pop("metadata", {})}
        self.store.create(PODS, {"metadata": metadata, "spec": {"containers": list(containers), **spec}})
        return Key("shop", name)

    async def until(self, key: Key, is_true: Callable[[Object], Any]) -> Object:
        """Return the pod once the condition holds."""
        async with asyncio.timeout(10):
            async for _ in self.store.changed():
                pod = self.store.find(PODS, key)
                if pod is not None and is_true(pod):
                    return pod
        raise AssertionError

    async def running(self, key: Key) -> Key:
        """Return the key once the pod's container runs."""
        await self.until(key, lambda pod: "running" in state(pod))
        return key

    async def gone(self, key: Key) -> None:
        async with asyncio.timeout(10):
            async for _ in self.store.changed():
                if self.store.find(PODS, key) is None:
                    return

    async def log(self, key: Key, container: str = "main", options: LogOptions | None = None) -> str:
        return b"".join([part async for part in self.kubelet.logs(key, container, options or LogOptions())]).decode()

    async def log_line(self, key: Key, container: str = "main") -> str:
        """Return the first line of the running container's log, as soon as it is there."""
        async for part in self.kubelet.logs(key, container, LogOptions(follow=True)):
            return part.decode().splitlines(keepends=True)[0]
        raise AssertionError("it ended without a word")

    async def run(self, key: Key, *command: str) -> tuple[int, str, str]:
        """Run a command in the pod; return its exit code and what it said on both outputs."""
        process = await self.kubelet.exec(key, "main", command, stdin=False, tty=False)
        said = {"stdout": b"", "stderr": b""}
        async for stream, data in process.output():
            said[stream] += data
        return await process.wait(), said["stdout"].decode(), said["stderr"].decode()

    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.store.objects(EVENTS)]


def is_alive(process: int) -> bool:
    """Tell whether a process runs; a zombie that nobody has collected yet does not."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()[:1] not in ("", "Z")


async def get(port: int, path: str = "/") -> Any:
    """Return what the test's server says to a GET."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def container(name: str = "main", image: str = "test/tool", **fields: Any) -> Object:
    return {"name": name, "image": image, **fields}


def script(text: str, **fields: Any) -> Object:
    return container(command=["sh", "-c", text], **fields)


def state(pod: Object, name: str = "main") -> Object:
    """The state of one container: waiting, running or terminated."""
    statuses = {each["name"]: each for each in pod.get("status", {}).get("containerStatuses", [])}
    return statuses[name]["state"] if name in statuses else {}


def restarts(pod: Object) -> int:
    return sum(each["restartCount"] for each in pod.get("status", {}).get("containerStatuses", []))


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    prepared: list[tuple[Object, PodAddresses]] = []

    async def prepare_proxy(pod: Object, addresses: PodAddresses) -> Sequence[str]:
        prepared.append((pod, addresses))
        places = [str(place) for place in (addresses.admin, addresses.http_proxy) if place]
        return [sys.executable, "-I", "-S", "-c", PROXY, *places]

    async def drain_proxy(_: PodAddresses) -> None:
        raise AssertionError("no pod here is a gateway")

    hooks = {"prepare_proxy": prepare_proxy, "drain_proxy": drain_proxy}
    async with Kubelet(store, images=IMAGES, loops=Loops(), run_dir=tmp_path / "pods", **hooks) as kubelet:
        yield Node(store, kubelet, prepared)


# In place of an Envoy: it says yes to everything, on its admin page and as the pod's proxy.
PROXY = """
import http.server, socketserver, sys, threading
class Unix(socketserver.UnixStreamServer):
    def get_request(self):
        return self.socket.accept()[0], ("localhost", 0)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args): pass
print("proxy", flush=True)
for place in sys.argv[1:]:
    server = Unix(place, Handler) if "/" in place else http.server.HTTPServer(("127.0.0.1", int(place)), Handler)
    threading.Thread(target=server.serve_forever).start()
"""
