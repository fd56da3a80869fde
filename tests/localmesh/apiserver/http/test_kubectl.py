"""The commands of the tutorial, by the real kubectl."""

import json
import random
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from localmesh.core.objects import Key, Object
from localmesh.kinds.resources import (
    DEPLOYMENTS,
    EVENTS,
    NAMESPACES,
    PODS,
    REPLICA_SETS,
    SERVICES,
    VIRTUAL_SERVICES,
)
from tests.localmesh.apiserver.http.conftest import World, start

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: catalog, labels: {app: catalog}}
spec:
  replicas: 1
  selector: {matchLabels: {app: catalog, version: v1}}
  template:
    metadata: {labels: {app: catalog, version: v1}}
    spec:
      containers:
      - name: catalog
        image: istioinaction/catalog:latest
        imagePullPolicy: IfNotPresent
        env:
        - name: KUBERNETES_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        ports: [{containerPort: 3000, name: http, protocol: TCP}]
        securityContext: {privileged: false}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: catalog, labels: {app: catalog}}
spec:
  ports: [{name: http, port: 80, protocol: TCP, targetPort: 3000}]
  selector: {app: catalog}
"""
GATEWAY = """
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata: {name: outfitters-gateway}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ["*"]
"""
ROUTE = """
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: webapp-virtualservice}
spec:
  hosts: ["*"]
  gateways: [outfitters-gateway]
  http:
  - route:
    - destination: {host: webapp, port: {number: 80}}
"""
RULE = """
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: catalog}
spec:
  host: catalog
  subsets:
  - {name: version-v1, labels: {version: v1}}
  - {name: version-v2, labels: {version: v2}}
"""
EVERYTHING = "---".join([SERVICE, DEPLOYMENT, GATEWAY, ROUTE, RULE])  # noqa: FLY002 -- that is what it is


def rolled_out(deployment: Object) -> None:
    """Set the status that a Deployment's controller reports when all is done."""
    replicas = deployment["spec"]["replicas"]
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas),
        "conditions": [
            {"type": "Available", "status": "True"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    }


def squeezed(table: str) -> list[list[str]]:
    """Return a table's cells without its ages, which are the last of each row."""
    return [re.split(r" {2,}", line.rstrip())[:-1] for line in table.splitlines() if line]


def test_a_namespace_is_created_and_labelled(world: World) -> None:
    assert world.ok("create", "ns", "istioinaction") == "namespace/istioinaction created\n"
    world.ok("label", "namespace", "istioinaction", "istio-injection=enabled")
    row = world.ok("get", "ns", "istioinaction", "--show-labels").splitlines()[1].split()
    assert row[1] == "Active"
    assert row[3] == "istio-injection=enabled,kubernetes.io/metadata.name=istioinaction"
    assert 'namespaces "istioinaction" already exists' in world.fails("create", "ns", "istioinaction")


def test_apply_creates_then_leaves_alone_then_configures(world: World, namespace: str) -> None:
    names = ["service/catalog", "deployment.apps/catalog", "gateway.networking.istio.io/outfitters-gateway",
             "virtualservice.networking.istio.io/webapp-virtualservice",
             "destinationrule.networking.istio.io/catalog"]  # fmt: skip
    apply = ("apply", "-n", namespace, "-f", "-")
    assert world.ok(*apply, stdin=EVERYTHING) == "".join(f"{name} created\n" for name in names)
    assert world.ok(*apply, stdin=EVERYTHING) == "".join(f"{name} unchanged\n" for name in names)
    assert world.ok(*apply, stdin=EVERYTHING.replace("v1alpha3", "v1")) == "".join(
        f"{name} {'configured' if 'istio' in name else 'unchanged'}\n" for name in names
    )
    assert "deployment.apps/catalog configured" in world.ok(*apply, stdin=DEPLOYMENT.replace(":latest", ":2"))
    changed = world.get(DEPLOYMENTS, namespace, "catalog")
    assert changed["spec"]["template"]["spec"]["containers"][0]["image"] == "istioinaction/catalog:2"
    assert changed["metadata"]["generation"] == 2
    assert changed["spec"]["template"]["spec"]["containers"][0]["ports"] == [
        {"containerPort": 3000, "name": "http", "protocol": "TCP"}
    ]


def test_apply_takes_a_folder_and_a_kustomization(world: World, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(SERVICE)
    (tmp_path / "deployment.yaml").write_text(DEPLOYMENT)
    assert "deployment.apps/catalog created" in world.ok("apply", "-n", namespace, "-f", str(tmp_path))
    kustomization = {"namespace": namespace, "resources": ["service.yaml", "deployment.yaml"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    assert "service/catalog unchanged" in world.ok("apply", "-k", str(tmp_path))


def test_tables_are_those_of_a_cluster(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=EVERYTHING)
    world.modify(DEPLOYMENTS, namespace, "catalog", rolled_out)
    start(world, namespace)
    address = world.get(SERVICES, namespace, "catalog")["spec"]["clusterIP"]
    assert squeezed(world.ok("get", "-n", namespace, "deploy,pod,svc")) == [
        ["NAME", "READY", "UP-TO-DATE", "AVAILABLE"],
        ["deployment.apps/catalog", "1/1", "1", "1"],
        ["NAME", "READY", "STATUS", "RESTARTS"],
        ["pod/webapp", "2/2", "Running", "0"],
        ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)"],
        ["service/catalog", "ClusterIP", address, "<none>", "80/TCP"],
    ]
    assert squeezed(world.ok("get", "-n", namespace, "gw,vs,dr")) == [
        ["NAME"],
        ["gateway.networking.istio.io/outfitters-gateway"],
        ["NAME", "GATEWAYS", "HOSTS"],
        ["virtualservice.networking.istio.io/webapp-virtualservice", '["outfitters-gateway"]', '["*"]'],
        ["NAME", "HOST"],
        ["destinationrule.networking.istio.io/catalog", "catalog"],
    ]


def test_get_prints_every_form(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=EVERYTHING)
    get = ("get", "-n", namespace)
    assert world.ok(*get, "deploy", "-o", "name") == "deployment.apps/catalog\n"
    assert world.ok(*get, "svc", "catalog", "-o", "jsonpath={.spec.ports[0].targetPort}") == "3000"
    assert yaml.safe_load(world.ok(*get, "vs", "-o", "yaml"))["items"][0]["apiVersion"] == "networking.istio.io/v1"
    assert json.loads(world.ok(*get, "deploy", "-o", "json"))["items"][0]["kind"] == "Deployment"
    assert world.ok(*get, "svc", "-l", "app=catalog", "-o", "name") == "service/catalog\n"
    assert world.ok(*get, "svc", "-l", "app!=catalog", "-o", "name") == ""
    assert "IMAGES" in world.ok(*get, "deploy", "-o", "wide")
    assert f"{namespace} " in world.ok("get", "deploy", "-A")


def test_describe_shows_an_objects_events(world: World, namespace: str) -> None:
    running = start(world, namespace)
    uid = world.get(PODS, namespace, running.name)["metadata"]["uid"]
    involved = {"kind": "Pod", "namespace": namespace, "name": running.name, "uid": uid}
    world.create(EVENTS, namespace, {
        "metadata": {"name": "webapp.1"}, "involvedObject": involved, "type": "Warning", "reason": "Unhealthy",
        "message": "probe failed", "count": 3, "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z", "source": {"component": "kubelet"},
    })  # fmt: skip
    described = world.ok("describe", "-n", namespace, "pod", running.name)
    assert re.search(r"Warning\s+Unhealthy\s+.*\(x3 over .*kubelet\s+probe failed", described)
    assert "pod/webapp" in world.ok("get", "-n", namespace, "events")


def test_describe_works_for_each_kind(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=EVERYTHING)
    for name in ("svc/catalog", "deploy/catalog", "gw/outfitters-gateway", "vs/webapp-virtualservice", "dr/catalog"):
        assert f"Namespace:{' ' * 4}" in world.ok("describe", "-n", namespace, name)


def test_patch_merges_a_services_ports_by_their_port(world: World, namespace: str) -> None:
    two = SERVICE.replace("ports: [", "ports: [{name: status-port, port: 15021}, ")
    world.ok("apply", "-n", namespace, "-f", "-", stdin=two)
    patch = '{"spec": {"type": "NodePort", "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30999}]}}'
    assert world.ok("patch", "svc", "-n", namespace, "catalog", "-p", patch) == "service/catalog patched\n"
    status, http = world.get(SERVICES, namespace, "catalog")["spec"]["ports"]
    assert status["nodePort"] in range(30000, 32768)
    assert (http["name"], http["targetPort"], http["nodePort"]) == ("http", 8080, 30999)
    assert f"15021:{status['nodePort']}/TCP,80:30999/TCP" in world.ok("get", "svc", "-n", namespace)
    world.ok("patch", "svc", "-n", namespace, "catalog", "-p", '{"spec":{"externalTrafficPolicy": "Local"}}')
    assert re.search(r"External Traffic Policy: +Local", world.ok("describe", "svc", "-n", namespace, "catalog"))


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


def test_watch_prints_changes_as_they_come(world: World, namespace: str) -> None:
    running = start(world, namespace)
    with world.background("get", "pod", "-w", "-n", namespace, "--no-headers", "-l", "app=webapp") as process:
        assert process.stdout is not None
        assert process.stdout.readline().split()[:3] == ["webapp", "2/2", "Running"]
        world.modify(PODS, namespace, running.name, lambda draft: draft["metadata"].update(annotations={}))
        world.do(lambda: world.store.remove(PODS, running))
        # One line for the change, one for the end: a deleted object is printed as it was.
        assert process.stdout.readline().split()[:3] == ["webapp", "2/2", "Running"]
        assert process.stdout.readline().split()[:3] == ["webapp", "2/2", "Running"]


def test_create_sends_protobuf_which_is_understood(world: World, namespace: str) -> None:
    create = ("create", "-n", namespace)
    world.ok(*create, "deployment", "d", "--image=d:1", "--replicas=2", "--port=8080", "--", "run", "it")
    spec = world.get(DEPLOYMENTS, namespace, "d")["spec"]
    assert (spec["replicas"], spec["selector"]) == (2, {"matchLabels": {"app": "d"}})
    container = spec["template"]["spec"]["containers"][0]
    assert (container["image"], container["command"]) == ("d:1", ["run", "it"])
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    world.ok(*create, "service", "nodeport", "s", "--tcp=80:web", "--node-port=31999")
    port = world.get(SERVICES, namespace, "s")["spec"]["ports"][0]
    assert (port["port"], port["targetPort"], port["nodePort"]) == (80, "web", 31999)
    world.ok(*create, "cm", "c", "--from-literal=a=b")
    assert world.ok("get", "cm", "c", "-n", namespace, "-o", "jsonpath={.data.a}") == "b"
    world.ok(*create, "sa", "s")
    assert "secrets are not supported by the local mesh" in world.fails(*create, "secret", "generic", "x")


def test_unknown_fields_are_refused_with_their_path_and_nothing_changes(world: World, namespace: str) -> None:
    complaint = world.fails("apply", "-n", namespace, "-f", "-", stdin=ROUTE.replace("host:", "hots:"))
    assert (
        'VirtualService in version "v1alpha3" cannot be handled as a VirtualService: strict decoding error:'
        ' unknown field "spec.http[0].route[0].destination.hots"' in complaint
    )
    assert world.ok("get", "vs", "-n", namespace, "-o", "name") == ""


def test_wrong_values_are_listed_field_by_field(world: World, namespace: str) -> None:
    broken = DEPLOYMENT.replace("replicas: 1", "replicas: many").replace("containerPort: 3000", "containerPort: x")
    assert world.fails("apply", "-n", namespace, "-f", "-", stdin=broken) == textwrap.dedent("""\
        The Deployment "catalog" is invalid: 
        * spec.replicas: Invalid value: "many": must be an integer
        * spec.template.spec.containers[0].ports[0].containerPort: Invalid value: "x": must be an integer
        """)  # noqa: W291 -- kubectl's own blank


def test_what_istios_webhook_refuses_is_refused_in_its_words(world: World, namespace: str) -> None:
    complaint = world.fails("apply", "-n", namespace, "-f", "-", stdin=ROUTE.replace("  http:", "  tcp:"))
    assert 'admission webhook "validation.istio.io" denied the request: configuration is invalid: spec.tcp' in complaint


def test_what_is_not_honoured_is_warned_about(world: World, namespace: str) -> None:
    done = world.kubectl(
        "apply", "-n", namespace, "-f", "-", stdin=SERVICE.replace("spec:", "spec:\n  sessionAffinity: ClientIP")
    )
    assert done.returncode == 0
    assert "Warning: spec.sessionAffinity: not honoured by the local mesh" in done.stderr


def test_a_kind_that_is_not_served_is_named(world: World, namespace: str) -> None:
    job = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {}}"
    complaint = world.fails("apply", "-n", namespace, "-f", "-", stdin=job)
    assert "jobs.batch are not supported by the local mesh: it lists none and keeps none" in complaint
    unknown = "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: j}}"
    complaint = world.fails("apply", "-n", namespace, "-f", "-", stdin=unknown)
    assert 'no matches for kind "StorageClass" in version "storage.k8s.io/v1"' in complaint
    assert "the server doesn't have a resource type" in world.fails("get", "volumeattachments")


def test_a_stale_object_is_not_written_over(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=SERVICE)
    stale = world.ok("get", "svc", "catalog", "-n", namespace, "-o", "yaml")
    world.ok("label", "svc", "catalog", "-n", namespace, "changed=yes")
    complaint = world.fails("replace", "-n", namespace, "-f", "-", stdin=stale)
    assert 'Operation cannot be fulfilled on services "catalog": the object has been modified' in complaint


def test_a_dry_run_shows_and_stores_nothing(world: World, namespace: str) -> None:
    printed = world.ok("apply", "-n", namespace, "--dry-run=server", "-o", "yaml", "-f", "-", stdin=SERVICE)
    assert yaml.safe_load(printed)["spec"]["clusterIP"].startswith("10.200.1.")
    assert world.do(lambda: world.store.find(SERVICES, Key(namespace, "catalog"))) is None


def test_diff_shows_what_apply_would_change(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
    done = world.kubectl("diff", "-n", namespace, "-f", "-", stdin=DEPLOYMENT.replace("replicas: 1", "replicas: 2"))
    assert done.returncode == 1
    assert "+  replicas: 2" in done.stdout


def test_the_namespace_set_in_the_kubeconfig_is_used_and_kept(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=SERVICE)
    context = world.ok("config", "current-context").strip()
    world.ok("config", "set-context", context, f"--namespace={namespace}")
    try:
        assert world.ok("get", "svc", "-o", "name") == "service/catalog\n"
        assert world.door.kubeconfig.stat().st_mode & 0o777 == 0o600
    finally:
        world.ok("config", "set-context", context, "--namespace=default")


def test_namespaces_that_the_mesh_needs_stay(world: World) -> None:
    assert "this namespace may not be deleted" in world.fails("delete", "ns", "default")
    assert world.get(NAMESPACES, "", "default")["status"] == {"phase": "Active"}


def test_nothing_is_made_in_a_namespace_that_is_not_there_or_ends(world: World, namespace: str) -> None:
    assert 'namespaces "nowhere" not found' in world.fails("apply", "-n", "nowhere", "-f", "-", stdin=SERVICE)
    world.kubectl("delete", "ns", namespace, "--wait=false")
    assert "because it is being terminated" in world.fails("apply", "-n", namespace, "-f", "-", stdin=SERVICE)


def test_a_namespace_set_for_injection_gives_its_pods_a_proxy(world: World, namespace: str) -> None:
    world.ok("label", "ns", namespace, "istio-injection=enabled")
    world.ok("run", "-n", namespace, "p", "--image=p")
    names = world.ok("get", "pod", "p", "-n", namespace, "-o", "jsonpath={.spec.containers[*].name}")
    assert names == "p istio-proxy"


def test_version_and_discovery_need_no_warning(world: World) -> None:
    assert world.kubectl("version").stderr == ""
    assert "virtualservices" in world.ok("api-resources")
    assert "networking.istio.io/v1alpha3" in world.ok("api-versions")


def test_random_edits_through_apply_give_what_was_asked_for(world: World, namespace: str) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    for round_ in range(8):
        deployment = random_deployment(dice)
        world.ok("apply", "-n", namespace, "-f", "-", stdin=json.dumps(deployment))
        found = world.get(DEPLOYMENTS, namespace, "edited")
        assert covers(found, deployment), f"seed {seed}, round {round_}"


def test_server_side_apply_is_refused_with_the_way_out(world: World, namespace: str) -> None:
    complaint = world.fails("apply", "-n", namespace, "--server-side", "-f", "-", stdin=SERVICE)
    assert "use kubectl apply without --server-side" in complaint
    world.ok("apply", "-n", namespace, "-f", "-", stdin=SERVICE)
    assert "without --server-side" in world.fails("apply", "-n", namespace, "--server-side", "-f", "-", stdin=SERVICE)


def random_deployment(dice: random.Random) -> Object:
    """Return a Deployment whose lists come and go."""
    names = dice.sample(["a", "b", "c", "d"], dice.randint(1, 3))
    containers = [
        {
            "name": name,
            "image": f"{name}:{dice.randint(1, 3)}",
            "args": [str(dice.random()) for _ in range(dice.randint(0, 2))],
            "env": [{"name": key, "value": str(dice.randint(0, 2))} for key in dice.sample("XYZ", dice.randint(0, 3))],
            "ports": [{"containerPort": port} for port in dice.sample([1, 2, 3], dice.randint(0, 3))],
        }
        for name in names
    ]
    labels = {"app": "edited"} | {key: str(dice.randint(0, 2)) for key in dice.sample("pqr", dice.randint(0, 3))}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "edited", "labels": labels},
        "spec": {
            "replicas": dice.randint(0, 3),
            "selector": {"matchLabels": {"app": "edited"}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def covers(found: Any, wanted: Any) -> bool:
    """Tell whether what was found is what was wanted, with lists of the same length and defaults beside it."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            covers(found.get(key, type(value)()), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(covers, found, wanted))
    return bool(found == wanted)


def test_a_virtual_service_is_stored_once_for_all_its_versions(world: World, namespace: str) -> None:
    for version in ("v1alpha3", "v1beta1", "v1"):
        world.ok("apply", "-n", namespace, "-f", "-", stdin=ROUTE.replace("v1alpha3", version))
    assert len(world.do(lambda: world.store.objects(VIRTUAL_SERVICES, namespace))) == 1
    beta = world.ok("get", "virtualservices.v1beta1.networking.istio.io", "-n", namespace, "-o", "yaml")
    assert yaml.safe_load(beta)["items"][0]["apiVersion"] == "networking.istio.io/v1beta1"


def test_what_tools_look_for_first_is_listed_as_empty(world: World, namespace: str) -> None:
    kinds = "crd,node,secret,pdb,ds,sts,authorizationpolicies,peerauthentications,telemetries,wasmplugins,envoyfilters"
    kinds += ",mutatingwebhookconfigurations,validatingwebhookconfigurations"  # istioctl waits for these
    done = world.kubectl("get", "-n", namespace, kinds)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (0, "", "No resources found")
    assert "Metrics API not available" in world.fails("top", "pod")


def test_kubectl_auth_is_answered(world: World) -> None:
    assert world.ok("auth", "can-i", "create", "deployments.apps") == "yes\n"
    assert world.ok("auth", "can-i", "list", "secrets") == "yes\n"
    done = world.kubectl("auth", "can-i", "create", "secrets")
    assert (done.returncode, done.stdout) == (1, "no - not supported by the local mesh\n")
    assert "localmesh" in world.ok("auth", "whoami")
    assert "*.*" in world.ok("auth", "can-i", "--list")


def test_a_patch_that_does_not_fit_is_invalid_and_never_python(world: World, namespace: str) -> None:
    world.ok("create", "-n", namespace, "cm", "c")
    patch = ("patch", "-n", namespace, "cm", "c", "--type=json", "-p")
    complaint = world.fails(*patch, '[{"op": "remove", "path": "/data/none"}]')
    assert complaint.startswith("The request is invalid: operation 0 of the JSON patch, ")
    assert "Traceback" not in complaint
    assert "there is no server-side apply here" in world.fails(
        "apply",
        "--server-side",
        "-n",
        namespace,
        "-f",
        "-",
        stdin="{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}",
    )


def test_attach_speaks_to_a_container_s_own_process(world: World, namespace: str) -> None:
    start(world, namespace)
    done = world.kubectl("attach", "-q", "-i", "-n", namespace, "webapp", stdin="hello\n")
    assert (done.returncode, done.stdout) == (0, "attached\nhello\n")
