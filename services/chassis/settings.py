"""Settings that every service has, read from the environment once, at start."""

import os
import sys
from importlib.metadata import entry_points
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

BAD_SETTINGS = 2
"""Exit status of a process whose environment is not valid (the shell's own for wrong usage)."""


def _known_propagators(value: str) -> str:
    known = {point.name for point in entry_points(group="opentelemetry_propagator")} | {"none"}
    unknown = [name for name in (part.strip() for part in value.split(",")) if name not in known]
    if unknown:
        raise ValueError(f"no propagator {unknown[0]!r}; known are {', '.join(sorted(known))}")
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 lets the system choose one, which the log then names."""
OtlpProtocol = Literal["http/protobuf"]
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]


class ServiceSettings(BaseModel):
    """The environment of any service. Each field is the variable of the same name in upper case.

    Kubernetes puts variables like ``CATALOG_PORT=tcp://10.0.0.1:80`` into pods, so no field may be named
    ``<service>_port``. An empty variable counts as one that is not set.
    """

    model_config = ConfigDict(frozen=True)

    host: str = "0.0.0.0"
    """Address to listen on."""
    port: Port
    """TCP port to listen on."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    """The least severe level that is logged."""
    drain_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 20.0
    """After SIGTERM, how long requests in flight may take before they are cancelled."""

    pod_name: str | None = None
    """Name of the pod."""
    hostname: str | None = None
    """Name of the host, which a container's runtime sets: stands for the pod's."""
    pod_namespace: str | None = None
    """The pod's namespace."""
    service_version: str | None = None
    """The pod's label ``version``."""

    otel_sdk_disabled: bool = False
    """True: nothing is recorded, wherever it might be exported to."""
    otel_service_name: str | None = None
    """Name of this service in traces, instead of its own."""
    otel_propagators: Annotated[str, AfterValidator(_known_propagators)] | None = None
    """Comma-separated names of the trace header formats, instead of W3C and B3."""
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    """``none`` keeps spans from being exported."""
    otel_metrics_exporter: Literal["otlp", "none"] = "none"
    """``otlp`` has every request counted and timed, and the figures exported."""
    otel_logs_exporter: Literal["none"] = "none"
    """Log lines go to stdout and nowhere else."""
    otel_traces_sampler: Sampler = "parentbased_always_on"
    """Which requests are recorded."""
    otel_traces_sampler_arg: Annotated[float, Field(ge=0, le=1)] | None = None
    """The share of requests, for the samplers that take one."""
    otel_exporter_otlp_endpoint: AnyHttpUrl | None = None
    """Base URL of an OTLP/HTTP collector; nothing is exported when no endpoint is set."""
    otel_exporter_otlp_traces_endpoint: AnyHttpUrl | None = None
    """Full URL for traces, instead of ``<base>/v1/traces``."""
    otel_exporter_otlp_metrics_endpoint: AnyHttpUrl | None = None
    """Full URL for metrics, instead of ``<base>/v1/metrics``."""
    otel_exporter_otlp_protocol: OtlpProtocol = "http/protobuf"
    """The only one that is spoken; it is a setting so that another one is refused, and not silently lost."""
    otel_exporter_otlp_traces_protocol: OtlpProtocol = "http/protobuf"
    """As above, for traces."""
    otel_exporter_otlp_metrics_protocol: OtlpProtocol = "http/protobuf"
    """As above, for metrics."""

    @property
    def exports_traces(self) -> bool:
        """Whether spans are recorded and sent to a collector."""
        endpoint = self.otel_exporter_otlp_traces_endpoint or self.otel_exporter_otlp_endpoint
        return bool(endpoint) and not self.otel_sdk_disabled and self.otel_traces_exporter == "otlp"

    @property
    def exports_metrics(self) -> bool:
        """Whether requests are counted, and the figures sent to a collector."""
        endpoint = self.otel_exporter_otlp_metrics_endpoint or self.otel_exporter_otlp_endpoint
        return bool(endpoint) and not self.otel_sdk_disabled and self.otel_metrics_exporter == "otlp"


S = TypeVar("S", bound=ServiceSettings)


def load(kind: type[S], service: str) -> S:
    """Reads `kind` from the environment.

    Raises:
        SystemExit: a variable is not valid. One line on stderr names it, its value and what was expected.
    """
    try:
        return kind.model_validate({name.lower(): value for name, value in os.environ.items() if value})
    except ValidationError as error:
        complaints = "; ".join(f"{str(bad['loc'][0]).upper()}={bad['input']!r}: {bad['msg']}" for bad in error.errors())
        print(f"{service}: bad environment: {complaints}", file=sys.stderr)  # noqa: T201 - no log is set up yet
        raise SystemExit(BAD_SETTINGS) from None
