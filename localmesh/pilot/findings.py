"""What could not be translated: said of the one object that it is about, while everything else goes on."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from traceback import format_exception

from msgspec import Struct

from localmesh.core.objects import Key
from localmesh.kinds.resources import Resource


@dataclass(frozen=True, slots=True)
class Finding:
    """Why one object, or a part of it, is left out."""

    resource: Resource
    key: Key
    field: str
    """The path in the object, as kubectl prints it; "" for the whole of it."""

    message: str
    code: str = ""
    """Of `istioctl analyze`, for what is only a warning: the object is honoured all the same."""

    trace: str = dataclass_field(default="", compare=False)
    """Where the mesh failed, if it is the mesh that failed: for its log."""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class Findings:
    """Collects the findings of one computation, each once."""

    def __init__(self) -> None:
        self._findings: dict[Finding, None] = {}

    def add(self, finding: Finding) -> None:
        """Keep a finding."""
        self._findings.setdefault(finding)

    def all(self) -> tuple[Finding, ...]:
        """Return what was found, in the order in which it was."""
        return tuple(self._findings)

    def about(self, resource: Resource, key: Key) -> "_About":
        """Keep what goes wrong in a block as a finding about one object; what the block had yet to do is left out."""
        return _About(self, resource, key)


class _About(Struct, frozen=True):
    """A block that may fail.

    An error that nobody foresaw is one of the mesh's own. It is no reason to leave other objects out either.
    """

    findings: Findings
    resource: Resource
    key: Key

    def __enter__(self) -> None:
        pass

    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, Exception):
            message = f"the local mesh cannot translate this: {type(error).__name__}: {error}"
            trace = "".join(format_exception(error))
            self.findings.add(Finding(self.resource, self.key, "", message, trace=trace))
        return error is None or isinstance(error, Exception)
