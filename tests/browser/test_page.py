"""The storefront's page as a browser shows it."""

import pytest

from tests.browser.conftest import LAPTOP, OVERFLOW, PHONE, SMALL_PHONE, Opened, Storefront

pytestmark = pytest.mark.browser

NATURAL_WIDTHS = "[...document.images].map(image => image.complete && image.naturalWidth)"


def test_the_page_shows_the_graph_the_items_with_pictures_and_that_there_is_no_forum(
    opened: Opened, storefront: Storefront
) -> None:
    with opened(storefront.url, name="laptop") as page:
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
def test_a_phone_needs_no_sideways_scrolling(opened: Opened, storefront: Storefront, size: tuple[int, int]) -> None:
    with opened(storefront.url, size, name=f"phone-{size[0]}") as page:
        assert page.evaluate(OVERFLOW) == 0
        assert page.locator("#items img").first.is_visible()


def test_dark_mode_has_light_text_on_a_dark_ground(opened: Opened, storefront: Storefront) -> None:
    with opened(storefront.url, scheme="dark", name="dark") as page:
        ground, text = (
            page.evaluate(f"getComputedStyle(document.body).{which}.match(/\\d+/g).slice(0, 3).map(Number)")
            for which in ("backgroundColor", "color")
        )
        assert max(ground) < 64
        assert min(text) > 192


def test_a_catalog_that_is_down_is_said_plainly(opened: Opened, storefront: Storefront) -> None:
    assert storefront.catalog.terminate() == 0
    for size in (LAPTOP, PHONE):
        with opened(storefront.url, size, name=f"down-{size[0]}") as page:
            assert "Catalog is down." in page.locator("#items [role=alert]").inner_text()
            assert page.locator("svg.graph .node.down text").first.text_content() == "catalog"
            assert page.evaluate(OVERFLOW) == 0
