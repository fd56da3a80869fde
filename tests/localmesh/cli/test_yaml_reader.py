"""The mesh's reader beside kubectl's own: `kubectl annotate --local` reads a file and prints it as JSON."""

import json
import subprocess
from pathlib import Path

import pytest

from localmesh.cli.kubectl import scripts_folder
from localmesh.cli.yaml_reader import ReadError, nodes, value

HEAD = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: thing}\n"
WORDS = (  # in lines: what is a word, a whole number, one with a fraction, something else
    "y Y yes Yes n N no off On true True TRUE ~ null Null NULL nULL yEs",
    "1 +1 -0 01 007 0644 0o644 0o9 081 0x1F 0X1f -0x10 0b101 0b2 1_000 _1 1__0 0x",
    "1e1 1E3 1e-2 .5 5. 1.50 -1.5e+3 1e 1.e1 81111e1 1.2.3 9223372036854775807 1e400 -1e400",
    f"{'9' * 5000} -{'9' * 5000} 0x{'f' * 5000} {'0' * 5000} 1.{'0' * 5000} {'9' * 39} {'9' * 41}",
    "12:30 190:20:30 2001-01-01 2001-01-01T00:00:00Z = == . .. - text 5s 100m 1.31.0 !foo",
)
DOCUMENTS = [
    "spec: [!!int '5', !!str 5, !!float 1, !!binary aGk=, !foo bar, ! 5]",
    "spec: {1: a, true: b, 1.5: c, n: d, =: e, 0x10: g}",
    "base: &base {a: 1, b: 2}\nspec: {<<: *base, b: 3}\nother: {<<: [*base, {a: 9, c: 4}]}",
    "spec: {a: 1, a: 2}",
    "spec:\n  text: |\n    y\n  folded: >\n    a\n    b\n  quoted: ['y', \"1\"]\n  empty:\n  list: []\n  map: {}",
    "spec: [&x {a: [1, 2]}, *x, *x]",
]
REFUSED = [
    ("spec: &a [*a]", "contains itself"),
    ("spec: {{ .Values.name }}", "is a template"),
    ("...\n%YAML 1.1\n---\nspec: {}", "directive"),
    ("spec: .inf", "is no number in JSON"),
    ("spec: {null: 5}", "null is no name"),
    ("spec: {<<: 5}", "map merge requires map"),
    ("spec: !!binary '*'", "invalid base64"),
    ("spec: [", "expected the node content"),
    ("spec: " + "[" * 3000 + "]" * 3000, "nested too deep"),
]


def theirs(tmp_path: Path, content: bytes) -> "subprocess.CompletedProcess[str]":
    file = tmp_path / "thing.yaml"
    file.write_bytes(content)
    command = [scripts_folder() / "kubectl", "annotate", "--local", "-f", file, "a=b", "-o", "json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def ours(content: bytes) -> object:
    (read,) = (value(node) for node in nodes(content))
    return read


def same(tmp_path: Path, content: bytes) -> None:
    done = theirs(tmp_path, content)
    assert done.returncode == 0, done.stderr
    expected = json.loads(done.stdout)
    del expected["metadata"]["annotations"]
    assert ours(content) == expected


def test_words_mean_what_they_mean_to_kubectl(tmp_path: Path) -> None:
    same(tmp_path, (HEAD + "spec:\n" + "".join(f"- {word}\n" for line in WORDS for word in line.split())).encode())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_are_read_as_kubectl_reads_them(tmp_path: Path, document: str) -> None:
    same(tmp_path, (HEAD + document + "\n").encode())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str) -> None:
    same(tmp_path, (HEAD + "spec: ümlaut\n").encode(encoding))


@pytest.mark.parametrize(("document", "complaint"), REFUSED)
def test_what_kubectl_cannot_read_is_refused_with_its_line(tmp_path: Path, document: str, complaint: str) -> None:
    content = (HEAD + document + "\n").encode()
    if "nested" not in complaint:  # kubectl goes deeper
        assert theirs(tmp_path, content).returncode != 0
    with pytest.raises(ReadError, match=complaint) as caught:
        ours(content)
    assert caught.value.line in (1, 4, 5)


def test_a_short_file_that_stands_for_billions_is_refused() -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12))
    with pytest.raises(ReadError, match="excessive aliasing"):
        ours(f"l0: &l0 [1]\n{layers}".encode())
