"""A headless Chromium, and the storefront as two real processes."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.services.processes import Service, refusing_port, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser  # installed by `make test-browser` only

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


@pytest.fixture
def storefront() -> Iterator[Storefront]:
    with (
        refusing_port() as no_forum,
        running("catalog", SHOW_IMAGE="true") as catalog,
        running("webapp", CATALOG_SERVICE_PORT=str(catalog.port), FORUM_SERVICE_PORT=str(no_forum)) as webapp,
    ):
        yield Storefront(catalog, webapp)
