from datetime import timedelta

import pytest

from localmesh.kinds.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2s", 2000),
        ("150ms", 150),
        ("1m30s", 90_000),
        ("0.5s", 500),
        (".25s", 250),
        ("1h", 3_600_000),
        ("1000us", 1),
        ("+1s", 1000),
    ],
)
def test_durations_are_gos(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("value", ["", "2", "2 s", "-1s", "s", "0s", "999us", "1.0001s", "9999999h", "1s1"])
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)
