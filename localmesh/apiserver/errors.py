"""What the door answers instead of an object: `Status` documents, in the words that kubectl's users know."""

from collections.abc import Iterable
from typing import Any

from localmesh.apiserver.runtime import RuntimeRefusedError
from localmesh.core.objects import Object
from localmesh.kinds.admission import AdmissionError, DecodingError, InvalidError
from localmesh.kinds.resources import Resource
from localmesh.kinds.review import Problem
from localmesh.store.objects import AlreadyExistsError, ConflictError, NotFoundError, StoreError


class ApiError(Exception):
    """A request is refused."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        resource: Resource | None = None,
        name: str = "",
        problems: Iterable[Problem] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.resource = resource
        self.name = name
        self.problems = tuple(problems)

    def to_status(self) -> Object:
        """Return the document that kubectl reads."""
        return failure(self.code, self.reason, str(self), self._details())

    def _details(self) -> Object:
        details: dict[str, Any] = {}
        if self.resource is not None:
            # Validation names the kind, everything else the resource.
            kind = self.resource.kind if self.reason == "Invalid" else self.resource.plural
            details |= {"name": self.name, "group": self.resource.group, "kind": kind}
        if self.problems:
            details["causes"] = [_cause(problem) for problem in self.problems]
        return details


def _cause(problem: Problem) -> Object:
    """Return what kubectl prints in a line of its own, as `* field: message`."""
    reason = "FieldValueRequired" if problem.message.startswith("Required") else "FieldValueInvalid"
    return {"reason": reason, "message": problem.message, "field": problem.field}


def failure(code: int, reason: str, message: str, details: Object | None = None) -> Object:
    """Return a Status of a failure; a webhook's denial has no reason."""
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    if reason:
        status["reason"] = reason
    # There are clients that read details without looking whether there are any (kubectl debug).
    return status | {"details": details or {}, "code": code}


def success(resource: Resource, obj: Object) -> Object:
    """Return the Status that answers a deletion."""
    metadata = obj["metadata"]
    details = {"name": metadata["name"], "group": resource.group, "kind": resource.plural, "uid": metadata["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def bad_request(message: str) -> ApiError:
    """Return the answer to a request that makes no sense."""
    return ApiError(400, "BadRequest", message)


def no_such_resource(what: str = "") -> ApiError:
    """Return the answer to a path that nobody serves; kubectl then asks discovery anew."""
    message = "the server could not find the requested resource"
    return ApiError(404, "NotFound", f"{message}: {what}" if what else message)


def not_allowed() -> ApiError:
    """Return the answer to a method that a path does not have."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def not_found(resource: Resource, name: str) -> ApiError:
    """Return the answer when there is no such object."""
    return ApiError(404, "NotFound", f'{resource.qualified} "{name}" not found', resource=resource, name=name)


def forbidden(resource: Resource, name: str, why: str) -> ApiError:
    """Return the answer to what an API server never does."""
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, resource=resource, name=name)


def unsupported_media_type(message: str) -> ApiError:
    """Return the answer to a body in a format that is not read."""
    return ApiError(415, "UnsupportedMediaType", message)


def expired(revision: int) -> ApiError:
    """Return the answer to a watch that begins before what is still known."""
    return ApiError(410, "Expired", f"too old resource version: {revision}")


def from_admission(error: AdmissionError) -> ApiError:
    """Translate a refusal of admission."""
    if isinstance(error, DecodingError):
        return bad_request(str(error))
    if isinstance(error, InvalidError):
        return ApiError(422, "Invalid", str(error), resource=error.resource, name=error.name, problems=error.problems)
    return ApiError(400, "", str(error))


def from_store(error: StoreError) -> ApiError:
    """Translate a refusal of the store."""
    resource, name = error.resource, error.name
    if isinstance(error, NotFoundError):
        return not_found(resource, name)
    if isinstance(error, AlreadyExistsError):
        message = f'{resource.qualified} "{name}" already exists'
        return ApiError(409, "AlreadyExists", message, resource=resource, name=name)
    assert isinstance(error, ConflictError)  # noqa: S101 - the store has no other refusals
    message = (
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been modified;'
        " please apply your changes to the latest version and try again"
    )
    return ApiError(409, "Conflict", message, resource=resource, name=name)


def from_runtime(error: RuntimeRefusedError) -> ApiError:
    """Translate a refusal of whoever runs the pods."""
    reasons = {400: "BadRequest", 404: "NotFound"}
    return ApiError(error.code, reasons.get(error.code, "InternalError"), str(error))
