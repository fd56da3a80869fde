"""Telemetry behind emission: what it adds, and what a real Envoy then counts and traces."""

import asyncio
import copy
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from localmesh.envoy.binary import envoy_binary
from localmesh.envoy.emit.authorization import http_authorization
from localmesh.envoy.resources import Resources, ResourceType
from localmesh.envoy.stats import MIRRORED, Identity
from localmesh.envoy.telemetry import COLLECTOR, RUNTIME, Dresser, Telemetry
from localmesh.envoy.wire import encode_all
from localmesh.proxy.authorization import Action, Always, Authorization, PathMatch, Policy
from localmesh.proxy.matches import TextKind, TextMatch
from localmesh.telemetry.denials import in_words
from localmesh.telemetry.exposition import labels_of, name_of, samples
from localmesh.telemetry.spans import Span, from_zipkin_protobuf
from tests.localmesh.envoy.world import until

TYPE = "type.googleapis.com/envoy.extensions.filters"
SERVICE = "outbound|80||catalog.shop.svc.cluster.local"
PATH = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/catalog"
WEBAPP = Identity("webapp", "shop", "webapp", "latest")
SECRET = Authorization(
    Action.DENY,
    (Policy("ns[shop]-policy[no-one]-rule[0]", (PathMatch(TextMatch(TextKind.EXACT, "/secret")),), (Always(),)),),
)
CATALOG = Identity("catalog-v2", "shop", "catalog", "v2")


def manager(routes: list[Any]) -> Any:
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "x",
            "access_log": [],
            "route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
            "http_filters": [
                {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPE}.http.router.v3.Router"}}
            ],
        },
    }


def listener(path: Path, direction: str, routes: list[Any]) -> Any:
    return {
        "name": direction,
        "address": {"pipe": {"path": str(path)}},
        "traffic_direction": direction,
        "filter_chains": [{"filters": [manager(routes)]}],
    }


def cluster(name: str, path: Path, **metadata: Any) -> tuple[Any, Any]:
    """A cluster as istiod writes it, and its endpoint."""
    istio = {"services": [{"host": "catalog.shop.svc.cluster.local", "name": "catalog", "namespace": "shop"}]}
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(path)}}}}
    if metadata:
        endpoint["metadata"] = {"filter_metadata": {"istio": metadata}}
    described = {"name": name, "type": "STATIC", "metadata": {"filter_metadata": {"istio": istio}}}
    return described, {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}


def outbound(folder: Path) -> Resources:
    retries = {"retry_on": "5xx", "num_retries": 3}
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": SERVICE, "retry_policy": retries},
        "metadata": {"filter_metadata": {"istio": {"config": PATH}}},
    }
    nobody = {"match": {"prefix": "/nobody"}, "route": {"cluster": "outbound|80||nobody"}}
    described, assignment = cluster(SERVICE, folder / "in", workload="catalog-v2;shop;catalog;v2;Kubernetes")
    empty, _ = cluster("outbound|80||nobody", folder / "none")
    mirrored = {
        **route,
        "match": {"prefix": "/mirrored"},
        "route": {"cluster": SERVICE, "request_mirror_policies": [{"cluster": SERVICE}]},
    }
    return Resources(
        lds=[listener(folder / "out", "OUTBOUND", [nobody, mirrored, route])],
        cds=[described, empty],
        eds=[assignment, {"cluster_name": "outbound|80||nobody"}],
    )


def inbound(folder: Path) -> Resources:
    """The called: nobody may ask for /secret."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": "inbound|3000||"}}
    described, assignment = cluster("inbound|3000||", folder / "app")
    found = listener(folder / "in", "INBOUND", [route])
    found["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"].insert(0, http_authorization(SECRET))
    return Resources(lds=[found], cds=[described], eds=[assignment])


def bootstrap(folder: Path, who: str, resources: Resources) -> Path:
    """The resources without a control plane: clusters with their endpoints in them."""
    assignments = {each["cluster_name"]: each for each in resources.eds}
    clusters = [
        each if "load_assignment" in each else {**each, "load_assignment": assignments[each["name"]]}
        for each in resources.cds
    ]
    path = folder / f"{who}.json"
    config = {
        "node": {"id": f"sidecar~127.0.0.1~{who}-1.shop~shop.svc.cluster.local", "cluster": f"{who}.shop"},
        "admin": {"address": {"pipe": {"path": str(folder / f"{who}.admin")}}},
        "layered_runtime": {
            "layers": [{"name": "fast", "static_layer": {**RUNTIME, "tracing.zipkin.flush_interval_ms": 50}}]
        },
        "static_resources": {"listeners": resources.lds, "clusters": clusters},
    }  # fmt: skip
    path.write_text(json.dumps(config))
    return path


async def ask(path: Path, target: str, headers: str = "") -> tuple[int, str]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(f"GET {target} HTTP/1.1\r\nhost: catalog\r\nconnection: close\r\n{headers}\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


class App:
    """Fails every other request; keeps the heads of all."""

    def __init__(self) -> None:
        self.heads: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        status = "500 Bad" if len(self.heads) % 2 else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


class Collector:
    """Takes spans as Envoy sends them: in chunks."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._came = asyncio.Event()

    async def enough(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.spans) < count:
                self._came.clear()
                await self._came.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            assert b"transfer-encoding: chunked" in head
            body = b""
            while length := int(await reader.readline(), 16):
                body += await reader.readexactly(length)
                await reader.readline()
            await reader.readline()
            self.spans += from_zipkin_protobuf(body)
            self._came.set()
            writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")


@asynccontextmanager
async def running(folder: Path, telemetry: Telemetry) -> AsyncIterator[tuple[App, Collector]]:
    """webapp's Envoy before catalog's before an application."""
    app, collector = App(), Collector()
    async with AsyncExitStack() as stack:
        for name, serve in (("app", app.serve), ("zipkin", collector.serve)):
            server = await asyncio.start_unix_server(serve, str(folder / name))
            stack.callback(server.close)
        for who, resources, identity in (("webapp", outbound(folder), WEBAPP), ("catalog", inbound(folder), CATALOG)):
            path = bootstrap(folder, who, Dresser(telemetry).dress(resources, identity))
            with (folder / f"{who}.log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    envoy_binary(), "-c", path, "--concurrency", "1", "--disable-hot-restart", "-l", "error",
                    stderr=log,
                )  # fmt: skip
            stack.push_async_callback(process.wait)
            stack.callback(process.kill)
        for who in ("webapp", "catalog"):
            await until(partial(_ready, folder / f"{who}.admin"))
        yield app, collector


async def _ready(path: Path) -> bool:
    try:
        return (await ask(path, "/ready"))[0] == 200
    except (OSError, IndexError):
        return False


Counted = dict[tuple[str, str, str], float]


async def counted(path: Path) -> tuple[Counted, list[dict[str, str]]]:
    """What an Envoy counted: by metric, status and flags; and all labels."""
    _, text = await ask(path, "/stats/prometheus?usedonly&filter=^istio[.]")
    text = "\n".join(line for line in text.splitlines() if len(line) > 6)  # without the sizes of chunks
    found, labels = {}, []
    for series, value in samples(text):
        if name_of(series) in ("istio_requests_total", "mesh_attempts_total"):
            labels.append(labels_of(series))
            found[name_of(series), labels[-1]["response_code"], labels[-1]["response_flags"]] = value
    return found, labels


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="m", dir="/tmp") as folder:
        yield Path(folder)


async def test_calls_and_attempts_are_counted_under_istios_names_by_caller_and_called(folder: Path) -> None:
    async with running(folder, Telemetry()) as (app, _):
        for _ in range(5):
            assert (await ask(folder / "out", "/"))[0] == 200
        assert (await ask(folder / "out", "/nobody"))[0] == 503
        source, source_labels = await counted(folder / "webapp.admin")
        destination, destination_labels = await counted(folder / "catalog.admin")
    assert source == {
        ("istio_requests_total", "200", "-"): 5, ("istio_requests_total", "503", "UH"): 1,
        ("mesh_attempts_total", "200", "-"): 5, ("mesh_attempts_total", "500", "-"): 5,
    }  # fmt: skip
    assert destination == {("istio_requests_total", "200", "-"): 5, ("istio_requests_total", "500", "-"): 5}
    known = next(each for each in source_labels if each["response_code"] == "200")
    assert {name: known[name] for name in ("source_workload", "destination_workload", "destination_version")} == {
        "source_workload": "webapp", "destination_workload": "catalog-v2", "destination_version": "v2",
    }  # fmt: skip
    assert (known["source_version"], known["source_canonical_revision"]) == ("unknown", "latest")
    assert known["destination_service"] == "catalog.shop.svc.cluster.local"
    assert {each["source_workload"] for each in destination_labels} == {"webapp"}
    assert {tuple(labels) for labels in (*source_labels, *destination_labels)} <= {
        tuple(known), (*known, "mirrored"),
    }  # fmt: skip
    assert len(known) == 25
    assert not any("x-istio-peer" in head for head in app.heads)


async def test_a_copy_is_counted_as_one_and_not_as_a_try(folder: Path) -> None:
    async with running(folder, Telemetry()) as (app, _):
        assert (await ask(folder / "out", "/mirrored", f"{MIRRORED}: true\r\n"))[0] in (200, 500)
        await until(partial(_counts, folder / "webapp.admin", {"": 1, "true": 1}))
    assert len(app.heads) == 2
    assert not any("x-istio-peer" in head for head in app.heads)


async def _counts(path: Path, tries: dict[str, int]) -> bool:
    _, text = await ask(path, "/stats/prometheus?usedonly&filter=^istio[.]")
    attempts = [(series, value) for series, value in samples(text) if name_of(series) == "mesh_attempts_total"]
    return {labels_of(series)["mirrored"]: value for series, value in attempts} == tries


async def test_a_denial_is_counted_and_traced_with_the_policy_that_denied(folder: Path) -> None:
    async with running(folder, Telemetry(collector=folder / "zipkin")) as (app, collector):
        assert (await ask(folder / "out", "/secret"))[0] == 403
        assert (await ask(folder / "out", "/nobody"))[0] == 503
        await collector.enough(4)
        _, text = await ask(folder / "catalog.admin", "/stats/prometheus?usedonly&filter=^istio[.]")
    assert app.heads == []
    found = [series for series, _ in samples(text) if name_of(series) == "mesh_denied_requests_total"]
    (counted_by,) = map(labels_of, found)
    assert (counted_by["source_workload"], counted_by["destination_workload"]) == ("webapp", "catalog-v2")
    said = "denied by AuthorizationPolicy no-one.shop, spec.rules[0]"
    assert in_words(counted_by["reason"]) == said
    assert [in_words(span.tags.get("response_code_details", "")) for span in collector.spans].count(said) == 1


async def test_a_caller_that_says_it_is_someone_else_is_not_believed_by_the_proxy_between(folder: Path) -> None:
    async with running(folder, Telemetry()) as _:
        await ask(folder / "out", "/", "x-istio-peer-workload: admin\r\n")
        _, labels = await counted(folder / "catalog.admin")
    assert {each["source_workload"] for each in labels} == {"webapp"}


async def test_each_attempt_is_a_span_of_one_trace(folder: Path) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with running(folder, Telemetry(collector=folder / "zipkin")) as (app, collector):
        await ask(folder / "out", "/", f"traceparent: 00-{trace}-b7ad6b7169203331-01\r\n")
        await collector.enough(5)
    assert {span.trace_id for span in collector.spans} == {trace}
    attempts = [span for span in collector.spans if span.kind == "CLIENT" and "upstream_cluster" in span.tags]
    attempts.sort(key=lambda span: span.start_us)
    assert [span.tags["http.status_code"] for span in attempts] == ["500", "200"]
    assert sorted(span.service for span in collector.spans) == ["catalog.shop"] * 2 + ["webapp.shop"] * 3
    assert all("traceparent" in head and "x-b3-traceid" in head for head in app.heads)
    # What is in headers is what spans say: an application's span has its proxy's above it, and that its caller's.
    asked = {re.findall(f"traceparent: 00-{trace}-(.{{16}})-01", head)[0] for head in app.heads}
    assert asked == {span.id for span in collector.spans if span.service == "catalog.shop"}
    assert "b7ad6b7169203331" in {span.parent_id for span in collector.spans}


def test_what_was_emitted_stays_as_it_is_and_nothing_is_added_that_was_not_asked_for(tmp_path: Path) -> None:
    resources = outbound(tmp_path)
    before = copy.deepcopy(resources)
    with_both = Dresser(Telemetry(collector=tmp_path / "zipkin")).dress(resources, WEBAPP)
    assert resources == before
    assert Dresser(Telemetry(collector=tmp_path / "zipkin")).dress(resources, WEBAPP) == with_both
    assert [each["name"] for each in with_both.cds] == [SERVICE, "outbound|80||nobody", COLLECTOR]
    assert "RESPONSE_CODE_DETAILS" not in json.dumps(with_both.lds)  # nothing there denies
    assert "tracing" not in json.dumps(Dresser(Telemetry()).dress(resources, WEBAPP).lds)
    assert "loggers.stats" not in json.dumps(Dresser(Telemetry(metrics=False)).dress(resources, WEBAPP).lds)


def test_a_proxy_samples_as_all_do_unless_its_own_share_is_said(tmp_path: Path) -> None:
    def share(sampling: float | None) -> float:
        found = dresser.dress(resources, WEBAPP, sampling).lds[0]["filter_chains"][0]["filters"][0]["typed_config"]
        return float(found["tracing"]["random_sampling"]["value"])

    resources, dresser = outbound(tmp_path), Dresser(Telemetry(collector=tmp_path / "zipkin"))
    assert [share(each) for each in (None, 0, 12.5, None)] == [100, 0, 12.5, 100]


def test_what_is_added_has_the_fields_that_the_protobufs_have(tmp_path: Path) -> None:
    for resources in (outbound(tmp_path), inbound(tmp_path)):
        configuration = encode_all(Dresser(Telemetry(collector=tmp_path / "zipkin")).dress(resources, WEBAPP))
        assert COLLECTOR in configuration[ResourceType.CLUSTER]
        assert len(configuration[ResourceType.LISTENER]) == 1


def test_what_proxies_share_is_dressed_once_and_stays_as_long_as_it_is_asked_for(tmp_path: Path) -> None:
    resources, dresser = outbound(tmp_path), Dresser(Telemetry())
    first, second = dresser.dress(resources, WEBAPP), dresser.dress(resources, CATALOG)
    assert first.cds[0] is second.cds[0]
    assert first.eds[0] is second.eds[0]
    assert first.lds[0] is not second.lds[0]
    dresser.forget()
    assert dresser.dress(resources, WEBAPP).lds[0] is first.lds[0]
    dresser.forget()
    dresser.forget()
    assert dresser.dress(resources, WEBAPP).lds[0] is not first.lds[0]


def test_a_rule_has_the_same_name_in_every_proxy_and_another_once_it_says_something_else(tmp_path: Path) -> None:
    def name(resources: Resources, identity: Identity) -> str:
        chain = Dresser(Telemetry()).dress(resources, identity).lds[0]["filter_chains"][0]
        routes = chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]
        assert "mesh" not in routes[0].get("metadata", {}).get("filter_metadata", {})
        return str(routes[1]["metadata"]["filter_metadata"]["mesh"]["rule"])

    assert name(outbound(tmp_path), WEBAPP) == name(outbound(tmp_path), CATALOG)
    changed = outbound(tmp_path)
    routes = changed.lds[0]["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]
    routes["routes"][1]["route"]["timeout"] = "1s"
    assert name(changed, WEBAPP) != name(outbound(tmp_path), WEBAPP)
    assert name(changed, WEBAPP).startswith("shop/catalog/")


def test_other_listeners_and_odd_resources_pass_through() -> None:
    tcp = {"name": "tcp", "filter_chains": [{"filters": [{"name": "envoy.filters.network.tcp_proxy"}]}]}
    bare = Resources(lds=[tcp, {"name": "none"}], rds=[{"name": "r"}], cds=[{"name": "c"}], eds=[{"cluster_name": "c"}])
    found = Dresser(Telemetry()).dress(bare, WEBAPP)
    assert found.lds[0] == tcp
    assert (found.cds, found.eds) == ([{"name": "c"}], [{"cluster_name": "c"}])
