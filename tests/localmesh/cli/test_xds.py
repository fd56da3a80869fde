import json
from pathlib import Path

import pytest

from localmesh.__main__ import main
from tests.k8s.manifests import CHECKOUT

BASE = str(CHECKOUT / "k8s/base")
DARK_LAUNCH = str(CHECKOUT / "k8s/experiments/dark-launch.yaml")


def test_each_deployments_proxy_has_a_folder_with_four_files(tmp_path: Path) -> None:
    assert main(["xds", "-f", BASE, "-o", str(tmp_path)]) == 0
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json"))
    assert written == [
        f"{proxy}/{kind}.json"
        for proxy in ("istio-system.istio-ingressgateway", "istioinaction.catalog", "istioinaction.webapp")
        for kind in ("cds", "eds", "lds", "rds")
    ]


def test_what_is_written_twice_the_same_is_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert main(["xds", "-f", BASE, "-f", DARK_LAUNCH, "-o", str(tmp_path / folder)]) == 0
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.json")]
    assert files
    assert all((tmp_path / "one" / each).read_bytes() == (tmp_path / "two" / each).read_bytes() for each in files)


@pytest.mark.parametrize("version", ["v1beta1", "v1alpha3"])
def test_all_versions_of_istios_kinds_mean_the_same(version: str, tmp_path: Path) -> None:
    for each in ("v1", version):
        file = tmp_path / f"{each}.yaml"
        file.write_text(Path(DARK_LAUNCH).read_text().replace("networking.istio.io/v1", f"networking.istio.io/{each}"))
        assert main(["xds", "-f", BASE, "-f", str(file), "-o", str(tmp_path / each)]) == 0
    routes = "istioinaction.webapp/rds.json"
    assert (tmp_path / "v1" / routes).read_bytes() == (tmp_path / version / routes).read_bytes()


def test_a_later_document_of_the_same_name_takes_the_place_of_an_earlier(tmp_path: Path) -> None:
    retries = str(CHECKOUT / "k8s/experiments/catalog-retries.yaml")
    assert main(["xds", "-f", BASE, "-f", retries, "-f", DARK_LAUNCH, "-o", str(tmp_path)]) == 0
    assert "x-dark-launch" in (tmp_path / "istioinaction.webapp" / "rds.json").read_text()


def test_an_object_without_a_namespace_lives_where_the_option_says(tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {ports: [{port: 80, name: http}]}\n")
    assert main(["xds", "-f", BASE, "-f", str(file), "-n", "market", "-o", str(tmp_path)]) == 0
    clusters = json.loads((tmp_path / "istioinaction.webapp" / "cds.json").read_text())
    assert "outbound|80||shop.market.svc.cluster.local" in [cluster["name"] for cluster in clusters]


def test_when_something_is_refused_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: front}\nspec: {servers: []}\n")
    assert main(["xds", "-f", BASE, "-f", str(file), "-o", str(tmp_path / "out")]) == 1
    assert f"{file}:4: Gateway/front refused: spec.servers: gateway must have" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("a file")
    assert main(["xds", "-f", BASE, "-o", str(tmp_path / "out")]) == 1
    assert "cannot be written" in capsys.readouterr().err
