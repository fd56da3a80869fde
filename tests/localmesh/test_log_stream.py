"""What `mesh up --foreground` shows holds the mesh up for nobody."""

import asyncio
import os

from localmesh.log_stream import Output

MORE_THAN_A_PIPE_HOLDS = b"x" * 1_000_000


async def test_a_reader_who_does_not_read_keeps_only_writers_waiting() -> None:
    reading, writing = os.pipe()
    output = Output(writing)
    writers = [asyncio.create_task(output.write(MORE_THAN_A_PIPE_HOLDS)) for _ in range(3)]
    first = await asyncio.to_thread(os.read, reading, 1)  # this loop goes on, and the first line is under way
    assert not any(writer.done() for writer in writers)
    writers[1].cancel()
    rest = await asyncio.to_thread(read, reading, 2 * len(MORE_THAN_A_PIPE_HOLDS) - 1)
    assert len(first + rest) == 2 * len(MORE_THAN_A_PIPE_HOLDS)
    await asyncio.gather(writers[0], writers[2])
    os.close(reading)
    await output.write(b"nobody reads this\n")
    await output.write(b"nor this\n")
    os.close(writing)


def read(descriptor: int, size: int) -> bytes:
    said = b""
    while len(said) < size:
        said += os.read(descriptor, size - len(said))
    return said
