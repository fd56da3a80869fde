"""Kubernetes' timestamps as numbers."""

from datetime import UTC, datetime


def age(timestamp: str) -> float:
    """Return how many seconds ago an RFC 3339 time in UTC was."""
    return (datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()
