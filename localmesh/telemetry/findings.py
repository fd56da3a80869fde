"""What the mesh itself says is wrong: the warnings of its control plane, as `kubectl get events` shows them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from localmesh.telemetry.kube import Object
from localmesh.telemetry.rules import Trouble

CONTROL_PLANE = "istiod"
RECENT = timedelta(minutes=5)
MAX_SHOWN = 20


def findings(events: Iterable[Object], now: datetime | None = None) -> list[Trouble]:
    """Return what the control plane has warned of lately, the newest first."""
    since = (now or datetime.now(UTC)) - RECENT
    found = sorted((each for each in events if _counts(each)), key=_when, reverse=True)
    return list(_troubles([each for each in found if _when(each) >= since]))[:MAX_SHOWN]


def _counts(event: Object) -> bool:
    by = (event.get("source") or {}).get("component") or event.get("reportingComponent")
    return event.get("type") == "Warning" and by == CONTROL_PLANE


def _troubles(events: list[Object]) -> Iterator[Trouble]:
    seen = set()
    for event in events:
        about = event.get("involvedObject") or {}
        name = f"{about.get('kind', '')} {about.get('name', '')}.{about.get('namespace', '')}"
        text = f"{name}: {event.get('message', '')}"
        if text not in seen:
            seen.add(text)
            level = "error" if "Reject" in event.get("reason", "") else "warning"
            yield Trouble(level, text, f"kubectl describe {about.get('kind', '').lower()} {about.get('name', '')}"
                          f" -n {about.get('namespace', '')}")  # fmt: skip


def _when(event: Object) -> datetime:
    text = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
