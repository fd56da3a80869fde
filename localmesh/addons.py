"""The add-ons that Istio's samples bring, as pods of this mesh: metrics, the mesh at a glance, traces."""

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template

from msgspec import Struct
from msgspec.structs import astuple

from localmesh.core.loopback import LOOPBACK
from localmesh.core.objects import Object

LABEL = "localmesh/addon"
SERVICES = "http://zipkin.istio-system:9411/metrics"
"""What services count, as the receiver of spans shows it."""

MANIFESTS = Path(__file__).with_name("addons.yaml")


class AddonPorts(Struct, frozen=True):
    """Where the pages answer on loopback: the node ports of the Services."""

    metrics: int = 30001
    """Of `prometheus`."""

    boards: int = 30002
    """Of `grafana`."""

    mesh: int = 30003
    """Of `kiali`."""

    traces: int = 30004
    """Of `tracing`."""

    @classmethod
    def from_first(cls, first: int) -> "AddonPorts":
        """Return four ports in a row."""
        return cls(*range(first, first + 4))

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of them."""
        return astuple(self)


class Addons(Struct, frozen=True):
    """What the add-ons have to know of their mesh."""

    ports: AddonPorts
    gateway_port: int
    kubeconfig: Path
    collector: Path
    """The Unix socket on which proxies send spans."""

    mesh_id: str
    """The uid of the namespace istio-system: by it the command line knows the pages."""

    prometheus: Path | None = None
    """A real Prometheus, or a VictoriaMetrics, that takes the stand-in's place."""

    outside: str = ""
    """An OTLP endpoint that gets all spans, which are not kept here then."""

    def manifests(self) -> list[Object]:
        """Return the objects to create."""
        from localmesh.core.manifests import documents  # noqa: PLC0415 -- `mesh up` wants the ports alone, and at once

        text = Template(MANIFESTS.read_text(encoding="utf-8")).substitute(self._words())
        return list(documents(text))

    def _words(self) -> Mapping[str, str]:
        ports = self.ports
        real = ["--real", str(self.prometheus)] if self.prometheus else []
        forward = ["--forward", f"{self.outside.rstrip('/')}/v1/traces"] if self.outside else []
        arguments = {
            "METRICS": ["metrics", "--kubeconfig", str(self.kubeconfig), "--page", SERVICES, *real],
            "MESH": [
                "page", "--kubeconfig", str(self.kubeconfig), "--prometheus", "http://prometheus.istio-system:9090",
                "--metrics", _url(ports.metrics), "--traces", _url(ports.traces), "--gateway", _url(self.gateway_port),
            ],
            "TRACES": ["traces", "--socket", str(self.collector), "--mesh", _url(ports.mesh), *forward],
            "BOARDS": ["boards", "--target", f"{_url(ports.mesh)}#series-card"],
        }  # fmt: skip
        numbers = {"METRICS": ports.metrics, "BOARDS": ports.boards, "MESH": ports.mesh, "TRACES": ports.traces}
        return {
            **{f"{name}_ARGS": json.dumps(["--mesh-id", self.mesh_id, *words]) for name, words in arguments.items()},
            **{f"{name}_PORT": str(number) for name, number in numbers.items()},
        }


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}/"
