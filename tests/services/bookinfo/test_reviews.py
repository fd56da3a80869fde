import asyncio
from typing import Any

import httpx
import pytest

from services.bookinfo.reviews.app import create_app
from services.bookinfo.reviews.settings import Settings
from tests.services.asgi import client_of

RATINGS = {"id": 0, "ratings": {"Reviewer1": 5, "Reviewer2": 4}}
UNAVAILABLE = {"error": "Ratings service is currently unavailable"}


async def answered(settings: Settings, ratings: httpx.Response | Exception) -> dict[str, Any]:
    """What reviews says when ratings says this."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://ratings:9080/ratings/0"
        if isinstance(ratings, Exception):
            raise ratings
        return ratings

    async with client_of(create_app(settings, transport=httpx.MockTransport(answer))) as client:
        got = await client.get("/reviews/0")
    assert got.status_code == 200
    return dict(got.json())


async def test_version_1_has_no_stars_and_asks_nobody() -> None:
    nobody = AssertionError("no call is expected")
    got = await answered(Settings(hostname="reviews-v1-abc"), nobody)
    assert list(got) == ["id", "podname", "clustername", "reviews"]
    assert (got["id"], got["podname"], got["clustername"]) == ("0", "reviews-v1-abc", "null")
    assert [review["reviewer"] for review in got["reviews"]] == ["Reviewer1", "Reviewer2"]
    assert all(set(review) == {"reviewer", "text"} for review in got["reviews"])


@pytest.mark.parametrize(("version", "color"), [("v2", "black"), ("v3", "red")])
async def test_versions_2_and_3_have_stars_in_their_colour(version: Any, color: str) -> None:
    got = await answered(Settings(service_version=version, cluster_name="east"), httpx.Response(200, json=RATINGS))
    assert [review["rating"] for review in got["reviews"]] == [
        {"stars": 5, "color": color},
        {"stars": 4, "color": color},
    ]
    assert got["clustername"] == "east"


@pytest.mark.parametrize(
    ("settings", "asks", "color", "seconds"),
    [
        (Settings(), False, "black", 10),
        (Settings(service_version="v2"), True, "black", 10),
        (Settings(service_version="v3"), True, "red", 2.5),
        (Settings(enable_ratings=True), True, "black", 10),
        (Settings(enable_ratings=True, star_color="blue"), True, "blue", 2.5),
        (Settings(service_version="v3", enable_ratings=False), False, "red", 2.5),
        (Settings(service_version="v3", star_color="black"), True, "black", 10),
    ],
)
def test_the_originals_variables_overrule_the_version_and_black_stars_wait_longest(
    settings: Settings, asks: bool, color: str, seconds: float
) -> None:
    assert (settings.asks_ratings, settings.color, settings.ratings_timeout_seconds) == (asks, color, seconds)


@pytest.mark.parametrize(
    "ratings",
    [
        httpx.Response(503),
        httpx.Response(200, text="rubbish"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"ratings": {"Reviewer1": "many"}}),
        httpx.ConnectError("refused"),
    ],
)
async def test_ratings_that_fail_leave_the_reviews_and_say_so(ratings: httpx.Response | Exception) -> None:
    got = await answered(Settings(service_version="v2"), ratings)
    assert [review["rating"] for review in got["reviews"]] == [UNAVAILABLE] * 2


async def test_a_reviewer_without_a_rating_has_none() -> None:
    got = await answered(Settings(service_version="v3"), httpx.Response(200, json={"ratings": {"Reviewer2": 0}}))
    assert [review["rating"] for review in got["reviews"]] == [UNAVAILABLE, {"stars": 0, "color": "red"}]


async def test_ratings_may_take_as_long_as_the_version_says(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    timeout = asyncio.timeout
    monkeypatch.setattr(
        "services.bookinfo.calls.asyncio.timeout", lambda seconds: given.append(seconds) or timeout(seconds)
    )
    for version in ("v2", "v3"):
        await answered(Settings(service_version=version), httpx.Response(200, json=RATINGS))
    assert given == [10.0, 2.5]


async def test_an_id_that_is_no_number_is_refused_and_health_says_healthy() -> None:
    async with client_of(create_app(Settings())) as client:
        refused = await client.get("/reviews/abc")
        assert (refused.status_code, refused.json()) == (400, {"error": "please provide numeric product ID"})
        assert (await client.get("/health")).json() == {"status": "Reviews is healthy"}


async def test_the_domain_is_put_behind_the_name() -> None:
    settings = Settings(ratings_hostname="ratings", services_domain="bookinfo.svc.cluster.local")
    assert settings.ratings_url == "http://ratings.bookinfo.svc.cluster.local:9080"
