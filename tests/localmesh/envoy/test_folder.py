from pathlib import Path

from localmesh.envoy.folder import Document, Folder
from localmesh.envoy.resources import Resources

ENDPOINTS = {"cluster_name": "outbound|80||catalog.istioinaction.svc.cluster.local"}


def test_equal_content_has_an_equal_version_whatever_the_order_of_fields() -> None:
    assert Document.of("rds", [{"name": "80", "b": 1}]) == Document.of("rds", [{"b": 1, "name": "80"}])
    assert Document.of("rds", [{"name": "80"}]).version != Document.of("rds", [{"name": "81"}]).version


def test_a_file_that_holds_its_document_already_is_not_touched(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write_all(Resources(eds=[ENDPOINTS]))
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.json")}
    folder.write_all(Resources(eds=[ENDPOINTS], cds=[{"name": "catalog"}]))
    touched = [path.name for path, inode in before.items() if path.stat().st_ino != inode]
    assert touched == ["cds.json"]


def test_names_that_differ_only_in_case_or_signs_have_files_of_their_own(tmp_path: Path) -> None:
    names = ["outbound|80||a", "outbound|80|a|", "outbound_80_a", "Outbound|80||a", "../a", "a" * 300]
    paths = {str(Folder(tmp_path).path("eds", name)).lower() for name in names}
    assert len(paths) == len(names)
    assert all(Path(path).parent == Path(str(tmp_path).lower()) / "eds" for path in paths)
    assert all(len(Path(path).name) < 128 for path in paths)


def test_what_was_written_can_be_read(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write_all(Resources(eds=[ENDPOINTS]))
    assert folder.resources("eds", ENDPOINTS["cluster_name"]) == [ENDPOINTS]
    assert folder.versions("eds") == {ENDPOINTS["cluster_name"]: Document.of("eds", [ENDPOINTS]).version}
    assert folder.versions("cds") == {"": Document.of("cds", []).version}
    assert folder.resources("rds", "80") == []


def test_a_document_put_aside_leaves_the_one_before_in_its_place(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    good, bad = Document.of("rds", [{"name": "80"}], "80"), Document.of("rds", [{"name": "80", "bad": 1}], "80")
    folder.write([bad])
    folder.put_aside(bad, good.content)
    assert folder.versions("rds") == {"80": good.version}
    assert folder.has_put_aside("rds", "80")
    folder.give_another_chance(good)
    assert not folder.has_put_aside("rds", "80")


def test_files_of_resources_that_are_gone_are_removed_with_what_was_put_aside(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    documents = [Document.of("rds", [{"name": name}], name) for name in ("80", "81")]
    folder.write(documents)
    folder.put_aside(documents[0], documents[0].content)
    folder.keep_only("rds", ["81"])
    assert list((tmp_path / "rds").iterdir()) == [folder.path("rds", "81")]
