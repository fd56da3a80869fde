"""What kubectl is told when something cannot be done."""

import textwrap

from localmesh.kinds.resources import (
    NAMESPACES,
)
from tests.localmesh.apiserver.http.conftest import World
from tests.localmesh.apiserver.http.manifests import DEPLOYMENT, ROUTE, SERVICE


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


def test_namespaces_that_the_mesh_needs_stay(world: World) -> None:
    assert "this namespace may not be deleted" in world.fails("delete", "ns", "default")
    assert world.get(NAMESPACES, "", "default")["status"] == {"phase": "Active"}


def test_nothing_is_made_in_a_namespace_that_is_not_there_or_ends(world: World, namespace: str) -> None:
    assert 'namespaces "nowhere" not found' in world.fails("apply", "-n", "nowhere", "-f", "-", stdin=SERVICE)
    world.kubectl("delete", "ns", namespace, "--wait=false")
    assert "because it is being terminated" in world.fails("apply", "-n", namespace, "-f", "-", stdin=SERVICE)


def test_server_side_apply_is_refused_with_the_way_out(world: World, namespace: str) -> None:
    complaint = world.fails("apply", "-n", namespace, "--server-side", "-f", "-", stdin=SERVICE)
    assert "use kubectl apply without --server-side" in complaint
    world.ok("apply", "-n", namespace, "-f", "-", stdin=SERVICE)
    assert "without --server-side" in world.fails("apply", "-n", namespace, "--server-side", "-f", "-", stdin=SERVICE)


def test_a_patch_that_does_not_fit_is_invalid_and_never_python(world: World, namespace: str) -> None:
    world.ok("create", "-n", namespace, "cm", "c")
    patch = ("patch", "-n", namespace, "cm", "c", "--type=json", "-p")
    complaint = world.fails(*patch, '[{"op": "add", "path": "/data/none/deeper", "value": {"a": null}}]')
    assert complaint.strip() == (
        "The request is invalid: the server rejected our request due to an error in our request: operation 0:"
        " add operation does not apply: doc is missing path: /data/none/deeper: missing value"
    )
    assert "there is no server-side apply here" in world.fails(
        "apply",
        "--server-side",
        "-n",
        namespace,
        "-f",
        "-",
        stdin="{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}",
    )
