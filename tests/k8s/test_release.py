"""One release number, wherever it is written."""

import re
import tomllib

from services.catalog.app import create_app as create_catalog
from services.catalog.settings import Settings as CatalogSettings
from services.chassis.identity import RELEASE as SERVICES_RELEASE
from services.webapp.app import create_app as create_webapp
from services.webapp.settings import Settings as WebappSettings
from tests.k8s.manifests import CHECKOUT

RELEASE = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
TAG = re.compile(r"istioinaction/(?:catalog|webapp|\{catalog,webapp\}|examples-bookinfo-[\w-]+):(\d[\w.]*)")


def text(path: str) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


def test_the_images_label_is_the_release_unless_the_build_says_otherwise() -> None:
    dockerfiles = sorted(path.name for path in CHECKOUT.glob("Dockerfile.*"))
    assert {"Dockerfile.catalog", "Dockerfile.webapp"} <= set(dockerfiles)
    for name in dockerfiles:
        assert re.findall(r"(?m)^ARG VERSION=(\S+)$", text(name)) == [RELEASE], name


def test_the_images_that_manifests_and_the_guide_name_are_the_releases() -> None:
    files = [path for path in CHECKOUT.glob("k8s/**/*.yaml") if path.is_file()]
    files += [CHECKOUT / "skaffold.yaml", CHECKOUT / "docs" / "cluster.md"]
    tags = {path: set(TAG.findall(path.read_text(encoding="utf-8"))) for path in files}
    assert {path.name for path, found in tags.items() if found} == {
        "catalog.yaml", "catalog-v2.yaml", "webapp.yaml", "skaffold.yaml", "cluster.md",
        "productpage.yaml", "details.yaml", "reviews.yaml", "ratings.yaml", "jobs.yaml",
    }  # fmt: skip
    assert set.union(*tags.values()) == {RELEASE}


def test_skaffolds_hook_gives_the_deployed_images_the_release_as_their_tag() -> None:
    hook = text("bin/skaffold-hook.sh")
    assert re.findall(r"plain_names '([^' ]+)", hook) == [RELEASE] * 2
    assert f"k8s/base and k8s/bookinfo say {RELEASE} " in hook


def test_the_services_give_the_release_as_theirs_and_openapi_as_that_of_the_api() -> None:
    assert SERVICES_RELEASE == RELEASE
    apps = (create_catalog(CatalogSettings()), create_webapp(WebappSettings()))
    assert {app.openapi()["info"]["version"] for app in apps} == {RELEASE}
