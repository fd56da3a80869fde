"""The base of the typed kinds: frozen, strict, and able to say at which place what is supported."""

from datetime import timedelta
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from localmesh.core.objects import Object
from localmesh.kinds.istio.durations import parse_duration
from localmesh.kinds.review import Problem

Integer = Annotated[int, Field(strict=True)]
"""A whole number that is written as a number: neither `"80"` nor `true`."""

Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""A duration as Istio takes it: `2s`, `1m30s`, at least one millisecond."""


class Spec(BaseModel):
    """One message of an Istio kind's spec. A field that it does not name is refused, never dropped in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


SpecT = TypeVar("SpecT", bound=Spec)


class InvalidSpecError(ValueError):
    """A spec that is not of its kind, or has what the local mesh does not support."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read(model: type[SpecT], obj: Object) -> SpecT:
    """Return the typed spec of an object. Raises InvalidSpecError."""
    try:
        return model.model_validate(obj.get("spec") or {})
    except ValidationError as error:
        raise InvalidSpecError(tuple(_problem(model, detail) for detail in error.errors(include_url=False))) from error


def _problem(model: type[Spec], detail: ErrorDetails) -> Problem:
    """Translate one of pydantic's complaints."""
    path, owner = _place(model, detail["loc"])
    return Problem(path, _message(detail, owner))


def _message(detail: ErrorDetails, owner: type[Spec]) -> str:
    match detail["type"]:
        case "extra_forbidden":
            supported = ", ".join(_fields(owner))
            return f"this field is not supported by the local mesh; supported here: {supported}"
        case "missing":
            return "Required value"
        case "value_error":
            return str(detail["ctx"]["error"])
        case "literal_error":
            return (
                f"{detail['input']!r} is not supported by the local mesh; supported here: {detail['ctx']['expected']}"
            )
    return f"Invalid value: {detail['input']!r}: {detail['msg']}"


def _place(model: type[Spec], location: tuple[int | str, ...]) -> tuple[str, type[Spec]]:
    """Return a location as kubectl prints it, and the message whose field it is or lies in."""
    path, owner = "spec", model
    here: Any = model
    for step in location:
        if isinstance(here, type) and issubclass(here, Spec):
            owner, path = here, f"{path}.{step}"
            here = _fields(here).get(str(step))
        else:
            path += f"[{step}]"
            here = _element(here)
        here = _present(here)
    return path, owner


def _fields(model: type[Spec]) -> dict[str, Any]:
    """Return the fields' types by the names that they have in documents."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _element(annotation: Any) -> Any:
    """Return the type of what a `tuple[X, ...]` or a `Mapping[str, X]` holds."""
    return next((argument for argument in get_args(annotation) if argument not in (str, Ellipsis)), None)


def _present(annotation: Any) -> Any:
    """Return X for `X | None`, anything else as it is."""
    arguments = get_args(annotation)
    return next(each for each in arguments if each is not type(None)) if type(None) in arguments else annotation
