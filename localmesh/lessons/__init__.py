"""The experiments as lessons, a file each: predict → apply → drive → see → undo. This reads the files.

A step is a command as one types it in the checkout, or `settle`, a command that is repeated until it succeeds since
proxies hear of a change a moment later, or `look`, a text. A step that is `local` needs the local mesh. $GATEWAY is the
gateway's address; $MESH_PAGE and $TRACES_PAGE are those of the local mesh's pages.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import yaml
from msgspec import Struct

FOLDER = Path(__file__).parent


class Kind(Enum):
    """What a step is."""

    RUN = "run"
    SETTLE = "settle"
    LOOK = "look"


class Step(Struct, frozen=True):
    """One thing to do, to wait for or to look at."""

    kind: Kind
    text: str
    """The command, or what to look at."""

    local: bool = False
    """Whether only the local mesh has it."""

    @classmethod
    def read(cls, entry: str | Mapping[str, Any]) -> "Step":
        """Read a step: a command alone, or one of `run`, `settle` and `look`. Raises ValueError."""
        fields = {"run": entry} if isinstance(entry, str) else dict(entry)
        local = fields.pop("local", False)
        if len(fields) != 1 or not isinstance(local, bool):
            raise ValueError(f"{entry!r} is no step: a command, or one of run, settle and look, and perhaps local")
        ((kind, text),) = fields.items()
        return cls(Kind(kind), str(text), local)


class Round(Struct, frozen=True):
    """One prediction, and what becomes of it."""

    predict: str
    """The question."""

    expect: str
    """The answer, with its reason."""

    apply: tuple[Step, ...] = ()
    drive: tuple[Step, ...] = ()
    """Load that says by its exit code whether it came as expected."""

    see: tuple[Step, ...] = ()


class Lesson(Struct, frozen=True):
    """One experiment."""

    name: str
    order: int
    title: str
    section: str
    """Of the book's chapter."""

    needs: Literal["empty", "storefront"]
    """What has to be there before it begins, and nothing else in the storefront's namespace."""

    about: str
    rounds: tuple[Round, ...]
    undo: tuple[Step, ...]
    prepare: tuple[Step, ...] = ()
    after: str = ""
    """What the next lesson needs besides; "" for nothing."""

    @classmethod
    def read(cls, name: str, text: str) -> "Lesson":
        """Read a lesson's YAML. Raises ValueError."""
        try:
            fields = yaml.safe_load(text)
            rounds = tuple(_round(entry) for entry in fields.pop("rounds"))
            undo, prepare = (_steps(fields.pop(part, ())) for part in ("undo", "prepare"))
            lesson = cls(name=name, rounds=rounds, undo=undo, prepare=prepare, **fields)
        except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"lesson {name}: {error}") from error
        if lesson.needs not in ("empty", "storefront") or not lesson.rounds or not lesson.undo:
            raise ValueError(f"lesson {name}: it needs empty or storefront, has rounds, and an undo")
        return lesson


def _round(fields: Mapping[str, Any]) -> Round:
    parts = {part: _steps(fields.get(part, ())) for part in ("apply", "drive", "see")}
    return Round(**{**fields, **parts})


def _steps(entries: Sequence[Any]) -> tuple[Step, ...]:
    return tuple(Step.read(entry) for entry in entries)


def lessons() -> list[Lesson]:
    """Return all lessons in their order."""
    unordered = (Lesson.read(file.stem, file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.yaml"))
    return sorted(unordered, key=lambda lesson: lesson.order)
