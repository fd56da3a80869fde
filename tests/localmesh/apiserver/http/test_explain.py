"""`kubectl explain`, by the real kubectl, from the schemas that admission works with."""

import pytest

from tests.localmesh.apiserver.http.conftest import World


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("vs.spec.http.retries", "KIND: VirtualService VERSION: v1 FIELD: retries <Object>"),
        ("virtualservices.spec.tcp", "The local mesh does not honour this field, and refuses it."),
        ("gw.spec.servers.port.protocol", "The local mesh honours: HTTP"),
        ("dr", "URL: https://istio.io/latest/docs/reference/config/networking/destination-rule/"),
        ("dr.spec.trafficPolicy.loadBalancer.simple", "ENUM: UNSPECIFIED LEAST_CONN RANDOM PASSTHROUGH ROUND_ROBIN"),
        ("pod.spec.containers.ports", "FIELD: ports <[]ContainerPort>"),
        ("pods.spec.containers.resources.limits", "FIELD: limits <map[string]string>"),
        ("deployment.spec.template.spec.containers.livenessProbe.httpGet", "port <string> -required-"),
    ],
)
def test_a_field_is_explained_with_its_type_and_what_the_mesh_makes_of_it(world: World, path: str, said: str) -> None:
    assert said in words(world.ok("explain", path))


def test_a_field_that_a_kind_does_not_have_is_an_error(world: World) -> None:
    assert 'error: field "retry" does not exist' in world.fails("explain", "vs.spec.http.retry")


def test_a_whole_kind_is_shown_recursively_in_each_version(world: World) -> None:
    said = world.ok("explain", "vs", "--recursive", "--api-version=networking.istio.io/v1beta1")
    assert "VERSION:    v1beta1" in said
    assert "retryRemoteLocalities\t<boolean>" in said
