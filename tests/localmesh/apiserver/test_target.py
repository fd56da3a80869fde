import pytest

from localmesh.apiserver.errors import ApiError
from localmesh.apiserver.target import Target, parse
from localmesh.kinds.resources import DEPLOYMENTS, NAMESPACES, PODS, VIRTUAL_SERVICES


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", Target(PODS, "v1")),
        ("/api/v1/namespaces", Target(NAMESPACES, "v1")),
        ("/api/v1/namespaces/a", Target(NAMESPACES, "v1", "", "a")),
        ("/api/v1/namespaces/a/status", Target(NAMESPACES, "v1", "", "a", "status")),
        ("/api/v1/namespaces/a/pods", Target(PODS, "v1", "a")),
        ("/api/v1/namespaces/a/pods/p/log", Target(PODS, "v1", "a", "p", "log")),
        ("/apis/apps/v1/namespaces/a/deployments/d/scale", Target(DEPLOYMENTS, "v1", "a", "d", "scale")),
        ("/apis/networking.istio.io/v1alpha3/virtualservices", Target(VIRTUAL_SERVICES, "v1alpha3")),
    ],
)
def test_paths_say_what_they_are_about(path: str, target: Target) -> None:
    assert parse(path) == target


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/pods",
        "/api/v1/deployments",
        "/apis/storage.k8s.io/v1/storageclasses",
        "/api/v1/pods/p",
        "/api/v1/namespaces/a/namespaces/b",
        "/api/v1/namespaces/a/pods/p/scale",
        "/api/v1/namespaces/a/pods/p/log/more",
        "/api/v1/namespaces/a/services/s/log",
        "/api/v1/namespaces/a/services/s/log/x/y",
        "/api/v1//pods",
        "/apis",
        "/api/v1",
    ],
)
def test_other_paths_are_served_by_nobody(path: str) -> None:
    with pytest.raises(ApiError, match="could not find the requested resource") as caught:
        parse(path)
    assert caught.value.code == 404


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/api/v1/namespaces/a/serviceaccounts/a/token", "take your own issuer's"),
        ("/api/v1/namespaces/a/pods/p/ephemeralcontainers", "kubectl exec"),
        ("/api/v1/namespaces/a/pods/p/eviction", "kubectl delete pod"),
        ("/api/v1/namespaces/a/services/http:s:80/proxy/some/page", "kubectl port-forward"),
        ("/api/v1/namespaces/a/resourcequotas", "leave it out"),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "everybody on this machine may do everything"),
    ],
)
def test_what_a_cluster_serves_is_refused_with_a_way_out(path: str, instead: str) -> None:
    with pytest.raises(ApiError, match=instead):
        parse(path)
