"""Bookinfo's manifests say what the original's say, where others rely on it: names, ports, labels, accounts."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.k8s.manifests import BOOKINFO, CHECKOUT, Manifest, built, container, identity, load, of_kind, pod_labels

VERSIONS = {"details": ["v1"], "ratings": ["v1"], "reviews": ["v1", "v2", "v3"], "productpage": ["v1"]}
DEPLOYMENTS = {f"{name}-{version}": (name, version) for name, versions in VERSIONS.items() for version in versions}
NETWORKING = sorted(path.stem for path in CHECKOUT.glob(f"{BOOKINFO}/networking/*.yaml"))
(SKAFFOLD,) = load(f"{BOOKINFO}/skaffold.yaml")
DOCKERFILE = (CHECKOUT / "Dockerfile.bookinfo").read_text(encoding="utf-8")


def destinations(virtual_service: Manifest) -> Iterator[dict[str, Any]]:
    for http in virtual_service["spec"]["http"]:
        yield from (route["destination"] for route in http["route"])


def test_services_and_accounts_have_the_originals_names_ports_and_labels() -> None:
    services = {identity(service)[2]: service for service in of_kind("Service", built(BOOKINFO))}
    assert set(services) == set(VERSIONS)
    for name, service in services.items():
        assert service["metadata"]["labels"] == {"app": name, "service": name}
        assert service["spec"] == {"selector": {"app": name}, "ports": [{"name": "http", "port": 9080}]}
    accounts = {
        identity(account)[2]: account["metadata"]["labels"] for account in of_kind("ServiceAccount", built(BOOKINFO))
    }
    assert accounts == {f"bookinfo-{name}": {"account": name} for name in VERSIONS}


def test_deployments_have_the_originals_names_labels_containers_and_accounts() -> None:
    deployments = {identity(deployment)[2]: deployment for deployment in of_kind("Deployment", built(BOOKINFO))}
    assert set(deployments) == set(DEPLOYMENTS)
    for title, (name, version) in DEPLOYMENTS.items():
        deployment = deployments[title]
        assert deployment["metadata"]["labels"] == pod_labels(deployment) == {"app": name, "version": version}
        assert container(deployment)["name"] == name
        assert container(deployment)["image"].startswith(f"istioinaction/examples-bookinfo-{title}:")
        assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == f"bookinfo-{name}"
        # The version is the image's own: another image, or kubectl set env, makes it another.
        assert [variable["name"] for variable in container(deployment)["env"]] == ["POD_NAME", "POD_NAMESPACE"]


def test_nothing_names_a_namespace_so_that_it_goes_where_the_reader_is() -> None:
    manifests = [*built(BOOKINFO), *(m for name in NETWORKING for m in load(f"{BOOKINFO}/networking/{name}.yaml"))]
    assert {identity(manifest)[1] for manifest in manifests} == {""}


def test_the_gateway_leads_the_originals_paths_to_productpage() -> None:
    (gateway,) = of_kind("Gateway", built(BOOKINFO))
    assert [server["port"]["number"] for server in gateway["spec"]["servers"]] == [8080]
    (bookinfo,) = of_kind("VirtualService", built(BOOKINFO))
    (rule,) = bookinfo["spec"]["http"]
    assert sorted(tuple(*match["uri"].items()) for match in rule["match"]) == [
        ("exact", "/login"),
        ("exact", "/logout"),
        ("exact", "/productpage"),
        ("prefix", "/api/v1/products"),
        ("prefix", "/static"),
    ]


@pytest.mark.parametrize("name", NETWORKING)
def test_a_lesson_routes_to_subsets_that_are_defined_and_have_pods(name: str) -> None:
    rules = {rule["spec"]["host"]: rule["spec"] for rule in load(f"{BOOKINFO}/networking/destination-rules.yaml")}
    for virtual_service in of_kind("VirtualService", load(f"{BOOKINFO}/networking/{name}.yaml")):
        assert virtual_service["spec"]["hosts"] == [identity(virtual_service)[2]]
        for destination in destinations(virtual_service):
            (labels,) = (
                subset["labels"]
                for subset in rules[destination["host"]]["subsets"]
                if subset["name"] == destination["subset"]
            )
            assert f"{destination['host']}-{labels['version']}" in DEPLOYMENTS


def test_weights_are_whole() -> None:
    for name in ("reviews-90-10", "reviews-50-50"):
        (reviews,) = load(f"{BOOKINFO}/networking/{name}.yaml")
        assert sum(route["weight"] for route in reviews["spec"]["http"][0]["route"]) == 100


def test_the_dockerfile_agrees_on_port_and_user_and_knows_each_service_and_what_it_needs() -> None:
    assert re.findall(r"(?m)^EXPOSE (\d+)", DOCKERFILE) == ["9080"]
    assert re.findall(r"(?m)^USER (\S+)", DOCKERFILE) == ["10001:10001"]
    stages = dict(re.findall(r"(?ms)^FROM base AS (\w+)$(.*?)(?=^FROM)", DOCKERFILE))
    assert set(stages) == set(VERSIONS)
    for name, stage in stages.items():
        assert f'ENTRYPOINT ["python", "-m", "services.bookinfo.{name}"]' in stage
        assert ("curl" in stage) == (name == "ratings")
    for name in VERSIONS:
        assert (CHECKOUT / "requirements" / f"bookinfo-{name}.txt").is_file()
    ignored = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "!requirements/bookinfo-*.txt" in ignored


def test_skaffold_builds_the_images_that_the_manifests_name_from_the_repositorys_root() -> None:
    artifacts = {artifact["image"]: artifact for artifact in SKAFFOLD["build"]["artifacts"]}
    images = {container(deployment)["image"].partition(":")[0] for deployment in of_kind("Deployment", built(BOOKINFO))}
    assert set(artifacts) == images
    for image, artifact in artifacts.items():
        arguments = artifact["docker"]["buildArgs"]
        assert image.endswith(f"-{arguments['SERVICE']}-{arguments['SERVICE_VERSION']}")
        assert (CHECKOUT / artifact["context"] / artifact["docker"]["dockerfile"]).is_file()


def test_skaffold_deploys_this_folder_into_a_namespace_with_sidecars() -> None:
    # skaffold takes the paths of the file that -f names from where it was started, not from that file's folder.
    assert SKAFFOLD["manifests"]["kustomize"]["paths"] == [BOOKINFO]
    kubectl = SKAFFOLD["deploy"]["kubectl"]
    assert kubectl["defaultNamespace"] == "default"
    for when in ("before", "after"):
        (hook,) = kubectl["hooks"][when]
        assert hook["host"]["command"] == ["bin/skaffold-hook.sh", f"{when}-deploy", "bookinfo"]
