"""The whole way from manifests to xDS, held against a real istiod's, and shown to a real Envoy."""

import functools
import json
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from localmesh.cli import xds
from localmesh.envoy.resources import Resources
from tests.localmesh.pilot.canonical import KINDS, World, differences, inbound
from tests.localmesh.pilot.static import bootstrap, envoy_complaints

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/input.yaml"))

Output = Mapping[str, Mapping[str, list[Any]]]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Gives the folder in which `mesh xds` has written what becomes of a case, once."""

    @functools.cache
    def folder(case: Path) -> Path:
        output = tmp_path_factory.mktemp(case.name)
        files, mutual = [str(case / "input.yaml")], _speaks_tls(case)
        assert xds.run(Namespace(filename=files, namespace="default", output=output, auto_mtls=mutual)) == 0
        return output

    return folder


@pytest.fixture(scope="module")
def ours(case: Path, written: Callable[[Path], Path]) -> Output:
    return _read(written(case))


@pytest.fixture(scope="module")
def theirs(case: Path) -> Output:
    """What istiod generated."""
    return _read(case)


def _speaks_tls(case: Path) -> bool:
    return (case / "input.yaml").read_text().startswith("# oracle: -mtls\n")


def _read(folder: Path) -> Output:
    proxies = sorted(path for path in folder.iterdir() if path.is_dir())
    return {proxy.name: {kind: json.loads((proxy / f"{kind}.json").read_text()) for kind in KINDS} for proxy in proxies}


def test_what_is_written_is_what_istiod_writes(case: Path, theirs: Output, ours: Output) -> None:
    assert ours.keys() == theirs.keys()
    assert list(_differences(case, theirs, ours)) == []


def _differences(case: Path, theirs: Output, ours: Output) -> Iterator[str]:
    world = World.read(case)
    for proxy, resources in theirs.items():
        for kind, canonical in KINDS.items():
            one, other = canonical(resources[kind], world), canonical(ours[proxy][kind], world)
            if "http_proxy" not in one:  # istiod was not told to serve as an HTTP proxy; the local mesh always does
                other.pop("http_proxy", None)
            yield from differences(one, other, f"{proxy}/{kind}")


@pytest.mark.parametrize("case", [*filter(_speaks_tls, CASES)], ids=lambda case: case.name, indirect=True)
def test_who_may_connect_and_how_is_what_istiod_says(theirs: Output, ours: Output) -> None:
    for proxy, resources in theirs.items():
        said = inbound(resources["lds"])
        assert said or "gateway" in proxy
        assert list(differences(said, inbound(ours[proxy]["lds"]), proxy)) == []


def test_the_names_that_istioctl_shows_are_istiods(theirs: Output, ours: Output) -> None:
    for proxy, resources in theirs.items():
        for kind in ("rds", "cds"):
            # What several listeners follow may be there again without its virtual hosts: the fuller one counts.
            shown = {each["name"]: _said(each) for each in sorted(resources[kind], key=lambda each: len(_said(each)))}
            of_ours = {each["name"]: _said(each) for each in ours[proxy][kind] if each["name"] in shown}
            assert of_ours == {name: shown[name] for name in of_ours}


def _said(node: Any) -> list[Any]:
    """Return the metadata and operations in a resource, in order."""
    if isinstance(node, dict):
        own = [node[key] for key in ("metadata", "decorator") if key in node]
        return own + [said for key in sorted(node) if key != "metadata" for said in _said(node[key])]
    return [said for each in node for said in _said(each)] if isinstance(node, list) else []


@pytest.mark.parametrize("some", [CASES[first::8] for first in range(8)], ids=range(8))
def test_envoy_takes_every_proxy_of_the_cases(
    some: list[Path], written: Callable[[Path], Path], tmp_path: Path
) -> None:
    proxies = {
        f"{case.name}/{name}": Resources(**resources)
        for case in some
        for name, resources in _read(written(case)).items()
    }
    assert envoy_complaints(bootstrap(proxies), tmp_path) == ""


def test_the_access_log_is_istios(theirs: Output, ours: Output) -> None:
    said = {text for resources in theirs.values() for text in _formats(resources["lds"])}
    assert {text for resources in ours.values() for text in _formats(resources["lds"])} == said


def _formats(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from [node["inline_string"]] if "inline_string" in node else []
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _formats(each)
