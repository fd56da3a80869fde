"""What documents say of one another that does not fit, as `istioctl analyze` would say it of files."""

from collections.abc import Mapping, Sequence

from localmesh.cli.verdicts import Verdict
from localmesh.core.objects import Key, key_of
from localmesh.kinds.resources import (
    DEPLOYMENTS,
    DESTINATION_RULES,
    GATEWAYS,
    NAMESPACES,
    PODS,
    SERVICES,
    Resource,
    resource_of,
)
from localmesh.pilot.analysis.virtual_services import INEFFECTIVE_MATCH, UNREACHABLE_RULE
from localmesh.pilot.findings import Finding
from localmesh.pilot.offline import findings_of

_SAID_BY_ADMISSION = (UNREACHABLE_RULE, INEFFECTIVE_MATCH)
_LOOKED_FOR = {
    "Referenced host": (SERVICES,),
    "Referenced mirror": (SERVICES,),
    "Referenced gateway": (GATEWAYS,),
    "one or more host": (GATEWAYS,),
    "The host": (SERVICES,),
    "The Subset": (DEPLOYMENTS, PODS),
    "No matching workloads": (DEPLOYMENTS, PODS),
    "Referenced namespace": (NAMESPACES,),
}
"""What is missing only if the files have other objects of its kind: else it is in the cluster, as far as one knows."""
_SUBSETS = "subset in destinationrule"


def advice_on(verdicts: Sequence[Verdict]) -> Mapping[int, Sequence[str]]:
    """Return lines about documents, by their place among all; the refused ones are left out of the picture."""
    taken = {_identity(verdict): number for number, verdict in enumerate(verdicts) if verdict.admitted is not None}
    present = {resource for resource, _ in taken}
    lines: dict[int, list[str]] = {}
    for finding in findings_of([verdict.admitted for verdict in verdicts if verdict.admitted is not None]):
        number = taken.get((finding.resource, finding.key))
        if number is not None and _is_news(finding, present):
            document = verdicts[number].document
            line = f"{document.source}:{document.line(finding.field)}: {verdicts[number].name} warning: {finding}"
            lines.setdefault(number, []).append(line)
    return lines


def _identity(verdict: Verdict) -> tuple[Resource | None, Key]:
    obj = verdict.admitted or {}
    return resource_of(obj["apiVersion"], obj["kind"]), key_of(obj)


def _is_news(finding: Finding, present: set[Resource | None]) -> bool:
    if finding.code in _SAID_BY_ADMISSION:
        return False
    if _SUBSETS in finding.message:
        return bool(present & {SERVICES, DESTINATION_RULES})
    looked_for = next((kinds for start, kinds in _LOOKED_FOR.items() if finding.message.startswith(start)), ())
    return not looked_for or bool(present & set(looked_for))
