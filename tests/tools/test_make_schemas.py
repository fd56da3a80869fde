"""The schemas in the package are those that the script makes."""

import importlib.util
import json
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

SCRIPT = Path(__file__).parents[2] / "tools" / "make_schemas.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_schemas", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def crd(kind: str, schemas: list[Any]) -> dict[str, Any]:
    versions = [{"schema": {"openAPIV3Schema": {"properties": {"spec": schema}}}} for schema in schemas]
    return {"spec": {"group": "networking.istio.io", "names": {"kind": kind}, "versions": versions}}


def test_the_built_in_kinds_are_those_of_kubernetes(script: ModuleType) -> None:
    committed = json.loads((files("localmesh.kinds.schema") / "schema.json").read_text())
    made = script.built_in()
    assert {name: committed.get(name) for name in made} == made


def test_istios_rules_are_kept_in_short(script: ModuleType, tmp_path: Path) -> None:
    duration = {"type": "string", "x-kubernetes-validations": [{"rule": "duration(self) >= duration('1ms')"}]}
    match = {
        "type": "object",
        "description": "long",
        "properties": {"exact": {"type": "string"}, "timeout": duration},
        "oneOf": [{"not": {"anyOf": [{"required": ["exact"]}]}}, {"required": ["exact"]}, {"required": ["prefix"]}],
    }
    path = tmp_path / "crds.yaml"
    kinds = ("Gateway", "VirtualService", "DestinationRule")
    path.write_text(yaml.safe_dump_all([crd(kind, [match, match]) for kind in kinds]))
    assert script.istio(path)["networking.istio.io/Gateway"]["properties"]["spec"] == {
        "type": "object",
        "atMostOne": [["exact", "prefix"]],
        "properties": {"exact": {"type": "string"}, "timeout": {"type": "string", "format": "duration"}},
    }


@pytest.mark.parametrize(
    ("documents", "complaint"),
    [
        ([crd("Gateway", [{"type": "object"}, {"type": "string"}])], "the versions of Gateway differ"),
        ([{"spec": {"group": "other", "names": {"kind": "Other"}}}], "is it Istio's crd-all.gen.yaml"),
    ],
)
def test_a_file_that_will_not_do_says_why(
    script: ModuleType, tmp_path: Path, documents: list[Any], complaint: str
) -> None:
    path = tmp_path / "crds.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    with pytest.raises(SystemExit, match=complaint):
        script.istio(path)
