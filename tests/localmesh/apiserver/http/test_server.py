"""The door as HTTP: who is let in, and what is said to those who ask for what is not there."""

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.requests import Request
from starlette.types import Message

from localmesh.apiserver.errors import ApiError
from localmesh.apiserver.http.certificates import issue
from localmesh.apiserver.http.kubeconfig import write
from localmesh.apiserver.http.objects import document
from localmesh.apiserver.http.server import Door, PortTakenError
from localmesh.core.loops import Loops
from localmesh.core.objects import Key
from localmesh.kinds.resources import CONFIG_MAPS
from localmesh.store.objects import Store
from tests.localmesh.apiserver.http.conftest import FakeRuntime, World, start

PODS = "/api/v1/namespaces/default/pods"


class Client:
    """What speaks HTTP with the kubeconfig's certificate."""

    def __init__(self, world: World, folder: Path) -> None:
        config = yaml.safe_load(world.kubeconfig.read_text())
        user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.context = ssl.create_default_context(cadata=authority)
        (folder / "client").write_bytes(
            base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
        )
        self.context.load_cert_chain(folder / "client")
        self.port = world.door.port

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return the code and the document of an answer."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=10)
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, sent, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        is_json = (response.getheader("content-type") or "").startswith("application/json")
        return response.status, json.loads(answer) if is_json else answer


@pytest.fixture
def client(world: World, tmp_path: Path) -> Iterator[Client]:
    return Client(world, tmp_path)


def test_without_a_certificate_nobody_gets_in(world: World) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # where the server's refusal belongs to the handshake
    with socket.create_connection(("127.0.0.1", world.door.port), timeout=10) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw)


def test_a_page_that_points_its_name_here_is_refused(client: Client) -> None:
    code, status = client.ask("GET", PODS, Host="evil.example:443")
    assert (code, status["message"]) == (
        421,
        "this is the API of a local mesh: it answers to 127.0.0.1 and localhost only",
    )
    assert client.ask("GET", PODS, Host=f"localhost:{client.port}")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "code", "reason"),
    [
        ("GET", "/nothing", 404, "NotFound"),
        ("GET", "/api/v1/nothing", 404, "NotFound"),
        ("GET", "/apis/storage.k8s.io", 404, "NotFound"),
        ("GET", "/apis/apps/v2", 404, "NotFound"),
        ("GET", "/openapi/v3/apis/storage.k8s.io/v1", 404, "NotFound"),
        ("GET", f"{PODS}/x", 404, "NotFound"),
        ("GET", f"{PODS}/x/attach", 404, "NotFound"),
        ("DELETE", "/api/v1/namespaces", 405, "MethodNotAllowed"),
        ("DELETE", "/api/v1/pods", 405, "MethodNotAllowed"),
        ("POST", f"{PODS}/x", 405, "MethodNotAllowed"),
        ("POST", "/api/v1/pods", 405, "MethodNotAllowed"),
        ("PUT", PODS, 405, "MethodNotAllowed"),
        ("OPTIONS", PODS, 405, "MethodNotAllowed"),
        ("GET", f"{PODS}?labelSelector=a+b", 400, "BadRequest"),
        ("GET", f"{PODS}?fieldSelector=status.phse%3DRunning", 400, "BadRequest"),
        ("GET", f"{PODS}?watch=true&resourceVersion=x", 400, "BadRequest"),
    ],
)
def test_what_is_not_there_is_a_status(client: Client, method: str, path: str, code: int, reason: str) -> None:
    found, status = client.ask(method, path, {} if method in ("POST", "PUT") else None)
    assert (found, status["kind"], status["reason"], status["code"]) == (code, "Status", reason, code)


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"\xff", {}, 400),
        (b'{"metadata": {"name": "x"}, "spec": NaN}', {}, 400),
        (b'{"metadata": {"name": "x"}, "spec": 1e400, "half": "\\ud83d"}', {}, 400),
        (b"k8s\0\x0a", {"content_type": "application/vnd.kubernetes.protobuf"}, 415),
        (b"x" * (3 * 1024 * 1024 + 1), {}, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_a_status(
    client: Client, body: bytes, headers: dict[str, str], code: int
) -> None:
    assert client.ask("POST", PODS, body, **headers)[0] == code


REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
DEEP = b'{"spec":' + b'{"a":' * 900 + b"1" + b"}" * 901


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", REVIEWS, [], {}),
        ("POST", REVIEWS, {"spec": "x"}, {}),
        ("POST", REVIEWS, {"spec": {"resourceAttributes": [1]}}, {}),
        ("POST", REVIEWS, {"spec": {"resourceAttributes": {"resource": ["x"]}}}, {}),
        ("POST", PODS, b"[" * 100_000, {}),
        ("PATCH", "/api/v1/namespaces/default", DEEP, {"content_type": "application/strategic-merge-patch+json"}),
        ("DELETE", f"{PODS}/x", b'{"gracePeriodSeconds": 1e400}', {}),
        ("GET", f"{PODS}?limit=1&continue=x", None, {}),
    ],
)
def test_what_makes_no_sense_is_no_fault_of_the_mesh(
    client: Client, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    code, status = client.ask(method, path, body, **headers)
    assert (code, bool(status["message"])) == (410 if "continue" in path else 400, True)


def test_a_log_may_begin_long_ago_and_not_at_a_time_without_a_zone(client: Client, running: Key) -> None:
    path = f"/api/v1/namespaces/{running.namespace}/pods/{running.name}/log?container=webapp"
    for query in ("sinceSeconds=99999999999999999999", "sinceTime=2026-01-31T12:00:00Z"):
        assert client.ask("GET", f"{path}&{query}")[0] == 200
    for query in ("sinceTime=2026-01-31", "sinceTime=0001-01-01T00:00:00%2B14:00"):
        assert client.ask("GET", f"{path}&{query}")[0] == 400


async def test_who_goes_in_the_middle_of_a_request_is_no_fault() -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return parts.pop(0)

    with pytest.raises(ApiError, match="the client went away"):
        await document(Request({"type": "http", "headers": []}, receive))


def test_a_part_of_a_collection_is_deleted_by_its_labels(client: Client, world: World, namespace: str) -> None:
    for name in ("a", "b", "c"):
        labels = {"x": "no" if name == "c" else "yes"}
        world.create(CONFIG_MAPS, namespace, {"metadata": {"name": name, "labels": labels}})
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    assert client.ask("DELETE", f"{path}?dryRun=All")[0] == 200
    code, deleted = client.ask("DELETE", f"{path}?labelSelector=x%3Dyes")
    assert (code, [each["metadata"]["name"] for each in deleted["items"]]) == (200, ["a", "b"])
    assert [each["metadata"]["name"] for each in client.ask("GET", path)[1]["items"]] == ["c"]


def test_half_a_surrogate_pair_does_not_poison_what_is_listed(client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    body = b'{"metadata": {"name": "c"}, "data": {"whole": "\\ud83d\\ude00", "half": "\\uD83d"}}'
    assert client.ask("POST", path, body)[0] == 201
    assert client.ask("GET", path)[1]["items"][0]["data"] == {"whole": "\U0001f600", "half": "?"}


def test_queries_that_make_no_sense_are_refused(client: Client) -> None:
    for query in ("fieldValidation=Maybe", "dryRun=Some"):
        code, status = client.ask("POST", f"/api/v1/namespaces?{query}", {"metadata": {"name": "never"}})
        assert (code, "Unsupported value" in status["message"]) == (400, True)


def test_deletions_that_make_no_sense_are_refused(client: Client) -> None:
    for body in ([], {"preconditions": ["x"]}, {"gracePeriodSeconds": "soon"}, {"dryRun": "All"}):
        assert client.ask("DELETE", "/api/v1/namespaces/default", body)[0] == 400


def test_only_json_is_answered(client: Client) -> None:
    assert client.ask("GET", PODS, accept="application/vnd.kubernetes.protobuf")[0] == 406
    code, _ = client.ask("GET", PODS, accept="application/vnd.kubernetes.protobuf,application/json")
    assert code == 200


def test_warnings_are_headers_that_kubectl_prints(world: World, namespace: str) -> None:
    text = f"""{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: {namespace}}},
                spec: {{selector: {{app: s}}, ports: [{{name: http, port: 80, "ü\\"x": 1}}]}}}}"""
    done = world.kubectl("apply", "--validate=warn", "-f", "-", stdin=text)
    assert (done.returncode, done.stderr) == (0, 'Warning: unknown field "spec.ports[0].ü"x"\n')


def test_discovery_comes_in_the_old_form_too(client: Client) -> None:
    assert client.ask("GET", "/api")[1]["versions"] == ["v1"]
    groups = client.ask("GET", "/apis")[1]["groups"]
    assert {"apps", "discovery.k8s.io", "policy", "networking.istio.io"} <= {group["name"] for group in groups}
    assert client.ask("GET", "/apis/apps")[1]["preferredVersion"]["groupVersion"] == "apps/v1"
    names = [resource["name"] for resource in client.ask("GET", "/api/v1")[1]["resources"]]
    assert {"pods", "pods/log", "pods/exec", "namespaces/status"} <= set(names)
    assert client.ask("GET", "/readyz") == (200, b"ok")


def test_the_addresses_of_openapi_documents_change_with_their_content(client: Client) -> None:
    paths = client.ask("GET", "/openapi/v3")[1]["paths"]
    assert {"api/v1", "apis/apps/v1", "apis/networking.istio.io/v1alpha3"} <= paths.keys()
    assert client.ask("GET", paths["apis/apps/v1"]["serverRelativeURL"])[0] == 200


def test_a_spdy_client_learns_what_is_needed(client: Client, world: World) -> None:
    start(world, "default", "spdy")
    code, status = client.ask("POST", f"{PODS}/spdy/exec?command=true")
    assert (code, "WebSocket only" in status["message"]) == (400, True)


def test_a_fault_of_the_door_is_a_status_too(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(world.store, "objects", broken)
    code, status = client.ask("GET", PODS)
    assert (code, status["reason"]) == (500, "InternalError")
    assert "ZeroDivisionError: oh: this is a fault of the local mesh" in status["message"]
    assert "GET /api/v1/namespaces/default/pods failed" in caplog.text


async def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} on 127.0.0.1, for kubectl, is taken"):
            async with Door(Store(), FakeRuntime(), Loops(), issue(), host="127.0.0.1", port=port):
                pass


def test_the_kubeconfig_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "mesh" / "kubeconfig"
    write(path, "https://127.0.0.1:1", issue())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("before", "namespace"), [("istioinaction", "istioinaction"), (None, None)])
def test_a_chosen_namespace_survives_new_certificates(
    tmp_path: Path, before: str | None, namespace: str | None
) -> None:
    path = tmp_path / "kubeconfig"
    write(path, "https://127.0.0.1:1", issue())
    document = yaml.safe_load(path.read_text())
    document["contexts"][0]["context"] |= {"namespace": before} if before else {}
    path.write_text(yaml.safe_dump(document))
    write(path, "https://127.0.0.1:2", issue())
    assert yaml.safe_load(path.read_text())["contexts"][0]["context"].get("namespace") == namespace


def test_a_file_that_is_no_kubeconfig_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    for text in ("{", "[]", "contexts: 5", "contexts: [{}]"):
        path.write_text(text)
        write(path, "https://127.0.0.1:1", issue())
        assert yaml.safe_load(path.read_text())["kind"] == "Config"
