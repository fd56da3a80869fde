import os
import subprocess
import sys
from pathlib import Path

import pytest

from localmesh.__main__ import main
from localmesh.cli.documents import MAX_FILE
from tests.k8s.manifests import CHECKOUT, kustomize

GOOD = """\
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: catalog
spec:
  hosts:
  - catalog
  http:
  - route:
    - destination:
        host: catalog
    retries:
      attempts: 3
      retryOn: 5xx
      perTryTimeout: 2s
"""
BAD = GOOD.replace("retryOn: 5xx", "retryOn: ever").replace("alpha3", "") + "    fault: {}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.yaml"


def validate(*arguments: str | Path) -> int:
    return main(["validate", *(part for each in arguments for part in ("-f", str(each)))])


def test_what_this_project_ships_is_taken_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(CHECKOUT / "k8s/base", CHECKOUT / "k8s/experiments") == 0
    assert capsys.readouterr().out == "17 objects, none refused\n"


def test_the_tutorials_own_words_are_taken(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD)
    assert validate(file) == 0
    assert capsys.readouterr().out == "1 object, none refused\n"


def test_each_refusal_has_the_file_and_the_line_of_its_field(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(f"{GOOD}---\n# another one\n{BAD}")
    assert validate(file) == 1
    fault, retry, total = capsys.readouterr().out.splitlines()
    refused = "VirtualService/catalog refused: spec.http[0]"
    assert retry.startswith(f'{file}:31: {refused}.retries.retryOn: "ever" is not a valid retryOn policy')
    assert fault == f"{file}:33: {refused}.fault: HTTP fault injection must have an abort and/or a delay"
    assert total == "2 objects, 1 refused"


def test_a_field_that_is_missing_is_looked_for_where_it_should_be(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD.replace("host: catalog", "subset: v1"))
    assert validate(file) == 1
    assert (
        f"{file}:10: VirtualService/catalog refused: spec.http[0].route[0].destination.host" in capsys.readouterr().out
    )


def test_what_is_null_is_not_there_as_for_kubectl_apply(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("perTryTimeout: 2s", "perTryTimeout: null\n    timeout: ~\n  tcp:\n"))
    assert validate(file) == 0
    file.write_text(GOOD.replace("  - catalog", "  - null"))
    assert validate(file) == 1
    assert "spec.hosts[0]: Invalid value: null: must be a string" in capsys.readouterr().out


def test_a_warning_is_no_refusal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = "  - route:\n    - destination:\n        host: catalog\n"
    file.write_text(GOOD + again)
    assert validate(file) == 0
    assert "VirtualService/catalog warning: virtualService rule #1 not used" in capsys.readouterr().out


def test_a_kind_that_is_not_served_is_refused_by_name(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: forum}\n")
    assert validate(file) == 1
    assert f'{file}:2: ServiceEntry/forum refused: kind: no matches for kind "ServiceEntry"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kind: Service\nspec: [\n", "3: not YAML: "),
        ("a: 'b\n", "2: not YAML: "),
        ("just a text\n", "1: document refused: kind: this is no object"),
        ("- 1\n", "1: document refused: kind: this is no object"),
        ("apiVersion: v1\nkind: Service\n", "1: Service/ refused: metadata"),
        ("apiVersion: [1]\nkind: [2]\nmetadata: 1\n", "2: [2]/ refused: kind: no matches"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: hello\n", "3: ConfigMap/ refused: metadata: Invalid value"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, creationTimestamp: alpha}\n", "3: ConfigMap/a refused:"),
        ("foo: bar\n", "1: object/ refused: kind: this is no manifest: it has no apiVersion and kind"),
        (
            "{{- if .Values.x }}\nkind: A\n{{- end }}\n",
            "1: not YAML: expected the node content, but found '-' ({{ … }} is",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: EnvoyFilter\n",
            "2: EnvoyFilter/ refused: kind: no matches for kind",
        ),
        ("apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n", "2: Gateway/ refused: kind: no matches for kind"),
    ],
)
def test_what_is_no_manifest_is_told_with_its_place(
    file: Path, text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)
    assert validate(file) == 1
    said = capsys.readouterr()
    assert f"{file}:{complaint}" in said.out + said.err


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(tmp_path / "none.yaml") == 1
    assert capsys.readouterr().err == f"mesh: {tmp_path}/none.yaml: cannot be read: No such file or directory\n"


def test_a_folder_without_manifests_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(tmp_path) == 1
    assert capsys.readouterr().err == f"mesh: {tmp_path}: no file in it ends in .json, .yaml, .yml\n"


def test_the_items_of_a_list_are_judged_one_by_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    item = BAD.replace("\n", "\n  ").rstrip()
    file.write_text(f"apiVersion: v1\nkind: List\nitems:\n- {item}\n")
    assert validate(file) == 1
    assert f"{file}:17: VirtualService/catalog refused: spec.http[0].retries.retryOn" in capsys.readouterr().out


SUBSET = GOOD.replace("host: catalog", "host: catalog\n        subset: v1")
SERVICE = """apiVersion: v1
kind: Service
metadata: {name: catalog}
spec: {selector: {app: catalog}, ports: [{name: http, port: 80}]}
"""


def test_files_together_are_looked_at_as_analyze_would(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(f"{SUBSET}---\n{SERVICE}")
    assert validate(file) == 0
    words = 'Referenced host+subset in destinationrule not found: "catalog+v1" [IST0101]'
    said = capsys.readouterr().out
    assert f"{file}:12: VirtualService/catalog warning: spec.http[0].route[0].destination.subset: {words}" in said


def test_what_may_be_in_the_cluster_is_not_missed_in_a_file_alone(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(SUBSET)
    assert validate(file) == 0
    assert capsys.readouterr().out == "1 object, none refused\n"


OVERLAYS = CHECKOUT / "k8s/overlays"
NOT_HERE = ("gateway-api",)
SAID = "spec: not honoured by the local mesh: nothing here evicts pods, so there is nothing to hold back"


def taken(overlay: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what is said of an overlay that is taken."""
    file.write_text(kustomize(overlay).stdout)
    assert validate(file) == 0
    *said, total = capsys.readouterr().out.splitlines()
    assert total.endswith("objects, none refused")
    return [line.partition(" warning: ")[2] for line in said]


def test_disruption_budgets_are_taken_with_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert taken(OVERLAYS / "replicas", file, capsys) == [SAID, SAID]


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(path.name for path in OVERLAYS.iterdir() if path.name not in NOT_HERE))
def test_every_overlay_is_taken(name: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(taken(OVERLAYS / name, file, capsys)) <= {SAID}


def test_a_device_without_end_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert validate("/dev/zero") == 1
    assert capsys.readouterr().err == f"mesh: /dev/zero: more than {MAX_FILE} bytes: cut it into several files\n"


@pytest.mark.parametrize(("name", "why"), [("a" * 300, "File name too long"), ("", "without a name")])
def test_a_name_that_no_file_can_have_is_one_clear_line(
    name: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(name) == 1
    assert why in capsys.readouterr().err


def test_folders_in_a_folder_are_left_alone_whatever_their_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "catalog.yaml").write_text(GOOD)
    assert validate(tmp_path) == 0
    assert capsys.readouterr().out == "1 object, none refused\n"


def test_an_escape_beyond_unicode_is_one_clear_line_and_half_a_pair_can_be_said(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('a: "\\UFFFFFFFF"\n')
    assert validate(file) == 1
    assert f"mesh: {file}:1: not YAML: " in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [("mesh validate - <&-", 1, "mesh: stdin: cannot be read: it is closed\n"),
     ("mesh validate k8s/base >/dev/full", 1, "mesh: [Errno 28] No space left on device\n"),
     ("set -o pipefail; mesh validate k8s/base | true", 0, ""), ("mesh lesson chaos <&-", 1, "no terminal"),
     ("mesh validate <(printf 'kind: \"\\\\ud800\"\\napiVersion: v1\\n')", 1, "\\ud800/ refused")],
)  # fmt: skip
def test_streams_that_are_closed_full_or_left_are_one_clear_line_at_most(shell: str, code: int, said: str) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", shell], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr, "Exception" in done.stderr) == (code, False, False)
    assert said in done.stdout + done.stderr
