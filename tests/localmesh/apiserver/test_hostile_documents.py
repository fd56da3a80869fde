"""Whatever is sent, the answer is a refusal in words or an acceptance, never a fault."""

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from localmesh.apiserver.errors import ApiError
from localmesh.apiserver.target import Target
from localmesh.apiserver.write.patches import PatchError
from localmesh.apiserver.write.registry import MERGE, STRATEGIC, Registry, WriteOptions
from localmesh.core.objects import Object
from localmesh.kinds.admission import AdmissionError
from localmesh.kinds.resources import NAMESPACES, PODS, Resource, resource_of
from localmesh.store.objects import Store, StoreError

REFUSALS = (ApiError, AdmissionError, PatchError, StoreError)
JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "x",
    "\ud800",
    [],
    [None],
    [[]],
    ["x"],
    [5],
    {},
    {"x": None},
    {"$patch": "x"},
]
DOCUMENTS = """
apiVersion: v1
kind: Pod
metadata: {name: x, labels: {a: b}, annotations: {c: d}, generateName: y}
spec:
  containers:
  - name: c
    image: i
    command: [a]
    env: [{name: A, value: b}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    envFrom: [{configMapRef: {name: c}}]
    ports: [{containerPort: 80, name: http, protocol: TCP}]
    readinessProbe: {httpGet: {port: http, path: /}, periodSeconds: 1}
    lifecycle: {preStop: {sleep: {seconds: 1}}}
    volumeMounts: [{name: v, mountPath: /tmp}]
    resources: {limits: {cpu: 1}}
  volumes: [{name: v, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec:
  type: NodePort
  clusterIP: 10.200.1.7
  selector: {a: b}
  ports: [{name: http, port: 80, targetPort: http, nodePort: 31000}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x}
spec:
  replicas: 1
  selector: {matchLabels: {a: b}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: x}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: x}
spec:
  hosts: [catalog]
  gateways: [mesh]
  http:
  - match: [{headers: {h: {exact: v}}, uri: {prefix: /}}]
    route: [{destination: {host: catalog, subset: s, port: {number: 80}}, weight: 100}]
    retries: {attempts: 3, retryOn: 5xx, perTryTimeout: 2s}
    timeout: 5s
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: x}
spec: {host: catalog, subsets: [{name: s, labels: {version: v1}}]}
"""


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return each container in a document with each of its keys."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [place for key, value in items for place in ((document, key), *places(value))]


def damaged(document: Object, dice: random.Random) -> Object:
    """Return a copy with one or two values replaced."""
    copied = copy.deepcopy(document)
    for _ in range(dice.randint(1, 2)):
        container, key = dice.choice(places(copied))
        container[key] = copy.deepcopy(dice.choice(JUNK))
    return copied


def is_answered(write: Callable[[], object]) -> bool:
    """Tell whether a write is taken or refused in words; whatever else it raises is a fault."""
    try:
        write()
    except REFUSALS as refusal:
        return bool(str(refusal))
    return True


def documents() -> list[tuple[Resource, Object]]:
    found = []
    for document in yaml.safe_load_all(DOCUMENTS):
        resource = resource_of(document["apiVersion"], document["kind"])
        assert resource is not None
        found.append((resource, document))
    return found


@pytest.fixture
def registry() -> Registry:
    registry = Registry(Store())
    injected = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
    registry.create(Target(NAMESPACES, "v1"), injected, WriteOptions())
    return registry


@pytest.mark.parametrize(("resource", "document"), documents(), ids=lambda value: getattr(value, "kind", ""))
def test_a_damaged_document_is_refused_in_words_or_taken(
    registry: Registry, resource: Resource, document: Object
) -> None:
    options = WriteOptions(dry_run=True, field_validation="Ignore")
    new, old = Target(resource, "v1", "shop"), Target(resource, "v1", "shop", "x")
    registry.create(new, document, WriteOptions())
    for seed in range(150):
        sent = damaged(document, random.Random(seed))
        for write in (
            lambda sent=sent: registry.create(new, {**sent, "metadata": {"name": "new"}}, options),
            lambda sent=sent: registry.create(new, sent, options),
            lambda sent=sent: registry.update(old, sent, options),
            lambda sent=sent: registry.patch(old, sent, MERGE, options),
            lambda sent=sent: registry.patch(old, sent, STRATEGIC, options),
        ):
            assert is_answered(write), seed


@pytest.mark.parametrize(
    "directive", ["$setElementOrder/containers", "$retainKeys", "$deleteFromPrimitiveList/containers"]
)
@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_directives_that_make_no_sense_are_no_fault(registry: Registry, directive: str, junk: Any) -> None:
    registry.create(Target(PODS, "v1", "shop"), documents()[0][1], WriteOptions())
    target, options = Target(PODS, "v1", "shop", "x"), WriteOptions(dry_run=True)
    assert is_answered(lambda: registry.patch(target, {"spec": {directive: junk}}, STRATEGIC, options))
