import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from localmesh.apiserver.runtime import LogOptions, RuntimeRefusedError
from localmesh.core.loopback import NoFreePortError
from localmesh.core.loops import Loops
from localmesh.core.objects import Key, Object
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.kubernetes.pods import is_ready
from localmesh.kinds.resources import EVENTS, NAMESPACES, PODS, SERVICES
from localmesh.kubelet import Kubelet, backoff, containers, pods
from localmesh.kubelet.launch import Launch
from localmesh.kubelet.network import NetworkProxy
from localmesh.kubelet.sandbox import Sandbox
from localmesh.store.deletion import delete
from localmesh.store.objects import Store

from .conftest import IMAGES, Node, container, get, is_alive, restarts, script, state


def phase(pod: Object) -> str:
    return str(pod.get("status", {}).get("phase"))


def is_running(pod: Object) -> bool:
    return "running" in state(pod)


async def test_a_pod_becomes_a_process_that_answers_on_a_free_local_port(node: Node) -> None:
    probe = {"httpGet": {"path": "/", "port": 3000}, "periodSeconds": 1}
    key = node.pod("web", container(image="test/server", readinessProbe=probe))
    pod = await node.until(key, is_ready)
    assert (phase(pod), pod["status"]["podIP"], pod["spec"]["nodeName"]) == ("Running", "127.0.0.1", "localmesh")
    addresses = addresses_of(pod)
    assert addresses
    assert 20000 <= addresses.app[3000] < 30000
    assert addresses.inbound == {}
    assert (await get(addresses.app[3000]))["path"] == "/"
    assert await node.log(key) == "listening\n"
    assert {"Scheduled", "Created", "Started"} <= set(node.reasons())


async def test_declared_ports_replace_the_one_that_the_image_exposes(node: Node) -> None:
    ports = [{"containerPort": 8000, "name": "http"}, {"containerPort": 8001}]
    key = node.pod("web", container(image="test/server", ports=ports))
    pod = await node.until(key, is_running)
    addresses = addresses_of(pod)
    assert addresses
    assert list(addresses.app) == [8000, 8001]
    assert node.kubelet.port(key, 8001) == addresses.app[8001]
    with pytest.raises(RuntimeRefusedError, match="its ports: 8000, 8001"):
        node.kubelet.port(key, 3000)


async def test_what_is_baked_into_an_image_is_overruled_by_the_manifest(node: Node) -> None:
    key = node.pod("web", container(image="test/painted", env=[{"name": "SIZE", "value": "2"}]), restartPolicy="Never")
    await node.until(key, lambda pod: phase(pod) == "Succeeded")
    assert await node.log(key) == "red 2\n"


async def test_a_deleted_pod_ends_and_leaves_nothing(node: Node, tmp_path: Path) -> None:
    key = node.pod("web", script("sleep 60 & echo $!; wait"))
    await node.until(key, is_running)
    child = int((await node.log_line(key)).strip())
    delete(node.store, PODS, key)
    await node.gone(key)
    assert not is_alive(child), "what the process started ended with it"
    assert list((tmp_path / "pods").iterdir()) == []
    assert "Killing" in node.reasons()


async def test_a_pod_that_need_not_run_again_is_completed(node: Node) -> None:
    key = node.pod("job", script("echo done; echo oops >&2"), restartPolicy="Never")
    pod = await node.until(key, lambda pod: phase(pod) == "Succeeded")
    assert state(pod)["terminated"]["reason"] == "Completed"
    assert not is_ready(pod)
    assert await node.log(key, options=LogOptions(tail_lines=1)) == "oops\n"
    with pytest.raises(RuntimeRefusedError, match="completed pod; current phase is Succeeded"):
        await node.kubelet.exec(key, "main", ["true"], stdin=False, tty=False)
    delete(node.store, PODS, key)
    await node.gone(key)


async def test_a_pod_that_failed_says_so(node: Node) -> None:
    key = node.pod("job", script("exit 3"), restartPolicy="Never")
    pod = await node.until(key, lambda pod: phase(pod) == "Failed")
    assert (state(pod)["terminated"]["exitCode"], state(pod)["terminated"]["reason"]) == (3, "Error")


async def test_a_crash_is_followed_by_one_restart_at_once_and_then_by_back_off(node: Node) -> None:
    key = node.pod("web", script("echo run; exit 1"))
    pod = await node.until(key, lambda pod: "waiting" in state(pod) and restarts(pod) == 1)
    assert state(pod)["waiting"]["reason"] == "CrashLoopBackOff"
    assert "back-off 10s restarting failed container=main pod=web_shop(" in state(pod)["waiting"]["message"]
    assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1
    assert phase(pod) == "Running"
    assert "BackOff" in node.reasons()
    assert await node.log(key, options=LogOptions(previous=True)) == "run\n"
    delete(node.store, PODS, key)
    await node.gone(key)


async def test_a_process_that_dies_is_restarted_and_counted(node: Node) -> None:
    key = node.pod("web", script("echo $$$$; exec sleep 60"))
    await node.until(key, is_running)
    first = int(await node.log_line(key))
    os.kill(first, signal.SIGKILL)
    pod = await node.until(key, lambda pod: restarts(pod) == 1 and is_running(pod))
    assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137
    assert int(await node.log_line(key)) != first
    assert await node.log(key, options=LogOptions(previous=True)) == f"{first}\n"


async def test_on_failure_a_success_is_final(node: Node) -> None:
    job = script('test -e "$HOME/tried" && exit 0; touch "$HOME/tried"; exit 1')
    key = node.pod("job", job, restartPolicy="OnFailure")
    pod = await node.until(key, lambda pod: phase(pod) == "Succeeded")
    assert restarts(pod) == 1


async def test_an_unknown_image_is_an_image_that_cannot_be_pulled(node: Node) -> None:
    key = node.pod("web", container(image="quay.io/none/such:1"))
    pod = await node.until(key, lambda pod: state(pod).get("waiting", {}).get("reason") == "ImagePullBackOff")
    assert (
        "which knows: test/other-server, test/painted, test/proxy, test/server, test/tool"
        in state(pod)["waiting"]["message"]
    )
    assert phase(pod) == "Pending"
    assert {"Failed", "BackOff"} <= set(node.reasons())
    with pytest.raises(RuntimeRefusedError, match="is waiting to start: ImagePullBackOff"):
        await node.log(key)
    delete(node.store, PODS, key)
    await node.gone(key)


async def test_a_command_that_is_not_there_is_an_error_of_the_container(node: Node) -> None:
    key = node.pod("web", container(command=["no-such-command"]), restartPolicy="Never")
    pod = await node.until(key, lambda pod: phase(pod) == "Failed")
    assert state(pod)["terminated"]["exitCode"] == 126
    assert "No such file or directory: 'no-such-command'" in await node.log(key)


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
    assert node.kubelet.proxy_log(key) == "proxy\n"
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


async def test_another_image_restarts_the_container(node: Node) -> None:
    key = await node.running(node.pod("web", container(image="test/server")))

    def change(draft: Object) -> None:
        draft["spec"]["containers"][0] |= {"image": "none/such:2"}

    node.store.modify(PODS, key, change)
    pod = await node.until(key, lambda pod: "waiting" in state(pod))
    assert pod["status"]["containerStatuses"][0]["image"] == "none/such:2"
    assert restarts(pod) == 1
    messages = [event["message"] for event in node.store.objects(EVENTS)]
    assert "Container main definition changed, will be restarted" in messages


async def test_readiness_is_lost_and_found_again(node: Node) -> None:
    probe = {"exec": {"command": ["test", "-e", "ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    key = node.pod("web", script("touch ready; sleep 60", readinessProbe=probe))
    await node.until(key, is_ready)
    await node.run(key, "rm", "ready")
    pod = await node.until(key, lambda pod: not is_ready(pod))
    assert pod["status"]["conditions"][2]["message"] == "containers with unready status: [main]"
    assert "Unhealthy" in node.reasons()
    await node.run(key, "touch", "ready")
    await node.until(key, is_ready)


async def test_a_failed_liveness_probe_restarts_the_container(node: Node) -> None:
    probe = {"tcpSocket": {"port": 3000}, "periodSeconds": 1, "failureThreshold": 1}
    key = node.pod("web", script("sleep 60", ports=[{"containerPort": 3000}], livenessProbe=probe))
    await node.until(key, lambda pod: restarts(pod) == 1)
    messages = [event["message"] for event in node.store.objects(EVENTS)]
    assert "Container main failed liveness probe, will be restarted" in messages
    assert any("connect: connection refused" in message for message in messages)


async def test_nothing_is_ready_before_it_has_started(node: Node) -> None:
    probe = {"exec": {"command": ["test", "-e", "started"]}, "periodSeconds": 1, "failureThreshold": 30}
    key = node.pod("web", script("sleep 60", startupProbe=probe))
    pod = await node.until(key, is_running)
    assert not pod["status"]["containerStatuses"][0]["started"]
    assert not is_ready(pod)
    await node.run(key, "touch", "started")
    await node.until(key, is_ready)


async def test_logs_are_followed_until_the_container_ends(node: Node) -> None:
    key = node.pod(
        "job", script("mkfifo pipe; echo one; read line < pipe; echo two; printf three"), restartPolicy="Never"
    )
    await node.until(key, is_running)
    await node.log_line(key)
    follower = asyncio.create_task(node.log(key, options=LogOptions(follow=True)))
    await node.run(key, "sh", "-c", "echo go > pipe")
    async with asyncio.timeout(5):
        assert await follower == "one\ntwo\nthree"


async def test_containers_of_a_pod_share_an_empty_dir_and_have_homes_of_their_own(node: Node) -> None:
    tmp: Any = {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}
    writer = container("writer", command=["sh", "-c", 'echo hello > "$TMPDIR/file"; pwd; sleep 60'], **tmp)
    reader = container("reader", command=["sh", "-c", 'until cat "$TMPDIR/file"; do sleep 0.05; done; pwd'], **tmp)
    key = node.pod("web", writer, reader, volumes=[{"name": "tmp", "emptyDir": {}}], restartPolicy="Never")
    await node.until(key, lambda pod: "terminated" in state(pod, "reader"))
    said = (await node.log(key, "reader")).splitlines()
    assert "hello" in said
    assert said[-1] != (await node.log(key, "writer")).strip()


async def test_what_is_asked_of_a_pod_that_is_not_there_is_refused(node: Node) -> None:
    with pytest.raises(RuntimeRefusedError, match='pods "none" not found'):
        await node.log(Key("shop", "none"))
    key = node.pod("web", script("sleep 60"))
    await node.until(key, is_running)
    with pytest.raises(RuntimeRefusedError, match="container other is not valid for pod web; its containers: main"):
        await node.log(key, "other")
    with pytest.raises(RuntimeRefusedError, match='previous terminated container "main" in pod "web" not found'):
        await node.log(key, options=LogOptions(previous=True))


async def test_a_kubelet_that_ends_takes_its_pods_with_it(tmp_path: Path) -> None:
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
        keys = [node.pod(f"web-{n}", script("echo $$$$; exec sleep 60", lifecycle=slow)) for n in range(3)]
        for key in keys:
            await node.until(key, is_running)
        processes = [int(await node.log_line(key)) for key in keys]
    assert not any(is_alive(process) for process in processes)
    assert not (tmp_path / "pods").exists()


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


async def test_an_image_with_another_port_takes_its_predecessor_s_place(node: Node) -> None:
    key = node.pod("web", container(image="test/server"))
    first = await node.until(key, is_running)
    node.store.modify(PODS, key, lambda pod: pod["spec"]["containers"][0].update(image="test/other-server"))
    pod = await node.until(key, lambda pod: restarts(pod) == 1 and is_running(pod))
    before, after = addresses_of(first), addresses_of(pod)
    assert before
    assert after
    assert after.app == {**before.app, 4000: after.app[4000]}
    assert phase(pod) == "Running"
    assert await node.log_line(key) == "listening\n"
    assert (await get(after.app[4000]))["path"] == "/"


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


async def test_a_port_that_a_service_leads_to_has_an_address_where_nobody_listens(node: Node) -> None:
    metadata = {"name": "web", "namespace": "shop"}
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}, {"port": 81, "targetPort": "http"}]}
    node.store.create(SERVICES, {"metadata": metadata, "spec": spec})
    key = node.pod("web", container(image="test/server"), metadata={"labels": {"app": "web"}})
    pod = await node.until(key, lambda pod: (known := addresses_of(pod)) and 8000 in known.app)
    addresses = addresses_of(pod)
    assert addresses
    assert addresses.app.keys() == {3000, 8000}
    with pytest.raises(ConnectionRefusedError):
        await get(addresses.app[8000])
