"""bin/images.sh, with a docker that writes down what it was asked."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.k8s.manifests import CHECKOUT

DOCKER = """#!/bin/bash
printf '%s\\n' "$*" >>"$DESK/asked"
while (($#)); do
  if [[ $1 == --metadata-file && ! -e $DESK/untold ]]; then echo '{"containerimage.digest": "sha256:0123"}' >"$2"; fi
  shift
done
[[ ! -e $DESK/broken ]]
"""
(RELEASE,) = re.findall(r'(?m)^version = "(.*)"$', (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a copy of what the script reads, and `bin`, which is the whole PATH."""
    (tmp_path / "bin").mkdir()
    shutil.copy(CHECKOUT / "bin" / "images.sh", tmp_path / "bin")
    for name in ("pyproject.toml", "Dockerfile.catalog", "Dockerfile.webapp"):
        shutil.copy(CHECKOUT / name, tmp_path)
    for name in ("bash", "cat", "dirname", "head", "mkdir", "mktemp", "rm", "sed", "tee"):
        (tmp_path / "bin" / name).symlink_to(os.fspath(shutil.which(name) or name))
    (tmp_path / "bin" / "docker").write_text(DOCKER)
    (tmp_path / "bin" / "docker").chmod(0o755)
    return tmp_path


def run(desk: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(desk / "bin"), "DESK": str(desk), **environment}
    command = [desk / "bin" / "bash", desk / "bin" / "images.sh", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)


def asked(desk: Path) -> list[str]:
    return (desk / "asked").read_text().splitlines() if (desk / "asked").exists() else []


def test_build_makes_each_image_for_this_machine_under_its_release(desk: Path) -> None:
    done = run(desk, "build")
    assert done.returncode == 0, done.stderr
    assert [re.findall(r"-f (\S+) .*--load -t (\S+)", line) for line in asked(desk)] == [
        [("Dockerfile.catalog", f"istioinaction/catalog:{RELEASE}")],
        [("Dockerfile.webapp", f"istioinaction/webapp:{RELEASE}")],
    ]
    assert all(f"--build-arg VERSION={RELEASE}" in line for line in asked(desk))


def test_bookinfo_is_built_for_each_version_that_the_samples_name(desk: Path) -> None:
    (desk / "Dockerfile.bookinfo").touch()
    run(desk, "build")
    images = [line.partition(" -t istioinaction/")[2].partition(":")[0] for line in asked(desk)]
    assert images == [
        "catalog",
        "webapp",
        *(f"examples-bookinfo-{name}" for name in ("productpage-v1", "details-v1")),
        *(f"examples-bookinfo-{name}" for name in ("reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1")),
    ]


def test_a_release_is_for_both_architectures_with_its_origin_and_records_the_digests(desk: Path) -> None:
    done = run(desk, "release", IMAGE_REGISTRY="registry.example/shop", RELEASE_TAG=f"v{RELEASE}")
    assert done.returncode == 0, done.stderr
    for line in asked(desk):
        assert "--platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max --push" in line
    assert (desk / "dist" / "images.txt").read_text().splitlines() == [
        f"registry.example/shop/{name}:{RELEASE}@sha256:0123" for name in ("catalog", "webapp")
    ]


def test_a_release_without_a_registry_says_so_before_anything_is_built(desk: Path) -> None:
    done = run(desk, "release")
    assert done.returncode == 1
    assert "IMAGE_REGISTRY" in done.stderr
    assert asked(desk) == []


def test_a_tag_of_another_version_is_refused_before_anything_is_built(desk: Path) -> None:
    done = run(desk, "release", IMAGE_REGISTRY="registry.example/shop", RELEASE_TAG="v9.9.9")
    assert done.returncode == 1
    assert "v9.9.9" in done.stderr
    assert RELEASE in done.stderr
    assert asked(desk) == []


@pytest.mark.parametrize("trouble", ["broken", "untold"])
def test_an_image_that_was_not_built_or_has_no_digest_ends_the_release(desk: Path, trouble: str) -> None:
    (desk / trouble).touch()
    done = run(desk, "release", IMAGE_REGISTRY="registry.example/shop")
    assert done.returncode != 0
    assert len(asked(desk)) == 1
    assert (desk / "dist" / "images.txt").read_text() == ""


def test_without_docker_it_says_where_to_get_it(desk: Path) -> None:
    (desk / "bin" / "docker").unlink()
    done = run(desk, "build")
    assert done.returncode == 1
    assert "docker is not on the PATH" in done.stderr
