"""Where a lesson is given: its commands run as a user would type them, and are shown."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from string import Template

from msgspec import Struct

from localmesh.cli.kubectl import scripts_folder
from localmesh.core.errors import MeshError
from localmesh.home import CHECKOUT, Home
from localmesh.lessons import Kind, Step

TRIES = 60
PAUSE_S = 0.5
"""How often, and how far apart, a settling command is repeated."""


class StageMesh(Struct, frozen=True):
    """A mesh, and how it is reached."""

    gateway: str
    """URL."""

    home: Home | None = None
    """Of the local mesh; None for a cluster, which kubectl finds by itself."""

    mesh_page: str = ""
    traces_page: str = ""
    """URLs; "" where there are none."""

    @property
    def words(self) -> dict[str, str]:
        """What stands for what in a lesson's steps."""
        return {"GATEWAY": self.gateway, "MESH_PAGE": self.mesh_page, "TRACES_PAGE": self.traces_page}

    @property
    def environment(self) -> dict[str, str]:
        """What commands get: kubectl and mesh on the PATH, and the mesh that they are about."""
        path = os.pathsep.join([str(scripts_folder()), os.environ.get("PATH", "")])
        local = {"KUBECONFIG": str(self.home.kubeconfig), "MESH_DIR": str(self.home.path)} if self.home else {}
        return {**os.environ, **local, "PATH": path}


class Stage(Struct, frozen=True):
    """Runs steps one after the other on the user's terminal."""

    place: StageMesh
    asks: bool

    def title(self, text: str) -> None:
        """Say what comes."""
        print(f"\n── {text}", flush=True)

    def ask(self, question: str) -> str:
        """Return what the user answers, "" when nobody is asked. Raises KeyboardInterrupt when the terminal is gone."""
        if not self.asks:
            return ""
        try:
            return input(question).strip()
        except EOFError:
            print()
            raise KeyboardInterrupt from None

    def pause(self, text: str) -> None:
        """Wait until the user has looked."""
        self.ask(f"\n{text}: ")

    def carry_out(self, title: str, steps: Sequence[Step]) -> None:
        """Do steps of which each must succeed. Raises MeshError."""
        for step in self._here(title, steps):
            if not self._do(step):
                raise MeshError(f"this failed: {self._text(step)}")

    def drive(self, steps: Sequence[Step]) -> bool:
        """Send all of a lesson's load; tell whether each part came as expected."""
        done = [self._do(step) for step in self._here("Drive", steps)]
        return all(done)

    def show(self, steps: Sequence[Step]) -> None:
        """Show what there is to see; what cannot be shown says so itself."""
        for step in self._here("See", steps):
            self._do(step)

    def undo(self, steps: Sequence[Step]) -> list[str]:
        """Do all steps, out of reach of the terminal's Ctrl-C; return those that failed."""
        return [self._text(step) for step in self._here("Undo", steps) if not self._do(step, apart=True)]

    def answer(self, command: str, complaint: str = "") -> list[str]:
        """Return the lines that a command prints. Raises MeshError when it fails."""
        done = self._run(command, quiet=True)
        if done.returncode:
            raise MeshError(complaint or f"{command}: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def _here(self, title: str, steps: Sequence[Step]) -> list[Step]:
        """Return the steps that can be done here, with their title above them."""
        left_out = [step for step in steps if step.local and not self._has(step)]
        chosen = [step for step in steps if step not in left_out]
        if steps:
            self.title(title)
        for step in left_out:
            print(f"(not here: {step.text})")
        return chosen

    def _has(self, step: Step) -> bool:
        """Tell whether a local step can be done: on the local mesh, with its pages if it is about them."""
        words = self.place.words
        asks_pages = "_PAGE" in step.text or step.text.startswith("mesh trace")
        return self.place.home is not None and (not asks_pages or bool(words["MESH_PAGE"]))

    def _do(self, step: Step, *, apart: bool = False) -> bool:
        """Do one step; tell whether it succeeded."""
        if step.kind is Kind.LOOK:
            print(self._text(step), flush=True)
            return True
        if step.kind is Kind.SETTLE:
            return self._settle(step, apart=apart)
        print(f"$ {self._text(step)}", flush=True)
        return self._run(self._text(step), apart=apart).returncode == 0

    def _settle(self, step: Step, *, apart: bool) -> bool:
        """Repeat a command until it succeeds: a proxy learns of a change a moment after it was applied."""
        for attempt in range(TRIES):
            done = self._run(self._text(step), quiet=True, apart=apart)
            if done.returncode == 0:
                return True
            if attempt == 0:
                print("waiting for the proxies to hear of it …", flush=True)
            time.sleep(PAUSE_S)
        print(f"mesh: it did not come within {TRIES} tries: {self._text(step)}\n{done.stdout}{done.stderr}",
              file=sys.stderr)  # fmt: skip
        return False

    def _run(self, command: str, *, quiet: bool = False, apart: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command], cwd=CHECKOUT, env=self.place.environment, stdin=subprocess.DEVNULL, text=True,
            capture_output=quiet, start_new_session=apart, check=False,
        )  # fmt: skip

    def _text(self, step: Step) -> str:
        return Template(step.text).safe_substitute(self.place.words)
