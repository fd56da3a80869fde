from collections.abc import Callable
from typing import Any

import pytest

from localmesh.controllers import Controllers
from localmesh.core.objects import Key, Object, annotations_of, key_of
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.kubernetes.defaults import complete
from localmesh.kinds.kubernetes.pods import is_terminating
from localmesh.kinds.resources import DEPLOYMENTS, EVENTS, NAMESPACES, PODS, REPLICA_SETS, SERVICES, Resource
from localmesh.store.objects import Store, now

SHOP = Key("shop", "web")


class Cluster:
    """A store and its controllers, run by hand until nothing changes any more; nobody runs the pods."""

    after_each_step: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self) -> None:
        self.store = Store()
        self.controllers = Controllers.of(self.store)
        self.create(NAMESPACES, "shop")

    def create(self, resource: Resource, name: str, namespace: str = "shop", **fields: Any) -> Object:
        metadata = {"name": name, **fields.pop("metadata", {})}
        if resource.namespaced:
            metadata["namespace"] = namespace
        return self.store.create(resource, complete(resource, {"metadata": metadata, **fields}))

    def deployment(self, replicas: int = 1, image: str = "shop:1", **spec: Any) -> Object:
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container(image)]}}
        selector = {"matchLabels": {"app": "web"}}
        wanted = {"replicas": replicas, "selector": selector, "template": template, **spec}
        return self.create(DEPLOYMENTS, "web", spec=wanted)

    def service(self, **spec: Any) -> Object:
        ports = [{"name": "http", "port": 80, "targetPort": 3000}]
        return self.create(SERVICES, "web", spec={"selector": {"app": "web"}, "ports": ports, **spec})

    def settle(self) -> list[float | None]:
        """Reconcile until nothing changes; return when each controller wants to look again."""
        while True:
            before = self.store.revision
            due = [controller.reconcile() for controller in self.controllers]
            self.after_each_step()
            if self.store.revision == before:
                return due

    def set_image(self, image: str) -> None:
        def change(draft: Object) -> None:
            draft["spec"]["template"]["spec"]["containers"][0]["image"] = image

        self.store.modify(DEPLOYMENTS, SHOP, change)

    def run(self, *pods: Object, ready: bool = True) -> None:
        """Do what the kubelet does with pods that start well, or that start and do not get ready."""
        for index, pod in enumerate(pods or self.pods()):
            if not pod.get("status", {}).get("conditions"):
                self.store.modify(PODS, key_of(pod), lambda draft, port=20000 + index: _bind(draft, port))
            self.store.modify(PODS, key_of(pod), lambda draft: _status(draft, ready=ready))

    def finish(self) -> None:
        """Do what the kubelet does with pods that are to end."""
        for pod in self.store.objects(PODS):
            if is_terminating(pod):
                self.store.remove(PODS, key_of(pod))

    def pods(self) -> list[Object]:
        return [pod for pod in self.store.objects(PODS) if not is_terminating(pod)]

    def images(self) -> list[str]:
        return sorted(pod["spec"]["containers"][0]["image"] for pod in self.pods())

    def replica_sets(self) -> list[Object]:
        return sorted(self.store.objects(REPLICA_SETS), key=lambda each: int(each["metadata"]["resourceVersion"]))

    def web(self) -> Object:
        return self.store.get(DEPLOYMENTS, SHOP)

    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.store.objects(EVENTS)]


def container(image: str) -> Object:
    return {"name": "web", "image": image, "ports": [{"name": "http", "containerPort": 3000}]}


def _bind(pod: Object, port: int) -> None:
    pod["spec"]["nodeName"] = "localmesh"
    text = PodAddresses(app={3000: port}).to_annotation()
    pod["metadata"]["annotations"] = annotations_of(pod) | {ANNOTATION: text}


def _status(pod: Object, *, ready: bool) -> None:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now()}
    pod["status"] = {"phase": "Running", "conditions": [condition]}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()
