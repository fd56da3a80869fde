"""What the door answers instead of an object: `Status` documents, in the words that kubectl's users know."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from localmesh.apiserver.runtime import RuntimeRefusedError
from localmesh.apiserver.store import AlreadyExistsError, ConflictError, NotFoundError, StoreError
from localmesh.kinds.admission import AdmissionError, DecodingError, InvalidError
from localmesh.kinds.objects import Object
from localmesh.kinds.resources import Resource


@dataclass(frozen=True, slots=True)
class Cause:
    """One line below the message: kubectl prints `* field: message`."""

    field: str
    message: str

    def to_object(self) -> Object:
        """Return the cause as it stands in a Status."""
        reason = "FieldValueRequired" if self.message.startswith("Required") else "FieldValueInvalid"
        return {"reason": reason, "message": self.message, "field": self.field}


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
        causes: Iterable[Cause] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.resource = resource
        self.name = name
        self.causes = tuple(causes)

    def to_status(self) -> Object:
        """Return the document that kubectl reads."""
        return failure(self.code, self.reason, str(self), self._details())

    def _details(self) -> Object:
        details: dict[str, Any] = {}
        if self.resource is not None:
            # Validation names the kind, everything else the resource.
            kind = self.resource.kind if self.reason == "Invalid" else self.resource.plural
            details |= {"name": self.name, "group": self.resource.group, "kind": kind}
        if self.causes:
            details["causes"] = [cause.to_object() for cause in self.causes]
        return details


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


def no_such_resource() -> ApiError:
    """Return the answer to a path that nobody serves; kubectl then asks discovery anew."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


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


def invalid(resource: Resource, name: str, field_: str, message: str) -> ApiError:
    """Return the answer to one field's value that only the store's other objects make wrong."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    text = f'{kind} "{name}" is invalid: {field_}: {message}'
    return ApiError(422, "Invalid", text, resource=resource, name=name, causes=[Cause(field_, message)])


def from_admission(error: AdmissionError) -> ApiError:
    """Translate a refusal of admission."""
    if isinstance(error, DecodingError):
        return bad_request(str(error))
    if isinstance(error, InvalidError):
        causes = [Cause(problem.field, problem.message) for problem in error.problems]
        return ApiError(422, "Invalid", str(error), resource=error.resource, name=error.name, causes=causes)
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
