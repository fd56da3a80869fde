from collections.abc import Sequence
from typing import Any

import pytest

from localmesh.core.objects import Object
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.kubernetes.pods import Container
from localmesh.kinds.messages import message
from localmesh.kubelet.environment import (
    MOST,
    ConfigError,
    Folders,
    base_environment,
    command_line,
    expand,
    leaves_tracing_alone,
    listening,
    manifest_environment,
    outbound_port,
    proxied,
)

from .conftest import Node, container, get, script, state

POD: Object = {
    "metadata": {"name": "web-1", "namespace": "shop", "uid": "42", "labels": {"app": "web"}, "annotations": {}},
    "spec": {"nodeName": "localmesh", "serviceAccountName": "web", "containers": []},
}
SETTINGS: Object = {"data": {"COLOUR": "amber", "SIZE": "9"}}


def variables(env: list[Any], env_from: Sequence[Any] = ()) -> dict[str, str]:
    container = message(Container, {"name": "web", "env": env, "envFrom": env_from})
    return manifest_environment(POD, container, {"settings": SETTINGS}.get)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "42"),
        ("metadata.labels['app']", "web"),
        ("metadata.annotations['none']", ""),
        ("spec.nodeName", "localmesh"),
        ("spec.serviceAccountName", "web"),
        ("status.podIP", "127.0.0.1"),
    ],
)
def test_a_field_of_the_pod_may_be_a_variable(path: str, value: str) -> None:
    assert variables([{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]) == {"X": value}


def test_variables_refer_to_earlier_ones() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(C)-$$(A)"}, {"name": "C"}]
    assert variables(env) == {"A": "1", "B": "1-$(C)-$(A)", "C": ""}


def test_config_maps_are_read_whole_or_by_key() -> None:
    by_key = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "SIZE"}}}]
    assert variables(by_key, [{"prefix": "P_", "configMapRef": {"name": "settings"}}]) == {
        "P_COLOUR": "amber",
        "P_SIZE": "9",
        "X": "9",
    }


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"name": "none", "key": "SIZE"}, 'configmap "none" not found'),
        ({"name": "settings", "key": "NONE"}, "couldn't find key NONE in ConfigMap settings"),
    ],
)
def test_a_missing_setting_is_an_error_unless_it_is_optional(reference: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        variables([{"name": "X", "valueFrom": {"configMapKeyRef": reference}}])
    assert variables([{"name": "X", "valueFrom": {"configMapKeyRef": reference | {"optional": True}}}]) == {}


def test_expansion_leaves_what_it_does_not_know() -> None:
    assert expand("$(A) $(B) $A $$$$ $(", {"A": "1"}) == "1 $(B) $A $$ $("


def test_calls_go_through_the_sidecar_if_there_is_one() -> None:
    assert outbound_port(PodAddresses(network=1)) == 1
    assert outbound_port(PodAddresses(network=1, http_proxy=2)) == 2
    url = "http://127.0.0.1:2"
    assert proxied({}, 2) == {"HTTP_PROXY": url, "http_proxy": url, "PROXY_LOOPBACK": "true"}
    assert proxied({}, None) == listening({}, None) == {}


def test_nothing_of_the_user_s_environment_is_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("SECRET", "1")
    found = base_environment(Folders(tmp_path, tmp_path, tmp_path), "web-1")
    assert set(found) == {"PATH", "HOME", "TMPDIR", "HOSTNAME", "LANG"}


async def test_a_process_gets_the_manifest_s_environment_and_a_port_of_its_own(node: Node) -> None:
    env = [{"name": "COLOUR", "value": "amber"}, {"name": "PORT", "value": "3000"}]
    key = node.pod("web", {"name": "main", "image": "test/server", "env": env})
    await node.log_line(await node.running(key))
    port = node.kubelet.port(key, 3000)
    said = (await get(port))["env"]
    assert (said["COLOUR"], said["HOST"], said["PORT"], said["HOSTNAME"]) == ("amber", "127.0.0.1", str(port), "web")
    assert said["http_proxy"] == said["HTTP_PROXY"]


async def test_a_missing_config_map_holds_the_container_back(node: Node) -> None:
    reference = {"configMapKeyRef": {"name": "none", "key": "x"}}
    key = node.pod("web", script("sleep 60", env=[{"name": "X", "valueFrom": reference}]))
    pod = await node.until(key, lambda pod: state(pod).get("waiting", {}).get("message"))
    assert state(pod)["waiting"] == {"reason": "CreateContainerConfigError", "message": 'configmap "none" not found'}


@pytest.mark.parametrize(
    ("variable", "leaves_alone"),
    [("PORT", True), ("OTEL_METRICS_EXPORTER", True), ("OTEL_METRIC_EXPORT_INTERVAL", True),
     ("OTEL_EXPORTER_OTLP_ENDPOINT", False), ("OTEL_TRACES_SAMPLER", False), ("OTEL_SDK_DISABLED", False)],
)  # fmt: skip
def test_who_asks_for_metrics_alone_leaves_tracing_to_the_mesh(variable: str, leaves_alone: bool) -> None:
    assert leaves_tracing_alone({"HOST": "127.0.0.1", variable: "x"}) == leaves_alone


def test_variables_that_double_again_and_again_are_refused_before_they_fill_the_machine() -> None:
    doubled = [{"name": f"V{n}", "value": f"$(V{n - 1})$(V{n - 1})"} for n in range(1, 60)]
    with pytest.raises(ConfigError, match=r"too long for a process, at \$\(V\d+\)"):
        variables([{"name": "V0", "value": "0123456789"}, *doubled])
    long = variables([{"name": "LONG", "value": "x" * MOST}])
    assert len(long["LONG"]) == MOST
    assert command_line(["$(LONG)"], long) == [long["LONG"]]
    with pytest.raises(ConfigError, match="too long"):
        command_line(["$(LONG)", "$(LONG)"], long)


async def test_a_command_that_becomes_too_long_holds_its_container_back(node: Node) -> None:
    env = [{"name": "LONG", "value": "x" * 1_000_000}]
    key = node.pod("web", container(command=["echo", "$(LONG)$(LONG)$(LONG)"], env=env))
    pod = await node.until(key, lambda pod: state(pod).get("waiting", {}).get("message"))
    assert state(pod)["waiting"]["reason"] == "CreateContainerError"
    assert "too long for a process" in state(pod)["waiting"]["message"]


async def test_a_name_as_long_as_names_may_be_is_cut_to_a_hostname(node: Node) -> None:
    key = node.pod("a" * 62 + "." + "b" * 190, script("echo $HOSTNAME; exec sleep 60"))
    assert await node.log_line(await node.running(key)) == "a" * 62 + "\n"
