"""A real istiod as a program: it reads YAML as lines of JSON and answers what it would push, and its verdicts."""

import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

PATIENCE_SECONDS = 120
"""It panics on some input, and a worker that is started anew takes seconds on a busy machine."""


class OracleError(Exception):
    """It has no answer to a request."""


class Oracle:
    """One such program; requests may come from several threads."""

    def __init__(self, binary: str, jobs: int) -> None:
        command = [binary, "-serve", "-j", str(jobs)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._ids = itertools.count(1)
        self._waiting: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def generate(self, text: str, *, auto_mtls: bool) -> Mapping[str, Any]:
        """Return what each proxy would be told (`proxies`), and what the addresses are (`index`); or `error`."""
        return self._ask({"yaml": text, "mtls": auto_mtls})

    def verdicts(self, text: str) -> list[dict[str, Any]]:
        """Return the verdict on each document. Raises OracleError."""
        answer = self._ask({"yaml": text, "validate": True})
        if "documents" not in answer:
            raise OracleError(answer.get("error", "no documents"))
        return list(answer["documents"])

    def analysis(self, text: str) -> list[dict[str, str]]:
        """Return what `istioctl analyze` says of all documents together. Raises OracleError."""
        answer = self._ask({"yaml": text, "validate": True, "analyze": True})
        if "documents" not in answer:
            raise OracleError(answer.get("error", "no documents"))
        return list(answer.get("analysis", ()))

    def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._process.stdin
        mailbox: queue.Queue[dict[str, Any]] = queue.Queue()
        with self._lock:
            number = next(self._ids)
            self._waiting[number] = mailbox
            self._process.stdin.write(json.dumps({"id": number, **request}).encode() + b"\n")
            self._process.stdin.flush()
        try:
            return mailbox.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise OracleError("no answer") from None

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._lock:
                mailbox = self._waiting.pop(answer.get("id", 0), None)
            if mailbox:
                mailbox.put(answer)
