"""What admission says of one object: complaints, each with its place and its fix, and warnings."""

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One reason to refuse an object."""

    field: str
    """Path in the object, as kubectl prints it: `spec.http[0].route[1].destination.host`."""

    message: str
    """What is wrong there and what would be right, in one sentence."""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class Review(Struct, frozen=True):
    """The verdict on one object."""

    problems: tuple[Problem, ...] = ()
    """Empty when the object is accepted."""

    warnings: tuple[str, ...] = ()
    """Said to the user with the acceptance: understood, but not honoured by the local mesh."""

    def __add__(self, other: "Review") -> "Review":
        return Review(self.problems + other.problems, self.warnings + other.warnings)


def not_honoured(field: str, reason: str) -> str:
    """Return the warning about a field that is understood and does nothing."""
    return f"{field}: not honoured by the local mesh: {reason}"
