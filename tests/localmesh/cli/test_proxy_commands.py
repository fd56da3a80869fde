"""The commands against a real Envoy; of the cluster, only what the API would say of its pods is made up."""

import argparse
import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from localmesh.cli import proxies, proxy_config, proxy_status
from localmesh.core.errors import MeshError
from localmesh.envoy.delivery import Delivery
from localmesh.envoy.emit.tls import client_sockets
from localmesh.envoy.secrets import authority, own_certificate
from localmesh.home import Home
from localmesh.identity.authority import Authority
from localmesh.proxy.tls import ClientTls
from tests.localmesh.cli.test_proxies import deployment, pod
from tests.localmesh.envoy.world import Submitting, World, backends, route, world

METADATA = {
    "filter_metadata": {"istio": {"config": "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/web"}}
}


@dataclass
class Api:
    """What kubectl would bring."""

    objects: list[dict[str, Any]]
    delivery: Delivery

    def json(self, *arguments: str) -> Any:
        if arguments[0] == "config":
            return {"contexts": [{"context": {"namespace": "istioinaction"}}]}
        return {"items": self.objects}

    def raw(self, path: str) -> Any:
        assert path == "/debug/syncz"
        return [{"proxy": "webapp-1.istioinaction", "cluster_id": "Kubernetes", **self.delivery.sync()}]


@dataclass
class Running:
    """An Envoy that has what it was sent, and the way to send it more."""

    world: World
    delivery: Submitting


@pytest.fixture
async def envoy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with world(tmp_path) as made, backends("one") as ports:
        routes = [{**route("outbound|80||one", prefix="/api"), "metadata": METADATA}]
        delivery = made.delivery()
        delivery.submit(made.resources({"outbound|80||one": ports["one"]}, routes=routes))
        await made.start()
        await made.accepted(delivery)
        objects = [pod("webapp-1", str(made.admin.path)), pod("webapp-2", "/nowhere"), deployment("webapp")]
        objects[1]["status"] = {}
        api = Api(objects, delivery.delivery)
        monkeypatch.setattr(proxy_config, "kubectl", lambda: api)
        monkeypatch.setattr(proxy_status, "kubectl", lambda: api)
        yield Running(made, delivery)
        await delivery.close()


async def mesh(*arguments: str) -> int:
    """Run a command as `mesh` does."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for command in (proxy_config, proxy_status):
        command.add_parser(commands)
    parsed = parser.parse_args(arguments)
    return await asyncio.to_thread(parsed.run, parsed)


@pytest.mark.usefixtures("envoy")
async def test_status_says_synced_for_each_proxy_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert await mesh("ps") == 0
    assert capsys.readouterr().out.splitlines() == [
        "NAME                       CLUSTER        CDS        LDS        EDS        RDS        ISTIOD        VERSION",
        "webapp-1.istioinaction     Kubernetes     SYNCED     SYNCED     SYNCED     SYNCED     localmesh     1.31.1",
    ]


async def test_status_tells_refused_from_accepted(envoy: Running, capsys: pytest.CaptureFixture[str]) -> None:
    refused = [{"match": {"safe_regex": {"regex": "(("}}, "route": {"cluster": "x"}}]
    envoy.delivery.submit(envoy.world.resources({}, routes=refused))
    assert (await envoy.delivery.settled()).outcome == "refused"
    await mesh("proxy-status", "webapp-1.istioinaction", "-o", "json")
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["CDS"], row["RDS"]) == ("SYNCED", "ERROR")


@pytest.mark.usefixtures("envoy")
async def test_routes_by_deployment_name_their_virtual_service(capsys: pytest.CaptureFixture[str]) -> None:
    await mesh("pc", "routes", "deploy/webapp")
    assert capsys.readouterr().out.splitlines() == [
        "NAME     VHOST NAME     DOMAINS     MATCH     VIRTUAL SERVICE",
        "80       all            *           /api*     web.shop",
    ]


@pytest.mark.usefixtures("envoy")
async def test_json_has_istioctls_field_names(capsys: pytest.CaptureFixture[str]) -> None:
    await mesh("proxy-config", "route", "webapp-1", "-n", "istioinaction", "--name", "80", "-o", "json")
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["virtualHosts"][0]["routes"][0]["metadata"]["filterMetadata"]["istio"]


@pytest.mark.usefixtures("envoy")
async def test_filters_choose_among_endpoints(capsys: pytest.CaptureFixture[str]) -> None:
    await mesh("pc", "endpoint", "webapp-1", "--cluster", "outbound|80||one", "--status", "HEALTHY")
    assert len(capsys.readouterr().out.splitlines()) == 2
    with pytest.raises(MeshError, match="nothing like that"):
        await mesh("pc", "endpoint", "webapp-1", "--cluster", "another")


@pytest.mark.usefixtures("envoy")
async def test_all_shows_clusters_listeners_routes_and_endpoints(capsys: pytest.CaptureFixture[str]) -> None:
    await mesh("pc", "all", "webapp-1")
    headers = [text.split()[0] for text in capsys.readouterr().out.split("\n\n")]
    assert headers == ["SERVICE", "ADDRESSES", "NAME", "ENDPOINT"]


@pytest.mark.usefixtures("envoy")
async def test_levels_are_shown_and_set(capsys: pytest.CaptureFixture[str]) -> None:
    await mesh("pc", "log", "webapp-1", "--level", "http:debug,off")
    shown = capsys.readouterr().out
    assert shown.startswith("webapp-1.istioinaction:\nactive loggers:\n")
    assert "  http: debug\n" in shown
    assert "  router: off\n" in shown


async def test_an_unknown_level_is_refused_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        await mesh("pc", "log", "webapp-1", "--level", "loud")
    assert "'loud' is no level: choose one of trace, debug" in capsys.readouterr().err


async def test_certificates_are_shown_and_keys_are_not(envoy: Running, capsys: pytest.CaptureFixture[str]) -> None:
    trusted = Authority.make()
    own = trusted.issue("spiffe://cluster.local/ns/istioinaction/sa/webapp", timedelta(hours=1))
    secured = {"transport_socket": client_sockets(ClientTls("outbound_.80_._.one", ("istio",)))["transport_socket"]}
    resources = envoy.world.resources({"outbound|80||one": 9}, routes=[route("outbound|80||one")])
    changed = [{**cluster, **secured} for cluster in resources.cds]
    secrets = [authority(trusted.pem), own_certificate(own.chain, own.key)]
    envoy.delivery.submit(replace(resources, cds=changed, sds=secrets))
    await envoy.world.accepted(envoy.delivery)
    await mesh("proxy-config", "secret", "webapp-1.istioinaction")
    lines = [line.split()[:5] for line in capsys.readouterr().out.splitlines()]
    assert ["ROOTCA", "CA", "ACTIVE", "true", f"{trusted.certificate.serial_number:x}"] in lines
    assert [line[:5] for line in lines if line[0] == "default"] == [["default", "Cert", "Chain", "ACTIVE", "true"]]
    for arguments in (("secret",), ("all",)):
        await mesh("proxy-config", *arguments, "webapp-1.istioinaction", "-o", "json")
        shown = capsys.readouterr().out
        assert "BEGIN CERTIFICATE" in shown or "BEGIN CERTIFICATE" in b64decode(_chain(shown)).decode()
        assert own.key not in shown
        assert b64encode(own.key.encode()).decode() not in shown


def _chain(shown: str) -> str:
    return shown.partition('"inlineBytes": "')[2].partition('"')[0]


def test_without_a_mesh_the_answer_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Home, "default", lambda: Home(tmp_path))
    with pytest.raises(MeshError, match="no mesh runs in this checkout: `make up` starts one"):
        proxies.kubectl()
