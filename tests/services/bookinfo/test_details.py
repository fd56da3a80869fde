from typing import Any

import httpx
import pytest

from services.bookinfo.details.app import create_app
from services.bookinfo.details.settings import Settings
from tests.services.asgi import client_of

VOLUME = {
    "authors": ["William Shakespeare", "Somebody Else"],
    "publishedDate": "2002-01-01",
    "printType": "BOOK",
    "pageCount": 64,
    "publisher": "A House",
    "language": "en",
    "industryIdentifiers": [{"type": "ISBN_10", "identifier": "1"}, {"type": "ISBN_13", "identifier": "2"}],
}


async def test_details_are_as_the_original_tells_them() -> None:
    async with client_of(create_app(Settings())) as client:
        answer = await client.get("/details/0")
    assert answer.text == (
        '{"id":0,"author":"William Shakespeare","year":1595,"type":"paperback","pages":200,"publisher":"PublisherA",'
        '"language":"English","ISBN-10":"1234567890","ISBN-13":"123-1234567890"}'
    )


@pytest.mark.parametrize("wrong", ["abc", "1x", "1.5", "٣", "9" * 40, "-", " 1"])
async def test_an_id_that_is_no_number_is_refused(wrong: str) -> None:
    async with client_of(create_app(Settings())) as client:
        answer = await client.get(f"/details/{wrong}")
    assert (answer.status_code, answer.json()) == (400, {"error": "please provide numeric product id"})


async def test_health_says_healthy() -> None:
    async with client_of(create_app(Settings())) as client:
        assert (await client.get("/health")).json() == {"status": "Details is healthy"}


@pytest.mark.parametrize(("plain", "scheme"), [(True, "http"), (False, "https")])
async def test_version_2_asks_a_public_service_encrypted_or_not(plain: bool, scheme: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"items": [{"volumeInfo": VOLUME}]})

    settings = Settings(enable_external_book_service=True, do_not_encrypt=plain)
    async with client_of(create_app(settings, transport=httpx.MockTransport(answer))) as client:
        got = (await client.get("/details/7", headers={"end-user": "jason", "x-request-id": "42"})).json()
    (request,) = asked
    assert str(request.url) == f"{scheme}://www.googleapis.com/books/v1/volumes?q=isbn:0486424618"
    assert (request.headers["end-user"], request.headers["x-request-id"]) == ("jason", "42")
    assert got == {
        "id": 7,
        "author": "William Shakespeare",
        "year": "2002-01-01",
        "type": "paperback",
        "pages": 64,
        "publisher": "A House",
        "language": "English",
        "ISBN-10": "1",
        "ISBN-13": "2",
    }


async def test_what_the_public_service_does_not_say_is_unknown() -> None:
    answer = httpx.Response(200, json={"items": [{"volumeInfo": {"authors": ["Somebody"], "language": "de"}}]})
    settings = Settings(enable_external_book_service=True)
    async with client_of(create_app(settings, transport=httpx.MockTransport(lambda _: answer))) as client:
        got = (await client.get("/details/7")).json()
    unknown = dict.fromkeys(("year", "type", "publisher", "language", "ISBN-10", "ISBN-13"), "unknown")
    assert got == {"id": 7, "author": "Somebody", "pages": 0, **unknown}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(429), "the external book service answered 429"),
        (httpx.Response(200, json={"totalItems": 0}), "the external book service knows no such book"),
        (httpx.Response(200, json={"items": []}), "the external book service knows no such book"),
        (httpx.Response(200, json={"items": [{"volumeInfo": {}}]}), "the external book service knows no such book"),
        (httpx.Response(200, json=[]), "the external book service knows no such book"),
    ],
)
async def test_version_2_says_when_the_public_service_fails(answer: Any, error: str) -> None:
    settings = Settings(enable_external_book_service=True)
    async with client_of(create_app(settings, transport=httpx.MockTransport(lambda _: answer))) as client:
        got = await client.get("/details/0")
    assert (got.status_code, got.json()) == (502, {"error": error})
