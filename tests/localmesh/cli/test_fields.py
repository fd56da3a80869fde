"""`mesh validate --explain`: each field of a document, honoured, approximated or refused."""

from pathlib import Path

import pytest

from localmesh.__main__ import main
from localmesh.kinds.istio import SPECS
from localmesh.kinds.istio.honoured import HONOURED

ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog}
spec:
  hots: [a]
  hosts: [catalog]
  http:
  - match: [{headers: {end-user: {exact: jason}}, uri: {prefx: /a}}]
    delegate: {name: x}
    fault: {abort: {httpStatus: 700}}
    route: [{destination: {host: catalog, subset: v1}}]
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: catalog}
spec: {host: catalog, trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}}
"""


def explained(file: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, tuple[str, str]]]:
    """Return the exit code, and for each field its verdict and the reason."""
    file.write_text(text)
    code = main(["validate", "--explain", str(file)])
    rows = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    return code, {path: (verdict, *reason)[:2] if reason else (verdict, "") for path, verdict, *reason in rows}


def test_every_field_is_honoured_or_refused_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, fields = explained(tmp_path / "v.yaml", ROUTE, capsys)
    assert code == 1
    supported = "this field is not supported by the local mesh; supported here: "
    assert fields.pop("spec.http[0].delegate.name")[1].startswith(supported)
    assert fields == {
        "spec.hots[0]": ("refused", 'unknown field; did you mean "hosts"?'),
        "spec.hosts[0]": ("honoured", ""),
        "spec.http[0].match[0].headers.end-user.exact": ("honoured", ""),
        "spec.http[0].match[0].uri.prefx": ("refused", 'unknown field; did you mean "prefix"?'),
        "spec.http[0].fault.abort.httpStatus": ("refused", "HTTP status 700 is not in range 200-599"),
        "spec.http[0].route[0].destination.host": ("honoured", ""),
        "spec.http[0].route[0].destination.subset": ("honoured", ""),
    }


def test_annotations_and_labels_are_explained_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked = RULE.replace("{name: catalog}", "{name: catalog, labels: {istio.io/rev: canary}}")
    code, fields = explained(tmp_path / "d.yaml", marked, capsys)
    assert (code, fields["metadata.labels[istio.io/rev]"][0]) == (0, "approximated")
    marked = RULE.replace("{name: catalog}", "{name: catalog, annotations: {istio.io/dry-run: 'true'}}")
    code, fields = explained(tmp_path / "d.yaml", marked, capsys)
    assert (code, fields["metadata.annotations[istio.io/dry-run]"][0]) == (1, "refused")


def test_what_is_done_otherwise_here_is_approximated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, fields = explained(tmp_path / "d.yaml", RULE, capsys)
    assert (code, fields["spec.host"]) == (0, ("honoured", ""))
    verdict, reason = fields["spec.trafficPolicy.loadBalancer.simple"]
    assert verdict == "approximated"
    assert "an endpoint is taken at random" in reason


@pytest.mark.parametrize(
    ("port", "field", "reason"),
    [
        ("{port: 80}", "name", "nothing says what the port takes, so only HTTP gets there"),
        ("{port: 80, name: web}", "name", "nothing says what the port takes, so only HTTP gets there"),
        ("{port: 80, appProtocol: a.io/b}", "appProtocol", "nothing says what the port takes, so only HTTP gets there"),
        ("{port: 3306}", "name", "the number 3306 says that the port takes no HTTP, and nothing else gets there"),
        ("{port: 80, name: tcp-a}", "name", "'tcp-a' says that the port takes no HTTP, and nothing else gets there"),
    ],
)
def test_a_port_says_with_and_without_the_reasons_what_gets_there(
    port: str, field: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{selector: {{app: s}}, ports: [{port}]}}\n"
    said = f"not honoured by the local mesh: {reason}"
    assert explained(tmp_path / "s.yaml", text, capsys) == (0, {f"spec.ports[0].{field}": ("approximated", said)})
    assert main(["validate", str(tmp_path / "s.yaml")]) == 0
    assert f"Service/s warning: spec.ports[0].{field}: {said}" in capsys.readouterr().out


def test_a_kind_that_is_not_served_is_one_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: f}\nspec: {a: {b: 1}}\n"
    code, fields = explained(tmp_path / "f.yaml", text, capsys)
    assert (code, list(fields)) == (1, ["kind"])
    assert "extensions are written for another Envoy" in fields["kind"][1]


@pytest.mark.parametrize("spec", ["[1]", "text", "null", "{http: 7}", "{http: [7]}", "{hosts: {a: {b: [[]]}}}"])
@pytest.mark.parametrize("resource", SPECS, ids=lambda resource: resource.kind)
def test_a_spec_of_another_form_is_refused_and_nothing_worse(
    spec: str, resource: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = next(each for each in SPECS if each is resource)
    text = f"apiVersion: {kind.api_version()}\nkind: {kind.kind}\nmetadata: {{name: a}}\nspec: {spec}\n"
    code, _ = explained(tmp_path / "odd.yaml", text, capsys)
    assert code == 1 or spec in ("null", "{}")


def test_a_call_without_files_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate"]) == 1
    assert capsys.readouterr().err == "mesh: no file is named: mesh validate [--explain] FILE…\n"


def test_each_served_kind_has_a_line_in_the_table_of_what_is_honoured() -> None:
    assert SPECS.keys() == HONOURED.keys()
