import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

Webapp = Callable[[Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[httpx.AsyncClient]]
ITEM = {"id": 1, "color": "amber", "department": "Eyewear", "name": "Elinor Glasses", "price": "282.00"}
USER = {"id": 1, "name": "Ada", "username": "ada", "email": "ada@example.org"}


def answering(items: list[dict[str, object]], users: list[dict[str, object]]) -> Callable[..., httpx.Response]:
    return lambda request: httpx.Response(200, json=items if request.url.host == "catalog" else users)


async def test_the_page_shows_up_to_four_items_and_four_users(webapp: Webapp) -> None:
    items = [{**ITEM, "id": n, "name": f"Item {n}"} for n in range(1, 8)]
    users = [{**USER, "id": n, "name": f"Person {n}"} for n in range(1, 8)]
    async with webapp(answering(items, users)) as client:
        page = (await client.get("/")).text
    assert len(re.findall(r"Item \d", page)) == 4
    assert len(re.findall(r"Person \d", page)) == 4
    assert "4 of 7" in page


async def test_the_graph_names_all_four_and_marks_none_when_all_answer(webapp: Webapp) -> None:
    async with webapp(answering([ITEM], [USER])) as client:
        page = (await client.get("/")).text
    assert re.findall(r'<g class="node (\w+)">', page) == ["up"] * 4
    for name in ("client", "webapp", "catalog", "forum"):
        assert f">{name}</text>" in page


def refusing(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("failing", "why"),
    [
        (lambda _: httpx.Response(500), "GET /items: Catalog answered 500"),
        (lambda _: httpx.Response(503), "GET /items: Catalog answered 503"),
        (refusing, "Catalog cannot be reached at http://catalog:3000; is it deployed?"),
    ],
)
async def test_the_page_says_plainly_that_catalog_is_down_and_why(
    webapp: Webapp, failing: Callable[[httpx.Request], httpx.Response], why: str
) -> None:
    async with webapp(failing) as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert f"<strong>Catalog is down.</strong> {why}</div>" in answer.text
    assert re.findall(r'<g class="node (\w+)">', answer.text)[:3] == ["up", "up", "down"]


async def test_pictures_have_a_column_only_when_version_2_answers(webapp: Webapp) -> None:
    async with webapp(answering([ITEM], [])) as client:
        assert "<img" not in (await client.get("/")).text
    async with webapp(answering([{**ITEM, "imageUrl": "/api/catalog/items/1/picture"}], [])) as client:
        assert '<img src="/api/catalog/items/1/picture"' in (await client.get("/")).text


async def test_what_an_item_says_stays_text(webapp: Webapp) -> None:
    hostile = '"><script>alert(1)</script>'
    async with webapp(answering([{**ITEM, "name": hostile, "color": hostile, "imageUrl": hostile}], [])) as client:
        assert "<script" not in (await client.get("/")).text


async def test_every_address_in_the_page_and_its_style_is_local_and_exists(webapp: Webapp) -> None:
    def answer_all(request: httpx.Request) -> httpx.Response:
        answers = {"/items": [ITEM], "/items/1": ITEM, "/api/users": [USER]}
        return httpx.Response(200, json=answers[request.url.path])

    async with webapp(answer_all) as client:
        answer = await client.get("/")
        addresses = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
        assert addresses
        for address in addresses:
            assert address.startswith("/")
            assert (await client.get(address)).status_code == 200
        assert "url(" not in (await client.get("/static/page.css")).text
    assert set(answer.headers["content-security-policy"].split("; ")) == {
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    }


async def test_the_page_and_its_headers_say_which_catalog_answered(webapp: Webapp) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        served_by = {"x-served-by": "catalog/v2@catalog-v2-1"} if request.url.host == "catalog" else {}
        return httpx.Response(200, json=[ITEM] if served_by else [USER], headers=served_by)

    async with webapp(answer) as client:
        page, items = await client.get("/"), await client.get("/api/catalog")
    assert "from catalog/v2@catalog-v2-1" in page.text
    assert items.headers["x-served-by"].startswith("webapp@")
    assert items.headers["x-served-by"].endswith(", catalog/v2@catalog-v2-1")


async def test_files_are_there_to_be_read_and_the_answer_says_so(webapp: Webapp) -> None:
    async with webapp(answering([], [])) as client:
        answer = await client.post("/static/page.css")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
