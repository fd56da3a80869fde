import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localmesh.apiserver.runtime import LogOptions
from localmesh.apiserver.store import Store
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.objects import Key, Object
from localmesh.kinds.resources import EVENTS, NAMESPACES, PODS
from localmesh.kubelet import Image, Kubelet

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
print("listening", flush=True)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
IMAGES: Mapping[str, Image] = {
    "test/server": Image(entrypoint=(sys.executable, "-I", "-S", "-c", SERVER), port=3000),
    "test/tool": Image(cmd=("sh",)),
    "test/proxy": Image(is_proxy=True),
}


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

    async def gone(self, key: Key) -> None:
        async with asyncio.timeout(10):
            async for _ in self.store.changed():
                if self.store.find(PODS, key) is None:
                    return

    async def log(self, key: Key, container: str = "main", options: LogOptions | None = None) -> str:
        return b"".join([part async for part in self.kubelet.logs(key, container, options or LogOptions())]).decode()

    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.store.objects(EVENTS)]


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
        return [sys.executable, "-I", "-S", "-c", PROXY, str(addresses.admin)]

    async with Kubelet(store, images=IMAGES, prepare_proxy=prepare_proxy, run_dir=tmp_path / "pods") as kubelet:
        yield Node(store, kubelet, prepared)


# In place of an Envoy: an admin page that says it is ready.
PROXY = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args): pass
print("proxy", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
