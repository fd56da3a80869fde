"""One world or document, shown to both sides: equal, refused by name here, or a fault."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localmesh.cli.documents import without_nulls
from localmesh.kubelet.images import Images
from tests.differential import ours
from tests.differential.analysis import analysis_differences
from tests.differential.oracle import Oracle, OracleError
from tests.differential.text import text_of
from tests.localmesh.pilot.canonical import KINDS, World, differences, inbound

Object = dict[str, Any]


SNIFFED = "'http/1.1'"
"""What istiod looks for in the first bytes on a port of which nothing is said; the local mesh expects HTTP there."""


@dataclass(frozen=True)
class Outcome:
    """What came of one comparison."""

    kind: str
    """`equal`, `refused by both`, `refused by name`, `refused` (by one or both), `fault`, or `no answer`."""

    lines: tuple[str, ...] = ()
    """The fields that were refused by name, or what is at fault."""


@dataclass(frozen=True)
class Comparison:
    """Both sides."""

    oracle: Oracle
    images: Images

    def document(self, objects: Sequence[Object]) -> Outcome:
        """Compare the verdicts on one document."""
        try:
            (theirs,) = self.oracle.verdicts(text_of(without_nulls(objects)))  # kubectl sends none, either
        except (OracleError, ValueError) as error:
            return Outcome("no answer", (str(error),))
        judged = ours.verdict(objects[0], self.images)
        return _verdicts(theirs, judged.problems, judged.warnings, ours.refused_by_name(judged))

    def tls_world(self, objects: Sequence[Object]) -> Outcome:
        """Compare what the proxies of a world are told in which they speak TLS to each other."""
        return self.world(objects, auto_mtls=True)

    def analysis(self, objects: Sequence[Object]) -> Outcome:
        """Compare the findings in a world."""
        admitted = [ours.verdict(obj, self.images).admitted for obj in objects]
        if not all(admitted):
            return Outcome("refused")
        try:
            found = analysis_differences(self.oracle, [obj for obj in admitted if obj])
        except OracleError as error:
            return Outcome("no answer", (str(error),))
        return Outcome("fault", tuple(found)) if found else Outcome("equal")

    def world(self, objects: Sequence[Object], *, auto_mtls: bool = False) -> Outcome:
        """Compare what the proxies of a world are told."""
        verdicts = [ours.verdict(obj, self.images) for obj in objects]
        refused = [each for each in verdicts if each.admitted is None]
        fields = [field for each in refused for field in ours.refused_by_name(each)]
        if fields:
            return Outcome("refused by name", tuple(fields))
        try:
            theirs = self.oracle.generate(text_of(objects), auto_mtls=auto_mtls)
        except OracleError as error:
            return Outcome("no answer", (str(error),))
        if "proxies" not in theirs:
            complaint = str(theirs.get("error"))
            return Outcome("refused by both") if refused else Outcome("fault", (f"istiod refuses: {complaint}",))
        if refused:
            return Outcome("fault", tuple(f"refused here: {problem}" for each in refused for problem in each.problems))
        here = ours.generate(verdicts, auto_mtls=auto_mtls)
        found = (*_differences(theirs, here), *(_tls_differences(theirs["proxies"], here) if auto_mtls else ()))
        return Outcome("fault", found) if found else Outcome("equal")


def _verdicts(theirs: Mapping[str, Any], problems: Sequence[Any], warnings: Sequence[str], named: list[str]) -> Outcome:
    said = "; ".join(theirs.get("messages", []))
    if theirs["verdict"] == "reject":
        if problems:
            return Outcome("refused by both")
        return Outcome("fault", (f"istiod refuses at {theirs.get('stage')}: {said}",))
    if named:
        return Outcome("refused by name", tuple(named))
    if problems:
        return Outcome("fault", tuple(f"istiod accepts, refused here: {problem}" for problem in problems))
    if theirs["verdict"] == "warn" and not warnings:
        return Outcome("fault", (f"istiod warns: {said}",))
    return Outcome("equal")


def _differences(theirs: Mapping[str, Any], here: Mapping[str, Mapping[str, list[Any]]]) -> Iterator[str]:
    world = World.of(theirs["index"])
    proxies = theirs["proxies"]
    for missing in sorted(proxies.keys() ^ here.keys()):
        yield f"{missing}: {'missing' if missing in proxies else 'only here'}"
    for proxy in sorted(proxies.keys() & here.keys()):
        for kind, canonical in KINDS.items():
            one, other = canonical(proxies[proxy].get(kind) or [], world), canonical(here[proxy][kind], world)
            if "http_proxy" not in one:
                other.pop("http_proxy", None)
            yield from differences(one, other, f"{proxy}/{kind}")


def _tls_differences(theirs: Mapping[str, Any], here: Mapping[str, Mapping[str, list[Any]]]) -> Iterator[str]:
    """Yield in what ways the ports of sidecars take other connections."""
    for proxy in sorted(theirs.keys() & here.keys()):
        if "gateway" not in proxy:
            said, written = (inbound(each[proxy].get("lds") or []) for each in (theirs, here))
            sniffed = {name for name, chains in said.items() if SNIFFED in str(chains)}
            one, other = ({name: each[name] for name in each.keys() - sniffed} for each in (said, written))
            yield from differences(one, other, f"{proxy}/inbound")
