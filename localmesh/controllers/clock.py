"""Kubernetes' timestamps as numbers."""

from datetime import UTC, datetime


def age(timestamp: str | None) -> float:
    """Return how many seconds ago an RFC 3339 time was; one that somebody left out or garbled is this moment."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(timestamp or "")).total_seconds()
    except (TypeError, ValueError):
        return 0.0
