import threading
from pathlib import Path

import pytest

from localmesh.core.errors import LoopTrouble, MeshError
from localmesh.core.sockets import make_private, sockets_of
from localmesh.home import AlreadyRunsError, Home, RunningMesh


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "mesh")
    home.create()
    return home


def test_a_folder_with_somebody_else_s_files_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "pods").mkdir()
    (tmp_path / "pods" / "thesis.tex").write_text("precious")
    home = Home(tmp_path)
    with pytest.raises(MeshError, match=r"is not a mesh's folder, there is pods in it.*name an empty folder"):
        home.create()
    with pytest.raises(MeshError, match="is not a mesh's folder"), home.hold():
        pass
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "pods" / "thesis.tex").read_text() == "precious"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["pods"]


def test_a_folder_that_is_a_file_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mesh").write_text("")
    with pytest.raises(MeshError, match="mesh cannot be a mesh's folder: File exists"):
        Home(tmp_path / "mesh").create()


def test_an_empty_folder_and_one_with_the_user_s_images_are_taken(tmp_path: Path) -> None:
    (tmp_path / "images.yaml").write_text("")
    Home(tmp_path).create()
    Home(tmp_path).create()
    with Home(tmp_path).hold():
        pass


def test_a_folder_of_an_earlier_version_is_taken(tmp_path: Path) -> None:
    for name in ("lock", "kubeconfig", "env"):
        (tmp_path / name).write_text("")
    Home(tmp_path).create()


def test_whoever_looks_or_tidies_up_is_never_taken_for_a_supervisor(home: Home) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            home.running()
            home.tidy()

    readers = [threading.Thread(target=look) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(300):
            with home.hold():
                pass
    finally:
        over.set()
        for reader in readers:
            reader.join()


def test_sockets_that_a_killed_supervisor_left_elsewhere_go_with_the_next_one_or_at_the_end(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 30))
    home.create()
    folders = [sockets_of(home.path), sockets_of(home.pods)]
    assert [folder.parent for folder in folders] == [Path("/tmp"), Path("/tmp")]

    def leave_some() -> None:
        for folder in folders:
            make_private(folder)
            (folder / "zipkin.sock").touch()

    leave_some()
    with home.hold():
        assert not any(folder.exists() for folder in folders)
        leave_some()
        home.tidy()
        assert all(folder.exists() for folder in folders), "whoever runs keeps its own"
    assert not any(folder.exists() for folder in folders)
    leave_some()
    home.tidy()
    assert not any(folder.exists() for folder in folders)


def test_who_holds_the_folder_is_read_while_it_is_held(home: Home) -> None:
    told = RunningMesh(1, 30000, 30443, "2026-01-01T00:00:00Z", troubles={"garbage": LoopTrouble(2, "KeyError: 'a'")})
    with home.hold() as lock:
        assert home.running() == RunningMesh(0, 0, 0, "")
        lock.tell(told)
        assert home.running() == told
        with pytest.raises(AlreadyRunsError, match=r"already runs in this checkout \(pid 1, started with"), home.hold():
            pass
        assert home.running() == told
    assert home.running() is None
    assert home.last() is None


@pytest.mark.parametrize("content", [b"garbage", b"\xff", b"[]", b'{"pid": "1"}', b'{"pid": 1}'])
def test_a_lock_file_that_cannot_be_read_tells_nothing(home: Home, content: bytes) -> None:
    with home.hold():
        home.lock.write_bytes(content)
        assert home.running() == RunningMesh(0, 0, 0, "")
    home.lock.write_bytes(content)
    assert home.last() is None


def test_who_starts_is_not_taken_for_one_that_was_killed(home: Home) -> None:
    home.lock.write_text('{"pid": 1, "gateway_port": 30000, "api_port": 30443, "started": ""}')
    with home.hold():
        assert home.running() == RunningMesh(0, 0, 0, "")


def test_a_mesh_that_ended_unasked_leaves_word(home: Home) -> None:
    with home.hold() as lock:
        lock.tell(RunningMesh(1, 30000, 30443, "2026-01-01T00:00:00Z", failure="the mesh cannot go on"))
    assert home.running() is None
    last = home.last()
    assert last is not None
    assert last.failure == "the mesh cannot go on"
    with home.hold() as lock:
        lock.tell(RunningMesh(2, 30000, 30443, "2026-01-01T00:00:00Z"))
    assert home.last() is None
