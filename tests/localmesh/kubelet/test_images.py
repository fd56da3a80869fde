import os
import re
import subprocess
from pathlib import Path

import pytest

from localmesh.core.errors import MeshError
from localmesh.kinds.kubernetes.pods import Container
from localmesh.kubelet import Image, Images
from localmesh.kubelet.backoff import LIMIT, BackOff
from localmesh.kubelet.images import repository


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("istioinaction/catalog", "istioinaction/catalog"),
        ("istioinaction/catalog:latest", "istioinaction/catalog"),
        ("docker.io/istio/proxyv2:1.31.1", "istio/proxyv2"),
        ("localhost:5001/istioinaction/webapp:1.0.0@sha256:0123", "istioinaction/webapp"),
        ("registry.k8s.io/pause:3.9", "pause"),
        ("nginx", "nginx"),
    ],
)
def test_registry_tag_and_digest_do_not_matter(image: str, expected: str) -> None:
    assert repository(image) == expected


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        ((), (), ("run", "--default")),
        ((), ("--mine",), ("run", "--mine")),
        (("sh",), (), ("sh",)),
        (("sh",), ("-c", "true"), ("sh", "-c", "true")),
    ],
)
def test_command_and_args_replace_the_image_s_own(
    command: tuple[str, ...], args: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    image = Image(command=("run",), args=("--default",))
    assert image.argv(Container(name="web", command=command, args=args)) == expected


def test_the_services_are_modules_of_this_checkout() -> None:
    images = Images.load().by_repository
    assert images["istioinaction/catalog"].command[-2:] == ("-m", "services.catalog")
    assert images["istio/proxyv2"].is_proxy


@pytest.mark.parametrize(
    "registry", ["docker.io/istio/examples-", "registry.istio.io/release/examples-", "istioinaction/examples-"]
)
@pytest.mark.parametrize(
    ("name", "module", "version"),
    [
        ("productpage-v1", "productpage", None),
        ("details-v1", "details", None),
        ("details-v2", "details", None),
        *((f"reviews-{version}", "reviews", version) for version in ("v1", "v2", "v3")),
        *((f"ratings-{version}", "ratings", version) for version in ("v1", "v2", "v-faulty", "v-delayed")),
        *((f"ratings-{version}", "ratings", version) for version in ("v-unavailable", "v-unhealthy")),
    ],
)
def test_bookinfos_images_are_known_with_their_versions(
    registry: str, name: str, module: str, version: str | None
) -> None:
    image = Images.load().find(f"{registry}bookinfo-{name}:1.20.1")
    assert image
    assert image.command[-1] == f"services.bookinfo.{module}"
    assert image.port == 9080
    assert image.env.get("SERVICE_VERSION") == version


def test_a_user_s_file_adds_images_and_overrules_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / "images.yaml"
    file.write_text(
        "docker.io/examples/reviews-v2:1.20:\n  command: [python3, reviews.py]\n  env: {STARS: 'true'}\n  port: 9080\n"
        "busybox: {args: [bash]}\n"
    )
    images = Images.load([file])
    reviews = Image(command=("python3", "reviews.py"), env={"STARS": "true"}, port=9080)
    assert images.find("examples/reviews-v2:2") == reviews
    assert images.find("busybox") == Image(args=("bash",))
    assert images.find("nicolaka/netshoot") == Image(args=("sh",))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("web: {modul: web}", "web.modul: there is no such field"),
        (
            "web: {module: web, command: [web]}",
            'web: Invalid value: {"module": "web", "command": ["web"]}: at most one of module, command may be set',
        ),
        ("web: {env: {DEBUG: y}}", ""),
        ("web: {env: {DEBUG: true}}", "web.env.DEBUG: Invalid value: true: must be a string: in YAML"),
        ("web: {port: 70000}", "web.port: Invalid value: 70000: must be less than or equal to 65535"),
        ("- web", '<document>: Invalid value: ["web"]: must be an object'),
        ("web: [", "cannot be read"),
    ],
)
def test_a_user_s_file_that_is_wrong_is_named_with_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "images.yaml"
    file.write_text(text)
    if not complaint:
        assert Images.load([file]).find("web") == Image(env={"DEBUG": "y"})
        return
    with pytest.raises(MeshError, match=re.escape(f"{file}: {complaint}")):
        Images.load([file])


def test_a_user_s_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match=r"none.yaml: cannot be read"):
        Images.load([tmp_path / "none.yaml"])


def test_an_image_that_nothing_stands_for_is_told_what_to_do() -> None:
    images = Images({"busybox": Image()})
    assert images.missing("docker.io/library/busybox:1.36") == ""
    assert images.missing("nginx:1.27").startswith(
        'nothing stands for the image "nginx:1.27" in the local mesh, which knows: busybox; a line in .mesh/images.yaml'
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--version",), "curl --version"),
        (("http://a/",), "curl http://a/"),
        (("curl", "-s"), "curl -s"),
        (("echo", "a b"), "a b"),
    ],
)
def test_the_curl_image_runs_curl_unless_it_is_given_a_command(
    tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\necho curl "$@"\n')
    curl.chmod(0o755)
    image = Images.load().find("curlimages/curl:8.10.1")
    assert image is not None
    argv = image.argv(Container(name="c", args=args))
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert subprocess.run(argv, env=path, capture_output=True, text=True, check=True).stdout == f"{said}\n"


def test_back_off_doubles_up_to_its_limit() -> None:
    back_off = BackOff()
    back_off.started()
    assert [back_off.next_delay() for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]


def test_back_off_starts_over_after_a_long_run(monkeypatch: pytest.MonkeyPatch) -> None:
    back_off = BackOff()
    for _ in range(3):
        back_off.next_delay()
    monkeypatch.setattr("time.monotonic", lambda: back_off._since + 2 * LIMIT + 1)
    assert back_off.next_delay() == 0
