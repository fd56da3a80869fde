import re
from unittest.mock import patch

import pytest

from localmesh.controllers import deployment_status
from localmesh.core.objects import Object, annotations_of, key_of, labels_of
from localmesh.kinds.kubernetes.pods import condition_of, is_ready
from localmesh.kinds.resources import DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS
from localmesh.store.deletion import delete

from .conftest import SHOP, Cluster

REVISION = "deployment.kubernetes.io/revision"


def condition(cluster: Cluster, type_: str) -> tuple[str, str]:
    found = condition_of(cluster.web(), type_)
    assert found
    return found["status"], found["reason"]


def roll_on(cluster: Cluster) -> None:
    """Let pods start and end until the rollout is over."""
    for _ in range(20):
        cluster.settle()
        cluster.run()
        cluster.finish()
    cluster.settle()


def test_a_deployment_gets_its_pods_named_and_labelled_as_in_a_cluster(cluster: Cluster) -> None:
    cluster.deployment(replicas=2)
    cluster.settle()
    [replica_set] = cluster.replica_sets()
    hashed = labels_of(replica_set)["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{hashed}"
    for pod in cluster.pods():
        assert re.fullmatch(f"web-{hashed}-[bcdfghjklmnpqrstvwxz2456789]{{5}}", pod["metadata"]["name"])
        assert labels_of(pod) == {"app": "web", "pod-template-hash": hashed}
        assert pod["spec"]["serviceAccountName"] == "default"
    assert len(cluster.pods()) == 2


def test_status_follows_the_pods_as_kubectl_rollout_status_reads_it(cluster: Cluster) -> None:
    cluster.deployment(replicas=2)
    cluster.settle()
    assert cluster.web()["status"]["unavailableReplicas"] == 2
    assert condition(cluster, "Available") == ("False", "MinimumReplicasUnavailable")
    assert condition(cluster, "Progressing") == ("True", "ReplicaSetUpdated")
    cluster.run()
    cluster.settle()
    status = cluster.web()["status"]
    counts = [status[name] for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    assert counts == [2, 2, 2, 2]
    assert "unavailableReplicas" not in status
    assert status["observedGeneration"] == cluster.web()["metadata"]["generation"]
    assert condition(cluster, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(cluster, "Progressing") == ("True", "NewReplicaSetAvailable")


def test_a_new_template_replaces_pods_one_by_one_and_keeps_all_replicas_serving(cluster: Cluster) -> None:
    cluster.deployment(replicas=3, strategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    roll_on(cluster)

    def check() -> None:
        assert len(cluster.pods()) <= 4
        assert sum(is_ready(pod) for pod in cluster.pods()) >= 3

    cluster.after_each_step = check
    cluster.set_image("shop:2")
    roll_on(cluster)
    assert cluster.images() == ["shop:2"] * 3
    assert [each["spec"]["replicas"] for each in cluster.replica_sets()].count(0) == 1
    assert annotations_of(cluster.web())[REVISION] == "2"


def test_going_back_to_a_template_takes_its_replica_set_again_as_a_new_revision(cluster: Cluster) -> None:
    cluster.deployment()
    roll_on(cluster)
    first = cluster.replica_sets()[0]["metadata"]["name"]
    for image in ("shop:2", "shop:1"):
        cluster.set_image(image)
        roll_on(cluster)
    assert cluster.images() == ["shop:1"]
    assert len(cluster.replica_sets()) == 2
    active = next(each for each in cluster.replica_sets() if each["spec"]["replicas"])
    assert (active["metadata"]["name"], annotations_of(active)[REVISION]) == (first, "3")


def test_restart_rolls_because_its_annotation_changes_the_template(cluster: Cluster) -> None:
    cluster.deployment()
    roll_on(cluster)
    before = [pod["metadata"]["uid"] for pod in cluster.pods()]

    def restart(draft: Object) -> None:
        draft["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}

    cluster.store.modify(DEPLOYMENTS, SHOP, restart)
    roll_on(cluster)
    assert [pod["metadata"]["uid"] for pod in cluster.pods()] != before


def test_pods_that_never_get_ready_stop_the_rollout_at_its_bounds(cluster: Cluster) -> None:
    cluster.deployment(replicas=2)
    roll_on(cluster)
    cluster.set_image("shop:broken")
    for _ in range(5):
        cluster.settle()
        cluster.run(*[pod for pod in cluster.pods() if not is_ready(pod)], ready=False)
    assert cluster.images() == ["shop:1", "shop:1", "shop:broken"]


def test_without_progress_the_deadline_is_said(cluster: Cluster) -> None:
    cluster.deployment(progressDeadlineSeconds=5)
    due = cluster.settle()
    assert any(seconds is not None and 0 < seconds <= 6 for seconds in due)
    with patch.object(deployment_status, "age", lambda _: 6.0):
        cluster.settle()
        assert condition(cluster, "Progressing") == ("False", "ProgressDeadlineExceeded")
    cluster.run()
    cluster.settle()
    assert condition(cluster, "Progressing") == ("True", "NewReplicaSetAvailable")


def test_recreate_starts_nothing_before_all_old_pods_are_gone(cluster: Cluster) -> None:
    cluster.deployment(replicas=2, strategy={"type": "Recreate"})
    roll_on(cluster)
    cluster.set_image("shop:2")
    cluster.settle()
    assert cluster.pods() == []
    assert len(cluster.store.objects(PODS)) == 2  # they end
    roll_on(cluster)
    assert cluster.images() == ["shop:2"] * 2


def test_a_paused_deployment_scales_and_does_not_roll(cluster: Cluster) -> None:
    cluster.deployment()
    roll_on(cluster)
    cluster.store.modify(DEPLOYMENTS, SHOP, lambda draft: draft["spec"].update(paused=True, replicas=2))
    cluster.set_image("shop:2")
    roll_on(cluster)
    assert cluster.images() == ["shop:1", "shop:1"]
    assert condition(cluster, "Progressing") == ("Unknown", "DeploymentPaused")
    cluster.store.modify(DEPLOYMENTS, SHOP, lambda draft: draft["spec"].pop("paused"))
    roll_on(cluster)
    assert cluster.images() == ["shop:2", "shop:2"]


def test_history_is_limited(cluster: Cluster) -> None:
    cluster.deployment(revisionHistoryLimit=1)
    for number in range(2, 6):
        roll_on(cluster)
        cluster.set_image(f"shop:{number}")
    roll_on(cluster)
    assert sorted(annotations_of(each)[REVISION] for each in cluster.replica_sets()) == ["4", "5"]


def test_a_deployment_takes_all_that_it_made_with_it(cluster: Cluster) -> None:
    cluster.deployment(replicas=2)
    roll_on(cluster)
    delete(cluster.store, DEPLOYMENTS, SHOP)
    cluster.settle()
    assert (cluster.replica_sets(), cluster.pods()) == ([], [])
    assert len(cluster.store.objects(PODS)) == 2, "they end gracefully"
    assert "ScalingReplicaSet" in cluster.reasons()


def test_nothing_changes_when_there_is_nothing_to_do(cluster: Cluster) -> None:
    cluster.deployment(replicas=2)
    cluster.service()
    roll_on(cluster)
    before = cluster.store.revision
    cluster.settle()
    assert cluster.store.revision == before


@pytest.mark.parametrize("text", ["x", "9" * 5000])
def test_a_revision_that_is_no_number_counts_as_none(cluster: Cluster, text: str) -> None:
    cluster.deployment()
    roll_on(cluster)
    first = key_of(cluster.replica_sets()[0])
    cluster.store.modify(REPLICA_SETS, first, lambda draft: draft["metadata"]["annotations"].update({REVISION: text}))
    cluster.set_image("shop:2")
    roll_on(cluster)
    assert cluster.images() == ["shop:2"]


def test_a_replica_set_that_was_taken_out_is_replaced_by_one_of_another_name(cluster: Cluster) -> None:
    cluster.deployment()
    roll_on(cluster)
    taken = key_of(cluster.replica_sets()[0])
    cluster.store.modify(REPLICA_SETS, taken, lambda draft: draft["metadata"]["labels"].pop("app"))
    roll_on(cluster)
    assert (len(cluster.replica_sets()), len(cluster.pods())) == (2, 2)
    cluster.store.remove(REPLICA_SETS, taken)
    roll_on(cluster)
    assert len(cluster.replica_sets()) == 1, "the new one stays, though its first name is free"
    assert cluster.web()["status"]["collisionCount"] == 1


def test_one_broken_object_does_not_hold_up_the_others(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    cluster.create(REPLICA_SETS, "a-broken-one", spec={"replicas": 1, "selector": {}})
    cluster.deployment()
    cluster.settle()
    assert len(cluster.pods()) == 1
    assert "cannot reconcile ReplicaSet shop/a-broken-one" in caplog.text


def test_an_event_that_happens_again_is_counted(cluster: Cluster) -> None:
    cluster.deployment()
    for replicas in (1, 2, 1, 2):
        cluster.store.modify(DEPLOYMENTS, SHOP, lambda draft, n=replicas: draft["spec"].update(replicas=n))
        roll_on(cluster)
    counts = {event["message"]: event["count"] for event in cluster.store.objects(EVENTS)}
    name = cluster.replica_sets()[0]["metadata"]["name"]
    assert counts[f"Scaled up replica set {name} from 1 to 2"] == 2
