from datetime import timedelta

import pytest

from localmesh.kinds.durations import parse_any_duration, parse_duration


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
        ("1000μs", 1),  # the Greek letter, and the sign for micro
        ("1000µs", 1),
        ("0" * 5000 + "1." + "0" * 5000 + "s", 1000),  # more digits than Python reads at once
        ("1.0000000009s", 1000),  # Go drops what is less than a nanosecond
    ],
)
def test_durations_are_gos(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize(
    "value", ["9" * 5000 + "s", "", "2", "2 s", "-1s", "s", "0s", "999us", "1.0001s", "9999999h", "1s1", "\uff11s"]
)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "microseconds"), [("0s", 0), ("-1ms", -1000), ("1us", 1), ("0.0000015s", None), ("1ns", None)]
)
def test_a_duration_of_which_nothing_is_asked_is_counted_in_microseconds(text: str, microseconds: int | None) -> None:
    if microseconds is None:
        with pytest.raises(ValueError, match="not supported by the local mesh"):
            parse_any_duration(text)
    else:
        assert parse_any_duration(text) == timedelta(microseconds=microseconds)
