"""What kustomize makes of the manifests, and how to find things in it."""

import functools
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from localmesh.core.manifests import documents

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
OVERLAYS = sorted(path.parent.name for path in CHECKOUT.glob("k8s/overlays/*/kustomization.yaml"))
KUSTOMIZATIONS = ["k8s/base", *(f"k8s/overlays/{name}" for name in OVERLAYS)]
BOOKINFO = "k8s/bookinfo"

Manifest = dict[str, Any]


def kustomize(folder: Path | str) -> subprocess.CompletedProcess[str]:
    """Run `kubectl kustomize`, which needs no cluster."""
    command = [TOOLS / "kubectl", "kustomize", str(folder)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=30)


@functools.cache
def built(folder: str) -> list[Manifest]:
    """Return what a kustomization deploys. The list is shared: change nothing in it."""
    return parsed(kustomize(folder))


def combined(folder: Path, *components: str) -> subprocess.CompletedProcess[str]:
    """Build the base with components that no overlay need have combined, from an empty folder anywhere."""
    k8s = os.path.relpath(CHECKOUT / "k8s", folder.resolve())  # kustomize takes no absolute path
    lines = [f"- {k8s}/components/{name}" for name in components]
    text = "\n".join(["resources:", f"- {k8s}/base", "components:", *lines])
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    return kustomize(folder)


def parsed(done: subprocess.CompletedProcess[str]) -> list[Manifest]:
    """Return what kustomize printed."""
    assert done.returncode == 0, done.stderr
    return list(documents(done.stdout))


def load(path: str) -> list[Manifest]:
    """Return the documents of a YAML file of the checkout."""
    return list(documents((CHECKOUT / path).read_text(encoding="utf-8")))


def of_kind(kind: str, manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Pick out one kind."""
    return (manifest for manifest in manifests if manifest["kind"] == kind)


def identity(manifest: Manifest) -> tuple[str, str, str]:
    """Return what a cluster tells objects apart by."""
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def pod_labels(deployment: Manifest) -> dict[str, str]:
    """Return the labels that a Deployment's pods get."""
    return dict(deployment["spec"]["template"]["metadata"]["labels"])


def container(deployment: Manifest) -> Manifest:
    """Return the one container of a Deployment's pods."""
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(only)


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Tell whether a selector by equality matches labels."""
    return selector.items() <= labels.items()
