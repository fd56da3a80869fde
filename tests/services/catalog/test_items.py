import httpx
import pytest

from services.catalog.app import create_app
from services.catalog.settings import Settings
from tests.services.asgi import client_of

ITEMS = (
    '[{"id":1,"color":"amber","department":"Eyewear","name":"Elinor Glasses","price":"282.00"},'
    '{"id":2,"color":"cyan","department":"Clothing","name":"Atlas Shirt","price":"127.00"},'
    '{"id":3,"color":"teal","department":"Clothing","name":"Small Metal Shoes","price":"232.00"},'
    '{"id":4,"color":"red","department":"Watches","name":"Red Dragon Watch","price":"232.00"}]'
)
HAT = {"color": "green", "department": "Hats", "name": "Green Hat", "price": "12.50"}


async def test_the_items_are_the_originals_byte_by_byte(catalog: httpx.AsyncClient) -> None:
    answer = await catalog.get("/items")
    assert (answer.status_code, answer.text) == (200, ITEMS)


async def test_one_item_is_found_by_its_id(catalog: httpx.AsyncClient) -> None:
    assert (await catalog.get("/items/3")).json()["name"] == "Small Metal Shoes"


@pytest.mark.parametrize("item_id", ["5", "0", "-1", "9" * 40])
async def test_an_unknown_id_is_not_found(catalog: httpx.AsyncClient, item_id: str) -> None:
    answer = await catalog.get(f"/items/{item_id}")
    assert answer.status_code == 404
    assert item_id in answer.json()["detail"]


@pytest.mark.parametrize(
    "item_id", ["abc", "1.5", "1e3", "%00", "1_000", "1%0a", "%201", "+1", "01", "\u0661", "9" * 5000]
)
async def test_an_id_that_is_no_integer_is_the_clients_error(catalog: httpx.AsyncClient, item_id: str) -> None:
    answer = await catalog.get(f"/items/{item_id}")
    assert answer.status_code == 422
    assert answer.json()["detail"] in (
        "path.item_id: Value error, a whole number in digits is needed",
        "path.item_id: Unable to parse input string as an integer, exceeded maximum size",
    )


@pytest.mark.parametrize("path", ["/items", "/items/1", "/items/1/picture", "/blowup", "/livez", "/readyz"])
async def test_head_is_get_without_a_body(catalog: httpx.AsyncClient, path: str) -> None:
    got, head = await catalog.get(path), await catalog.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))


async def test_a_method_that_is_not_allowed_is_told_all_that_are(catalog: httpx.AsyncClient) -> None:
    allowed = {path: (await catalog.put(path)).headers["allow"] for path in ("/items", "/items/1", "/blowup")}
    assert allowed == {"/items": "GET, HEAD, POST", "/items/1": "GET, HEAD", "/blowup": "DELETE, GET, HEAD, POST"}


@pytest.mark.parametrize("path", ["/items", "/items/1", "/items/1/picture"])
async def test_a_slash_too_much_is_forgiven_without_a_redirect(catalog: httpx.AsyncClient, path: str) -> None:
    one, other = await catalog.get(path), await catalog.get(path + "/")
    assert (other.status_code, other.content) == (200, one.content)


async def test_a_new_item_gets_the_next_id_and_a_location(catalog: httpx.AsyncClient) -> None:
    answer = await catalog.post("/items", json=HAT)
    assert (answer.status_code, answer.json()) == (201, {"id": 5, **HAT})
    assert (await catalog.get(answer.headers["location"])).json() == {"id": 5, **HAT}


async def test_an_id_that_a_client_sends_along_is_not_used(catalog: httpx.AsyncClient) -> None:
    assert (await catalog.post("/items", json={"id": 1, **HAT})).json()["id"] == 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**HAT, "price": "cheap"}, "price"),
        ({**HAT, "price": 12.5}, "price"),
        ({**HAT, "name": "   "}, "name"),
        ({**HAT, "name": " Hat"}, "name"),
        ({**HAT, "name": "Hat\x07"}, "name"),
        ({**HAT, "name": "Ha\x85t"}, "name"),
        ({**HAT, "color": "green\u2028blue"}, "color"),
        ({**HAT, "price": "1\u0660"}, "price"),
        ({**HAT, "name": "x" * 201}, "name"),
        ({**HAT, "colour": "green"}, "colour"),
        ({"name": "Hat"}, "color"),
        (["Hat"], "body"),
    ],
)
async def test_an_item_that_is_not_valid_is_refused_by_field(
    catalog: httpx.AsyncClient, body: object, field: str
) -> None:
    answer = await catalog.post("/items", json=body)
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["field"]
    assert (await catalog.get("/items")).text == ITEMS


async def test_a_full_store_says_so_and_keeps_what_it_has() -> None:
    async with client_of(create_app(Settings(max_items=5))) as catalog:
        assert (await catalog.post("/items", json=HAT)).status_code == 201
        refused = await catalog.post("/items", json=HAT)
        assert refused.status_code == 409
        assert "full" in refused.json()["detail"]
        assert len((await catalog.get("/items")).json()) == 5


async def test_version_2_sends_a_root_relative_image_url_with_every_item() -> None:
    async with client_of(create_app(Settings(show_image=True))) as catalog:
        items = (await catalog.get("/items")).json()
        assert [item["imageUrl"] for item in items] == [f"/api/catalog/items/{n}/picture" for n in range(1, 5)]
        assert list((await catalog.get("/items/1")).json())[-1] == "imageUrl"
        assert "imageUrl" in (await catalog.post("/items", json=HAT)).json()


async def test_the_originals_image_url_can_be_put_back() -> None:
    settings = Settings(show_image=True, image_url="http://lorempixel.com/640/480")
    async with client_of(create_app(settings)) as catalog:
        assert (await catalog.get("/items/1")).json()["imageUrl"] == "http://lorempixel.com/640/480"
