import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from typing import Any, Self

import pytest

from localmesh.core.loopback import free_port
from localmesh.core.objects import Key
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.resources import ENDPOINTS, PODS, SERVICES
from localmesh.kubelet.http_heads import Head
from localmesh.kubelet.network import Network, NetworkProxy
from localmesh.store.objects import Store


class Upstream:
    """A server that takes one request a connection and answers with what it got, line by line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        size = next((int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
        body = (await reader.readexactly(size)).decode()
        said = json.dumps({"by": self.name, "head": head.split("\r\n")[:-2], "body": body}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + said)
        await writer.drain()
        writer.close()


class Mesh:
    """A pod `shop/web` with its network, and Services behind which one upstream stands."""

    def __init__(self) -> None:
        self.store = Store()
        self.app = free_port()
        self.network = 0

    def service(self, name: str, namespace: str, port: int, *ready: int, cluster_ip: str = "10.1.2.3") -> None:
        metadata = {"name": name, "namespace": namespace}
        ports = [{"name": "http", "port": port}]
        self.store.create(SERVICES, {"metadata": metadata, "spec": {"clusterIP": cluster_ip, "ports": ports}})
        subsets = [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"name": "http", "port": local}]} for local in ready]
        self.store.create(ENDPOINTS, {"metadata": metadata, "subsets": subsets})

    async def start(self, **addresses: Any) -> NetworkProxy:
        self.network = free_port()
        own = PodAddresses(app={3000: self.app}, network=self.network, **addresses)
        proxy = NetworkProxy(Network(self.store, Key("shop", "web"), own))
        await proxy.start(self.network)
        return proxy

    async def raw(self, text: str) -> str:
        """Send bytes to the network; return all that it answers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.network)
        writer.write(text.replace("\n", "\r\n").encode("latin-1"))
        async with asyncio.timeout(5):
            answer = (await reader.read()).decode()
        writer.close()
        return answer

    async def ask(self, text: str) -> tuple[int, str]:
        """Send bytes to the network; return the answer's status and body."""
        head, _, body = (await self.raw(text)).partition("\r\n\r\n")
        return int(head.split()[1]), body

    async def get(self, url: str) -> tuple[int, str]:
        return await self.ask(f"GET {url} HTTP/1.1\nHost: ignored\n\n")


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream("catalog") as serving:
        yield serving


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    mesh = Mesh()
    proxy = await mesh.start()
    yield mesh
    await proxy.stop()


@pytest.mark.parametrize(
    "name", ["catalog", "catalog.shop", "catalog.shop.svc", "catalog.shop.svc.cluster.local.", "CATALOG", "10.1.2.3"]
)
async def test_a_service_is_found_by_each_of_its_names(mesh: Mesh, upstream: Upstream, name: str) -> None:
    mesh.service("catalog", "shop", 80, upstream.port)
    status, body = await mesh.get(f"http://{name}/items/1?a=b")
    assert status == 200
    head = json.loads(body)["head"]
    assert head[:2] == ["GET /items/1?a=b HTTP/1.1", f"Host: {name}"], "the server is spoken to as a server"


async def test_programs_are_told_an_unknown_name_from_a_service_without_pods_by_proxy_status(mesh: Mesh) -> None:
    mesh.service("catalog", "shop", 80)
    assert "\r\nProxy-Status: mesh; error=connection_refused\r\n" in await mesh.raw(
        "GET http://catalog/ HTTP/1.1\nHost: catalog\n\n"
    )
    assert "\r\nProxy-Status: mesh; error=dns_error\r\n" in await mesh.raw(
        "GET http://forum/ HTTP/1.1\nHost: forum\n\n"
    )


async def test_a_short_name_means_the_pod_s_own_namespace(mesh: Mesh, upstream: Upstream) -> None:
    mesh.service("catalog", "other", 80, upstream.port)
    assert (await mesh.get("http://catalog.other/"))[0] == 200
    status, body = await mesh.get("http://catalog/")
    assert status == 502
    assert body == "no Service is called 'catalog' for a pod of shop; there are: catalog.other\n"


async def test_a_port_that_the_service_lacks_is_named(mesh: Mesh, upstream: Upstream) -> None:
    mesh.service("catalog", "shop", 80, upstream.port)
    assert await mesh.get("http://catalog:81/") == (502, "Service catalog has no port 81; its ports: 80\n")


async def test_a_service_without_ready_pods_refuses(mesh: Mesh) -> None:
    mesh.service("catalog", "shop", 80)
    assert await mesh.get("http://catalog/") == (502, "no pod of Service shop/catalog is ready: Connection refused\n")


async def test_each_ready_pod_gets_its_share(mesh: Mesh, upstream: Upstream) -> None:
    async with Upstream("second") as second:
        mesh.service("catalog", "shop", 80, upstream.port, second.port)
        names = {json.loads((await mesh.get("http://catalog/"))[1])["by"] for _ in range(40)}
    assert names == {"catalog", "second"}  # one of 40 draws leaves one out with probability 2e-12


async def test_localhost_is_the_pod_itself(mesh: Mesh) -> None:
    mesh.app = free_port()
    status, body = await mesh.get("http://localhost:9/")
    assert (status, body) == (502, "connect to localhost port 9: Connection refused (ports of shop/web: 3000)\n")
    status, body = await mesh.get("http://127.0.0.1:3000/")
    assert status == 502
    assert body.endswith("Connection refused\n"), "the application does not listen yet"


async def test_localhost_reaches_the_application_and_the_proxy_s_admin_page(upstream: Upstream) -> None:
    mesh = Mesh()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        admin = f"{folder}/admin"
        server = await asyncio.start_unix_server(Upstream("admin").serve, admin)
        mesh.app = upstream.port
        proxy = await mesh.start(admin=admin)
        assert json.loads((await mesh.get("http://localhost:3000/blowup"))[1])["by"] == "catalog"
        status, body = await mesh.ask(
            "POST http://localhost:15000/logging HTTP/1.1\nHost: localhost:15000\nContent-Length: 0\n\n"
        )
        assert (status, json.loads(body)["by"]) == (200, "admin")
        status, body = await mesh.get("http://localhost:15021/healthz/ready")
        assert (status, json.loads(body)["head"][0]) == (200, "GET /ready HTTP/1.1")
        assert (await mesh.get("http://localhost:15021/quitquitquit"))[0] == 502
        await proxy.stop()
        server.close()


async def test_an_address_that_kubectl_shows_for_an_endpoint_is_reached(mesh: Mesh, upstream: Upstream) -> None:
    text = PodAddresses(app={3000: 1}, inbound={3000: upstream.port}).to_annotation()
    metadata = {"name": "other", "namespace": "shop", "annotations": {ANNOTATION: text}}
    mesh.store.create(PODS, {"metadata": metadata, "spec": {}})
    assert (await mesh.get(f"http://127.0.0.1:{upstream.port}/"))[0] == 200


async def test_a_sidecar_gets_the_request_as_a_proxy_does(upstream: Upstream) -> None:
    mesh = Mesh()
    async with Upstream("sidecar") as sidecar:
        proxy = await mesh.start(http_proxy=sidecar.port)
        mesh.service("catalog", "shop", 80, upstream.port)
        _, body = await mesh.get("http://catalog/items")
        said = json.loads(body)
        assert (said["by"], said["head"][0]) == ("sidecar", "GET http://catalog/items HTTP/1.1")
        status, text = await mesh.ask("GET http://catalog/items HTTP/1.0\n\n")
        assert (status, "Host: catalog" in json.loads(text)["head"]) == (200, True), (
            "HTTP/1.0 needs none, HTTP/1.1 does"
        )
        # What the sidecar cannot place comes back here, and never goes to it again.
        status, text = await mesh.ask("GET /items HTTP/1.1\nHost: catalog\n\n")
        assert (status, text) == (502, "the sidecar of shop/web has no route to catalog:80\n")
        assert (await mesh.ask("GET / HTTP/1.1\nHost: nobody\n\n"))[0] == 502
        await proxy.stop()


async def test_headers_of_one_hop_end_here_and_others_go_on(mesh: Mesh, upstream: Upstream) -> None:
    mesh.service("catalog", "shop", 80, upstream.port)
    _, body = await mesh.ask(
        "POST http://catalog/items HTTP/1.1\nHost: catalog\nX-Dark-Launch: v2\nConnection: x-secret, keep-alive\n"
        "X-Secret: 1\nKeep-Alive: 5\nProxy-Connection: keep-alive\nUpgrade: h2c\nTE: trailers\nx-dark-launch: again\n"
        "Content-Length: 5\n\nhello"
    )
    said = json.loads(body)
    assert said["body"] == "hello"
    assert said["head"] == [
        "POST /items HTTP/1.1",
        "Host: catalog",
        "X-Dark-Launch: v2",
        "x-dark-launch: again",
        "Content-Length: 5",
        "Connection: close",
    ]


def test_a_host_goes_on_even_where_it_is_called_a_header_of_one_hop() -> None:
    head = Head("GET", "/", (("Host", "web"), ("Connection", "host, x-one"), ("X-One", "1")))
    assert head.to_server() == b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"


async def test_bodies_are_passed_on_as_they_come(mesh: Mesh) -> None:
    first = asyncio.Event()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await writer.drain()
        await first.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
        writer.close()

    port = free_port()
    server = await asyncio.start_server(stream, "127.0.0.1", port)
    mesh.service("catalog", "shop", 80, port)
    reader, writer = await asyncio.open_connection("127.0.0.1", mesh.network)
    writer.write(b"GET http://catalog/ HTTP/1.1\r\nHost: catalog\r\n\r\n")
    async with asyncio.timeout(5):
        await reader.readuntil(b"one\r\n")
        first.set()
        assert (await reader.read()).endswith(b"3\r\ntwo\r\n0\r\n\r\n")
    writer.close()
    server.close()


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ("CONNECT catalog:443 HTTP/1.1\nHost: catalog:443\n\n", 501, "CONNECT catalog:443 is refused"),
        ("hello\n\n", 400, "this is no HTTP/1.1 request: illegal request line"),
        ("GET http://catalog:port/ HTTP/1.1\nHost: a\n\n", 400, "is no port"),
        ("GET / HTTP/1.1\nHost: [\n\n", 400, "'http://[' names no host"),
        ("GET http://[/ HTTP/1.1\nHost: a\n\n", 400, "names no host"),
        ("GET http://catalog/ HTTP/1.1\n\n", 400, "Missing mandatory Host: header"),
        ("GET http://catalog/ HTTP/1.1\nno header\n\n", 400, "illegal header line"),
        ("GET http://catalog/ HTTP/1.1\nname : value\n\n", 400, "illegal header line"),
        ("GET http://catalog/ HTTP/1.1\nx: " + "a" * 70_000 + "\n\n", 400, "longer than 65536 bytes"),
    ],
)
async def test_what_cannot_be_passed_on_is_refused_in_words(mesh: Mesh, request_: str, status: int, said: str) -> None:
    answered, body = await mesh.ask(request_)
    assert answered == status
    assert said in body


async def test_clients_that_leave_are_forgotten(mesh: Mesh) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", mesh.network)
    writer.write(b"GET http://cat")
    writer.close()
    await writer.wait_closed()
    assert (await mesh.get("http://nobody/"))[0] == 502
