"""`make differential ORACLE=BINARY [ARGS=…]`: worlds and documents by chance, the local mesh's answers and istiod's."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from shutil import which
from typing import Any

from localmesh.kubelet.images import Images
from tests.differential.analysis import sees_services
from tests.differential.comparison import Comparison, Outcome
from tests.differential.documents import document
from tests.differential.oracle import Oracle
from tests.differential.shrinking import smallest
from tests.differential.text import text_of
from tests.differential.worlds import tls_world, world

Object = dict[str, Any]
MISSING = """differential: istiod is missing: make differential ORACLE=BINARY
  BINARY reads lines of JSON on its standard input and answers each with one:
  {"id": 1, "yaml": "...", "mtls": false}     what istiod would push: {"id": 1, "proxies": {"NAMESPACE.DEPLOYMENT":
                                              {"lds": [...], "rds": ..., "cds": ..., "eds": ...}}, "index": {...}};
                                              with "mtls" as if auto mTLS were on
  {"id": 2, "yaml": "...", "validate": true}  its verdicts: {"id": 2, "documents": [{"verdict": "accept|warn|reject",
                                              "stage": "...", "messages": [...]}]}; with "analyze": true, and with
                                              Services and Pods counting, also "analysis": [{"code": "IST0101",
                                              "resource": "KIND NAMESPACE/NAME", "message": "..."}]
  tests/localmesh/pilot/golden/README.md says how such a program is made of istiod's own code."""


def main() -> int:
    """Compare as many as asked; print what is at fault, small. Returns 1 if anything is, 2 without an oracle."""
    arguments = _arguments()
    if not arguments.oracle or not which(arguments.oracle):
        print(MISSING, file=sys.stderr)
        return 2
    with Oracle(arguments.oracle, arguments.jobs) as oracle:
        comparison = Comparison(oracle, Images.load())
        runs = (
            _Run("document", arguments.documents, arguments, comparison.document, lambda random: [document(random)]),
            _Run("world", arguments.worlds, arguments, comparison.world, world),
            _Run("TLS world", arguments.tls_worlds, arguments, comparison.tls_world, tls_world),
        )
        faults = max(run.report() for run in runs)
        analyses = _Run("analysed world", arguments.analyses, arguments, comparison.analysis, tls_world)
        if arguments.analyses and not sees_services(oracle):
            print("analyses: left out, for this oracle's do not look at Services")
            return faults
        return max(faults, analyses.report())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make differential", description=__doc__)
    parser.add_argument("--oracle", default="", help="a program that answers as istiod does")
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--tls-worlds", type=int, default=500, help="worlds whose proxies speak TLS to each other")
    parser.add_argument("--analyses", type=int, default=200, help="worlds that istioctl analyze looks at")
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1, help="of the first; each further one has the next")
    parser.add_argument("--jobs", type=int, default=2, help="how many of istiod's workers answer at once")
    parser.add_argument("--show", type=int, default=10, help="how many faults are made small and printed")
    parser.add_argument("--output", type=Path, help="folder for the small inputs of faults")
    return parser.parse_args()


class _Run:
    """All comparisons of one kind."""

    def __init__(
        self,
        noun: str,
        count: int,
        arguments: argparse.Namespace,
        compare: Callable[[list[Object]], Outcome],
        make: Callable[[Random], list[Object]],
    ) -> None:
        self._noun = noun
        self._seeds = range(arguments.seed, arguments.seed + count)
        self._arguments = arguments
        self._compare = compare
        self._make = make

    def report(self) -> int:
        """Compare all; return 1 if one is at fault."""
        kinds: Counter[str] = Counter()
        fields: Counter[str] = Counter()
        began = time.monotonic()
        with ThreadPoolExecutor(self._arguments.jobs * 2) as pool:
            for seed, outcome in zip(self._seeds, pool.map(self._one, self._seeds), strict=True):
                kinds[outcome.kind] += 1
                if outcome.kind == "refused by name":
                    fields.update(set(outcome.lines))
                if outcome.kind == "fault":
                    self._show(seed, outcome, small=kinds["fault"] <= self._arguments.show)
        seconds = time.monotonic() - began
        print(f"{len(self._seeds)} {self._noun}s in {seconds:.0f} s: {dict(kinds)}")
        for field, count in fields.most_common():
            print(f"  refused by name: {count:5} {field}")
        return 1 if kinds["fault"] else 0

    def _one(self, seed: int) -> Outcome:
        return self._compare(self._make(Random(f"{self._noun} {seed}")))

    def _show(self, seed: int, outcome: Outcome, *, small: bool) -> None:
        print(f"--- {self._noun} {seed}: {outcome.lines[0][:400]}", flush=True)
        if not small:
            return
        made = self._make(Random(f"{self._noun} {seed}"))
        text = text_of(smallest(made, partial(self._fails_alike, outcome), budget=60))
        print(text, flush=True)
        if self._arguments.output:
            self._arguments.output.mkdir(parents=True, exist_ok=True)
            (self._arguments.output / f"{self._noun}-{seed}.yaml").write_text(text)

    def _fails_alike(self, first: Outcome, objects: list[Object]) -> bool:
        """Whether it is still at fault, in the same way as far as the first words tell."""
        outcome = self._compare(objects)
        return outcome.kind == "fault" and outcome.lines[0][:14] == first.lines[0][:14]


if __name__ == "__main__":
    sys.exit(main())
