"""How containers, pods and the kubelet end, and in which order."""

import asyncio
import json
from pathlib import Path

from localmesh.core.loops import Loops
from localmesh.core.objects import Object
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.kubernetes.pods import is_ready
from localmesh.kinds.resources import NAMESPACES, PODS
from localmesh.kubelet import Kubelet
from localmesh.store.deletion import delete
from localmesh.store.objects import Store
from tests.localmesh.kubelet.conditions import is_running, phase

from .conftest import IMAGES, Node, container, is_alive, script, state


async def test_sigterm_comes_after_pre_stop(node: Node, tmp_path: Path) -> None:
    said = tmp_path / "said"
    app = script(
        f"trap 'echo term >> {said}; exit 0' TERM; echo up; while :; do sleep 0.05; done",
        lifecycle={"preStop": {"exec": {"command": ["sh", "-c", f"sleep 0.3; echo hook >> {said}"]}}},
    )
    key = node.pod("web", app)
    await node.until(key, is_running)
    await node.log_line(key)
    delete(node.store, PODS, key)
    await node.gone(key)
    assert said.read_text() == "hook\nterm\n"


async def test_a_process_that_ignores_sigterm_is_killed_after_its_grace(node: Node) -> None:
    key = node.pod("web", script("trap '' TERM; echo $$$$; while :; do sleep 0.1; done"))
    await node.until(key, is_running)
    process = int(await node.log_line(key))
    loop = asyncio.get_running_loop()
    begin = loop.time()
    delete(node.store, PODS, key, grace=1)
    await node.gone(key)
    assert loop.time() - begin >= 0.9
    assert not is_alive(process)


async def test_a_second_deletion_makes_the_end_shorter(node: Node) -> None:
    key = node.pod("web", script("trap '' TERM; echo up; while :; do sleep 0.1; done"))
    await node.until(key, is_running)
    await node.log_line(key)
    delete(node.store, PODS, key, grace=600)
    await node.until(key, lambda _: "Killing" in node.reasons())
    delete(node.store, PODS, key, grace=1)
    await node.gone(key)


async def test_deletion_by_force_takes_the_process_at_once(node: Node) -> None:
    key = node.pod("web", script("trap '' TERM; echo $$$$; while :; do sleep 0.1; done"))
    await node.until(key, is_running)
    process = int(await node.log_line(key))
    delete(node.store, PODS, key, grace=0)
    again = node.pod("web", script("exec sleep 60"))
    await node.until(again, is_running)
    async with asyncio.timeout(5):  # its grace, were it given any, would be 30 s
        while await asyncio.to_thread(is_alive, process):
            pass


async def test_the_sidecar_starts_first_and_ends_last(node: Node, tmp_path: Path) -> None:
    said = tmp_path / "said"
    # The application calls somebody, which goes through its sidecar, when it begins and when it ends.
    ask = f'curl -s -o /dev/null -w "%{{http_code}} " http://somebody/ >> {said}'
    app = script(f"{ask}; trap '{ask}; exit 0' TERM; echo up; while :; do sleep 0.05; done")
    proxy = {"readinessProbe": {"httpGet": {"path": "/ready", "port": 15000}}}
    proxy["startupProbe"] = proxy["readinessProbe"]
    status = {"annotations": {"sidecar.istio.io/status": json.dumps({"containers": ["istio-proxy"]})}}
    key = node.pod("web", app, container("istio-proxy", "test/proxy", **proxy), metadata=status)
    pod = await node.until(key, is_ready)
    await node.log_line(key)
    [(prepared, addresses)] = node.prepared
    assert prepared["metadata"]["annotations"]["localmesh/addresses"] == addresses.to_annotation()
    assert addresses == addresses_of(pod)
    assert addresses.http_proxy
    assert node.kubelet.port(key, 15000) == addresses.admin
    delete(node.store, PODS, key)
    await node.gone(key)
    assert said.read_text().split() == ["200", "200"]


async def test_how_the_sidecar_ended_does_not_count(node: Node) -> None:
    status = {"annotations": {"sidecar.istio.io/status": json.dumps({"containers": ["istio-proxy"]})}}
    proxy = container("istio-proxy", "test/proxy", command=[])
    key = node.pod("job", script("echo done"), proxy, metadata=status, restartPolicy="Never")
    pod = await node.until(key, lambda pod: phase(pod) in ("Succeeded", "Failed"))
    assert state(pod, "istio-proxy")["terminated"]["exitCode"] == 143
    assert phase(pod) == "Succeeded"


async def test_a_kubelet_that_ends_takes_its_pods_with_it_critical_ones_last(tmp_path: Path) -> None:
    async def no_proxy(*_: object) -> list[str]:
        raise AssertionError

    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    kubelet = Kubelet(
        store, images=IMAGES, loops=Loops(), prepare_proxy=no_proxy, drain_proxy=no_proxy, run_dir=tmp_path / "pods"
    )
    async with kubelet:
        node = Node(store, kubelet)
        slow = {"preStop": {"sleep": {"seconds": 60}}}

        def ends(words: str) -> Object:
            text = f"trap '{words} >> {tmp_path}/said; exit 0' TERM; echo $$$$; while :; do sleep 0.05; done"
            return script(text, lifecycle=slow)

        keys = [node.pod("collector", ends("echo last"), priorityClassName="system-cluster-critical")]
        keys += [node.pod(f"web-{n}", ends("sleep 0.2; echo web")) for n in range(2)]
        for key in keys:
            await node.until(key, is_running)
        processes = [int(await node.log_line(key)) for key in keys]
    assert not any(is_alive(process) for process in processes)
    assert not (tmp_path / "pods").exists()
    assert (tmp_path / "said").read_text().split() == ["web", "web", "last"]


async def test_a_kubelet_that_ends_drains_gateways_before_anything_ends(tmp_path: Path) -> None:
    alive_while_draining = []

    async def prepare_proxy(*_: object) -> list[str]:
        return ["sh", "-c", "echo $$; exec sleep 60"]

    async def drain_proxy(_: object) -> None:
        alive_while_draining.extend(map(is_alive, processes))

    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    hooks = {"prepare_proxy": prepare_proxy, "drain_proxy": drain_proxy}
    async with Kubelet(store, images=IMAGES, loops=Loops(), run_dir=tmp_path / "pods", **hooks) as kubelet:
        node = Node(store, kubelet)
        gateway = {"annotations": {"inject.istio.io/templates": "gateway"}}
        edge = node.pod("edge", container("istio-proxy", "test/proxy"), metadata=gateway)
        web = node.pod("web", script("echo $$$$; exec sleep 60"))
        await node.until(edge, lambda pod: "running" in state(pod, "istio-proxy"))
        await node.running(web)
        processes = [int(await node.log_line(edge, "istio-proxy")), int(await node.log_line(web))]
    assert alive_while_draining == [True, True]
    assert not any(map(is_alive, processes))
