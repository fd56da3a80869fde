"""What goes wrong in one pod is said there, tried again, and holds up no other."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from localmesh.core.loopback import NoFreePortError
from localmesh.core.loops import Loops
from localmesh.core.objects import Object
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.resources import EVENTS, NAMESPACES, PODS, SERVICES
from localmesh.kubelet import Kubelet, backoff, containers, pods
from localmesh.kubelet.launch import Launch
from localmesh.kubelet.network import NetworkProxy
from localmesh.kubelet.sandbox import Sandbox
from localmesh.store.deletion import delete
from localmesh.store.objects import Store
from tests.localmesh.kubelet.conditions import is_running

from .conftest import IMAGES, Node, container, script, state


async def test_a_proxy_that_cannot_be_prepared_is_said_in_the_status(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> list[str]:
        raise RuntimeError("no Envoy here")

    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    hooks = {"prepare_proxy": broken, "drain_proxy": broken}
    async with Kubelet(store, images=IMAGES, loops=Loops(), run_dir=tmp_path / "pods", **hooks) as kubelet:
        node = Node(store, kubelet)
        key = node.pod("gateway", container(image="test/proxy"))
        pod = await node.until(key, lambda pod: "waiting" in state(pod) and state(pod)["waiting"].get("message"))
    assert state(pod)["waiting"] == {
        "reason": "CreateContainerError",
        "message": "the proxy cannot be prepared: no Envoy here",
    }
    assert "cannot prepare the proxy of shop/gateway" in caplog.text


async def test_a_pod_whose_sandbox_failed_once_starts_and_its_ports_come_back(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pods, "RETRY", 0.0)
    ports = node.kubelet._node.ports
    before, failures = ports.left, [OSError(24, "Too many open files"), NoFreePortError("no port is free")]
    listen, take = NetworkProxy.start, ports.take

    async def start(network: NetworkProxy, port: int) -> None:
        if failures:
            raise failures.pop(0)
        await listen(network, port)

    monkeypatch.setattr(NetworkProxy, "start", start)
    key = node.pod("web", container(image="test/server"))
    pod = await node.until(key, is_running)
    addresses = addresses_of(pod)
    assert addresses
    assert ports.left == before - len([*addresses.app, addresses.network])
    assert ports.take == take
    delete(node.store, PODS, key, grace=1)
    await node.gone(key)
    assert ports.left == before


async def test_what_nobody_foresaw_in_one_container_is_said_and_tried_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "FIRST", 0.0)
    environment, failures = Launch.environment, [KeyError(8080)]

    def odd(launch: Launch) -> dict[str, str]:
        if failures:
            raise failures.pop()
        return environment(launch)

    monkeypatch.setattr(Launch, "environment", odd)
    key = node.pod("web", script("exec sleep 60"))
    await node.until(key, is_running)
    (event,) = [event for event in node.store.objects(EVENTS) if event["reason"] == "Failed"]
    assert event["message"] == "Error: CreateContainerError: KeyError: 8080"


async def test_what_nobody_foresaw_in_one_pod_holds_up_no_other(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    create, is_odd = Sandbox.create, [True]

    async def odd(given: Any, pod: Object) -> Sandbox:
        if pod["metadata"]["name"] == "odd" and is_odd:
            raise KeyError("no such key")
        return await create(given, pod)

    monkeypatch.setattr(Sandbox, "create", odd)
    monkeypatch.setattr(pods, "RETRY", 0.0)
    monkeypatch.setattr(backoff, "FIRST", 0.0)
    key = node.pod("odd", script("exec sleep 60"))
    await node.running(node.pod("web", script("exec sleep 60")))
    assert "FailedSync" in node.reasons()
    is_odd.clear()
    await node.running(key)


async def test_ports_that_are_not_to_be_had_are_said_once_and_had_later(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await node.running(node.pod("web", script("exec sleep 60"), metadata={"labels": {"app": "web"}}))

    def none_left() -> int:
        raise NoFreePortError("no port is free")

    with monkeypatch.context() as patch:
        patch.setattr(node.kubelet._node.ports, "take", none_left)
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
        node.store.create(SERVICES, {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
        await node.until(key, lambda _: "FailedSync" in node.reasons())
        before = node.store.revision
        for _ in range(20):
            await asyncio.sleep(0)
        assert node.store.revision == before, "an event is a change, and asks for no other"
    (event,) = [event for event in node.store.objects(EVENTS) if event["reason"] == "FailedSync"]
    assert (event["message"], event["count"]) == ("no port is free", 1)
    node.store.modify(SERVICES, key, lambda service: service["metadata"].update(labels={"touched": "yes"}))
    await node.until(key, lambda pod: (found := addresses_of(pod)) and 80 in found.app)


async def test_another_image_is_tried_at_once_however_long_the_one_before_had_to_wait(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "FIRST", 3600.0)
    key = node.pod("web", container(image="nobody/knows", command=["sleep", "60"]))
    await node.until(key, lambda pod: state(pod).get("waiting", {}).get("reason") == "ImagePullBackOff")
    node.store.modify(PODS, key, lambda pod: pod["spec"]["containers"][0].update(image="test/tool"))
    await node.until(key, is_running)
