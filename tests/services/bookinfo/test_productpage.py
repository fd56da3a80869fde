import re

import httpx
import pytest
from markupsafe import escape

from tests.services.bookinfo.backends import DETAILS, RATINGS, answering, reviews
from tests.services.bookinfo.conftest import Productpage
from tests.services.processes import run_to_end


def paths(asked: list[httpx.Request]) -> list[str]:
    return sorted(f"{request.url.host}{request.url.path}" for request in asked)


async def test_the_page_shows_the_book_its_details_and_both_reviews(productpage: Productpage) -> None:
    async with productpage() as client:
        answer = await client.get("/productpage")
    assert answer.status_code == 200
    assert re.findall("<title>.*</title>", answer.text) == ["<title>Simple Bookstore App</title>"]
    for part in ("The Comedy of Errors", "PublisherA", "123-1234567890", "Opinion 1.", "Opinion 2.", "reviews-v1-abc"):
        assert part in answer.text
    assert 'maxlength="64"' in answer.text
    assert "<svg" not in answer.text
    assert 'role="alert"' not in answer.text


@pytest.mark.parametrize("color", ["black", "red"])
async def test_stars_come_in_the_colour_that_reviews_sent(productpage: Productpage, color: str) -> None:
    async with productpage(answering(reviews_=httpx.Response(200, json=reviews(color)))) as client:
        page = (await client.get("/productpage")).text
    labels = re.findall(r'aria-label="(\d of 5 stars, \w+)"', page)
    assert labels == [f"{stars} of 5 stars, {color}" for stars in (5, 4)]
    assert page.count(f'fill="{color}"') == 9
    assert page.count('class="none"') == 1


async def test_ratings_that_are_unavailable_are_said_at_each_review(productpage: Productpage) -> None:
    said = reviews("red")
    for review in said["reviews"]:
        review["rating"] = {"error": "Ratings service is currently unavailable"}
    async with productpage(answering(reviews_=httpx.Response(200, json=said))) as client:
        page = (await client.get("/productpage")).text
    assert len(re.findall(r'role="alert">Ratings service is currently unavailable<', page)) == 2
    assert "Opinion 1." in page


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (httpx.Response(503), "answered 503"),
        (httpx.ConnectError("refused"), "cannot be reached"),
        (httpx.ReadTimeout(""), "gave no answer within 3 s"),
        (httpx.Response(200, text="<html>"), "answered something that is no JSON"),
        (httpx.Response(200, json=[1]), "answered something unexpected"),
        (httpx.Response(200, json={"reviews": [{}], "year": []}), "answered something unexpected"),
    ],
)
async def test_the_page_is_200_and_honest_when_a_service_fails(
    productpage: Productpage, failure: httpx.Response | Exception, why: str
) -> None:
    async with productpage(answering(details=failure)) as client:
        no_details = await client.get("/productpage")
    async with productpage(answering(reviews_=failure)) as client:
        no_reviews = await client.get("/productpage")
    for answer, what in ((no_details, "details"), (no_reviews, "reviews")):
        assert answer.status_code == 200
        assert f"Error fetching product {what}" in answer.text
        assert f"Sorry, product {what} are currently unavailable for this book." in answer.text
        assert f"{what} {why}" in answer.text
        assert answer.text.count('role="alert"') == 1
    assert "Opinion 1." in no_details.text
    assert "PublisherA" in no_reviews.text


async def test_reviews_is_tried_twice_and_details_and_ratings_once(productpage: Productpage) -> None:
    asked: list[httpx.Request] = []
    down = httpx.Response(503)
    async with productpage(answering(down, down, down, asked)) as client:
        await client.get("/productpage")
        assert paths(asked) == ["details/details/0", "reviews/reviews/0", "reviews/reviews/0"]
        asked.clear()
        await client.get("/api/v1/products/0/ratings")
        assert paths(asked) == ["ratings/ratings/0"]


async def test_a_second_try_that_succeeds_heals_the_first(productpage: Productpage) -> None:
    tries: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "reviews":
            tries.append(1)
            return httpx.Response(503) if len(tries) == 1 else httpx.Response(200, json=reviews("red"))
        return httpx.Response(200, json=DETAILS)

    async with productpage(answer) as client:
        assert "Opinion 1." in (await client.get("/productpage")).text
        metrics = (await client.get("/metrics")).text
    assert 'request_result_total{destination_app="reviews",response_code="200"} 1.0' in metrics


@pytest.mark.parametrize("secret", ['"><script>alert(1)</script>', "javascript:alert(1)"])
async def test_what_a_service_says_stays_text(productpage: Productpage, secret: str) -> None:
    said = reviews("red", pod=secret)
    said["reviews"][0] |= {"reviewer": secret, "text": secret}
    details = httpx.Response(200, json={**DETAILS, "author": secret, "publisher": secret})
    async with productpage(answering(details, httpx.Response(200, json=said))) as client:
        page = (await client.get("/productpage")).text
    assert "<script" not in page
    assert str(escape(secret)) in page


@pytest.mark.parametrize(("stars", "drawn"), [(-3, 0), (0, 0), (7, 5)])
async def test_more_stars_than_there_are_hide_no_review(productpage: Productpage, stars: int, drawn: int) -> None:
    said = reviews("red")
    said["reviews"][0]["rating"]["stars"] = stars
    async with productpage(answering(reviews_=httpx.Response(200, json=said))) as client:
        page = (await client.get("/productpage")).text
    assert page.count('fill="red"') == drawn + 4
    assert "Opinion 1." in page


async def test_a_colour_that_is_none_is_not_drawn(productpage: Productpage) -> None:
    said = reviews('red" onload="alert(1)')
    async with productpage(answering(reviews_=httpx.Response(200, json=said))) as client:
        page = (await client.get("/productpage")).text
    assert "onload" not in page
    assert "reviews answered something unexpected" in page


async def test_the_api_passes_on_what_the_services_say(productpage: Productpage) -> None:
    async with productpage() as client:
        (product,) = (await client.get("/api/v1/products")).json()
        assert list(product) == ["id", "title", "descriptionHtml"]
        assert (product["id"], product["title"]) == (0, "The Comedy of Errors")
        assert (await client.get("/api/v1/products/0")).json() == DETAILS
        assert (await client.get("/api/v1/products/0/reviews")).json() == reviews()
        assert (await client.get("/api/v1/products/0/ratings")).json() == RATINGS


@pytest.mark.parametrize(("path", "what"), [("", "details"), ("/reviews", "reviews"), ("/ratings", "ratings")])
@pytest.mark.parametrize(
    ("failure", "status"),
    [(httpx.Response(503), 503), (httpx.Response(400, json={}), 400), (httpx.ReadTimeout(""), 500)],
)
async def test_the_api_answers_a_failure_with_its_status_and_500_where_there_was_none(
    productpage: Productpage, path: str, what: str, failure: httpx.Response | Exception, status: int
) -> None:
    async with productpage(answering(failure, failure, failure)) as client:
        answer = await client.get(f"/api/v1/products/0{path}")
        metrics = (await client.get("/metrics")).text
    assert answer.status_code == status
    assert answer.json() == {"error": f"Sorry, product {what} are currently unavailable for this book."}
    assert f'request_result_total{{destination_app="{what}",response_code="{status}"}} 1.0' in metrics


async def test_an_id_stays_one_segment_of_the_path(productpage: Productpage) -> None:
    asked: list[httpx.Request] = []
    async with productpage(answering(asked=asked)) as client:
        await client.get("/api/v1/products/%3Fx%3D1%23/ratings")
    (request,) = asked
    assert request.url.raw_path == b"/ratings/%3Fx%3D1%23"


async def test_the_front_page_leads_to_the_product(productpage: Productpage) -> None:
    async with productpage(services_domain="example.org") as client:
        pages = {(await client.get(path)).text for path in ("/", "/index.html")}
    (page,) = pages
    assert "http://details.example.org:9080" in page
    assert 'href="/productpage?u=normal"' in page


@pytest.mark.parametrize("path", ["/", "/productpage"])
async def test_every_address_in_a_page_and_its_style_is_local_and_exists(productpage: Productpage, path: str) -> None:
    async with productpage() as client:
        answer = await client.get(path)
        addresses = set(re.findall(r'(?:href|src)="([^"]+)"', answer.text))
        assert len(addresses) > 4
        for address in addresses:
            assert re.match(r"/[^/]", address)
            assert (await client.get(address)).status_code == 200
        assert "url(" not in (await client.get("/static/page.css")).text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_flooding_asks_reviews_so_many_times_more(productpage: Productpage) -> None:
    asked: list[httpx.Request] = []
    async with productpage(answering(asked=asked), flood_factor=20) as client:
        await client.get("/productpage")
        assert paths(asked).count("reviews/reviews/0") == 21
        asked.clear()
        await client.get("/api/v1/products/0/reviews")
    assert len(asked) == 1


@pytest.mark.process
def test_flooding_has_a_bound() -> None:
    done = run_to_end("bookinfo.productpage", FLOOD_FACTOR="101")
    assert done.returncode == 2
    assert "FLOOD_FACTOR='101': Input should be less than or equal to 100" in done.stderr


async def test_health_says_healthy(productpage: Productpage) -> None:
    async with productpage() as client:
        assert (await client.get("/health")).text == "Product page is healthy"
