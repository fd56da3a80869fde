import asyncio
import errno
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localmesh.apiserver.runtime import LogOptions
from localmesh.kubelet.logs import LINES, MAX_LINE, PIECE, LogFile, last_lines

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ")


async def read(log: LogFile, **options: object) -> str:
    return b"".join([part async for part in log.read(LogOptions(**options))]).decode()


def sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.iterdir()]


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "0.log")


async def test_lines_come_back_as_they_were_written(log: LogFile) -> None:
    log.write(b"one\ntw")
    log.write(b"o\n\nthr")
    assert await read(log) == "one\ntwo\n\n"
    log.close()
    assert await read(log) == "one\ntwo\n\nthr"
    assert await read(log, follow=True) == "one\ntwo\n\nthr"


async def test_time_stamps_have_nine_digits(log: LogFile) -> None:
    log.write(b"one\ntwo\n")
    log.close()
    lines = (await read(log, timestamps=True)).splitlines()
    assert [STAMP.sub("", line) for line in lines] == ["one", "two"]
    assert all(STAMP.match(line) for line in lines)


async def test_a_long_log_lets_others_have_their_turn(log: LogFile) -> None:
    log.write(b"a line\n" * 10 * LINES)
    log.close()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    parts = [part async for part in log.read(LogOptions())]
    task.cancel()
    assert b"".join(parts) == b"a line\n" * 10 * LINES
    assert len(parts) == 10
    assert turns >= len(parts) - 1


async def test_a_part_may_be_asked_for(log: LogFile) -> None:
    log.write(b"one\ntwo\nthree\n")
    log.close()
    assert await read(log, tail_lines=2) == "two\nthree\n"
    assert await read(log, tail_lines=0) == ""
    assert await read(log, tail_lines=9) == "one\ntwo\nthree\n"
    assert await read(log, limit_bytes=6) == "one\ntw"
    assert await read(log, since=datetime.now(UTC) + timedelta(seconds=5)) == ""
    assert await read(log, since=datetime.now(UTC) - timedelta(seconds=5)) == "one\ntwo\nthree\n"


async def test_a_line_without_an_end_is_stored_in_parts_and_read_as_one(log: LogFile) -> None:
    log.write(b"x" * (MAX_LINE + 1))
    log.write(b"y\n")
    log.close()
    assert await read(log) == "x" * (MAX_LINE + 1) + "y\n"


async def test_a_log_is_bounded_and_its_end_is_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log", max_bytes=1000)
    for number in range(100):
        log.write(f"line {number}\n".encode())
    log.close()
    assert sum(sizes(tmp_path)) <= 2000
    lines = (await read(log)).splitlines()
    assert lines[-1] == "line 99"
    assert lines == [f"line {number}" for number in range(100 - len(lines), 100)]
    log.remove()
    assert sizes(tmp_path) == []


async def test_a_follower_loses_nothing_when_a_new_file_is_begun(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log", max_bytes=1000)
    follower = asyncio.create_task(read(log, follow=True))
    for number in range(100):
        log.write(f"line {number}\n".encode())
        await asyncio.sleep(0)
    log.close()
    async with asyncio.timeout(5):
        assert (await follower).splitlines() == [f"line {number}" for number in range(100)]


class Counted(io.BytesIO):
    """A file that counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize("lines", [0, 1, 4, 5000])
def test_the_last_lines_are_read_from_the_end(lines: int) -> None:
    whole = [b"2026-11-25T15:08:11.123456789Z F line %d\n" % number for number in range(100_000)]
    file = Counted(b"".join(whole))
    assert last_lines(file, lines) == whole[len(whole) - lines :]
    assert file.count <= 20 * max(lines * len(whole[-1]), PIECE)
    assert file.tell() == len(file.getvalue())


def test_more_last_lines_than_there_are_are_all() -> None:
    assert last_lines(Counted(b"a\nb\n"), 3) == [b"a\n", b"b\n"]
    assert last_lines(Counted(b""), 3) == []
    assert last_lines(Counted(b"a\nb"), None) == [b"a\n", b"b"]


class Full(io.FileIO):
    """A file on a disk that has room for a few bytes more, and then, perhaps, for others."""

    room = 64

    def write(self, data: "ReadableBuffer", /) -> int:
        taken = memoryview(data)[: self.room]
        self.room -= len(taken)
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(taken)


async def test_what_a_full_disk_does_not_take_is_lost_and_nothing_else(
    log: LogFile, caplog: pytest.LogCaptureFixture
) -> None:
    log._file.close()
    log._file = full = Full(log.path, "ab")
    log.write(b"before\n")
    log.write(b"a long line in the middle, of which the disk takes half\n")
    log.write(b"another\n")
    assert caplog.text.count("what a container writes is lost: No space left on device") == 1
    full.room = 1000
    log.write(b"after\n")
    log.close()
    assert await read(log) == "before\nafter\n"


async def test_a_log_goes_on_in_its_file_when_no_other_can_be_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(tmp_path / "0.log", max_bytes=100)
    log.write(b"one line that is long enough to fill it\n")

    def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", none_left)
        log.write(b"x" * 60 + b"\n")
    log.write(b"and after\n")
    log.close()
    assert await read(log) == "one line that is long enough to fill it\nand after\n"
