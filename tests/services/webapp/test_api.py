from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

Webapp = Callable[[Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[httpx.AsyncClient]]
ITEM = {"id": 1, "color": "amber", "department": "Eyewear", "name": "Elinor Glasses", "price": "282.00"}
PROBLEM = {"content-type": "application/problem+json"}


def raising(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    return answer


async def test_catalogs_items_are_passed_on_in_order_and_without_an_empty_image_url(webapp: Webapp) -> None:
    async with webapp(lambda _: httpx.Response(200, json=[ITEM])) as client:
        answer = await client.get("/api/catalog")
    assert answer.status_code == 200
    assert answer.text == ('[{"id":1,"color":"amber","department":"Eyewear","name":"Elinor Glasses","price":"282.00"}]')


class Pieces(httpx.AsyncByteStream):
    """A body that comes piece by piece."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in (b"[]", b" ", b"\n"):
            yield piece


async def test_an_answer_may_come_in_pieces(webapp: Webapp) -> None:
    async with webapp(lambda _: httpx.Response(200, stream=Pieces())) as client:
        assert (await client.get("/api/catalog")).json() == []


async def test_an_image_url_is_passed_on(webapp: Webapp) -> None:
    item = {**ITEM, "imageUrl": "/api/catalog/items/1/picture"}
    async with webapp(lambda _: httpx.Response(200, json=item)) as client:
        assert (await client.get("/api/catalog/items/1")).json() == item


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/catalog", "GET http://catalog:3000/items"),
        ("/api/catalog/items/7", "GET http://catalog:3000/items/7"),
        ("/api/catalog/items/7/picture", "GET http://catalog:3000/items/7/picture"),
        ("/api/users", "GET http://forum:8081/api/users"),
    ],
)
async def test_each_path_is_one_call_to_the_service_behind_it(webapp: Webapp, path: str, asked: str) -> None:
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(f"{request.method} {request.url}")
        return httpx.Response(500)

    async with webapp(answer) as client:
        await client.get(path)
    assert calls == [asked]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_any_method_lists_the_items_as_the_original_does(webapp: Webapp, method: str) -> None:
    async with webapp(lambda _: httpx.Response(200, json=[ITEM])) as client:
        assert (await client.request(method, "/api/catalog")).status_code == 200


async def test_healthz_says_healthy(webapp: Webapp) -> None:
    async with webapp(raising(AssertionError("no call is expected"))) as client:
        assert (await client.get("/api/healthz")).text == "Healthy!"


UNEXPECTED = "answered something unexpected"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (lambda _: httpx.Response(500), "answered 500"),
        (lambda _: httpx.Response(500, json={"title": "no"}, headers=PROBLEM), "answered 500"),
        (lambda _: httpx.Response(503, text="upstream connect error", headers={"server": "envoy"}), "answered 503"),
        (lambda _: httpx.Response(403, text="RBAC: access denied"), "answered 403"),
        (lambda _: httpx.Response(200, text="<html>"), UNEXPECTED),
        (lambda _: httpx.Response(200, json={"id": "x"}), UNEXPECTED),
        (lambda _: httpx.Response(200, json=[{"id": 1}]), UNEXPECTED),
        (lambda _: httpx.Response(204), UNEXPECTED),
        (lambda _: httpx.Response(302, headers={"location": "http://elsewhere/"}), "answered 302"),
        (raising(httpx.ConnectTimeout("")), "gave no whole answer in time (ConnectTimeout)"),
        (raising(httpx.ReadTimeout("")), "gave no whole answer in time (ReadTimeout)"),
        (raising(httpx.RemoteProtocolError("the server disconnected")), "broke off: the server disconnected"),
        (raising(httpx.ReadError("")), "broke off: ReadError"),
    ],
)
async def test_a_catalog_that_fails_is_a_500_that_says_what_happened_and_is_asked_once(
    webapp: Webapp, answer: Callable[[httpx.Request], httpx.Response], what: str
) -> None:
    asked: list[httpx.Request] = []

    def count(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request)

    async with webapp(count) as client:
        got = await client.get("/api/catalog")
    assert (got.status_code, got.headers["content-type"]) == (500, "application/problem+json")
    assert got.json() == {
        "title": "error calling Catalog service",
        "status": 500,
        "detail": f"GET /items: Catalog {what}",
    }
    assert len(asked) == 1


async def test_a_catalog_that_is_not_there_is_said_to_be_missing(webapp: Webapp) -> None:
    async with webapp(raising(httpx.ConnectError("refused"))) as client:
        got = await client.get("/api/catalog")
    assert got.status_code == 500
    assert got.json()["detail"] == "Catalog cannot be reached at http://catalog:3000; is it deployed?"


async def test_an_exhausted_pool_is_webapps_own_fault(webapp: Webapp) -> None:
    async with webapp(raising(httpx.PoolTimeout("256 calls are in flight"))) as client:
        answer = await client.get("/api/catalog")
    assert (answer.status_code, answer.json()["title"]) == (503, "Service Unavailable")
    assert answer.json()["detail"] == "webapp can't call Catalog now: 256 calls are in flight"


async def test_an_unknown_item_is_not_found(webapp: Webapp) -> None:
    document = {"title": "Not Found", "status": 404, "detail": "there is no item 9"}
    async with webapp(lambda _: httpx.Response(404, json=document, headers=PROBLEM)) as client:
        answer = await client.get("/api/catalog/items/9")
    assert (answer.status_code, answer.json()) == (404, document)


@pytest.mark.parametrize("path", ["/static", "/docs", "/redoc", "/nowhere/"])
async def test_what_is_not_there_leads_nowhere_else(webapp: Webapp, path: str) -> None:
    async with webapp(raising(AssertionError("no call is expected"))) as client:
        assert (await client.get(path)).status_code == 404


async def test_an_id_that_is_no_integer_never_reaches_catalog(webapp: Webapp) -> None:
    async with webapp(raising(AssertionError("no call is expected"))) as client:
        assert (await client.get("/api/catalog/items/abc")).status_code == 422


async def test_a_new_item_goes_to_catalog_as_it_came_and_its_answer_comes_back(webapp: Webapp) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, str(request.url)) == ("POST", "http://catalog:3000/items")
        assert (request.content, request.headers["content-type"]) == (b'{"name": 1}', "text/plain")
        assert request.headers["content-length"] == "11"
        return httpx.Response(201, json={**ITEM, "id": 5})

    async with webapp(answer) as client:
        created = await client.post(
            "/api/catalog/items", content=b'{"name": 1}', headers={"content-type": "text/plain"}
        )
    assert (created.status_code, created.json()["id"]) == (201, 5)
    assert created.headers["location"] == "/api/catalog/items/5"


async def test_a_new_item_of_no_stated_type_goes_to_catalog_without_one(webapp: Webapp) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, json=ITEM)

    async with webapp(answer) as client:
        await client.post("/api/catalog/items", content=b"{}")
    assert ["content-type" in request.headers for request in asked] == [False]


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_an_item_that_catalog_refuses_is_refused_in_its_words(webapp: Webapp, status: int) -> None:
    document = {"title": "no", "status": status, "detail": "because"}
    async with webapp(lambda _: httpx.Response(status, json=document, headers=PROBLEM)) as client:
        answer = await client.post("/api/catalog/items", json={})
    assert (answer.status_code, answer.json()) == (status, document)
    assert answer.headers["content-type"] == PROBLEM["content-type"]


async def test_a_picture_is_catalogs_with_its_headers(webapp: Webapp) -> None:
    policy, odd = (b"content-security-policy", b"default-src 'none'"), (b"cache-control", "\u0436".encode())
    headers = [(b"Content-Type", b"image/svg+xml"), policy, odd, (b"x-secret", b"1")]

    def picture(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", "/items/1/picture")
        return httpx.Response(200, text="<svg/>", headers=headers)

    async with webapp(picture) as client:
        answer = await client.get("/api/catalog/items/1/picture")
    assert (answer.text, answer.headers["content-type"]) == ("<svg/>", "image/svg+xml")
    assert policy in answer.headers.raw
    assert odd in answer.headers.raw
    assert "x-secret" not in answer.headers


async def test_a_redirect_is_no_picture(webapp: Webapp) -> None:
    async with webapp(lambda _: httpx.Response(300, headers={"location": "http://elsewhere/"})) as client:
        answer = await client.get("/api/catalog/items/1/picture")
    assert (answer.status_code, answer.json()["detail"]) == (500, "GET /items/1/picture: Catalog answered 300")
