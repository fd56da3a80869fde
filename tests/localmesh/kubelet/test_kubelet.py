from localmesh.apiserver.deletion import delete
from localmesh.apiserver.runtime import LogOptions
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.pods import is_ready
from localmesh.kinds.resources import PODS

from .conftest import Node, container, script, state


async def test_a_pod_becomes_a_process_that_answers_on_a_free_local_port(node: Node) -> None:
    probe = {"httpGet": {"path": "/", "port": 3000}, "periodSeconds": 1}
    key = node.pod("web", container(image="test/server", readinessProbe=probe))
    pod = await node.until(key, is_ready)
    assert pod["status"]["phase"] == "Running"
    assert pod["status"]["podIP"] == "127.0.0.1"
    assert pod["spec"]["nodeName"] == "localmesh"
    addresses = addresses_of(pod)
    assert addresses
    assert 20000 <= addresses.app[3000] < 30000
    assert await node.log(key) == "listening\n"
    assert {"Scheduled", "Created", "Started"} <= set(node.reasons())


async def test_a_deleted_pod_ends_and_leaves_no_folder(node: Node) -> None:
    key = node.pod("web", script("sleep 60"))
    await node.until(key, is_ready)
    delete(node.store, PODS, key)
    await node.gone(key)


async def test_a_pod_that_need_not_run_again_is_completed(node: Node) -> None:
    key = node.pod("job", script("echo done; echo oops >&2"), restartPolicy="Never")
    pod = await node.until(key, lambda pod: pod.get("status", {}).get("phase") == "Succeeded")
    assert state(pod)["terminated"]["reason"] == "Completed"
    assert await node.log(key, options=LogOptions(tail_lines=1)) == "oops\n"
