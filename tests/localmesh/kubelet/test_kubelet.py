"""Pods become processes, run as their manifest says, and end."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from localmesh.apiserver.runtime import LogOptions, RuntimeRefusedError
from localmesh.core.objects import Key, Object
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.kubernetes.pods import is_ready
from localmesh.kinds.resources import EVENTS, PODS, SERVICES
from localmesh.store.deletion import delete
from tests.localmesh.kubelet.conditions import is_running, phase

from .conftest import Node, container, get, is_alive, restarts, script, state


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
    # The folder of sockets lies in there if that is not too deep for sockets.
    assert [path for path in (tmp_path / "pods").rglob("*") if path.name != "sockets"] == []
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
