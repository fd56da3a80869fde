"""The schemas in the package are those that the script makes."""

import importlib.util
import json
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

GATEWAY = "networking.istio.io/Gateway"
TOOLS = Path(__file__).parents[2] / "tools"


def load(name: str) -> ModuleType:
    """Return one of the scripts as a module."""
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load("make_schemas")


def crd(name: str, schemas: list[Any]) -> dict[str, Any]:
    group, kind = name.split("/")
    versions = [{"schema": {"openAPIV3Schema": {"properties": {"spec": schema}}}} for schema in schemas]
    return {"spec": {"group": group, "names": {"kind": kind}, "versions": versions}}


def test_the_built_in_kinds_are_those_of_kubernetes(script: ModuleType) -> None:
    committed = json.loads((files("localmesh.kinds.schema") / "schema.json").read_text())
    made = script.built_in()
    assert {name: committed.get(name) for name in made} == made


def test_istios_rules_are_kept_in_short(script: ModuleType, tmp_path: Path) -> None:
    rule = {"rule": "duration(self) >= duration('1ms')", "message": "too short"}
    duration = {"type": "string", "x-kubernetes-validations": [rule]}
    match = {
        "type": "object",
        "description": "long",
        "properties": {"exact": {"type": "string"}, "timeout": duration},
        "oneOf": [{"not": {"anyOf": [{"required": ["exact"]}]}}, {"required": ["exact"]}, {"required": ["prefix"]}],
    }
    path = tmp_path / "crds.yaml"
    path.write_text(yaml.safe_dump_all([crd(name, [match, match]) for name in sorted(script.ISTIO)]))
    assert script.istio(path)["networking.istio.io/Gateway"]["properties"]["spec"] == {
        "type": "object",
        "atMostOne": [["exact", "prefix"]],
        "properties": {
            "exact": {"type": "string"},
            "timeout": {"type": "string", "cel": [[rule["rule"], rule["message"]]]},
        },
    }


def test_a_rule_that_nobody_knows_stops_it(script: ModuleType, tmp_path: Path) -> None:
    odd = {"type": "string", "x-kubernetes-validations": [{"rule": "self.isOdd()", "message": "must be odd"}]}
    path = tmp_path / "crds.yaml"
    path.write_text(yaml.safe_dump_all([crd(name, [odd]) for name in sorted(script.ISTIO)]))
    with pytest.raises(SystemExit, match=r"does not know these rules: \['self.isOdd"):
        script.istio(path)


@pytest.mark.parametrize(
    ("documents", "complaint"),
    [
        (
            [crd("networking.istio.io/Gateway", [{"type": "object"}, {"type": "string"}])],
            "the versions of Gateway differ",
        ),
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
