"""Probes decide: ready, lost, started anew."""

from localmesh.kinds.kubernetes.pods import is_ready
from localmesh.kinds.resources import EVENTS
from tests.localmesh.kubelet.conditions import is_running

from .conftest import Node, restarts, script


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
