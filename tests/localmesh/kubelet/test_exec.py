import asyncio

import pytest

from localmesh.apiserver.runtime import RuntimeRefusedError
from localmesh.core.objects import Key
from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.resources import PODS
from localmesh.store.deletion import delete

from .conftest import Node, container, is_alive, script, state


@pytest.fixture
async def pod(node: Node) -> Key:
    key = node.pod("web", script("exec sleep 60", env=[{"name": "COLOUR", "value": "amber"}]))
    await node.until(key, lambda pod: "running" in state(pod))
    return key


async def test_a_command_has_its_own_outputs_and_exit_code(node: Node, pod: Key) -> None:
    assert await node.run(pod, "sh", "-c", "echo out; echo err >&2; exit 3") == (3, "out\n", "err\n")
    assert await node.run(pod, "sh", "-c", "kill -TERM $$") == (143, "", "")


async def test_a_command_has_the_container_s_environment_and_the_pod_s_network(node: Node, pod: Key) -> None:
    _, said, _ = await node.run(pod, "env")
    variables = dict(line.split("=", 1) for line in said.splitlines())
    addresses = addresses_of(node.store.get(PODS, pod))
    assert addresses
    assert variables["COLOUR"] == "amber"
    assert variables["http_proxy"] == variables["HTTP_PROXY"] == f"http://127.0.0.1:{addresses.network}"
    assert "PORT" not in variables


async def test_much_goes_through_stdin_and_back(node: Node, pod: Key) -> None:
    process = await node.kubelet.exec(pod, "main", ["cat"], stdin=True, tty=False)
    sent = b"0123456789abcdef" * 200_000
    returned = bytearray()

    async def send() -> None:
        await process.write(sent)
        await process.close_stdin()

    sender = asyncio.create_task(send())
    async for _, data in process.output():
        returned += data
    await sender
    assert await process.wait() == 0
    assert returned == sent


async def test_a_command_that_does_not_read_is_no_error(node: Node, pod: Key) -> None:
    process = await node.kubelet.exec(pod, "main", ["true"], stdin=True, tty=False)
    await process.wait()
    for _ in range(3):
        await process.write(b"x" * 100_000)
    await process.close_stdin()
    assert [part async for part in process.output()] == []


async def test_a_terminal_has_a_size_and_sends_ctrl_c(node: Node, pod: Key) -> None:
    command = ["sh", "-c", "trap 'stty size; exit 7' INT; tty; while :; do sleep 0.05; done"]
    process = await node.kubelet.exec(pod, "main", command, stdin=True, tty=True)
    process.resize(120, 44)
    said = b""
    async for stream, data in process.output():
        assert stream == "stdout"
        said += data
        if said.endswith(b"\r\n") and b"44 120" not in said:
            await process.write(b"\x03")
    assert b"/dev/" in said
    assert b"44 120" in said
    assert await process.wait() == 7


async def test_the_end_of_input_is_ctrl_d_on_a_terminal(node: Node, pod: Key) -> None:
    process = await node.kubelet.exec(pod, "main", ["cat"], stdin=True, tty=True)
    await process.close_stdin()
    async for _ in process.output():
        pass
    assert await process.wait() == 0


async def test_an_unknown_command_is_refused(node: Node, pod: Key) -> None:
    with pytest.raises(RuntimeRefusedError, match='exec: "nonesuch": executable file not found in \\$PATH'):
        await node.kubelet.exec(pod, "main", ["nonesuch"], stdin=False, tty=False)


async def test_a_container_that_does_not_run_is_refused(node: Node) -> None:
    key = node.pod("waits", container(image="none/such"))
    await node.until(key, lambda pod: "waiting" in state(pod))
    with pytest.raises(RuntimeRefusedError, match="does not run now") as refused:
        await node.kubelet.exec(key, "main", ["true"], stdin=False, tty=False)
    assert refused.value.code == 404
    delete(node.store, PODS, key)


async def test_commands_end_with_their_pod(node: Node, pod: Key) -> None:
    process = await node.kubelet.exec(pod, "main", ["sh", "-c", "echo $$; sleep 60"], stdin=False, tty=False)
    output = process.output()
    _, said = await anext(output)
    delete(node.store, PODS, pod)
    await node.gone(pod)
    assert not is_alive(int(said))
    assert [part async for part in output] == []
    assert await process.wait() == 129


async def test_a_command_ends_when_its_user_hangs_up(node: Node, pod: Key) -> None:
    process = await node.kubelet.exec(
        pod, "main", ["sh", "-c", "trap '' HUP; echo up; sleep 60"], stdin=False, tty=False
    )
    output = process.output()
    await anext(output)
    process.hang_up()
    async with asyncio.timeout(5):
        assert await process.wait() == 137
    await output.aclose()


async def test_a_command_may_lie_in_the_container_s_own_folder(node: Node, pod: Key) -> None:
    await node.run(pod, "sh", "-c", "printf '#!/bin/sh\necho ran' > hello; chmod +x hello")
    assert await node.run(pod, "./hello") == (0, "ran\n", "")
    with pytest.raises(RuntimeRefusedError, match="executable file not found"):
        await node.run(pod, "bin/chaos.sh")  # which is there where the tests run
