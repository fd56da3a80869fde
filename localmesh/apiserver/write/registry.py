"""Writing objects: patches, preparation, admission, allocation, and then the store.

Nothing here awaits: what is read and what is written belong together, and a refusal changes nothing. Each method
raises ApiError, AdmissionError, StoreError or PatchError.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from localmesh.apiserver.errors import (
    ApiError,
    bad_request,
    forbidden,
    not_found,
    unsupported_media_type,
)
from localmesh.apiserver.target import Target
from localmesh.apiserver.write import patches, strategic, strategy
from localmesh.apiserver.write.allocation import allocate
from localmesh.apiserver.write.scale import scale_of, scaled
from localmesh.core.objects import Key, Object
from localmesh.kinds.admission import Admitted, FieldValidation, InvalidError, admit
from localmesh.kinds.kubernetes.pods import images_of
from localmesh.kinds.kubernetes.stand_ins import stands_for
from localmesh.kinds.resources import NAMESPACES, PODS, SERVICES
from localmesh.kinds.schema.decode import decode
from localmesh.kinds.schema.definitions import Schema
from localmesh.store.births import born, closed, without_account
from localmesh.store.deletion import delete
from localmesh.store.objects import Store

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
OPERATIONS = "application/json-patch+json"
SERVER_SIDE_APPLY = "application/apply-patch+yaml"
PROTECTED = ("default", "kube-system", "istio-system")
"""Namespaces without which there is no mesh."""


class WriteOptions(Struct, frozen=True):
    """The query parameters of a write."""

    dry_run: bool = False
    field_validation: FieldValidation = "Warn"


class DeleteOptions(Struct, frozen=True):
    """The body of a deletion."""

    grace: int | None = None
    """Seconds, None for the pod's own."""

    uid: str | None = None
    revision: str | None = None
    """What the object must still be, None for whatever it is."""

    propagation: str = "Background"
    dry_run: bool = False


class Written(Struct, frozen=True):
    """The answer to a write."""

    object: Object
    """The object, or its Scale if that is what was written."""

    warnings: tuple[str, ...] = ()


class Registry:
    """The door's writes to one store."""

    def __init__(self, store: Store, missing_image: Callable[[str], str] = lambda _: "") -> None:
        """Take the store, and who says of an image why it cannot run ("" when it can)."""
        self._store = store
        self._missing_image = missing_image

    def create(self, target: Target, document: Any, options: WriteOptions) -> Written:
        """Store a new object."""
        resource = target.resource
        prepared = strategy.for_create(resource, strategy.check_identity(target, document))
        self._check_namespace(target, prepared)
        admitted = _admit(target, prepared, None, options)
        store = self._opened(options)
        obj = self._completed(target, admitted.object)
        return Written(store.create(resource, obj), (*admitted.warnings, *self._image_warnings(obj)))

    def update(self, target: Target, document: Any, options: WriteOptions) -> Written:
        """Replace an object, its status or its scale."""
        current = self._store.get(target.resource, target.key)
        _check_changeable(target, current)
        if target.subresource == "scale":
            return self._update_scale(target, current, document, options)
        identified = strategy.check_identity(target, document)
        # Of an object that was made anew under the same name, the sender knows nothing.
        _check_preconditions(target, current, uid=identified["metadata"].get("uid") or None)
        store = self._opened(options)
        if target.subresource == "status":
            return self._update_status(target, strategy.for_status_update(identified, current), options)
        prepared = strategy.for_update(target.resource, identified, current)
        admitted = _admit(target, prepared, current, options)
        obj = allocate(store, admitted.object) if target.resource is SERVICES else admitted.object
        return Written(store.update(target.resource, obj), (*admitted.warnings, *self._image_warnings(obj)))

    def patch(self, target: Target, patch: Any, media_type: str, options: WriteOptions) -> Written:
        """Change an object, its status or its scale."""
        if media_type == SERVER_SIDE_APPLY:  # which would create the object, too
            raise unsupported_media_type("there is no server-side apply here: use kubectl apply without --server-side")
        current = self._store.get(target.resource, target.key)
        if target.subresource == "scale":
            return self.update(target, _patched(target, scale_of(current), patch, media_type), options)
        # The patch may have been made for another of the resource's versions, which are all the same.
        versioned = {**current, "apiVersion": target.api_version}
        return self.update(target, _patched(target, versioned, patch, media_type), options)

    def delete(self, target: Target, options: DeleteOptions) -> Object:
        """Delete an object, pods and namespaces gracefully, and return its last state."""
        if target.resource is NAMESPACES and target.name in PROTECTED:
            raise forbidden(NAMESPACES, target.name, "this namespace may not be deleted")
        if options.propagation == "Orphan":
            raise bad_request("propagationPolicy Orphan is not supported here: what an object made goes with it")
        current = self._store.get(target.resource, target.key)
        _check_changeable(target, current)
        _check_preconditions(target, current, uid=options.uid, resourceVersion=options.revision)
        store = self._opened(options)
        return delete(store, target.resource, target.key, grace=options.grace)

    def _opened(self, options: WriteOptions | DeleteOptions) -> Store:
        return self._store.fork() if options.dry_run else self._store

    def _check_namespace(self, target: Target, document: Object) -> None:
        if not target.resource.namespaced:
            return
        if self._store.find(NAMESPACES, Key("", target.namespace)) is None:
            raise not_found(NAMESPACES, target.namespace)
        if why := closed(self._store, target.namespace):
            raise forbidden(target.resource, document["metadata"].get("name", ""), why)

    def _completed(self, target: Target, obj: Object) -> Object:
        """Add to a new object what depends on other objects."""
        if target.resource is SERVICES:
            return allocate(self._store, obj)
        if target.resource is PODS:
            self._check_service_account(target, obj)
            return born(self._store, obj)
        return obj

    def _image_warnings(self, obj: Object) -> Iterator[str]:
        for field, image in images_of(obj):
            if missing := self._missing_image(image):
                yield f"{field}: {missing}"

    def _check_service_account(self, target: Target, pod: Object) -> None:
        if why := without_account(self._store, target.namespace, pod["spec"]["serviceAccountName"]):
            raise forbidden(PODS, pod["metadata"]["name"], why)

    def _update_status(self, target: Target, document: Object, options: WriteOptions) -> Written:
        """Store a status that is one: others read it."""
        decoded = decode(target.resource, document)
        if decoded.problems:
            raise InvalidError(target.resource, target.name, decoded.problems)
        unknown = tuple(f'unknown field "{path}"' for path in decoded.unknown)
        if unknown and options.field_validation == "Strict":
            raise bad_request(f"strict decoding error: {', '.join(unknown)}")
        updated = self._opened(options).update(target.resource, decoded.object)
        return Written(updated, unknown if options.field_validation == "Warn" else ())

    def _update_scale(self, target: Target, current: Object, document: Any, options: WriteOptions) -> Written:
        if not isinstance(document, dict) or not all(
            isinstance(document.get(part, {}), dict) for part in ("metadata", "spec")
        ):
            raise bad_request("the body of the request is no Scale: it needs spec.replicas")
        updated = self._opened(options).update(target.resource, scaled(current, document))
        return Written(scale_of(updated))


def _check_changeable(target: Target, current: Object) -> None:
    """Raise ApiError for what only stands for something."""
    if whom := stands_for(target.resource, current):
        raise forbidden(target.resource, target.name, f"it is read only: it stands for {whom}")


def _admit(target: Target, document: Object, current: Object | None, options: WriteOptions) -> Admitted:
    return admit(
        target.resource,
        document,
        current=current,
        version=target.version,
        field_validation=options.field_validation,
    )


def _check_preconditions(target: Target, current: Object, **metadata: str | None) -> None:
    for name, expected in metadata.items():
        actual = current["metadata"][name]
        if expected is not None and expected != actual:
            message = f"Precondition failed: {name} in precondition: {expected}, {name} in object meta: {actual}"
            raise ApiError(409, "Conflict", message, resource=target.resource, name=target.name)


def _patched(target: Target, current: Object, patch: Any, media_type: str) -> Any:
    if media_type == OPERATIONS:
        return patches.apply_operations(current, patch)
    if not isinstance(patch, dict):
        raise bad_request("the body of a patch is an object")
    if media_type == MERGE:
        return patches.merge(current, patch)
    if media_type == STRATEGIC and not target.resource.custom:
        schema = Schema.of(target.resource) if target.subresource != "scale" else Schema()
        return strategic.merge(current, patch, schema)
    known = [OPERATIONS, MERGE] + ([] if target.resource.custom else [STRATEGIC])
    raise unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: " + ", ".join(known)
    )
