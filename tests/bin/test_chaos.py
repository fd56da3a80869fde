"""bin/chaos.sh, with a kubectl that writes down what it was asked and answers from a table of pods."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.k8s.manifests import CHECKOUT

# Pods are files $PODS/NAMESPACE/NAME; what is in such a file is what the pod's exec ends with.
KUBECTL = """#!/bin/bash
printf '%s\\n' "$*" >>"$PODS/../asked"
verb=$1; shift
namespace=current
while (($#)); do case $1 in -n) namespace=$2; shift 2 ;; --) shift; break ;; *) words+=("$1"); shift ;; esac; done
case $verb in
  get) ls "$PODS/$namespace" 2>/dev/null; exit 0 ;;
  exec) echo "blowups={...}"; exit "$(cat "$PODS/$namespace/${words[0]}")" ;;
esac
"""


@dataclass(frozen=True)
class Desk:
    """A folder with that kubectl in front on PATH."""

    folder: Path

    def pod(self, namespace: str, name: str, code: int = 0) -> None:
        file = self.folder / "pods" / namespace / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(str(code))

    def chaos(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}", "PODS": str(self.folder / "pods")}
        command = ["bash", CHECKOUT / "bin" / "chaos.sh", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)

    def asked(self, verb: str) -> list[str]:
        lines = (self.folder / "asked").read_text().splitlines() if (self.folder / "asked").exists() else []
        return [line for line in lines if line.startswith(verb)]

    def fault(self) -> object:
        (line,) = self.asked("exec")
        return json.loads(line[line.index("{") : line.rindex("}") + 1])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    (tmp_path / "pods").mkdir()
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("500", {"active": True, "type": "500", "percentage": 100}),
        ("500 100", {"active": True, "type": "500", "percentage": 100}),
        ("500 50", {"active": True, "type": "500", "percentage": 50}),
        ("500 0", {"active": True, "type": "500", "percentage": 0}),
        ("500 delete", {"active": False, "type": "500"}),
        ("429 5", {"active": True, "type": "429", "percentage": 5}),
        ("drop 20", {"active": True, "type": "drop", "percentage": 20}),
        ("drop delete", {"active": False, "type": "drop"}),
        ("latency", {"active": True, "type": "latency", "latencyMs": 1000, "volatile": False}),
        ("latency 2500 volatile", {"active": True, "type": "latency", "latencyMs": 2500, "volatile": True}),
        ("latency delete", {"active": False, "type": "latency"}),
    ],
)
def test_the_words_become_the_fault_that_catalog_is_asked_for(desk: Desk, words: str, fault: object) -> None:
    desk.pod("current", "catalog-1")
    assert desk.chaos(*words.split()).returncode == 0
    assert desk.fault() == fault


@pytest.mark.parametrize(
    "words",
    ["", "200", "600", "50", "500 101", "500 -1", "500 1e1", "500 50 50", "500 delete 1", "drop x", "latency 0",
     "latency soon", "-n", "-x 500"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_kubectl_is_asked(desk: Desk, words: str) -> None:
    desk.pod("current", "catalog-1")
    done = desk.chaos(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(("chaos.sh: ", "usage: "))
    assert desk.asked("") == []


def test_every_pod_is_reached_and_its_answer_printed_behind_its_name(desk: Desk) -> None:
    desk.pod("current", "catalog-1")
    desk.pod("current", "catalog-v2-1")
    done = desk.chaos("500", "50")
    assert done.stdout == "catalog-1: blowups={...}\ncatalog-v2-1: blowups={...}\n"
    assert done.stderr == ""


def test_a_pod_that_refuses_is_named_and_the_others_are_still_reached(desk: Desk) -> None:
    desk.pod("current", "catalog-1", code=22)
    desk.pod("current", "catalog-2")
    done = desk.chaos("500", "50")
    assert done.returncode == 1
    assert done.stdout == "catalog-2: blowups={...}\n"
    assert done.stderr == "chaos.sh: catalog-1 refused: blowups={...}\n"


def test_without_catalog_in_the_contexts_namespace_istioinaction_is_taken_and_that_is_said(desk: Desk) -> None:
    desk.pod("istioinaction", "catalog-1")
    done = desk.chaos("500", "50")
    assert (done.returncode, done.stdout) == (0, "catalog-1: blowups={...}\n")
    assert "looking in istioinaction" in done.stderr


def test_a_namespace_that_was_named_is_the_only_one_looked_in(desk: Desk) -> None:
    desk.pod("istioinaction", "catalog-1")
    done = desk.chaos("-n", "elsewhere", "500", "50")
    assert done.returncode == 2
    assert "no catalog pod runs in elsewhere" in done.stderr
    assert desk.asked("exec") == []


def test_help_says_how(desk: Desk) -> None:
    done = desk.chaos("-h")
    assert done.returncode == 0
    assert "bin/chaos.sh 500 50" in done.stdout
