"""bin/chaos.sh, with a kubectl that writes down what it was asked and answers from a table of pods."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.manifests import CHECKOUT

FAULTS = {
    "500": {"active": True, "type": "500", "percentage": 50.0, "seen": 10, "hit": 5},
    "latency": {"active": True, "type": "latency", "latencyMs": 1000.0, "volatile": True, "seen": 3, "hit": 3},
}
# Answers of the pods in $DESK/pods.json those that namespace, selectors and the template leave over, as kubectl does.
KUBECTL = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
from typing import Any

desk, (verb, *words) = Path(os.environ["DESK"]), sys.argv[1:]
with (desk / "asked").open("a") as asked:
    asked.write(" ".join(sys.argv[1:]) + chr(10))
pods = json.loads((desk / "pods.json").read_text())
options, rest = {{}}, []
while words:
    word = words.pop(0)
    if word == "--":
        break
    if word in ("-n", "-l", "-o", "-c"):
        options[word] = words.pop(0)
    elif "=" in word:
        options.update([word.split("=", 1)])
    else:
        rest.append(word)
pods = [pod for pod in pods if "-A" in rest or pod["namespace"] == options.get("-n", "current")]
if verb == "get":
    wanted = [pair.split("=") for pair in options.get("-l", "").split(",") if pair]
    fields = [pair.split("=") for pair in options.get("--field-selector", "").split(",") if pair]
    for pod in pods:
        known = {{"status.phase": pod["phase"], "metadata.name": pod["name"]}}
        leaves = "if not .metadata.deletionTimestamp" in options["-o"] and pod["leaves"]
        if all(pod["labels"].get(k) == v for k, v in wanted) and all(known[k] == v for k, v in fields) and not leaves:
            print(pod["namespace"], pod["name"])
if verb == "exec":
    (pod,) = (pod for pod in pods if pod["name"] == rest[0])
    print("blowups={{...}}" if "-d" in words else json.dumps(pod["faults"], separators=(",", ":")))
    sys.stdin.read()  # as curl might, where it is handed something
    code = pod["order_code"] if "-d" in words else pod["code"]
    sys.exit(code if "--fail-with-body" in words else 0)
"""


@dataclass(frozen=True)
class Desk:
    """A folder with that kubectl in front on PATH."""

    folder: Path
    pods: list[dict] = field(default_factory=list)

    def pod(
        self, namespace: str, name: str, *, app: str = "catalog", version: str = "v1", code: int = 0, **more: Any
    ) -> None:
        defaults = {"phase": "Running", "leaves": False, "faults": {}, "order_code": code}
        labels = {"app": app, "version": version}
        self.pods.append(defaults | {"namespace": namespace, "name": name, "labels": labels, "code": code} | more)

    def chaos(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "pods.json").write_text(json.dumps(self.pods))
        env = {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}", "DESK": str(self.folder)}
        command = ["bash", CHECKOUT / "bin" / "chaos.sh", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)

    def asked(self, verb: str) -> list[str]:
        lines = (self.folder / "asked").read_text().splitlines() if (self.folder / "asked").exists() else []
        return [line for line in lines if line.startswith(verb)]

    def orders(self) -> list[tuple[str, str, object]]:
        """Each fault that a pod was asked for: namespace, pod and fault."""
        orders = (
            re.fullmatch(r"exec -n (\S+) (\S+) -c catalog -- curl .* -X POST .*({.*}) .*", line)
            for line in self.asked("exec")
        )
        return [(found[1], found[2], json.loads(found[3])) for found in orders if found]

    def fault(self) -> object:
        ((_, _, fault),) = self.orders()
        return fault


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    return Desk(tmp_path)


@pytest.fixture
def crowd(desk: Desk) -> Desk:
    """Pods of catalog, and others that are none of this script's business."""
    desk.pod("current", "catalog-1", faults=FAULTS)
    desk.pod("current", "catalog-v2-1", version="v2")
    desk.pod("current", "catalog-2", phase="Pending")
    desk.pod("current", "catalog-3", leaves=True)
    desk.pod("current", "webapp-1", app="webapp")
    desk.pod(
        "elsewhere",
        "catalog-4",
        faults={"drop": {"active": True, "type": "drop", "percentage": 7, "seen": 1, "hit": 0}},
    )
    return desk


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
     "latency soon", "-n", "-l", "-x 500", "list 500", "off all", "catalog-1"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_kubectl_is_asked(desk: Desk, words: str) -> None:
    desk.pod("current", "catalog-1")
    done = desk.chaos(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(("chaos.sh: ", "usage: "))
    assert desk.asked("") == []


def test_every_catalog_pod_that_runs_is_reached_no_other_and_its_answer_printed_behind_its_name(crowd: Desk) -> None:
    done = crowd.chaos("500", "50")
    assert done.stdout == "catalog-1: blowups={...}\ncatalog-v2-1: blowups={...}\n"
    assert done.stderr == ""
    assert [pod for _, pod, _ in crowd.orders()] == ["catalog-1", "catalog-v2-1"]


@pytest.mark.parametrize(
    ("where", "reached"),
    [
        ("-l version=v2", ["catalog-v2-1"]),
        ("-l version=v1", ["catalog-1"]),
        ("catalog-v2-1", ["catalog-v2-1"]),
        ("pod/catalog-1", ["catalog-1"]),
        ("-n elsewhere", ["catalog-4"]),
        ("-n elsewhere -l version=v1 catalog-4", ["catalog-4"]),
        ("webapp-1", []),
        ("catalog-3", []),
        ("-n elsewhere catalog-1", []),
    ],
)
def test_a_label_or_a_name_picks_among_catalogs_pods(crowd: Desk, where: str, reached: list[str]) -> None:
    done = crowd.chaos(*where.split(), "500", "50")
    assert [pod for _, pod, _ in crowd.orders()] == reached
    assert done.returncode == (0 if reached else 2)
    assert reached or "no catalog pod" in done.stderr


def test_list_tells_what_is_on_and_changes_nothing(crowd: Desk) -> None:
    done = crowd.chaos("list")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "catalog-1: 500 for 50 %: hit 5 of 10; latency up to 1000 ms: hit 3 of 3",
        "catalog-v2-1: no fault",
    ]
    assert crowd.orders() == []
    assert crowd.chaos("-l", "version=v2", "list").stdout == "catalog-v2-1: no fault\n"


def test_off_ends_every_fault_of_every_catalog_pod_wherever_it_is(crowd: Desk) -> None:
    done = crowd.chaos("off")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "catalog-1: ended 500, latency",
        "catalog-v2-1: no fault",
        "catalog-4: ended drop",
    ]
    assert crowd.orders() == [
        ("current", "catalog-1", {"active": False, "type": "500"}),
        ("current", "catalog-1", {"active": False, "type": "latency"}),
        ("elsewhere", "catalog-4", {"active": False, "type": "drop"}),
    ]


def test_off_keeps_to_a_namespace_or_a_pod_that_was_named(crowd: Desk) -> None:
    assert crowd.chaos("-n", "elsewhere", "off").stdout == "catalog-4: ended drop\n"
    assert crowd.chaos("catalog-v2-1", "off").stdout == "catalog-v2-1: no fault\n"
    assert [pod for _, pod, _ in crowd.orders()] == ["catalog-4"]


def test_off_does_not_say_of_a_fault_that_it_ended_when_the_pod_refused(desk: Desk) -> None:
    desk.pod("current", "catalog-1", faults=FAULTS, order_code=22)
    desk.pod("current", "catalog-2", faults=FAULTS)
    done = desk.chaos("off")
    assert (done.returncode, done.stdout) == (1, "catalog-2: ended 500, latency\n")
    assert done.stderr.startswith("chaos.sh: catalog-1 refused: ")


def test_off_where_there_is_no_catalog_says_so(desk: Desk) -> None:
    done = desk.chaos("off")
    assert done.returncode == 2
    assert "no catalog pod runs in any namespace" in done.stderr


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


def test_a_kubectl_that_fails_is_not_taken_for_no_pods(desk: Desk) -> None:
    (desk.folder / "kubectl").write_text("#!/bin/sh\necho refused >&2; exit 1\n")
    done = desk.chaos("500", "50")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "refused",
        "chaos.sh: kubectl could not tell which pods there are; on a laptop, in each new shell: source .mesh/env",
    ]
