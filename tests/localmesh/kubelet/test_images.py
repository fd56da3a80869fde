import pytest

from localmesh.kinds.kubernetes.pods import Container
from localmesh.kubelet import IMAGES, Image
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
    image = Image(entrypoint=("run",), cmd=("--default",))
    assert image.argv(Container(name="web", command=command, args=args)) == expected


def test_the_services_are_modules_of_this_checkout() -> None:
    assert IMAGES["istioinaction/catalog"].entrypoint[-2:] == ("-m", "services.catalog")
    assert IMAGES["istio/proxyv2"].is_proxy


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
