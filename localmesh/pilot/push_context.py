"""What every translation may look at."""

from msgspec import Struct

from localmesh.core.objects import Object
from localmesh.pilot.destination_rules import DestinationRules
from localmesh.pilot.findings import Findings
from localmesh.pilot.peer_authentications import Mode, PeerAuthentications
from localmesh.pilot.registry.addresses import Addresses
from localmesh.pilot.registry.index import ServiceIndex
from localmesh.pilot.registry.services import is_near
from localmesh.pilot.snapshot import Snapshot


class PushContext(Struct, frozen=True):
    """The state of the mesh for which all proxies are computed."""

    snapshot: Snapshot
    services: ServiceIndex
    destination_rules: DestinationRules
    peer_authentications: PeerAuthentications
    addresses: Addresses
    findings: Findings
    auto_mtls: bool
    """Whether proxies speak TLS to each other without being told to (`enableAutoMtls` of Istio's mesh config)."""

    @classmethod
    def of(cls, snapshot: Snapshot, addresses: Addresses, *, auto_mtls: bool) -> "PushContext":
        """Read what was applied; what cannot be read is found."""
        findings = Findings()
        for finding in snapshot.findings:
            findings.add(finding)
        peers = PeerAuthentications.of(snapshot, Mode.PERMISSIVE if auto_mtls else Mode.DISABLE)

        def takes_tls(pod: Object, port: int, asked: bool | None) -> bool:
            return (
                auto_mtls and asked if asked is not None else auto_mtls and peers.of_port(pod, port) is not Mode.DISABLE
            )

        near = {name for name, said in snapshot.namespace_annotations.items() if is_near(said)}
        services = ServiceIndex(snapshot.services, snapshot.pods, addresses, takes_tls, findings, near_namespaces=near)
        return cls(snapshot, services, DestinationRules.of(snapshot), peers, addresses, findings, auto_mtls)
