"""The pages of telemetry that belong to the mesh that runs, and to no other.

A port may be somebody else's although the mesh listens on it: a cluster's NAT rules take what comes for it before.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence

from msgspec import Struct

from localmesh.cli.kubectl import Kubectl
from localmesh.core.errors import MeshError
from localmesh.core.objects import Object
from localmesh.telemetry.names import MESH_ID_HEADER

HTTP = 80
NAMESPACE = "istio-system"
TIMEOUT_S = 5.0

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Pages(Struct, frozen=True):
    """Where the pages answer."""

    mesh: str
    traces: str
    """URLs without a slash at the end."""


def services_of(client: Kubectl) -> list[Object]:
    """Return the Services beside the control plane. Raises MeshError."""
    services: list[Object] = client.json("get", "svc", "-n", NAMESPACE)["items"]
    return services


def find(client: Kubectl, services: Sequence[Object]) -> Pages | None:
    """Return this mesh's pages, None when it runs without telemetry. Raises MeshError when they are not its own."""
    if not any(service["metadata"]["name"] == "tracing" for service in services):
        return None
    ports = node_port(services, "kiali", 20001), node_port(services, "tracing")
    mesh_id = str(client.json("get", "namespace", NAMESPACE)["metadata"]["uid"])
    for port in ports:
        if complaint := foreign(port, mesh_id):
            raise MeshError(complaint)
    return Pages(*(f"http://127.0.0.1:{port}" for port in ports))


def foreign(port: int, mesh_id: str) -> str:
    """Return why what answers on a port is not a page of this mesh, "" if it is one."""
    url = f"http://127.0.0.1:{port}"
    try:
        with _DIRECT.open(f"{url}/healthz", timeout=TIMEOUT_S) as answer:
            their_id = answer.headers.get(MESH_ID_HEADER)
    except urllib.error.HTTPError as error:
        with error:
            their_id = error.headers.get(MESH_ID_HEADER)
    except (OSError, http.client.HTTPException) as error:
        return f"{url} does not answer ({error}): kubectl get pods -n {NAMESPACE} shows whether telemetry runs"
    if their_id == mesh_id:
        return ""
    whose = "another mesh" if their_id else "somebody else, such as a cluster whose node port it is,"
    return (
        f"{url} is answered by {whose} and not by this mesh's page: mesh down, then"
        " mesh up --telemetry-ports FIRST takes four other ports"
    )


def node_port(services: Sequence[Object], name: str, number: int = HTTP) -> int:
    """Return the node port of a Service's port. Raises MeshError."""
    for service in services:
        for port in service["spec"].get("ports") or ():
            if service["metadata"]["name"] == name and port["port"] == number and port.get("nodePort"):
                return int(port["nodePort"])
    raise MeshError(f"Service {name} in {NAMESPACE} has no node port for its port {number}")
