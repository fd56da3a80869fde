"""`mesh validate --explain`: each field of a document, and what becomes of it here."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from localmesh.cli.tables import table
from localmesh.cli.verdicts import Verdict
from localmesh.core.objects import Object
from localmesh.kinds import istio
from localmesh.kinds.kubernetes.defaults import complete
from localmesh.kinds.resources import Resource, resource_of
from localmesh.kinds.review import Problem, Review
from localmesh.kinds.schema.decode import decode
from localmesh.kinds.schema.suggestions import did_you_mean

HONOURED, APPROXIMATED, WARNING, REFUSED = "honoured", "approximated", "warning", "refused"
_MARKER = "the local mesh"
"""Warnings with these words are about what is done otherwise here; the others are Istio's own."""


class ExplainedField(Struct, frozen=True):
    """One field of a document."""

    path: str
    verdict: str
    reason: str = ""
    """Why it is refused and what would be taken, or how it differs from a cluster."""


def fields_of(verdict: Verdict) -> Sequence[ExplainedField]:
    """Return what there is to say of a document: of Istio's kinds every field, of others what stands out."""
    obj = verdict.document.object
    resource = resource_of(str(obj.get("apiVersion", "")), str(obj.get("kind", ""))) if isinstance(obj, dict) else None
    if resource is None or resource not in istio.SPECS:
        refused = [ExplainedField(problem.field, REFUSED, problem.message) for problem in verdict.problems]
        return refused + [_warned(warning) for warning in verdict.warnings]
    return list(_of_istios(resource, obj, verdict.warnings))


def explained(verdict: Verdict) -> str:
    """Return a heading and a table."""
    document = verdict.document
    outcome = REFUSED if verdict.admitted is None else "taken"
    heading = f"{document.source}:{document.line()}: {verdict.name}: {outcome}"
    rows = [(f"  {field.path}", field.verdict, field.reason) for field in fields_of(verdict)]
    return f"{heading}\n{table(rows, gap=3)}" if rows else heading


def _of_istios(resource: Resource, document: Object, warnings: Sequence[str]) -> Iterator[ExplainedField]:
    """Yield the fields in the document's order, behind them what is missing or is said of no field in particular."""
    decoded = decode(resource, document)
    obj = complete(resource, decoded.object)
    annotated = () if decoded.problems else istio.annotation_problems(resource, obj)
    unsupported = [*annotated, *istio.refusals(resource, obj)]
    reviewed = Review() if decoded.problems else istio.webhook_review(resource, obj)
    unknown = [Problem(path, f"unknown field{did_you_mean(resource, path)}") for path in decoded.unknown]
    remarked = {field.path: field for field in map(_warned, (*reviewed.warnings, *warnings))}
    remarked |= {
        problem.field: ExplainedField(problem.field, REFUSED, problem.message)
        for problem in (*decoded.problems, *reviewed.problems)
    }
    paths = list(_leaves(document.get("spec"), "spec"))
    for path in paths:
        refused = next((problem for problem in (*unknown, *unsupported) if _is_within(path, problem.field)), None)
        if refused is not None:
            yield ExplainedField(path, REFUSED, refused.message)
            remarked.pop(path, None)
        else:
            yield remarked.pop(path, ExplainedField(path, HONOURED))
    yield from (
        ExplainedField(problem.field, REFUSED, problem.message)
        for problem in (*unknown, *unsupported)
        if not any(_is_within(path, problem.field) for path in paths)
    )
    yield from remarked.values()


def _warned(warning: str) -> ExplainedField:
    path, colon, reason = warning.partition(": ")
    if not colon or " " in path:
        return ExplainedField("", WARNING, warning)
    return ExplainedField(path, APPROXIMATED if _MARKER in reason else WARNING, reason)


def _leaves(value: Any, path: str) -> Iterator[str]:
    """Yield the paths of all values that have no others in them, as kubectl prints paths."""
    if isinstance(value, dict) and value:
        for name, content in value.items():
            yield from _leaves(content, f"{path}.{name}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path


def _is_within(path: str, field: str) -> bool:
    return path == field or path.startswith((f"{field}.", f"{field}["))
