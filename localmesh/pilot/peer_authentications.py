"""Which PeerAuthentication decides whether a pod's port takes TLS, plain text, or both.

Source: ComposePeerAuthentication in pilot/pkg/security/authn/policy_applier.go, AuthenticationPolicies in
pilot/pkg/model/authentication.go of Istio 1.31.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from localmesh.core.numbers import integer
from localmesh.core.objects import Object, key_of, labels_of, selects
from localmesh.kinds.istio import PeerAuthentication
from localmesh.kinds.istio.types.peer_authentication import MutualTLS
from localmesh.pilot.destination_rules import ROOT_NAMESPACE
from localmesh.pilot.snapshot import Config, Snapshot


class Mode(StrEnum):
    """What a port takes."""

    DISABLE = "DISABLE"
    """Plain text."""

    PERMISSIVE = "PERMISSIVE"
    """Both."""

    STRICT = "STRICT"
    """TLS, with a certificate of the mesh's."""


Policies = Sequence[Config[PeerAuthentication]]


class PeerAuthentications(Struct, frozen=True):
    """What was applied. For the mesh, a namespace or a workload the oldest policy counts, and no other."""

    by_namespace: Mapping[str, Policies]
    """The oldest first."""

    default: Mode
    """Of a mesh that says nothing."""

    @classmethod
    def of(cls, snapshot: Snapshot, default: Mode) -> "PeerAuthentications":
        """Take those that were applied."""
        by_namespace: dict[str, list[Config[PeerAuthentication]]] = {}
        for config in snapshot.configs(PeerAuthentication):
            by_namespace.setdefault(config.namespace, []).append(config)
        return cls(by_namespace, default)

    def of_namespace(self, namespace: str) -> Mode:
        """Return what is said of a namespace, or of the whole mesh."""
        modes = [_mode(self._of_all(name)) for name in (namespace, ROOT_NAMESPACE)]
        return next(filter(None, modes), self.default)

    def of_port(self, pod: Object, number: int) -> Mode:
        """Return what one of a pod's ports takes."""
        if not self.by_namespace:
            return self.default
        namespace = key_of(pod).namespace
        own = next(self._of_workload(namespace, labels_of(pod)), None)
        return _explicit(_of_port(own, number)) or _mode(own) or self.of_namespace(namespace)

    def _of_all(self, namespace: str) -> Config[PeerAuthentication] | None:
        """Return the policy for all workloads of a namespace; the root namespace's is the mesh's."""
        policies = self.by_namespace.get(namespace, ())
        return next((config for config in policies if not _labels(config)), None)

    def _of_workload(self, namespace: str, labels: Mapping[str, str]) -> Iterator[Config[PeerAuthentication]]:
        """Yield the policies that choose a workload by its labels; the root namespace has none."""
        if namespace != ROOT_NAMESPACE:
            for config in self.by_namespace.get(namespace, ()):
                if _labels(config) and selects(_labels(config), labels):
                    yield config


def _labels(config: Config[PeerAuthentication]) -> Mapping[str, str]:
    return config.spec.selector.match_labels if config.spec.selector else {}


def _mode(config: Config[PeerAuthentication] | None) -> Mode | None:
    return _explicit(config.spec.mtls) if config else None


def _of_port(config: Config[PeerAuthentication] | None, number: int) -> MutualTLS | None:
    ports = config.spec.port_level_mtls if config else {}
    return next((mtls for port, mtls in ports.items() if integer(port) == number), None)


def _explicit(mtls: MutualTLS | None) -> Mode | None:
    """Return the mode, None for what is inherited: UNSET, or nothing."""
    return Mode(mtls.mode) if mtls and mtls.mode in Mode.__members__ else None
