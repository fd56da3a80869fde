"""What objects say of one another that does not fit: the warnings of `istioctl analyze`, with its codes.

Nothing here changes what proxies do. Source: pkg/config/analysis of Istio 1.31, and
https://istio.io/latest/docs/reference/config/analysis/.
"""

from collections.abc import Iterator

from localmesh.pilot.analysis.destinations import destination_findings
from localmesh.pilot.analysis.gateways import gateway_findings
from localmesh.pilot.analysis.known import Known
from localmesh.pilot.analysis.policies import policy_findings
from localmesh.pilot.analysis.virtual_services import virtual_service_findings
from localmesh.pilot.findings import Finding
from localmesh.pilot.snapshot import Snapshot

__all__ = ["analyse"]


def analyse(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield what does not fit together, object by object."""
    known = Known.of(snapshot)
    yield from destination_findings(known)
    yield from virtual_service_findings(known)
    yield from gateway_findings(known)
    yield from policy_findings(known)
