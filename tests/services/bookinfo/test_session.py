"""Who is signed in, to the page and to the services behind it."""

import html

import httpx
import pytest

from tests.services.bookinfo.backends import answering
from tests.services.bookinfo.conftest import Productpage


async def signed_in(client: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    return await client.post("/login", data={"username": name}, headers=headers)


async def test_who_signs_in_is_greeted_and_named_to_the_services_until_signing_out(productpage: Productpage) -> None:
    asked: list[httpx.Request] = []
    async with productpage(answering(asked=asked)) as client:
        answer = await signed_in(client, "jason", referer="http://test/productpage?u=normal")
        assert (answer.status_code, answer.headers["location"]) == (303, "/productpage")
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert "Signed in as <strong>jason</strong>" in (await client.get("/productpage")).text
        assert {request.headers["end-user"] for request in asked} == {"jason"}
        asked.clear()
        assert (await client.get("/logout")).status_code == 303
        assert "Signed in" not in (await client.get("/productpage")).text
        assert not any("end-user" in request.headers for request in asked)


async def test_nobody_is_somebody_else_by_a_header_or_a_forged_cookie(productpage: Productpage) -> None:
    asked: list[httpx.Request] = []
    async with productpage(answering(asked=asked)) as client:
        await client.get("/productpage", headers={"end-user": "jason"})
        cookie = (await signed_in(client, "mallory")).cookies["session"]
        client.cookies.clear()
        await client.get("/productpage", headers={"cookie": f"session=x{cookie}"})
    assert not any("end-user" in request.headers for request in asked)


async def test_replicas_read_each_others_cookies_unless_their_secrets_differ(productpage: Productpage) -> None:
    async with productpage() as one:
        cookie = (await signed_in(one, "jason")).cookies["session"]
    pages = []
    for settings in ({}, {"session_secret": "another secret"}):
        async with productpage(**settings) as other:
            pages.append((await other.get("/productpage", headers={"cookie": f"session={cookie}"})).text)
    assert ["jason" in page for page in pages] == [True, False]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  jason ", "jason"),
        ("Jörg 민수", "Jörg 민수"),
        ("a\r\nx-evil: 1", "a x-evil: 1"),
        ("a\x00b", "a b"),
        ("x" * 300, "x" * 64),
        ("x" * 63 + " yz", "x" * 63),
        ("<b>", "<b>"),
    ],
)
async def test_any_name_will_do_and_fits_in_a_header(productpage: Productpage, typed: str, name: str) -> None:
    asked: list[httpx.Request] = []
    async with productpage(answering(asked=asked)) as client:
        await signed_in(client, typed)
        page = (await client.get("/productpage")).text
    assert f"<strong>{html.escape(name)}</strong>" in page
    sent = {dict(request.headers.raw)[b"end-user"] for request in asked}
    assert sent == {name.encode()}


@pytest.mark.parametrize("blank", ["", "   ", "\u200b"])
async def test_a_blank_name_signs_nobody_in(productpage: Productpage, blank: str) -> None:
    async with productpage() as client:
        await signed_in(client, "jason")
        assert (await signed_in(client, blank)).status_code == 303
        assert "Signed in" not in (await client.get("/productpage")).text


@pytest.mark.parametrize(
    ("referer", "location"),
    [
        ("http://test/", "/"),
        ("http://test/index.html", "/index.html"),
        ("http://test/productpage?u=test", "/productpage"),
        ("https://evil.example/steal", "/productpage"),
        ("http://test//evil.example/", "/productpage"),
        ("http://test/\\evil.example", "/productpage"),
        ("//evil.example", "/productpage"),
        ("http://[", "/productpage"),
        ("http://test/logout", "/productpage"),
        ("", "/productpage"),
    ],
)
@pytest.mark.parametrize("method", ["login", "logout"])
async def test_signing_in_and_out_lead_back_and_to_no_other_site(
    productpage: Productpage, method: str, referer: str, location: str
) -> None:
    async with productpage() as client:
        if method == "login":
            answer = await signed_in(client, "jason", referer=referer)
        else:
            answer = await client.get("/logout", headers={"referer": referer})
    assert (answer.status_code, answer.headers["location"]) == (303, location)
