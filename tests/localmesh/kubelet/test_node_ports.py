import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from localmesh.core.loopback import free_port
from localmesh.core.objects import key_of
from localmesh.kinds.resources import ENDPOINTS, EVENTS, NAMESPACES, PODS, SERVICES
from localmesh.kubelet.node_ports import NodePorts
from localmesh.store.objects import Store


def new_store() -> Store:
    store = Store()
    store.create(NAMESPACES, {"kind": "Namespace", "metadata": {"name": "istio-system"}})
    return store


def service(number: int, name: str = "kiali", **spec: Any) -> dict[str, Any]:
    port = {"port": 20001, "targetPort": 20001, "nodePort": number, "protocol": "TCP"}
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "istio-system"},
        "spec": {"type": "NodePort", "selector": {"app": name}, "ports": [port], **spec},
    }  # fmt: skip


def pod(name: str = "kiali", annotations: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": f"{name}-1", "namespace": "istio-system", "labels": {"app": name}}
    return {"kind": "Pod", "metadata": {**metadata, "annotations": annotations or {}}, "spec": {"containers": []}}


def endpoints(*ports: int, name: str = "kiali") -> dict[str, Any]:
    subsets = [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": port}]} for port in ports]
    ill = {"notReadyAddresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 1}]}
    return {"kind": "Endpoints", "metadata": {"name": name, "namespace": "istio-system"}, "subsets": [*subsets, ill]}


@asynccontextmanager
async def running(store: Store) -> AsyncIterator[NodePorts]:
    node_ports = NodePorts(store)
    task = asyncio.create_task(node_ports.run())
    try:
        yield node_ports
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def backend(name: bytes) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name + await reader.read())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def ask(number: int) -> bytes:
    """What a port answers to "?", b"" if nobody is behind it; ConnectionRefusedError if nobody listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(b"?")
    writer.write_eof()
    answer = b""
    with suppress(ConnectionResetError):
        answer = await reader.read()
    writer.close()
    return answer


async def answers(number: int, expected: bytes) -> None:
    async with asyncio.timeout(5):
        while True:
            with suppress(ConnectionRefusedError):
                if await ask(number) == expected:
                    return
            await asyncio.sleep(0.01)


async def refuses(number: int) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                await ask(number)
            except ConnectionRefusedError:
                return
            await asyncio.sleep(0.01)


async def test_a_node_port_leads_to_the_ready_pods_and_moves_with_its_service() -> None:
    store, first, second = new_store(), free_port(), free_port()
    async with running(store), backend(b"kiali") as port:
        store.create(PODS, pod())
        store.create(ENDPOINTS, endpoints(port))
        store.create(SERVICES, service(first))
        await answers(first, b"kiali?")
        store.update(SERVICES, service(second))
        await answers(second, b"kiali?")
        await refuses(first)
        store.update(ENDPOINTS, endpoints())
        await answers(second, b"")
    await refuses(second)


async def test_gateways_and_services_without_pods_or_node_ports_are_not_listened_for() -> None:
    store, numbers = new_store(), [free_port() for _ in range(4)]
    gateway = {"inject.istio.io/templates": "gateway"}
    async with running(store), backend(b"x") as port:
        for name, number, spec in zip(
            ("kiali", "gateway", "nobody", "inside"), numbers, ({}, {}, {}, {"type": "ClusterIP"}), strict=True
        ):
            if name != "nobody":
                store.create(PODS, pod(name, gateway if name == "gateway" else None))
            store.create(ENDPOINTS, endpoints(port, name=name))
            store.create(SERVICES, service(number, name, **spec))
        await answers(numbers[0], b"x?")
        for number in numbers[1:]:
            with pytest.raises(ConnectionRefusedError):
                await ask(number)


async def test_a_port_that_somebody_else_has_is_said_once_in_an_event_and_others_are_served() -> None:
    store, other = new_store(), free_port()
    async with backend(b"mine") as port, running(store) as node_ports:
        store.create(PODS, pod())
        store.create(ENDPOINTS, endpoints(port))
        store.create(SERVICES, service(port))
        store.create(PODS, pod("tracing"))
        store.create(ENDPOINTS, endpoints(port, name="tracing"))
        store.create(SERVICES, service(other, "tracing"))
        await answers(other, b"mine?")
        store.modify(PODS, key_of(pod()), lambda obj: obj["metadata"]["labels"].update(more="1"))
        await answers(other, b"mine?")
        (event,) = store.objects(EVENTS)
        assert event["reason"] == "FailedToListenOnNodePort"
        assert f"port {port}" in event["message"]
        assert event.get("count", 1) == 1
        assert list(node_ports._servers) == [other]


async def test_a_mesh_that_ends_cuts_connections_off_without_an_error_in_its_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with backend(b"over") as port:
        store, number = new_store(), free_port()
        for resource, obj in ((PODS, pod()), (SERVICES, service(number)), (ENDPOINTS, endpoints(port))):
            store.create(resource, obj)
        async with running(store) as node_ports:
            await answers(number, b"over?")
            while node_ports._connections:  # noqa: ASYNC110 - a set tells nobody
                await asyncio.sleep(0)
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            while not node_ports._connections:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
