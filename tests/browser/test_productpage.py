"""Bookinfo's page as a browser shows it: every version of reviews, and every failure."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.browser.conftest import LAPTOP, OVERFLOW, PHONE, SMALL_PHONE, Opened
from tests.services.processes import Service, refusing_port, running

pytestmark = pytest.mark.browser


@contextmanager
def productpage(reviews: str | None, *, details: bool = True, ratings: bool = True) -> Iterator[Service]:
    """Bookinfo as real processes with one version of reviews; what is left out refuses connections."""
    with ExitStack() as stack:
        start = stack.enter_context
        nobody = str(start(refusing_port()))

        def port(name: str, present: bool, **variables: str) -> str:
            return str(start(running(f"bookinfo.{name}", **variables)).port) if present else nobody

        variables = {"SERVICE_VERSION": reviews or "", "HOSTNAME": f"reviews-{reviews}-5b4d8c7f9-x7k2p"}
        stars = port("ratings", ratings and reviews in ("v2", "v3"))
        yield start(
            running(
                "bookinfo.productpage",
                DETAILS_HOSTNAME="127.0.0.1",
                DETAILS_SERVICE_PORT=port("details", details),
                REVIEWS_HOSTNAME="127.0.0.1",
                REVIEWS_SERVICE_PORT=port(
                    "reviews",
                    reviews is not None,
                    RATINGS_HOSTNAME="127.0.0.1",
                    RATINGS_SERVICE_PORT=stars,
                    **variables,
                ),
            )
        )


def test_version_1_has_reviews_without_stars(opened: Opened) -> None:
    with productpage("v1") as service, opened(f"{service.url}/productpage", name="bookinfo-v1") as page:
        assert page.title() == "Simple Bookstore App"
        assert page.locator(".opinion").count() == 2
        assert page.locator(".stars").count() == 0
        assert page.locator("[role=alert]").count() == 0
        assert "reviews-v1" in page.locator(".served").inner_text()
        assert page.locator(".cover").evaluate("image => image.complete && image.naturalWidth") > 0


@pytest.mark.parametrize(("version", "color"), [("v2", "rgb(0, 0, 0)"), ("v3", "rgb(255, 0, 0)")])
def test_versions_2_and_3_have_stars_in_their_colour_by_day_and_by_night(
    opened: Opened, version: str, color: str
) -> None:
    fills = "stars => stars.map(star => getComputedStyle(star).fill)"
    with productpage(version) as service:
        for scheme in ("light", "dark"):
            with opened(f"{service.url}/productpage", scheme=scheme, name=f"bookinfo-{version}-{scheme}") as page:
                stars = page.locator(".stars svg")
                assert stars.evaluate_all(fills).count(color) == 9
                assert stars.count() == 10


@pytest.mark.parametrize("size", [PHONE, SMALL_PHONE])
def test_a_phone_needs_no_sideways_scrolling(opened: Opened, size: tuple[int, int]) -> None:
    with productpage("v3") as service:
        for path in ("/productpage", "/"):
            name = f"bookinfo-phone-{size[0]}-{path.strip('/') or 'front'}"
            with opened(service.url + path, size, name=name) as page:
                assert page.evaluate(OVERFLOW) == 0


def test_who_signs_in_stays_on_the_page_and_is_greeted_until_signing_out(opened: Opened) -> None:
    with productpage("v2") as service, opened(f"{service.url}/productpage?u=normal", name="bookinfo-visitor") as page:
        page.get_by_label("User name").fill("jason")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Signed in as jason").wait_for()
        assert page.url == f"{service.url}/productpage"
        page.get_by_role("link", name="Sign out").click()
        page.get_by_role("button", name="Sign in").wait_for()
        assert page.url == f"{service.url}/productpage"


@pytest.mark.parametrize(
    ("reviews", "details", "ratings", "alarms"),
    [
        ("v3", False, True, ["Error fetching product details"]),
        (None, True, True, ["Error fetching product reviews"]),
        ("v2", True, False, ["Ratings service is currently unavailable"] * 2),
        (None, False, False, ["Error fetching product details", "Error fetching product reviews"]),
    ],
    ids=["details", "reviews", "ratings", "all"],
)
def test_what_fails_is_said_plainly_and_the_rest_is_there(
    opened: Opened, reviews: str | None, details: bool, ratings: bool, alarms: list[str]
) -> None:
    with productpage(reviews, details=details, ratings=ratings) as service:
        for size, scheme in ((LAPTOP, "light"), (PHONE, "dark")):
            picture = f"bookinfo-{reviews}-{details}-{ratings}-{scheme}"
            with opened(f"{service.url}/productpage", size, scheme, name=picture) as page:
                said = page.locator("[role=alert]").all_inner_texts()
                assert [text.splitlines()[0] for text in said] == alarms
                assert page.locator("#details").count() == details
                assert page.locator(".opinion").count() == (2 if reviews else 0)
                assert page.evaluate(OVERFLOW) == 0
