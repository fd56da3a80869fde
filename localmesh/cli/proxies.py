"""The proxies of the mesh that runs, found as istioctl finds them: by what the API says of pods."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from localmesh.cli.kubectl import Kubectl
from localmesh.core.errors import MeshError
from localmesh.core.objects import Object, labels_of, selects
from localmesh.envoy.admin import Admin
from localmesh.home import Home
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.injection import PROXY
from localmesh.kinds.kubernetes.pods import is_ready, is_terminating, service_account_of
from localmesh.proxy.tls import identity

REFERENCE = "[TYPE/]NAME[.NAMESPACE]"
_PODS = ("po", "pod", "pods")
_DEPLOYMENTS = ("deploy", "deployment", "deployments")


class PodProxy(Struct, frozen=True):
    """One Envoy of a running pod."""

    name: str
    """`webapp-7685bcb84-jkf25.istioinaction`."""

    admin: Admin
    version: str
    """Tag of the proxy's image: the Istio after whose rules it is told what to do."""


def kubectl() -> Kubectl:
    """Return the kubectl of the mesh that runs. Raises MeshError when none does."""
    home = Home.default()
    if home.running() is None:
        raise MeshError("no mesh runs in this checkout: `make up` starts one")
    return Kubectl(home)


class Inventory(Struct, frozen=True):
    """The pods and Deployments that the API knows."""

    objects: Sequence[Object]
    namespace: str
    """Where a name without a namespace is looked for."""

    @classmethod
    def ask(cls, client: Kubectl, namespace: str | None) -> "Inventory":
        """Ask the API. Raises MeshError."""
        objects = client.json("get", "pods,deployments", "-A")["items"]
        return cls(objects, namespace or _context_namespace(client))

    def proxies(self, namespace: str | None = None) -> list[PodProxy]:
        """Return all proxies by name, of one namespace if one is named."""
        pods = [pod for pod in self._of_kind("Pod") if namespace in (None, pod["metadata"]["namespace"])]
        return sorted(filter(None, map(_proxy, pods)), key=lambda proxy: proxy.name)

    def find(self, reference: str) -> list[PodProxy]:
        """Return the proxies that a reference means: one, or those of a Deployment, the ready ones first.

        Raises MeshError when there is none, with what there is.
        """
        kind, _, name = reference.rpartition("/")
        name, namespace = name.rsplit(".", 1) if "." in name else (name, self.namespace)
        pods = self._pods(kind, name, namespace)
        proxies = [proxy for proxy in map(_proxy, sorted(pods, key=_readiness)) if proxy]
        if not proxies:
            raise MeshError(f"{pods[0]['metadata']['name']} has no proxy{_why_not(pods[0])}")
        return proxies

    def proxy_of_pod(self, name: str) -> PodProxy | None:
        """Return the proxy of the pod of that name, None if it has none."""
        pods = (pod for pod in self._of_kind("Pod") if pod["metadata"]["name"] == name)
        return next(filter(None, map(_proxy, pods)), None)

    def principal(self, proxy: str) -> str:
        """Return whose certificate a proxy has, "" for a proxy that is not there."""
        pods = (pod for pod in self._of_kind("Pod") if _full_name(pod) == proxy)
        return next((identity(pod["metadata"]["namespace"], service_account_of(pod)) for pod in pods), "")

    def _pods(self, kind: str, name: str, namespace: str) -> list[Object]:
        if kind in ("", *_PODS):
            pods = self._named("Pod", name, namespace)
        elif kind in _DEPLOYMENTS:
            (deployment,) = self._named("Deployment", name, namespace)
            labels = deployment["spec"]["selector"].get("matchLabels", {})
            pods = [pod for pod in self._in("Pod", namespace) if selects(labels, labels_of(pod))]
        else:
            raise MeshError(f"{kind}/{name}: a proxy is named by its pod or by deploy/NAME, not by {kind}")
        if not pods:
            raise MeshError(f"deployment {name}.{namespace} has no pods")
        return pods

    def _named(self, kind: str, name: str, namespace: str) -> list[Object]:
        """Return the one object of a name. Raises MeshError with the names that there are."""
        named = [obj for obj in self._in(kind, namespace) if obj["metadata"]["name"] == name]
        if not named:
            names = ", ".join(map(_full_name, self._of_kind(kind))) or "none"
            raise MeshError(f"no {kind.lower()} {name} in namespace {namespace}; there are: {names}")
        return named

    def _in(self, kind: str, namespace: str) -> list[Object]:
        return [obj for obj in self._of_kind(kind) if obj["metadata"]["namespace"] == namespace]

    def _of_kind(self, kind: str) -> list[Object]:
        return [obj for obj in self.objects if obj["kind"] == kind]


def _proxy(pod: Object) -> PodProxy | None:
    """Return a pod's proxy, None when it has none or none yet."""
    container, addresses = _container(pod), addresses_of(pod)
    if container is None or addresses is None or addresses.admin is None:
        return None
    return PodProxy(_full_name(pod), Admin(Path(addresses.admin)), container["image"].rpartition(":")[2])


def _full_name(obj: Object) -> str:
    return f"{obj['metadata']['name']}.{obj['metadata']['namespace']}"


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((container for container in pod["spec"]["containers"] if container["name"] == PROXY), None)


def _readiness(pod: Object) -> tuple[bool, bool, str]:
    return is_terminating(pod), not is_ready(pod), pod["metadata"]["name"]


def _why_not(pod: Object) -> str:
    if _container(pod):
        return " yet: it is still being started"
    return (
        f": when it was made, namespace {pod['metadata']['namespace']} did not ask for injection"
        f" (kubectl label ns {pod['metadata']['namespace']} istio-injection=enabled, then restart it)"
    )


def _context_namespace(client: Kubectl) -> str:
    """Return the namespace that kubectl itself would take."""
    contexts = client.json("config", "view", "--minify")["contexts"]
    return str(contexts[0]["context"].get("namespace") or "default")
