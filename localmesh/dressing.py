"""Adds telemetry to what a pod's Envoy is told: the one step between emission and delivery."""

from collections.abc import Mapping
from typing import Protocol

from localmesh.core.objects import Object
from localmesh.envoy.resources import Resources
from localmesh.envoy.stats import Identity
from localmesh.envoy.telemetry import RUNTIME, Dresser, Telemetry
from localmesh.kinds.injection import canonical_of, workload_name


class Dress(Protocol):
    """What is done to every proxy's resources before they are delivered."""

    @property
    def runtime(self) -> Mapping[str, int]:
        """Settings of Envoy's own that its bootstrap gets."""

    def __call__(self, resources: Resources, pod: Object, sampling: float | None = None) -> Resources:
        """Return a pod's resources as they are delivered, with its own percentage of traces if there is one."""

    def forget(self) -> None:
        """Forget what was not asked for since this was called last."""


class Undressed:
    """Adds nothing."""

    runtime: Mapping[str, int] = {}

    def __call__(self, resources: Resources, pod: Object, sampling: float | None = None) -> Resources:  # noqa: ARG002 -- the protocol's
        """Return the resources as they are."""
        return resources

    def forget(self) -> None:
        """There is nothing to forget."""


class Dressed:
    """Adds metrics and traces under the pod's own name."""

    runtime: Mapping[str, int] = RUNTIME

    def __init__(self, telemetry: Telemetry) -> None:
        self._dresser = Dresser(telemetry)

    def __call__(self, resources: Resources, pod: Object, sampling: float | None = None) -> Resources:
        """Return the resources with telemetry."""
        canonical = canonical_of(pod)
        identity = Identity(workload_name(pod), pod["metadata"]["namespace"], canonical.name, canonical.revision)
        return self._dresser.dress(resources, identity, sampling)

    def forget(self) -> None:
        """Forget what was not dressed since this was called last."""
        self._dresser.forget()
