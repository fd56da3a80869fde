"""Admission's verdict on documents that are not applied."""

from collections.abc import Iterator

from msgspec import Struct

from localmesh.cli.documents import Document, in_namespace, without_nulls
from localmesh.core.objects import Object
from localmesh.home import Home
from localmesh.kinds.admission import AdmissionError, admit
from localmesh.kinds.kubernetes.pods import images_of
from localmesh.kinds.resources import RESOURCES, Resource, resource_of
from localmesh.kinds.review import Problem
from localmesh.kinds.unserved import why_not_served
from localmesh.kubelet.images import Images


class Verdict(Struct, frozen=True):
    """What the door would say to one document."""

    document: Document
    admitted: Object | None
    """The object as it would be stored; None when it is refused."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The object's kind and name, as far as they can be told."""
        obj = self.document.object
        if not isinstance(obj, dict):
            return "document"
        metadata = obj.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, dict) else ""
        return f"{obj.get('kind', 'object')}/{name}"

    def lines(self) -> Iterator[str]:
        """Yield what there is to say, each line with the place in the file."""
        source = self.document.source
        for problem in self.problems:
            yield f"{source}:{self.document.line(problem.field)}: {self.name} refused: {problem}"
        for warning in self.warnings:
            yield f"{source}:{self.document.line(warning.partition(': ')[0])}: {self.name} warning: {warning}"


def known_images() -> Images:
    """Return the images that this checkout's mesh knows without being told more. Raises MeshError."""
    return Images.load(Home.default().own_images)


def judge(document: Document, namespace: str, images: Images) -> Verdict:
    """Return the verdict on one document, as if it were applied to that namespace of a mesh that knows these images."""
    obj = without_nulls(document.object)
    if not isinstance(obj, dict):
        return _refused(document, Problem("kind", "this is no object; a manifest has apiVersion, kind and metadata"))
    resource = resource_of(str(obj.get("apiVersion", "")), str(obj.get("kind", "")))
    if resource is None:
        return _refused(document, Problem("kind", _unknown_kind(obj)))
    return _judge(document, resource, in_namespace(obj, namespace) if resource.namespaced else obj, images)


def _judge(document: Document, resource: Resource, obj: Object, images: Images) -> Verdict:
    try:
        admitted = admit(resource, obj)
    except AdmissionError as error:
        return Verdict(document, None, error.problems or (Problem("metadata", str(error)),))
    named = ((field, images.missing(image)) for field, image in images_of(admitted.object))
    missing = tuple(f"{field}: {complaint}" for field, complaint in named if complaint)
    return Verdict(document, admitted.object, warnings=(*admitted.warnings, *missing))


def _refused(document: Document, problem: Problem) -> Verdict:
    return Verdict(document, None, (problem,))


def _unknown_kind(obj: Object) -> str:
    kind, version = obj.get("kind", ""), obj.get("apiVersion", "")
    if missing := " and ".join(name for name in ("apiVersion", "kind") if not obj.get(name)):
        return f"this is no manifest: it has no {missing}"
    complaint = f'no matches for kind "{kind}" in version "{version}"'
    if reason := why_not_served(str(version), str(kind)):
        return f"{complaint}: not supported by the local mesh: {reason}"
    others = [resource for resource in RESOURCES if resource.kind == kind]
    if others:
        return (
            f"{complaint}; the local mesh has {', '.join(known.api_version() + ' ' + known.kind for known in others)}"
        )
    return f"{complaint}; the local mesh has {', '.join(known.kind for known in RESOURCES)}"
