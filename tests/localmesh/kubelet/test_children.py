import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from localmesh.apiserver.runtime import RuntimeRefusedError
from localmesh.kubelet import children
from localmesh.kubelet.children import Child, spawn
from localmesh.kubelet.guard import Guard
from localmesh.kubelet.launch import Launch
from localmesh.kubelet.signal_scope import SignalScope

from .conftest import Node, script


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="macOS has it since Python 3.13")
async def test_a_group_is_ended_before_its_number_can_be_somebody_else_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill, there = children._kill_group, []

    def spy(group: int, number: int) -> None:
        shown = os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        there.append(shown is not None and shown.si_pid == group)
        kill(group, number)

    monkeypatch.setattr(children, "_kill_group", spy)
    with Guard() as guard:
        environment, scope = dict(os.environ), SignalScope()
        child = spawn(["sh", "-c", "exit 3"], environment=environment, folder=tmp_path, guard=guard, scope=scope)
        assert await child.wait() == 3
        child.signal(9)
    assert there == [True]


def descriptors() -> set[str]:
    return {file.name for file in Path("/dev/fd").iterdir()}


@pytest.mark.parametrize("tty", [False, True])
async def test_a_command_that_cannot_be_started_leaves_no_descriptor_open(
    node: Node, monkeypatch: pytest.MonkeyPatch, *, tty: bool
) -> None:
    key = await node.running(node.pod("web", script("exec sleep 60")))
    before = descriptors()

    def fail(*_: object, **__: object) -> Child:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Launch, "spawn", fail)
    with pytest.raises(RuntimeRefusedError, match="Too many open files"):
        await node.kubelet.exec(key, "main", ["true"], stdin=True, tty=tty)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert descriptors() == before


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_a_pipe_that_cannot_be_watched_leaves_no_descriptor_open(
    node: Node, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    key = await node.running(node.pod("web", script("exec sleep 60")))
    before, loop, opened = descriptors(), asyncio.get_running_loop(), []
    connect = {name: getattr(loop, name) for name in ("connect_read_pipe", "connect_write_pipe")}

    def failing(name: str) -> Any:
        async def open_(*arguments: Any) -> Any:
            opened.append(name)
            if len(opened) == which + 1:
                raise OSError(24, "Too many open files")
            return await connect[name](*arguments)

        return open_

    for name in connect:
        monkeypatch.setattr(loop, name, failing(name))
    with pytest.raises(RuntimeRefusedError, match="Too many open files"):
        await node.kubelet.exec(key, "main", ["true"], stdin=True, tty=False)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert descriptors() == before
