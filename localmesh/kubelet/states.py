"""What a container is doing, as `status.containerStatuses` says it."""

from typing import Any

from msgspec import Struct

from localmesh.core.objects import Object
from localmesh.store.objects import now


class Waiting(Struct, frozen=True):
    """Not running yet, or not any more."""

    reason: str
    message: str = ""

    def to_json(self) -> Object:
        """Return the state as the API has it."""
        return {"waiting": _without_empty(reason=self.reason, message=self.message)}


class Running(Struct, frozen=True):
    """Running since a time (RFC 3339)."""

    started_at: str

    def to_json(self) -> Object:
        """Return the state as the API has it."""
        return {"running": {"startedAt": self.started_at}}


class Terminated(Struct, frozen=True):
    """Ended, with an exit code of 128 + n for signal n."""

    exit_code: int
    started_at: str
    finished_at: str
    container_id: str = ""

    @property
    def reason(self) -> str:
        """What `kubectl get pods` shows."""
        return "Completed" if self.exit_code == 0 else "Error"

    def to_json(self) -> Object:
        """Return the state as the API has it."""
        return {
            "terminated": {
                "exitCode": self.exit_code,
                "reason": self.reason,
                "startedAt": self.started_at,
                "finishedAt": self.finished_at,
                "containerID": self.container_id,
            }
        }


State = Waiting | Running | Terminated


class ContainerStatus(Struct):
    """A container's record, which its runner keeps."""

    name: str
    image: str
    state: State = Waiting("ContainerCreating")
    last: Terminated | None = None
    is_ready: bool = False
    is_started: bool = False
    restarts: int = 0
    container_id: str = ""

    def begin(self, pid: int) -> None:
        """Note that the container's process runs."""
        self.container_id = f"localmesh://{pid}"
        self.state = Running(now())

    def end(self, exit_code: int) -> Terminated:
        """Note that the process ended."""
        started = self.state.started_at if isinstance(self.state, Running) else now()
        ended = Terminated(exit_code, started, now(), self.container_id)
        self.state, self.is_ready, self.is_started = ended, False, False
        return ended

    def to_json(self) -> Object:
        """Return an entry of `status.containerStatuses`."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "ready": self.is_ready,
            "started": self.is_started,
            "restartCount": self.restarts,
            "state": self.state.to_json(),
            "lastState": self.last.to_json() if self.last else {},
            **_without_empty(containerID=self.container_id),
        }


def _without_empty(**fields: Any) -> Object:
    return {name: value for name, value in fields.items() if value}
