from localmesh.controllers.replica_sets import MOST_PODS
from localmesh.core.objects import Object, controller_of, key_of
from localmesh.kinds.injection import PROXY
from localmesh.kinds.kubernetes.pods import condition_of
from localmesh.kinds.resources import DEPLOYMENTS, NAMESPACES, PODS, SERVICE_ACCOUNTS
from localmesh.store.deletion import delete

from .conftest import SHOP, Cluster


def test_a_pod_that_was_deleted_is_replaced(cluster: Cluster) -> None:
    cluster.deployment(replicas=2)
    cluster.settle()
    gone = cluster.pods()[0]
    delete(cluster.store, PODS, key_of(gone))
    cluster.settle()
    assert len(cluster.pods()) == 2
    assert key_of(gone) not in {key_of(pod) for pod in cluster.pods()}


def test_scaling_down_ends_the_pods_that_are_not_ready(cluster: Cluster) -> None:
    cluster.deployment(replicas=3)
    cluster.settle()
    serving = cluster.pods()[1]
    cluster.run(serving)
    cluster.store.modify(DEPLOYMENTS, SHOP, lambda draft: draft["spec"].update(replicas=1))
    cluster.settle()
    assert [key_of(pod) for pod in cluster.pods()] == [key_of(serving)]


def test_more_pods_than_a_node_takes_are_not_made(cluster: Cluster) -> None:
    cluster.deployment(replicas=2**31 - 1)
    cluster.settle()
    assert len(cluster.pods()) == MOST_PODS
    failure = condition_of(cluster.web(), "ReplicaFailure")
    assert failure is not None
    assert "takes 110 pods: ask for fewer replicas" in failure["message"]
    cluster.store.modify(DEPLOYMENTS, SHOP, lambda draft: draft["spec"].update(replicas=1))
    cluster.settle()
    assert len(cluster.pods()) == 1


def test_a_pod_taken_out_by_its_label_lives_on_and_is_replaced(cluster: Cluster) -> None:
    cluster.deployment()
    cluster.settle()
    taken = key_of(cluster.pods()[0])
    cluster.store.modify(PODS, taken, lambda draft: draft["metadata"]["labels"].pop("app"))
    cluster.settle()
    assert len(cluster.pods()) == 2
    assert controller_of(cluster.store.get(PODS, taken)) is None


def test_an_orphan_with_the_right_labels_is_adopted(cluster: Cluster) -> None:
    cluster.deployment()
    cluster.settle()
    labels = cluster.pods()[0]["metadata"]["labels"]
    cluster.create(PODS, "orphan", metadata={"labels": labels}, spec={"containers": []})
    cluster.settle()
    assert len(cluster.pods()) == 1, "there is one too many with it"


def test_a_pod_is_available_when_it_was_ready_for_long_enough(cluster: Cluster) -> None:
    cluster.deployment(minReadySeconds=60)
    cluster.settle()
    cluster.run()
    due = cluster.settle()
    assert cluster.web()["status"]["readyReplicas"] == 1
    assert "availableReplicas" not in cluster.web()["status"]
    assert any(seconds is not None and 50 < seconds <= 60 for seconds in due)


def test_without_its_service_account_no_pod_is_made_and_everybody_is_told(cluster: Cluster) -> None:
    cluster.deployment()
    cluster.store.modify(DEPLOYMENTS, SHOP, _with_account)
    cluster.settle()
    assert cluster.pods() == []
    condition = condition_of(cluster.web(), "ReplicaFailure")
    assert condition
    assert condition["message"].endswith('serviceaccount "web" not found')
    assert cluster.reasons().count("FailedCreate") == 1
    cluster.create(SERVICE_ACCOUNTS, "web")
    cluster.settle()
    assert len(cluster.pods()) == 1
    assert condition_of(cluster.web(), "ReplicaFailure") is None


def _with_account(draft: Object) -> None:
    draft["spec"]["template"]["spec"]["serviceAccountName"] = "web"


def test_pods_of_a_labelled_namespace_get_a_sidecar(cluster: Cluster) -> None:
    def label(draft: Object) -> None:
        draft["metadata"].setdefault("labels", {})["istio-injection"] = "enabled"

    cluster.store.modify(NAMESPACES, key_of(cluster.store.objects(NAMESPACES)[0]), label)
    cluster.deployment()
    cluster.settle()
    [pod] = cluster.pods()
    assert [each["name"] for each in pod["spec"]["containers"]] == ["web", PROXY]
