"""What every translation may look at."""

from dataclasses import dataclass

from localmesh.pilot.destination_rules import DestinationRules
from localmesh.pilot.findings import Findings
from localmesh.pilot.registry.addresses import Addresses
from localmesh.pilot.registry.index import ServiceIndex
from localmesh.pilot.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class PushContext:
    """The state of the mesh for which all proxies are computed."""

    snapshot: Snapshot
    services: ServiceIndex
    destination_rules: DestinationRules
    addresses: Addresses
    findings: Findings

    @classmethod
    def of(cls, snapshot: Snapshot, addresses: Addresses) -> "PushContext":
        """Read what was applied; what cannot be read is found."""
        findings = Findings()
        for finding in snapshot.findings:
            findings.add(finding)
        services = ServiceIndex(snapshot.services, snapshot.pods, addresses, findings)
        return cls(snapshot, services, DestinationRules.of(snapshot), addresses, findings)
