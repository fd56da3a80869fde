"""Istio's mesh configuration: what of it is as it is here, what changes nothing, and what is refused by name."""

import pytest

from localmesh.core.objects import Object
from localmesh.kinds.admission import InvalidError, admit
from localmesh.kinds.kubernetes.mesh_config import review_mesh_config
from localmesh.kinds.resources import CONFIG_MAPS


def mesh_config(text: str, name: str = "istio", namespace: str = "istio-system") -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mesh": text}}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("outboundTrafficPolicy: {mode: REGISTRY_ONLY}", "data[mesh].outboundTrafficPolicy"),
        ("defaultHttpRetryPolicy: {attempts: 5}", "data[mesh].defaultHttpRetryPolicy"),
        ("a setting of tomorrow: 1", "data[mesh].a setting of tomorrow"),
        ("[1]", "data[mesh]"),
        ("a: [", "data[mesh]"),
        pytest.param("[" * 20_000, "data[mesh]", id="deep"),
        pytest.param("1" * 5_000, "data[mesh]", id="long"),
        ("accessLogFile: 2026-13-01", "data[mesh]"),
        ("accessLogFile: 2026-12-01", "data[mesh].accessLogFile"),
        ("accessLogFile: &itself [*itself]", "data[mesh].accessLogFile"),
    ],
)
def test_what_would_change_traffic_is_refused_by_name(text: str, field: str) -> None:
    with pytest.raises(InvalidError) as refused:
        admit(CONFIG_MAPS, mesh_config(text))
    assert [problem.field for problem in refused.value.problems] == [field]


def test_what_an_installation_writes_is_taken() -> None:
    text = "accessLogFile: /dev/stdout\nrootNamespace: istio-system\noutboundTrafficPolicy: {mode: ALLOW_ANY}\n"
    assert review_mesh_config(mesh_config(text)).warnings == ()
    assert admit(CONFIG_MAPS, mesh_config(text)).warnings == ()
    (warning,) = admit(CONFIG_MAPS, mesh_config("enableTracing: true")).warnings
    assert warning == "data[mesh].enableTracing: not honoured by the local mesh: it changes nothing"


@pytest.mark.parametrize("place", [{"name": "other"}, {"namespace": "default"}])
def test_other_config_maps_may_say_what_they_like(place: dict[str, str]) -> None:
    assert admit(CONFIG_MAPS, mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}", **place)).warnings == ()
