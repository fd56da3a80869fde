"""docs/cluster.md and the chapters behind it name what is there: versions, files, overlays and their components."""

import re

import pytest

from tests.k8s.manifests import CHECKOUT, OVERLAYS, load

GUIDE = (CHECKOUT / "docs" / "cluster.md").read_text(encoding="utf-8")
CHAPTERS = "".join(
    (CHECKOUT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("cluster", "observability", "challenges", "versions")
)
# What every overlay has, which is the storefront itself.
ALWAYS = "keep-namespace"


def test_the_guide_names_the_versions_that_the_script_and_the_node_are_pinned_to() -> None:
    script = (CHECKOUT / "bin" / "cluster.sh").read_text(encoding="utf-8")
    pins = dict(re.findall(r"(?m)^(\w+)_version=(\S+)$", script))
    assert set(pins) == {"kind", "istio", "skaffold"}
    for version in pins.values():
        assert version in GUIDE
    (node,) = re.findall(r"kindest/node:v(\d+\.\d+)", (CHECKOUT / "k8s" / "kind.yaml").read_text(encoding="utf-8"))
    assert f"pins Kubernetes {node}" in GUIDE


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\b(?:k8s|bin|services|tests)/[\w./-]*\w", CHAPTERS))))
def test_a_path_in_the_guide_exists(path: str) -> None:
    assert (CHECKOUT / path.replace("PROFILE", "v2")).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?m)(?:`|^\\$ |; )make ([a-z-]+)", CHAPTERS))))
def test_what_the_guide_makes_can_be_made(target: str) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^{target}:", makefile)


def test_the_guide_lists_every_overlay_with_its_components() -> None:
    rows = re.findall(r"(?m)^\| `([\w-]+)` \| [^|]+ \| ([\w, -]+) \|$", GUIDE)
    assert sorted(name for name, _ in rows) == [name for name in OVERLAYS if name != "storefront"]
    for name, components in rows:
        (kustomization,) = load(f"k8s/overlays/{name}/kustomization.yaml")
        folders = [folder.rpartition("/")[2] for folder in kustomization["components"]]
        assert folders == [ALWAYS, *components.split(", ")], name
