"""A headless Chromium, and the storefront as two real processes.

With SCREENSHOTS=FOLDER each page that a test names is kept for people as a picture.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest

from tests.services.processes import Service, refusing_port, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page  # installed by `make test-browser` only

LAPTOP, PHONE, SMALL_PHONE = (1280, 800), (390, 844), (320, 568)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
Opened = Callable[..., AbstractContextManager["Page"]]
"""Opens a page by its address."""

BINARIES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "No Chromium found. Get it with `apt-get install chromium` (Debian), `snap install chromium` (Ubuntu) or "
    "`brew install chromium` (macOS), or say where it is: CHROMIUM=/path/to/chromium make test-browser"
)
FLAGS = [
    "--no-sandbox",  # runs as root in a container too; it opens our own pages only
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass(frozen=True, slots=True)
class Storefront:
    """Both services, and no forum."""

    catalog: Service
    webapp: Service

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"{self.webapp.url}/"


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - see above

    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BINARIES)), None)
    if found is None:
        pytest.fail(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def _open(
    browser: "Browser",
    url: str,
    size: tuple[int, int] = LAPTOP,
    scheme: Literal["light", "dark"] = "light",
    name: str = "",
) -> Iterator["Page"]:
    """A page, loaded; afterwards, that it asked nobody else for anything and complained of nothing."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(url)
    if name and (folder := os.environ.get("SCREENSHOTS")):
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)
    yield page
    context.close()
    assert {urlsplit(address).netloc for address in asked} == {urlsplit(url).netloc}
    assert complaints == []


@pytest.fixture
def opened(browser: "Browser") -> Opened:
    return partial(_open, browser)


@pytest.fixture
def storefront() -> Iterator[Storefront]:
    with (
        refusing_port() as no_forum,
        running("catalog", SHOW_IMAGE="true") as catalog,
        running("webapp", CATALOG_SERVICE_PORT=str(catalog.port), FORUM_SERVICE_PORT=str(no_forum)) as webapp,
    ):
        yield Storefront(catalog, webapp)
