from datetime import UTC, datetime

import pytest

from localmesh.apiserver.read.ages import age, duration

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (10 * MINUTE, "10m"),
        (179 * MINUTE, "179m"), (3 * HOUR, "3h"), (3 * HOUR + 5 * MINUTE, "3h5m"), (8 * HOUR + MINUTE, "8h"),
        (47 * HOUR, "47h"), (2 * DAY, "2d"), (2 * DAY + HOUR, "2d1h"), (8 * DAY + HOUR, "8d"), (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"), (2 * YEAR + DAY, "2y1d"), (8 * YEAR + DAY, "8y"),
    ],
)  # fmt: skip
def test_the_longer_the_coarser(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_an_age_is_the_time_since_then() -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert age("2026-01-01T00:00:00Z", now) == "60s"
    assert age("2026-01-01T00:00:00.500000Z", now) == "59s"
    assert age(None) == "<unknown>"
