import os
import threading
from typing import Never

import pytest

from localmesh.core.landlock import scopes_signals
from localmesh.kubelet.signal_scope import SignalScope

from .conftest import Node, script


def test_where_there_is_no_thread_it_is_said_as_where_there_is_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    scope = SignalScope()
    scope.close()
    with pytest.raises(OSError, match="shutdown"):
        scope.call(os.getpid)

    def refused(_thread: threading.Thread) -> Never:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(OSError, match="can't start new thread"):
        SignalScope()


@pytest.mark.skipif(not scopes_signals(), reason="only Linux 6.12 and newer, with Landlock on, scopes signals")
async def test_a_pod_signals_its_own_processes_and_neither_another_pod_s_nor_the_mesh_s(node: Node) -> None:
    one = await node.running(node.pod("one", script("echo $$$$; exec sleep 60")))
    other = await node.running(node.pod("other", script("echo $$$$; exec sleep 60")))
    own, foreign = int(await node.log_line(one)), int(await node.log_line(other))
    for stranger in (foreign, os.getpid(), node.kubelet._guard.pid):
        code, _, complaint = await node.run(one, "sh", "-c", f"kill -0 {stranger}")
        assert (code, "Operation not permitted" in complaint) == (1, True)
    assert await node.run(one, "sh", "-c", f"kill -0 {own}") == (0, "", "")
