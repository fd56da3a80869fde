"""Whether an object is taken: the same verdict for the door and for `mesh validate`.

The order is the one that users of a cluster know: unknown fields, then types and enumerations, then the rules across
fields, then what Istio's webhook says. All complaints of one step come together, before anything changes.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from localmesh.core.objects import Object
from localmesh.kinds import istio
from localmesh.kinds.kubernetes import workloads
from localmesh.kinds.kubernetes.defaults import complete
from localmesh.kinds.kubernetes.mesh_config import review_mesh_config
from localmesh.kinds.kubernetes.validation import validate
from localmesh.kinds.resources import CONFIG_MAPS, Resource
from localmesh.kinds.review import Problem, Review, not_honoured
from localmesh.kinds.schema.decode import Decoded, decode
from localmesh.kinds.schema.suggestions import did_you_mean

FieldValidation = Literal["Strict", "Warn", "Ignore"]
"""What becomes of unknown fields: a refusal, warnings, or nothing. They are never kept."""

WEBHOOK = "validation.istio.io"


class AdmissionError(Exception):
    """An object is refused; nothing has changed."""

    def __init__(self, resource: Resource, name: str, message: str, problems: Iterable[Problem]) -> None:
        super().__init__(message)
        self.resource = resource
        self.name = name
        self.problems = tuple(problems)
        """Each complaint with its place in the object."""


class DecodingError(AdmissionError):
    """It has fields that its kind does not have."""


class InvalidError(AdmissionError):
    """Its fields have wrong values, or do not go together."""

    def __init__(self, resource: Resource, name: str, problems: Sequence[Problem]) -> None:
        """Say it in Kubernetes' words: one complaint bare, several in brackets."""
        texts = ", ".join(map(str, problems))
        complaints = texts if len(problems) == 1 else f"[{texts}]"
        super().__init__(resource, name, f'{resource.qualified_kind} "{name}" is invalid: {complaints}', problems)


class DeniedError(AdmissionError):
    """Istio's webhook denies it."""


class Admitted(Struct, frozen=True):
    """What may be stored."""

    object: Object
    """The object without unknown fields and with defaults."""

    warnings: tuple[str, ...] = ()
    """What the user is to be told: fields that were dropped or are not honoured by the local mesh."""


def admit(
    resource: Resource,
    document: Object,
    *,
    current: Object | None = None,
    version: str = "",
    field_validation: FieldValidation = "Strict",
) -> Admitted:
    """Return what is to be stored of a document; `current` is the object that it would replace.

    Raises DecodingError, InvalidError, DeniedError.
    """
    name = _name(document)
    decoded = decode(resource, document)
    if decoded.unknown and field_validation == "Strict":
        raise _decoding_error(resource, name, version or resource.versions[0], decoded)
    _raise_invalid(resource, name, decoded.problems)
    completed = complete(resource, decoded.object)
    _raise_invalid(resource, name, validate(resource, completed, current))
    review = _review(resource, completed)
    if resource.custom and review.problems:
        raise _denied(resource, name, review.problems)
    _raise_invalid(resource, name, review.problems)
    dropped = [f'unknown field "{path}"' for path in decoded.unknown if field_validation == "Warn"]
    return Admitted(completed, (*dropped, *review.warnings))


def _review(resource: Resource, obj: Object) -> Review:
    review = istio.review(resource, obj) if resource in istio.SPECS else _kubernetes_review(resource, obj)
    if obj["metadata"].get("finalizers"):
        return review + Review(warnings=(not_honoured("metadata.finalizers", "a deletion waits for nobody"),))
    return review


def _kubernetes_review(resource: Resource, obj: Object) -> Review:
    return review_mesh_config(obj) if resource is CONFIG_MAPS else workloads.review(obj)


def _name(document: Object) -> str:
    metadata = document.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def _decoding_error(resource: Resource, name: str, version: str, decoded: Decoded) -> DecodingError:
    meant = {path: did_you_mean(resource, path) for path in decoded.unknown}
    complaints = ", ".join(f'unknown field "{path}"{hint}' for path, hint in meant.items())
    message = (
        f'{resource.kind} in version "{version}" cannot be handled as a {resource.kind}:'
        f" strict decoding error: {complaints}"
    )
    return DecodingError(
        resource, name, message, [Problem(path, f"unknown field{hint}") for path, hint in meant.items()]
    )


def _raise_invalid(resource: Resource, name: str, problems: tuple[Problem, ...]) -> None:
    if problems:
        raise InvalidError(resource, name, problems)


def _denied(resource: Resource, name: str, problems: tuple[Problem, ...]) -> DeniedError:
    text = "; ".join(map(str, problems))
    message = f'admission webhook "{WEBHOOK}" denied the request: configuration is invalid: {text}'
    return DeniedError(resource, name, message, problems)
