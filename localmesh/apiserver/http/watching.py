"""Watches: changes as they come, each a line of JSON."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

from msgspec import Struct
from starlette.datastructures import QueryParams

from localmesh.apiserver.errors import bad_request, expired
from localmesh.apiserver.http.queries import is_on
from localmesh.apiserver.http.rendering import Form, encode
from localmesh.apiserver.read.selectors import Selector
from localmesh.apiserver.target import Target
from localmesh.core.objects import Object
from localmesh.store.objects import Change, ExpiredError, Store

LONGEST = 3600
"""Seconds after which a watch ends that names no time of its own; clients begin a new one."""

_EVER = 10**9
"""Seconds; asyncio counts no further than floating point does."""

BOOKMARK_INTERVAL = 60.0
"""Seconds between bookmarks, which tell a client from where to go on."""


class Watch(Struct, frozen=True):
    """What a client wants to be told."""

    target: Target
    selector: Selector
    form: Form
    since: int
    """The revision after which changes are told; 0 for the state of now as ADDED first."""

    send_initial: bool = False
    """Whether the end of that state is to be marked (`sendInitialEvents`, WatchList)."""

    bookmarks: bool = False
    timeout: float = LONGEST
    """Seconds."""

    @classmethod
    def of(cls, target: Target, selector: Selector, form: Form, query: QueryParams) -> "Watch":
        """Read a watch's parameters. Raises ApiError."""
        initial = is_on(query, "sendInitialEvents")
        try:
            since = 0 if initial else int(query.get("resourceVersion") or 0)
            timeout = min(int(query.get("timeoutSeconds") or 0) or LONGEST, _EVER)
        except ValueError as error:
            raise bad_request(f"resourceVersion and timeoutSeconds are numbers: {error}") from error
        return cls(target, selector, form, since, initial, is_on(query, "allowWatchBookmarks"), timeout)


async def watch(store: Store, asked: Watch) -> AsyncIterator[bytes]:
    """Yield a watch's lines, those of one moment together, until its time is over or what it missed is forgotten."""
    lines = _Lines(asked)
    yield b""
    with store.signal() as changed:
        revision = asked.since or store.revision
        if not asked.since:
            yield b"".join(lines.initial(_selected(store, asked), revision))
        bookmark_due = time.monotonic() + BOOKMARK_INTERVAL
        deadline = time.monotonic() + asked.timeout
        while (at := time.monotonic()) < deadline:
            try:
                changes = store.changes_since(revision)
            except ExpiredError:
                yield lines.expired(revision)
                return
            yield b"".join(filter(None, map(lines.change, changes)))
            revision = changes[-1].revision if changes else revision
            if asked.bookmarks and at >= bookmark_due:
                bookmark_due = at + BOOKMARK_INTERVAL
                yield lines.bookmark(revision)
            await _signalled(changed, min(deadline, bookmark_due if asked.bookmarks else deadline) - at)


def _selected(store: Store, asked: Watch) -> list[Object]:
    objects = store.objects(asked.target.resource, asked.target.namespace)
    return [obj for obj in objects if asked.selector.matches(obj)]


async def _signalled(changed: asyncio.Event, timeout: float) -> None:  # noqa: ASYNC109 -- a timeout is no failure here
    # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes together with a change.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            await changed.wait()
    changed.clear()


class _Lines:
    """Writes a watch's events; a table's columns stand in the first one only."""

    def __init__(self, asked: Watch) -> None:
        self._asked = asked
        self._headed = True

    def initial(self, objects: list[Object], revision: int) -> Iterator[bytes]:
        for obj in objects:
            yield self._event("ADDED", obj)
        if self._asked.send_initial:
            yield self.bookmark(revision, {"k8s.io/initial-events-end": "true"})

    def change(self, change: Change) -> bytes | None:
        """Return the line for a change, None if it is no concern of this watch.

        An object that comes into the selection is ADDED to it, one that leaves it is DELETED.
        """
        asked = self._asked
        namespace = change.object["metadata"].get("namespace", "")
        if change.resource is not asked.target.resource or asked.target.namespace not in ("", namespace):
            return None
        was = change.previous is not None and asked.selector.matches(change.previous)
        is_ = change.type != "DELETED" and asked.selector.matches(change.object)
        if not was and not is_:
            return None
        type_ = "MODIFIED" if was and is_ else "ADDED" if is_ else "DELETED"
        return self._event(type_, change.object)

    def bookmark(self, revision: int, annotations: dict[str, str] | None = None) -> bytes:
        target = self._asked.target
        metadata: Object = {"resourceVersion": str(revision)}
        if annotations:
            metadata["annotations"] = annotations
        obj = {"kind": target.resource.kind, "apiVersion": target.api_version, "metadata": metadata}
        return _line("BOOKMARK", obj)

    def expired(self, revision: int) -> bytes:
        return _line("ERROR", expired(revision).to_status())

    def _event(self, type_: str, obj: Object) -> bytes:
        document = self._asked.form.one(self._asked.target, obj, headed=self._headed)
        self._headed = False
        return _line(type_, document)


def _line(type_: str, obj: Object) -> bytes:
    return encode({"type": type_, "object": obj}) + b"\n"
