"""The page as a browser shows it. With SCREENSHOTS=FOLDER each picture that is judged here is kept for people."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import Storefront

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

LAPTOP, PHONE, SMALL_PHONE = (1280, 800), (390, 844), (320, 568)
NATURAL_WIDTHS = "[...document.images].map(image => image.complete && image.naturalWidth)"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def opened(
    browser: "Browser",
    storefront: Storefront,
    size: tuple[int, int] = LAPTOP,
    scheme: Literal["light", "dark"] = "light",
    name: str = "",
) -> Iterator["Page"]:
    """The page, loaded; afterwards, that it asked nobody else for anything and complained of nothing."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{storefront.webapp.url}/")
    if name and (folder := os.environ.get("SCREENSHOTS")):
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)
    yield page
    context.close()
    assert {urlsplit(url).netloc for url in asked} == {f"127.0.0.1:{storefront.webapp.port}"}
    assert complaints == []


def test_the_page_shows_the_graph_the_items_with_pictures_and_that_there_is_no_forum(
    browser: "Browser", storefront: Storefront
) -> None:
    with opened(browser, storefront, name="laptop") as page:
        assert page.title() == "Storefront"
        assert page.locator("svg.graph .node").count() == 4
        assert page.locator("svg.graph .node.absent text").first.text_content() == "forum"
        assert page.locator("#items tbody tr").count() == 4
        assert "Elinor Glasses" in page.locator("#items").inner_text()
        assert "not deployed" in page.locator("#users").inner_text()
        assert page.locator("[role=alert]").count() == 0
        assert all(width > 0 for width in page.evaluate(NATURAL_WIDTHS))
        assert page.locator("#items img").count() == 4


@pytest.mark.parametrize("size", [PHONE, SMALL_PHONE])
def test_a_phone_needs_no_sideways_scrolling(browser: "Browser", storefront: Storefront, size: tuple[int, int]) -> None:
    with opened(browser, storefront, size, name=f"phone-{size[0]}") as page:
        assert page.evaluate(OVERFLOW) == 0
        assert page.locator("#items img").first.is_visible()


def test_dark_mode_has_light_text_on_a_dark_ground(browser: "Browser", storefront: Storefront) -> None:
    with opened(browser, storefront, scheme="dark", name="dark") as page:
        ground, text = (
            page.evaluate(f"getComputedStyle(document.body).{which}.match(/\\d+/g).slice(0, 3).map(Number)")
            for which in ("backgroundColor", "color")
        )
        assert max(ground) < 64
        assert min(text) > 192


def test_a_catalog_that_is_down_is_said_plainly(browser: "Browser", storefront: Storefront) -> None:
    assert storefront.catalog.terminate() == 0
    for size in (LAPTOP, PHONE):
        with opened(browser, storefront, size, name=f"down-{size[0]}") as page:
            assert "Catalog is down." in page.locator("#items [role=alert]").inner_text()
            assert page.locator("svg.graph .node.down text").first.text_content() == "catalog"
            assert page.evaluate(OVERFLOW) == 0
