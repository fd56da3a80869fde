"""The types in the package are those that the script makes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.k8s.manifests import CHECKOUT
from tests.tools.test_make_schemas import load

TYPES = CHECKOUT / "localmesh/kinds/istio/types"


def test_each_kind_has_the_messages_of_its_schema(tmp_path: Path) -> None:
    made = load("make_types").modules()
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    config = ["--config", str(CHECKOUT / "pyproject.toml")]
    subprocess.run([Path(sys.executable).with_name("ruff"), "format", "-q", *config, tmp_path], check=True)
    assert {path.name: path.read_text() for path in tmp_path.glob("*.py")} == {
        path.name: path.read_text() for path in TYPES.glob("*.py") if path.name != "__init__.py"
    }


def test_a_message_without_a_name_stops_it() -> None:
    odd = {"properties": {"oddity": {"type": "object", "properties": {"value": {"type": "string"}}}}}
    with pytest.raises(SystemExit, match=r"Gateway.oddity: NAMES does not say what this message is called"):
        load("make_types").render("Gateway", odd)
