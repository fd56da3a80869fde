"""HTTP and gRPC statuses in Istio's kinds.

Source: validateHTTPStatus and validateGRPCStatus in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator, Mapping

from localmesh.kinds.review import Problem

GRPC_STATUSES: Mapping[str, int] = {
    "OK": 0,
    "CANCELLED": 1,
    "UNKNOWN": 2,
    "INVALID_ARGUMENT": 3,
    "DEADLINE_EXCEEDED": 4,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "OUT_OF_RANGE": 11,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "DATA_LOSS": 15,
    "UNAUTHENTICATED": 16,
}
_LOWEST, _HIGHEST = 200, 599
_PASSES_ISTIOD = 600


def http_status_problems(path: str, status: int) -> Iterator[Problem]:
    """Yield what is wrong with a status that a proxy is to answer."""
    if status == _PASSES_ISTIOD:
        yield Problem(path, f"HTTP status {status}: istiod lets it pass, but Envoy takes 200 to 599 only")
    elif not _LOWEST <= status <= _HIGHEST:
        yield Problem(path, f"HTTP status {status} is not in range 200-599")


def grpc_status_problems(path: str, status: str) -> Iterator[Problem]:
    """Yield what is wrong with the name of a gRPC status."""
    if status not in GRPC_STATUSES:
        yield Problem(path, f'gRPC status "{status}" is not supported; supported are {", ".join(GRPC_STATUSES)}')
