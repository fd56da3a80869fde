import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from localmesh.__main__ import main
from localmesh.cli import lesson, stage
from localmesh.cli.stage import Stage, StageMesh
from localmesh.core.errors import MeshError
from localmesh.home import Home
from localmesh.lessons import Kind, Lesson, Round, Step, lessons

CHECKOUT = Path(__file__).resolve().parents[3]
EXPERIMENTS = (CHECKOUT / "docs" / "experiments.md").read_text()
PLACE = StageMesh("http://127.0.0.1:1")


def made(folder: Path, *drive: str) -> Lesson:
    """A lesson that leaves a trace of each part in a folder."""
    parts = {part: (Step(Kind.RUN, f"touch {folder}/{part}"),) for part in ("prepare", "apply", "see", "undo")}
    played = Round("?", "!", parts["apply"], tuple(Step(Kind.RUN, each) for each in drive), parts["see"])
    return Lesson("one", 1, "One", "2.4", "storefront", "About.", (played,), parts["undo"], parts["prepare"])


def left(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_each_experiment_of_the_book_is_a_lesson_in_its_order() -> None:
    known = lessons()
    assert [each.order for each in known] == list(range(1, 9))
    titles = re.findall(r"^## (\d)\. (.*?)(?: \(.*\))?$", EXPERIMENTS, re.MULTILINE)
    assert [(str(each.order), each.title) for each in known] == titles


@pytest.mark.parametrize("each", lessons(), ids=lambda each: each.name)
def test_a_lessons_commands_name_files_that_are_there_and_hosts_by_words_alone(each: Lesson) -> None:
    rounds = [step for one in each.rounds for step in (*one.apply, *one.drive, *one.see)]
    steps = [*each.prepare, *rounds, *each.undo]
    for step in steps:
        for name in re.findall(r"-[fk] (\S+)", step.text):
            assert (CHECKOUT / name).exists(), name
        assert "127.0.0.1" not in step.text
        assert step.local == (step.text.startswith("mesh ") or "_PAGE" in step.text), step.text


@pytest.mark.parametrize(
    "text",
    ["[", "order: 1", "rounds: []", "{rounds: [{predict: a, expect: b, drive: [{run: a, look: b}]}], undo: [a]}"],
)
def test_a_file_that_is_no_lesson_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="lesson broken"):
        Lesson.read("broken", text)


def test_a_lesson_that_comes_as_expected_is_undone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert lesson._give(made(tmp_path, "true"), Stage(PLACE, asks=False))
    assert left(tmp_path) == {"prepare", "apply", "see", "undo"}
    said = capfd.readouterr().out
    titles = re.findall("── (.*)", said)
    assert titles == ["Prepare", "Predict", "Apply", "Drive", "Compare", "See", "Undo"]


def test_a_load_that_comes_otherwise_is_shown_and_undone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert not lesson._give(made(tmp_path, "false", f"touch {tmp_path}/second"), Stage(PLACE, asks=False))
    assert left(tmp_path) == {"prepare", "apply", "see", "undo", "second"}
    assert "Compare: not as expected" in capfd.readouterr().out


def test_what_cannot_be_applied_ends_the_lesson_and_is_undone(tmp_path: Path) -> None:
    broken = replace(made(tmp_path, "true"), prepare=(Step(Kind.RUN, "exit 3"),))
    with pytest.raises(MeshError, match="this failed: exit 3"):
        lesson._give(broken, Stage(PLACE, asks=False))
    assert left(tmp_path) == {"undo"}


def test_an_undo_that_fails_goes_on_and_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bad = made(tmp_path, "true")
    assert not lesson._give(replace(bad, undo=(Step(Kind.RUN, "exit 4"), *bad.undo)), Stage(PLACE, asks=False))
    assert "undo" in left(tmp_path)
    assert "do it by hand: exit 4" in capfd.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_a_lesson_it_is_undone(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\n"
        "from tests.localmesh.cli.test_lesson import PLACE, Stage, lesson, made\n"
        # Not for ever: a process that has ended can still be sent signals until somebody waits for it.
        "again = f'for _ in {{1..50}}; do kill -{sys.argv[2]} {os.getpid()} || break; sleep 0.1; done'\n"
        "lesson._give(made(Path(sys.argv[1]), again), Stage(PLACE, asks=False))"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(int(number))]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
    assert "KeyboardInterrupt" in done.stderr
    assert left(tmp_path) == {"prepare", "apply", "undo"}
    assert done.returncode


@pytest.mark.long
def test_a_lesson_whose_terminal_is_closed_is_undone(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.localmesh.cli.test_lesson import PLACE, Stage, lesson, made\n"
        "lesson._give(made(Path(sys.argv[1]), 'sleep 60'), Stage(PLACE, asks=False))"
    )
    terminal, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=CHECKOUT, stdin=its, stdout=its, stderr=its
    ) as given:
        os.close(its)
        said = b""
        while b"sleep 60" not in said:
            said += (more := os.read(terminal, 4096))
            assert more, said
        os.close(terminal)
        given.send_signal(signal.SIGHUP)
        given.wait(60)
    assert left(tmp_path) == {"prepare", "apply", "undo"}


def test_two_lessons_at_once_would_undo_each_other(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with lesson._alone(home), pytest.raises(MeshError, match="another lesson runs on this mesh"), lesson._alone(home):
        pass
    with lesson._alone(home), lesson._alone(None):
        pass


def test_a_settling_command_is_repeated_until_it_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "PAUSE_S", 0)
    stepped = Stage(PLACE, asks=False)
    third = f"echo >> {tmp_path}/tries; [ $(wc -l < {tmp_path}/tries) = 3 ]"
    stepped.carry_out("Wait", [Step(Kind.SETTLE, third)])
    assert (tmp_path / "tries").read_text() == "\n" * 3
    monkeypatch.setattr(stage, "TRIES", 2)
    with pytest.raises(MeshError, match="this failed: false"):
        stepped.carry_out("Wait", [Step(Kind.SETTLE, "false")])


def test_in_a_cluster_what_only_the_local_mesh_has_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    Stage(PLACE, asks=False).show([Step(Kind.RUN, "echo $GATEWAY"), Step(Kind.RUN, "mesh explain /", local=True)])
    said = capfd.readouterr().out
    assert "(not here: mesh explain /)" in said
    assert "http://127.0.0.1:1\n" in said


def test_without_a_name_the_lessons_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lesson"]) == 0
    assert "dark-launch   2.4.3" in capsys.readouterr().out


def test_a_lesson_that_is_not_there_and_one_without_a_terminal_say_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["lesson", "retry"]) == 1
    assert "no lesson is named retry; there are: deploy, ingress, chaos" in capsys.readouterr().err
    assert main(["lesson", "chaos"]) == 1
    assert "--yes" in capsys.readouterr().err
