from pathlib import Path

from localmesh.addons import LABEL, AddonPorts, Addons
from localmesh.kinds.admission import admit
from localmesh.kinds.resources import resource_of
from localmesh.telemetry.__main__ import parser


def addons(prometheus: Path | None = None) -> Addons:
    odd = Path('/tmp/a "folder": {x}')
    return Addons(
        AddonPorts.from_first(31401),
        31400,
        odd / "kubeconfig",
        odd / "zipkin.sock",
        "uid-1",
        prometheus,
        "http://127.0.0.1:4318/",
    )


def test_services_and_deployments_bear_the_names_and_ports_of_istios_add_ons() -> None:
    manifests = addons().manifests()
    services = {
        obj["metadata"]["name"]: [
            (port["port"], port["targetPort"], port.get("nodePort")) for port in obj["spec"]["ports"]
        ]
        for obj in manifests
        if obj["kind"] == "Service"
    }
    assert services == {
        "prometheus": [(9090, 9090, 31401)],
        "grafana": [(3000, 3000, 31402)],
        "kiali": [(20001, 20001, 31403)],
        "tracing": [(80, 16686, 31404)],
        "zipkin": [(9411, 16686, None)],
    }
    deployments = [obj["metadata"]["name"] for obj in manifests if obj["kind"] == "Deployment"]
    assert deployments == ["prometheus", "kiali", "jaeger", "grafana", "istiod"]
    assert all(obj["metadata"]["labels"][LABEL] == "true" for obj in manifests)


def test_each_is_admitted_without_a_warning_and_its_program_takes_its_arguments() -> None:
    for obj in addons(Path("/opt/prometheus")).manifests():
        resource = resource_of(obj["apiVersion"], obj["kind"])
        assert resource
        assert admit(resource, obj).warnings == ()
        if obj["kind"] == "Deployment":
            (container,) = obj["spec"]["template"]["spec"]["containers"]
            if obj["metadata"]["name"] == "istiod":
                continue  # it stands for the mesh itself
            arguments = vars(parser().parse_args(container["args"]))
            assert arguments["mesh_id"] == "uid-1"
            assert arguments.get("forward", "http://127.0.0.1:4318/v1/traces") == "http://127.0.0.1:4318/v1/traces"
            assert arguments.get("kubeconfig", addons().kubeconfig) == addons().kubeconfig
