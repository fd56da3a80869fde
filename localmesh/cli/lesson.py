"""`mesh lesson`: an experiment from its prediction to its undo, in the terminal."""

import argparse
import contextlib
import fcntl
import os
import signal
import sys
import textwrap
from collections.abc import Iterator, Sequence

from localmesh.cli import pages, trace
from localmesh.cli.proxies import kubectl
from localmesh.cli.stage import Stage, StageMesh
from localmesh.core.errors import MeshError
from localmesh.home import Home
from localmesh.lessons import Lesson, Round, lessons

WIDTH = 100
CLUSTER_GATEWAY = "http://127.0.0.1:30000"
NAMESPACE = "istioinaction"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a user or the system ends a lesson with."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh lesson`."""
    parser = commands.add_parser("lesson", help="an experiment, step by step: predict, apply, drive, see, undo")
    parser.add_argument("name", nargs="?", help="which one; without it, the list")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--cluster", action="store_true",
                        help="on the cluster that kubectl finds, without what only the local mesh has")  # fmt: skip
    parser.add_argument("--gateway", metavar="URL", default=CLUSTER_GATEWAY,
                        help=f"the ingress gateway of that cluster ({CLUSTER_GATEWAY})")  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the lessons, or give one. Returns 1 when something came otherwise than it should."""
    known = lessons()
    if arguments.name is None:
        _list(known)
        return 0
    lesson = next((other for other in known if other.name == arguments.name), None)
    if lesson is None:
        raise MeshError(f"no lesson is named {arguments.name}; there are: {', '.join(other.name for other in known)}")
    if not arguments.yes and not (sys.stdin and sys.stdin.isatty()):
        raise MeshError("a lesson asks, and there is no terminal to answer on: --yes asks nothing")
    place = StageMesh(arguments.gateway) if arguments.cluster else _local()
    stage = Stage(place, asks=not arguments.yes)
    with _alone(place.home):
        _check(lesson, stage)
        try:
            as_expected = _give(lesson, stage)
        except KeyboardInterrupt:
            print(f"\nStopped. Next: mesh lesson {lesson.name}, once more")
            raise
    _say_what_next(lesson, known, as_expected=as_expected)
    return 0 if as_expected else 1


def _list(known: Sequence[Lesson]) -> None:
    for lesson in known:
        print(f"  {lesson.name:<13} {lesson.section:<6} {lesson.title}")
    print(f"\nNext: mesh lesson {known[0].name} on an empty mesh (make up ARGS=--empty), or mesh lesson chaos on the"
          " storefront")  # fmt: skip


def _local() -> StageMesh:
    """Return the mesh of this checkout. Raises MeshError when none runs."""
    client = kubectl()
    services = pages.services_of(client)
    urls = pages.find(client, services)
    gateway = f"http://127.0.0.1:{trace.gateway_port(services)}"
    return StageMesh(gateway, Home.default(), urls.mesh if urls else "", urls.traces if urls else "")


@contextlib.contextmanager
def _alone(home: Home | None) -> Iterator[None]:
    """Keep other lessons off this local mesh: each would undo what the other applied. Raises MeshError."""
    if home is None:
        yield
        return
    with (home.path / "lesson.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MeshError("another lesson runs on this mesh: finish it, or end it with Ctrl-C, first") from None
        yield


def _check(lesson: Lesson, stage: Stage) -> None:
    """See that the mesh is as the lesson needs it: its numbers and its undo are for that. Raises MeshError."""
    if lesson.needs == "empty":
        if stage.answer(f"kubectl get ns {NAMESPACE} --ignore-not-found -o name"):
            raise MeshError(f"lesson {lesson.name} starts without the namespace {NAMESPACE}:"
                            f" make down && make up ARGS=--empty, or kubectl delete ns {NAMESPACE}")  # fmt: skip
        return
    base = stage.answer("kubectl get -k k8s/base -o name", "the storefront is not there: kubectl apply -k k8s/base")
    there = stage.answer(f"kubectl get deploy,svc,gw,vs,dr -n {NAMESPACE} -o name")
    if more := sorted(set(there) - set(base)):
        raise MeshError(f"lesson {lesson.name} starts from the storefront alone; first: kubectl delete -n {NAMESPACE}"
                        f" {' '.join(more)}")  # fmt: skip
    faults = stage.answer(f"bin/chaos.sh -n {NAMESPACE} list")
    if any(" hit " in line for line in faults):
        raise MeshError(f"catalog fails on purpose already ({faults[0]}): bin/chaos.sh off ends it")


def _give(lesson: Lesson, stage: Stage) -> bool:
    """Go through a lesson; its undo comes whatever happens. Returns whether all came as expected."""
    print(f"{lesson.section}  {lesson.title}\n{_wrapped(lesson.about)}")
    as_expected, undone = False, False
    with _signals_interrupt():
        try:
            try:
                stage.carry_out("Prepare", lesson.prepare)
                played = [_play(round_, stage) for round_ in lesson.rounds]
                as_expected = all(played)
                stage.pause("Enter undoes it all")
            finally:
                _ignore_signals()  # one that comes before this is done has seen to it itself
        finally:
            undone = _undo(lesson, stage)
    return as_expected and undone


def _play(played: Round, stage: Stage) -> bool:
    stage.title("Predict")
    print(_wrapped(played.predict))
    guess = stage.ask("your prediction (Enter goes on): ")
    stage.carry_out("Apply", played.apply)
    as_expected = stage.drive(played.drive)
    stage.title("Compare" if as_expected else "Compare: not as expected")
    print(_wrapped(f"expected: {played.expect}"))
    if guess:
        print(f"predicted: {guess}")
    stage.show(played.see)
    return as_expected


def _undo(lesson: Lesson, stage: Stage) -> bool:
    """Undo all. Returns whether each step succeeded."""
    _outlive_the_terminal()
    failed = stage.undo(lesson.undo)
    for command in failed:
        print(f"mesh: this failed, so do it by hand: {command}", file=sys.stderr)
    return not failed


def _outlive_the_terminal() -> None:
    """Let words go nowhere when their terminal is gone: writing to it would end the undo and its commands."""
    try:
        print(flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(nowhere, descriptor)


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Have Ctrl-C, SIGTERM or a closed terminal end the lesson, once, and leave all signals as they were."""

    def interrupt(*_: object) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """Let nothing but SIGKILL end what comes."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_on_hyphens=False)


def _say_what_next(lesson: Lesson, known: Sequence[Lesson], *, as_expected: bool) -> None:
    if not as_expected:
        print(f"\nNot all came as expected: what stands above says where. Next: mesh lesson {lesson.name}, once more")
        return
    following = next((other for other in known if other.order > lesson.order), None)
    after = f" {lesson.after}" if lesson.after else ""
    print(f"\nDone, and undone.{after} Next: {f'mesh lesson {following.name}' if following else 'make down'}")
