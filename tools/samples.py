"""Write docs/samples.md: what of other people's YAML runs on the local mesh, what is refused, and why.

    .venv/bin/python -m tools.samples "Istio 1.31's samples=FOLDER" "Istio in Action, ch2 to ch9=FOLDER/ch*"

Each folder is read, never copied; what is no manifest (Helm's templates, values) is told apart.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from localmesh.cli.documents import EXTENSIONS, documents
from localmesh.cli.verdicts import Verdict, judge
from localmesh.core.errors import MeshError
from localmesh.kubelet.images import Images

TARGET = Path(__file__).resolve().parent.parent / "docs/samples.md"
HEAD = """# What of Istio's samples and of the book runs on the local mesh

Made by `make samples ISTIO=FOLDER BOOK=FOLDER`: each YAML file is judged as `mesh validate` judges it, with nothing
running. *Runs* means that every document of the file is taken; whether the program behind an image is there is another
matter (`.mesh/images.yaml` names one). *In part* means that some documents are taken. A reason is given once for each
file, with the number of documents that it is the reason for.
"""
MANIFEST = re.compile(r"^(?=.*?^apiVersion:)(?=.*?^kind:)", re.MULTILINE | re.DOTALL)
_LONGEST = 150


@dataclass(frozen=True, slots=True)
class Sample:
    """One file, judged."""

    path: str
    taken: int
    refused: int
    reasons: tuple[str, ...]
    """Why documents are refused, the commonest first; of a file that cannot be read, why not."""

    @property
    def outcome(self) -> str:
        """What becomes of it."""
        if not self.taken and not self.refused:
            return "no manifest"
        if not self.refused:
            return "runs"
        return "in part" if self.taken else "refused"


def samples(pattern: str, images: Images) -> Iterator[Sample]:
    """Yield the files in the folders that a pattern means, by path."""
    named = Path(pattern)
    for folder in sorted(named.parent.glob(named.name)):
        root = folder if folder == named else folder.parent
        for file in sorted(path for path in folder.rglob("*") if path.suffix in EXTENSIONS[1:]):
            yield judged(file, str(file.relative_to(root)), images)


def judged(file: Path, name: str, images: Images) -> Sample:
    """Judge one file."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if not MANIFEST.search(text):
        return Sample(name, 0, 0, ("it has no apiVersion and kind",))
    try:
        verdicts = [judge(document, "default", images) for document in documents([str(file)])]
    except MeshError as error:
        return Sample(name, 0, 0, (f"not YAML: {str(error).partition('not YAML: ')[2]}",))
    refused = [verdict for verdict in verdicts if verdict.admitted is None]
    return Sample(name, len(verdicts) - len(refused), len(refused), tuple(_reasons(refused)))


def _reasons(refused: Iterable[Verdict]) -> Iterator[str]:
    """Yield why documents are refused: the kind, and the field or, of a kind that is not served, the reason."""
    counted: Counter[str] = Counter()
    for verdict in refused:
        kind = verdict.name.partition("/")[0]
        counted.update(
            dict.fromkeys(_reason(kind, problem.field, problem.message) for problem in verdict.problems[:3]).keys()
        )
    for reason, count in counted.most_common():
        yield f"{reason} ({count} times)" if count > 1 else reason


def _reason(kind: str, field: str, message: str) -> str:
    if field == "kind":
        return f"{kind}: {message.rpartition('not supported by the local mesh: ')[2].partition(';')[0]}"
    short = message.partition("; supported here")[0]
    path = re.sub(r"\[\d+\]", "[]", field)
    return f"{kind} `{path}`: {short}"


def table(title: str, listed: list[Sample]) -> str:
    """Return a section."""
    counts = Counter(sample.outcome for sample in listed)
    total = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("runs", "in part", "refused", "no manifest"))
    rows = "\n".join(
        f"| `{sample.path}` | {sample.outcome} | {sample.taken} of {sample.taken + sample.refused}"
        f" | {_cell(sample.reasons)} |"
        for sample in listed
        if sample.outcome != "no manifest"
    )
    others = ", ".join(
        f"`{sample.path}` ({_cell(sample.reasons)})" for sample in listed if sample.outcome == "no manifest"
    )
    tail = f"\nNo manifests: {others}\n" if others else ""
    heading = (
        f"\n## {title}\n\n{len(listed)} files: {total}.\n\n| File | | Documents taken | Why not |\n|---|---|---|---|\n"
    )
    return f"{heading}{rows}\n{tail}"


def _cell(reasons: Iterable[str]) -> str:
    texts = (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in reasons)
    return "; ".join(text.replace("|", "\\|").replace("\n", " ") for text in texts)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", metavar="TITLE=FOLDER", help="a folder, or a pattern that means several")
    images = Images.load()
    sections = []
    for source in parser.parse_args().sources:
        title, _, pattern = source.partition("=")
        listed = list(samples(pattern, images))
        if not listed:
            raise SystemExit(f"{pattern}: no YAML files there")
        sections.append(table(title, listed))
        print(f"{title}: {len(listed)} files: {dict(Counter(sample.outcome for sample in listed))}")
    TARGET.write_text(HEAD + "".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
