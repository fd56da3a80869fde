"""skaffold.yaml names files, images and overlays that exist."""

import pytest

from tests.k8s.manifests import CHECKOUT, OVERLAYS, built, container, load, of_kind

(SKAFFOLD,) = load("skaffold.yaml")
PROFILES = {profile["name"]: profile for profile in SKAFFOLD["profiles"]}


def artifacts(part: dict) -> dict[str, dict]:
    return {artifact["image"]: artifact for artifact in part["build"]["artifacts"]}


def overlay(part: dict) -> str:
    (path,) = part["manifests"]["kustomize"]["paths"]
    assert (CHECKOUT / path / "kustomization.yaml").is_file()
    return path.removeprefix("k8s/overlays/")


def test_it_builds_the_images_that_the_manifests_name() -> None:
    images = {
        container(deployment)["image"].partition(":")[0] for deployment in of_kind("Deployment", built("k8s/base"))
    }
    assert set(artifacts(SKAFFOLD)) == set(artifacts(PROFILES["dev"])) == images


@pytest.mark.parametrize("part", [SKAFFOLD, PROFILES["dev"]], ids=["run", "dev"])
def test_its_dockerfiles_exist(part: dict) -> None:
    for image, artifact in artifacts(part).items():
        assert artifact["context"] == "."
        assert artifact["docker"]["dockerfile"] == f"Dockerfile.{image.rpartition('/')[2]}"
        assert (CHECKOUT / artifact["docker"]["dockerfile"]).is_file()


def test_every_overlay_has_its_way_to_be_deployed() -> None:
    deployed = [overlay(SKAFFOLD), *(overlay(profile) for profile in PROFILES.values())]
    assert sorted(deployed) == OVERLAYS
    assert {name: overlay(profile) for name, profile in PROFILES.items() if name != "dev"} == {
        name: name for name in OVERLAYS if name not in {"storefront", "dev-reload"}
    }


def test_dev_builds_the_target_that_reloads_and_syncs_what_it_watches() -> None:
    assert PROFILES["dev"]["activation"] == [{"command": "dev"}]
    for image, artifact in artifacts(PROFILES["dev"]).items():
        dockerfile = (CHECKOUT / artifact["docker"]["dockerfile"]).read_text(encoding="utf-8")
        assert " AS dev" in dockerfile, image
        assert list(CHECKOUT.glob(artifact["sync"]["manual"][0]["src"]))


def test_the_namespace_of_the_context_is_forced_on_nothing() -> None:
    assert SKAFFOLD["deploy"]["kubectl"]["defaultNamespace"] == ""


def test_verify_pulls_nothing() -> None:
    images = {container(deployment)["image"] for deployment in of_kind("Deployment", built("k8s/base"))}
    assert {test["container"]["image"] for test in SKAFFOLD["verify"]} <= images


def test_the_hooks_are_there_and_can_be_run() -> None:
    hooks = SKAFFOLD["deploy"]["kubectl"]["hooks"]
    commands = [hook["host"]["command"] for when in ("before", "after") for hook in hooks[when]]
    script = CHECKOUT / "bin" / "skaffold-hook.sh"
    assert commands == [["bin/skaffold-hook.sh", "before-deploy"], ["bin/skaffold-hook.sh", "after-deploy"]]
    assert script.stat().st_mode & 0o111
