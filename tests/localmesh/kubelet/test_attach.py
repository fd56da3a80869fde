import asyncio

import pytest

from localmesh.apiserver.runtime import Process, RuntimeRefusedError
from localmesh.core.objects import Key
from localmesh.kinds.resources import PODS

from .conftest import Node, script, state


async def said(process: Process) -> str:
    async with asyncio.timeout(10):
        return b"".join([data async for _, data in process.output()]).decode()


async def interactive(node: Node, text: str, **fields: bool) -> Key:
    return await node.running(
        node.pod("web", script(text, stdin=True, stdinOnce=True, **fields), restartPolicy="Never")
    )


async def test_who_attaches_speaks_to_the_container_s_own_process(node: Node) -> None:
    key = await interactive(node, "echo hello; cat; echo bye")
    process = await node.kubelet.attach(key, "main", stdin=True)
    await process.write(b"one\n")
    await process.close_stdin()
    assert await said(process) == "hello\none\nbye\n"
    assert await process.wait() == 0
    assert await node.log(key) == "hello\none\nbye\n"
    pod = await node.until(key, lambda pod: "terminated" in state(pod))
    assert state(pod)["terminated"]["exitCode"] == 0


async def test_on_a_terminal_there_are_echo_and_size(node: Node) -> None:
    key = await interactive(node, "read line; stty size; echo got $$line", tty=True)
    process = await node.kubelet.attach(key, "main", stdin=True)
    process.resize(100, 30)
    await process.write(b"one\n")
    assert (await said(process)).replace("\r", "") == "one\n30 100\ngot one\n"


async def test_the_second_one_sees_what_is_said_from_then_on(node: Node) -> None:
    key = await interactive(node, "echo first; cat")
    one = await node.kubelet.attach(key, "main", stdin=True)
    assert await anext(one.output()) == ("stdout", b"first\n")
    two = await node.kubelet.attach(key, "main", stdin=False)
    await one.write(b"second\n")
    assert await anext(two.output()) == ("stdout", b"second\n")


async def test_whoever_leaves_without_reading_does_not_hold_up_the_container(node: Node) -> None:
    key = await interactive(node, "read line; yes | head -c 3000000; echo; echo over")
    idle = await node.kubelet.attach(key, "main", stdin=True)
    await idle.write(b"go\n")
    await asyncio.sleep(0)
    idle.hang_up()
    pod = await node.until(key, lambda pod: "terminated" in state(pod))
    assert state(pod)["terminated"]["exitCode"] == 0
    assert (await node.log(key)).endswith("over\n")


async def test_who_wants_to_speak_to_a_container_without_input_is_told(node: Node) -> None:
    key = await node.running(node.pod("web", script("exec sleep 60")))
    with pytest.raises(RuntimeRefusedError, match="takes no input: its manifest has no `stdin: true`"):
        await node.kubelet.attach(key, "main", stdin=True)
    node.store.remove(PODS, key)


async def test_a_command_that_was_faster_than_its_user_is_still_heard_once(node: Node) -> None:
    main = script("echo quick", stdin=True, stdinOnce=True)
    key = node.pod("web", main, restartPolicy="Never")
    await node.until(key, lambda pod: "terminated" in state(pod))
    assert await said(await node.kubelet.attach(key, "main", stdin=True)) == "quick\n"
    with pytest.raises(RuntimeRefusedError, match="it does not run now"):
        await node.kubelet.attach(key, "main", stdin=True)


async def test_what_the_log_has_shown_is_not_shown_again_to_who_attaches(node: Node) -> None:
    key = await interactive(node, "echo first; cat")
    assert await node.log_line(key) == "first\n"
    assert await node.log(key) == "first\n"
    process = await node.kubelet.attach(key, "main", stdin=True)
    await process.write(b"second\n")
    await process.close_stdin()
    assert await said(process) == "second\n"


async def test_who_attaches_to_a_command_that_is_over_and_whose_log_was_read_hears_no_more_of_it(node: Node) -> None:
    key = node.pod("web", script("echo quick", stdin=True, stdinOnce=True), restartPolicy="Never")
    await node.until(key, lambda pod: "terminated" in state(pod))
    assert await node.log(key) == "quick\n"
    assert not await said(await node.kubelet.attach(key, "main", stdin=True))
