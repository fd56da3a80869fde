"""What `mesh explain` says of routes, held against what a real Envoy does with 200 generated worlds."""

import asyncio
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest

from localmesh.envoy.binary import envoy_binary
from localmesh.envoy.matching import ConsideredRoute, Request, steps, taken, virtual_host
from tests.localmesh.envoy.world import until

DARK = [{"name": "x-dark-launch", "string_match": {"exact": "v2"}}]
POST = [{"name": ":method", "string_match": {"exact": "POST"}}]
HOST = {
    "routes": [
        {"name": "dark", "match": {"prefix": "/", "headers": DARK}},
        {
            "name": "posted",
            "match": {"path": "/items", "headers": POST},
        },
        {"name": "all", "match": {"prefix": "/"}},
        {"name": "never", "match": {"prefix": "/"}},
    ]
}


def explained(met: list[ConsideredRoute]) -> list[tuple[str, str]]:
    return [(step.route["name"], step.why_not) for step in met]


def test_each_route_that_was_passed_over_says_why() -> None:
    assert explained(steps(HOST, Request("catalog", "/items?x=1"))) == [
        ("dark", "header x-dark-launch is missing, not 'v2'"),
        ("posted", "the method is 'GET', not 'POST'"),
        ("all", ""),
    ]
    assert explained(steps(HOST, Request("catalog", "/", headers={"x-dark-launch": "v2"}))) == [("dark", "")]


def test_a_request_that_no_route_wants_gets_none() -> None:
    met = steps({"routes": HOST["routes"][:2]}, Request("catalog", "/"))
    assert taken(met) is None
    assert met[1].why_not == "the path / is not /items"
    assert taken(steps({}, Request("catalog", "/"))) is None


def test_the_most_precise_domain_owns_a_host() -> None:
    domains = ["*", "*.shop", "*.a.shop", "a.*", "x.a.shop", "a.b"]
    hosts = {"virtual_hosts": [{"name": domain, "domains": [domain]} for domain in domains]}

    def owner(host: str, **more: Any) -> str:
        found = virtual_host({**hosts, **more}, host)
        assert found
        return str(found["name"])

    assert [owner(host) for host in ("X.a.shop", "y.a.shop", "b.shop", "a.b", "a.c", "c", "shop")] == [
        "x.a.shop", "*.a.shop", "*.shop", "a.b", "a.*", "*", "*",
    ]  # fmt: skip
    assert owner("x.a.shop:80") == "*"
    assert owner("x.a.shop:80", ignore_port_in_host_matching=True) == "x.a.shop"
    assert virtual_host({"virtual_hosts": [{"domains": ["a"]}]}, "b") is None


WORDS = ("v1", "v2", "V2", "v", "", "items")


def string_match(rng: random.Random) -> dict[str, Any]:
    word = rng.choice(WORDS[:4])
    kind = rng.choice(("exact", "prefix", "suffix", "safe_regex"))
    if kind == "safe_regex":
        return {"safe_regex": {"regex": rng.choice(("v.", "v2|v1", "[a-z]+\\d", ".*"))}}
    return {kind: word, **({"ignore_case": True} if rng.random() < 0.3 else {})}


def match(rng: random.Random) -> dict[str, Any]:
    path = rng.choice(
        (
            {"prefix": rng.choice(("/", "/items", "/items/", "/Items"))},
            {"path": rng.choice(("/", "/items", "/items/1", "/ITEMS"))},
            {"path_separated_prefix": "/items"},
            {"safe_regex": {"regex": rng.choice(("/items/[0-9]+", "/.*", "/items"))}},
        )
    )
    found: dict[str, Any] = dict(path)
    if "safe_regex" not in path and rng.random() < 0.3:
        found["case_sensitive"] = False
    headers = [header(rng) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    parameters = [parameter(rng) for _ in range(rng.choice((0, 0, 0, 1)))]
    found |= {"headers": headers} if headers else {}
    return found | ({"query_parameters": parameters} if parameters else {})


def header(rng: random.Random) -> dict[str, Any]:
    name = rng.choice(("x-version", "x-user", ":method", ":authority"))
    if rng.random() < 0.25:
        return {"name": name, "present_match": True, **({"invert_match": True} if rng.random() < 0.5 else {})}
    inverted = {"invert_match": True, "treat_missing_header_as_empty": True} if rng.random() < 0.3 else {}
    return {"name": name, "string_match": string_match(rng), **inverted}


def parameter(rng: random.Random) -> dict[str, Any]:
    return {"name": "v", **({"present_match": True} if rng.random() < 0.4 else {"string_match": string_match(rng)})}


def host_of(rng: random.Random, world: int) -> dict[str, Any]:
    names = [f"r{index}" for index in range(rng.randint(1, 7))]
    answers = [{"status": 200, "body": {"inline_string": name}} for name in names]
    routes = [
        {"name": name, "match": match(rng), "direct_response": answer}
        for name, answer in zip(names, answers, strict=True)
    ]
    return {"name": f"w{world}", "domains": [f"w{world}.shop", f"w{world}.*"], "routes": routes}


def request_of(rng: random.Random, world: int) -> Request:
    headers = {name: rng.choice(WORDS) for name in ("x-version", "x-user") if rng.random() < 0.6}
    path = rng.choice(("/", "/items", "/items/", "/items/1", "/Items", "/itemsx", "/other"))
    query = rng.choice(("", "", "?v=v2", "?v=", "?v=v1&v=v2", "?x=v"))
    host = rng.choice((f"w{world}.shop", f"W{world}.shop", f"w{world}.other", f"w{world}.shop:80"))
    return Request(host, path + query, rng.choice(("GET", "POST")), headers)


def bootstrap(folder: Path, configuration: dict[str, Any]) -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x",
        "route_config": configuration,
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{kind}.http.router.v3.Router"}}],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    listener = {"name": "l", "address": {"pipe": {"path": str(folder / "l")}}, "filter_chains": [chain]}
    return {
        "admin": {"address": {"pipe": {"path": str(folder / "admin")}}},
        "static_resources": {"listeners": [listener]},
    }


async def listens(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
    except OSError:
        return False
    writer.close()
    return True


async def answered(path: Path, requests: list[Request]) -> list[str]:
    """The bodies with which Envoy answers, over one connection; "404" for a request without a route."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    bodies = []
    for request in requests:
        lines = [f"{request.method} {request.target} HTTP/1.1", f"host: {request.authority}", "content-length: 0"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0] or 0)
        body = (await reader.readexactly(length)).decode()
        bodies.append(body if head.split()[1] == "200" else head.split()[1])
    writer.close()
    return bodies


@pytest.mark.long
async def test_the_explanation_names_the_route_that_envoy_takes_in_200_worlds() -> None:
    rng = random.Random(12)
    configuration = {
        "name": "all",
        "ignore_port_in_host_matching": True,
        "virtual_hosts": [host_of(rng, world) for world in range(200)],
    }
    requests = [request_of(rng, world) for world in range(200) for _ in range(25)]
    with tempfile.TemporaryDirectory(prefix="m", dir="/tmp") as name:
        folder = Path(name)
        (folder / "envoy.json").write_text(json.dumps(bootstrap(folder, configuration)))
        envoy = await asyncio.create_subprocess_exec(
            envoy_binary(), "-c", folder / "envoy.json", "--concurrency", "1", "--disable-hot-restart", "-l", "error"
        )
        try:
            await until(lambda: listens(folder / "l"))
            found = await answered(folder / "l", requests)
        finally:
            envoy.kill()
            await envoy.wait()
    for request, envoys in zip(requests, found, strict=True):
        host = virtual_host(configuration, request.authority)
        assert host
        met = steps(host, request)
        route = taken(met)
        assert (route["name"] if route else "404") == envoys, (request, json.dumps(host), explained(met))
    assert sum(each == "404" for each in found) < len(found) / 2
