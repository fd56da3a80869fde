"""Deployments and pods in the course of time, by the real kubectl."""

import json

from localmesh.kinds.resources import (
    DEPLOYMENTS,
    PODS,
    REPLICA_SETS,
)
from tests.localmesh.apiserver.http.conftest import World, start
from tests.localmesh.apiserver.http.manifests import DEPLOYMENT, EVERYTHING, SERVICE, rolled_out


def test_scale_changes_the_replicas_and_nothing_else(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
    before = world.get(DEPLOYMENTS, namespace, "catalog")["spec"]
    assert world.ok("scale", "-n", namespace, "deploy/catalog", "--replicas=3") == "deployment.apps/catalog scaled\n"
    assert world.get(DEPLOYMENTS, namespace, "catalog")["spec"] == {**before, "replicas": 3}
    assert "Expected replicas to be 7, was 3" in world.fails(
        "scale", "-n", namespace, "deploy/catalog", "--replicas=1", "--current-replicas=7"
    )


def test_rollout_status_waits_for_the_controller(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
    with world.background("rollout", "status", "-n", namespace, "deploy/catalog") as process:
        assert process.stdout is not None
        assert "Waiting for deployment" in process.stdout.readline()
        world.modify(DEPLOYMENTS, namespace, "catalog", rolled_out)
        assert "successfully rolled out" in process.stdout.read()
        assert process.wait(10) == 0


def test_rollout_restart_marks_the_template(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
    assert world.ok("rollout", "restart", "-n", namespace, "deploy/catalog") == "deployment.apps/catalog restarted\n"
    template = world.get(DEPLOYMENTS, namespace, "catalog")["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


def test_rollout_undo_brings_back_the_template_of_a_replica_set(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
    deployment = world.get(DEPLOYMENTS, namespace, "catalog")
    for revision in (1, 2):
        template = json.loads(json.dumps(deployment["spec"]["template"]))
        template["spec"]["containers"][0]["image"] = f"catalog:{revision}"
        world.create(REPLICA_SETS, namespace, {
            "metadata": {
                "name": f"catalog-{revision}", "labels": template["metadata"]["labels"],
                "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "catalog",
                                     "controller": True, "uid": deployment["metadata"]["uid"]}],
            },
            "spec": {"selector": deployment["spec"]["selector"], "template": template},
        })  # fmt: skip
    assert world.ok("rollout", "undo", "-n", namespace, "deploy/catalog", "--to-revision=1").endswith("rolled back\n")
    template = world.get(DEPLOYMENTS, namespace, "catalog")["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "catalog:1"


def test_wait_sees_a_condition_that_comes_later(world: World, namespace: str) -> None:
    world.create(PODS, namespace, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "p", "image": "p"}]}})
    with world.background("wait", "-n", namespace, "--for=condition=Ready", "pod/p", "--timeout=10s") as process:
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        world.modify(PODS, namespace, "p", lambda draft: draft.update(status=ready))
        assert process.stdout is not None
        assert process.stdout.read() == "pod/p condition met\n"


def test_delete_takes_files_and_all(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=EVERYTHING)
    assert f'service "catalog" deleted from {namespace} namespace' in world.ok(
        "delete", "-n", namespace, "-f", "-", stdin=SERVICE
    )
    world.ok("delete", "deploy,svc,gw,vs,dr", "--all", "-n", namespace)
    assert world.ok("get", "deploy,svc,gw,vs,dr", "-n", namespace, "-o", "name") == ""
    assert 'services "catalog" not found' in world.fails("delete", "-n", namespace, "svc", "catalog")


def test_deleting_a_pod_waits_for_its_end(world: World, namespace: str) -> None:
    running = start(world, namespace)
    with world.background("delete", "pod", "-n", namespace, running.name) as process:
        assert process.stdout is not None
        assert "deleted" in process.stdout.readline()
        marked = world.get(PODS, namespace, running.name)["metadata"]
        assert marked["deletionGracePeriodSeconds"] == 30
        assert "Terminating" in world.ok("get", "pod", "-n", namespace, running.name)
        assert process.poll() is None
        world.do(lambda: world.store.remove(PODS, running))
        assert process.wait(10) == 0
