"""The table of what of other people's YAML runs here."""

from pathlib import Path

import pytest

from localmesh.kubelet.images import Images
from tools.samples import samples, table

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, ports: [{name: http, port: 80}]}
"""
ENTRY = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec: {hosts: [a.io]}\n"
FILES = {
    "ch1/good.yaml": (SERVICE, "runs", ""),
    "ch1/half.yml": (f"{SERVICE}---\n{ENTRY}", "in part", "ServiceEntry: what is outside of the mesh"),
    "ch2/bad.yaml": (ENTRY, "refused", "ServiceEntry: what is outside of the mesh"),
    "ch2/chart.yaml": ("apiVersion: v2\nname: chart\n", "no manifest", "it has no apiVersion and kind"),
    "ch2/template.yaml": ("apiVersion: v1\nkind: {{ .Kind }}\n", "no manifest", "is a template"),
    "ch2/values.yaml": ("replicas: 1\n", "no manifest", "it has no apiVersion and kind"),
}


@pytest.mark.parametrize("whole", [True, False])
def test_each_file_runs_in_full_in_part_or_not_at_all(tmp_path: Path, *, whole: bool) -> None:
    for name, (text, _, _) in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = list(samples(str(tmp_path if whole else tmp_path / "ch[1-2]"), Images.load()))
    assert [each.path for each in found] == sorted(FILES)
    for each in found:
        _, outcome, reason = FILES[each.path]
        assert each.outcome == outcome
        assert reason in "; ".join(each.reasons)
    assert "6 files: 1 runs, 1 in part, 1 refused, 3 no manifest." in table("All", found)
