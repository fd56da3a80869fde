import asyncio
import os

from localmesh.kubelet.pipes import PipeReader


async def test_what_was_written_last_on_a_terminal_is_there_when_all_have_closed_it() -> None:
    master, slave = os.openpty()
    reader = await PipeReader.open(master)
    os.write(slave, b"the last words")
    os.close(slave)
    async with asyncio.timeout(10):
        while not reader._transport.is_closing():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
    await asyncio.sleep(0)  # the reader is told in the next turn of the loop
    assert await reader.read(100) == b"the last words"
    assert await reader.read(100) == b""
    reader.close()
