from pathlib import Path

import pytest

from localmesh.addons import AddonPorts
from localmesh.cli import telemetry
from localmesh.cli.telemetry import page_ports, real_prometheus, telemetry_arguments
from localmesh.core.errors import MeshError


def test_the_pages_answer_where_the_tutorial_has_the_add_ons() -> None:
    assert AddonPorts().numbers == (30001, 30002, 30003, 30004)
    assert AddonPorts.from_first(31401) == AddonPorts(metrics=31401, boards=31402, mesh=31403, traces=31404)


def test_a_port_that_the_user_named_and_somebody_has_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "is_taken", lambda number: number == 31402)
    with pytest.raises(MeshError, match=r"port 31402 on 127.0.0.1 is taken: .*--telemetry-ports FIRST"):
        page_ports(31401)


def test_four_ports_in_a_row_end_where_ports_do() -> None:
    with pytest.raises(MeshError, match="65532 at most"):
        page_ports(65533)


def test_the_usual_ports_give_way_when_somebody_has_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(telemetry, "is_taken", lambda number: number in (30002, 30101, 30113))
    assert page_ports(None).numbers == (30120, 30121, 30122, 30123)
    assert "port 30002 on 127.0.0.1 is taken: telemetry answers from 30120 on" in capsys.readouterr().err
    monkeypatch.setattr(telemetry, "is_taken", lambda _: True)
    with pytest.raises(MeshError, match="--no-telemetry"):
        page_ports(None)


def test_a_real_prometheus_and_a_collector_outside_take_part_if_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "real_prometheus", lambda: "/opt/vm")
    assert list(telemetry_arguments(AddonPorts()))[-1] == "--prometheus=/opt/vm"
    monkeypatch.setattr(telemetry, "real_prometheus", lambda: None)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert list(telemetry_arguments(AddonPorts()))[-1] == "--outside-collector=http://127.0.0.1:4318"
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert list(telemetry_arguments(AddonPorts())) == ["--telemetry-ports", "30001", "30002", "30003", "30004"]
    assert list(telemetry_arguments(None)) == []


def test_of_several_real_ones_the_path_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, name in (("one", "victoria-metrics"), ("other", "prometheus"), ("other", "victoria-metrics")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{tmp_path / 'one'}:{tmp_path / 'other'}")
    assert real_prometheus() == str(tmp_path / "one" / "victoria-metrics")
    monkeypatch.setenv("PATH", f"{tmp_path / 'other'}:{tmp_path / 'one'}")
    assert real_prometheus() == str(tmp_path / "other" / "prometheus")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert real_prometheus() is None
