"""What istiod's webhook says of `exportTo`, in its words.

Source: validateExportTo in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator, Sequence

from localmesh.kinds.istio.hosts import is_label
from localmesh.kinds.review import Problem

_PATH = "spec.exportTo"


def export_to_problems(entries: Sequence[str], namespace: str, *, selects_clients: bool) -> Iterator[Problem]:
    """Yield what is wrong with the namespaces that an object in a namespace is for; `.` is its own."""
    named: set[str] = set()
    for index, entry in enumerate(entries):
        meant = namespace if entry == "." else entry
        if meant in named:
            yield Problem(f"{_PATH}[{index}]", _duplicate(entry, namespace))
        elif complaint := _complaint(meant):
            yield Problem(f"{_PATH}[{index}]", complaint)
        else:
            named.add(meant)
    if selects_clients and named - {namespace}:
        yield Problem(_PATH, _beyond(named, namespace))
    if "*" in named and len(entries) > 1:
        yield Problem(_PATH, "cannot have both public (*) and non-public exportTo values for a resource")


def _duplicate(entry: str, namespace: str) -> str:
    if entry == ".":
        return f"duplicate entries in exportTo: . and current namespace {namespace}"
    return f"duplicate entries in exportTo for entry {entry}"


def _complaint(entry: str) -> str | None:
    if entry == "~":
        return "exportTo ~ (none) is not allowed for Istio configuration objects"
    valid = entry == "*" or is_label(entry)
    return None if valid else "only .,*, or a valid DNS 1123 label is allowed as exportTo entry"


def _beyond(named: set[str], namespace: str) -> str:
    what = "multiple entries in exportTo" if namespace in named else "exportTo beyond current namespace"
    return f"destination rule with workload selector cannot have {what}"
