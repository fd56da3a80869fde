"""What pilot computes, served by a real Envoy."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from localmesh.core.objects import Object
from localmesh.envoy.emit import emit
from localmesh.kinds.addresses import PodAddresses
from tests.localmesh.envoy.world import World, backends, world
from tests.localmesh.pilot.objects import destination_rule, pod, proxies, route, service, virtual_service

SEARCH = ({"name": "http", "port": 80, "targetPort": 3000}, {"name": "http-admin", "port": 8088, "targetPort": 9000})


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as found:
        yield found


@pytest.fixture
async def answering() -> AsyncIterator[dict[str, int]]:
    """Ports of servers that answer with their names."""
    async with backends("v1", "v2", "admin", "network") as ports:
        yield ports


def catalog(name: str, answering: dict[str, int], version: str, *, ready: bool = True) -> Object:
    app = {3000: answering[version], 9000: answering["admin"]}
    return pod(name, PodAddresses(app=app), sidecar=False, ready=ready, labels={"version": version})


async def serve(made: World, answering: dict[str, int], *objects: Object) -> httpx.AsyncClient:
    """Start the Envoy beside webapp-1 and return a client that has it as its HTTP proxy."""
    webapp = pod("webapp-1", PodAddresses(http_proxy=made.port, network=answering["network"]))
    made.serve(emit(proxies(webapp, *objects)["webapp-1"]))
    await made.start()
    return httpx.AsyncClient(proxy=f"http://127.0.0.1:{made.port}")


async def test_calls_reach_the_port_that_they_name(made: World, answering: dict[str, int]) -> None:
    both, one = service("catalog", *SEARCH), service("lonely", SEARCH[1], selector={"app": "catalog"})
    async with await serve(made, answering, both, one, catalog("catalog-1", answering, "v1")) as client:
        answers = {
            url: (await client.get(url)).text
            for url in (
                "http://catalog/",
                "http://catalog.istioinaction:80/",
                "http://catalog:8088/",
                "http://lonely.istioinaction.svc:8088/",
                "http://lonely/",
                "http://nobody/",
            )
        }
    assert list(answers.values()) == ["v1", "v1", "admin", "admin", "network", "network"]


async def test_dark_launch_lets_nobody_through_by_chance(made: World, answering: dict[str, int]) -> None:
    def to(version: str) -> Object:
        return {"route": [{"destination": {"host": "catalog", "subset": version}}]}

    dark = virtual_service("catalog", to("v2") | {"match": [{"headers": {"x-dark-launch": {"exact": "v2"}}}]}, to("v1"))
    pods = catalog("catalog-1", answering, "v1"), catalog("catalog-2", answering, "v2")
    rule = destination_rule("catalog", "v1", "v2")
    async with await serve(made, answering, service("catalog"), *pods, rule, dark) as client:
        plain = Counter([(await client.get("http://catalog/")).text for _ in range(50)])
        headers = {"X-Dark-Launch": "v2"}
        launched = Counter([(await client.get("http://catalog/", headers=headers)).text for _ in range(50)])
        other = (await client.get("http://catalog/", headers={"x-dark-launch": "V2"})).text
    assert (plain, launched, other) == ({"v1": 50}, {"v2": 50}, "v1")


async def test_a_pod_that_is_not_ready_gets_no_request(made: World, answering: dict[str, int]) -> None:
    pods = catalog("catalog-1", answering, "v1"), catalog("catalog-2", answering, "v2", ready=False)
    async with await serve(made, answering, service("catalog"), *pods) as client:
        assert Counter([(await client.get("http://catalog/")).text for _ in range(50)]) == {"v1": 50}


async def test_what_has_nowhere_to_go_is_told_as_istio_tells_it(made: World, answering: dict[str, int]) -> None:
    idle, lost = service("catalog"), virtual_service("lost", route("nowhere"), hosts=["lost.io"])
    async with await serve(made, answering, idle, lost) as client:
        nobody, nowhere = await client.get("http://catalog/"), await client.get("http://lost.io/")
    assert (nobody.status_code, nobody.text) == (503, "no healthy upstream")
    assert (nowhere.status_code, nowhere.text) == (503, "")
