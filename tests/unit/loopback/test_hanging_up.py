import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable

import pytest
from ollama import AsyncClient
from openai import AsyncOpenAI, AsyncStream

from tests.loopback import Call, Endless, Loopback, Reply, Stall
from tests.unit.loopback.caller import Caller


def test_a_client_that_hangs_up_is_noticed(server: Loopback) -> None:
    server.say(Reply("one two three", delay=30))
    with Caller(server) as caller:
        caller.ask(stream=True)
        caller.hear(b"\n\n\r\n")
    call = server.call()
    assert call.wait_hung_up()
    assert (call.pieces, call.finished) == (1, False)


def test_a_client_that_hangs_up_with_a_reset_is_noticed(server: Loopback) -> None:
    server.say(Stall())
    with Caller(server) as caller:
        caller.ask(stream=True)
        call = server.call()
        caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert call.wait_hung_up()
    assert call.pieces == 0


def test_a_client_that_hangs_up_while_it_is_flooded_is_noticed(server: Loopback) -> None:
    server.say(Endless("x" * 10_000))
    with Caller(server) as caller:
        caller.ask(stream=True)
        call = server.call()
        # Nobody reads: the server stands still in the middle of a write once the buffers are full.
        wait_for_standstill(call)
    assert call.wait_hung_up()


def wait_for_standstill(call: Call) -> None:
    before = -1
    while call.pieces != before:
        before = call.pieces
        time.sleep(0.02)


def test_a_client_that_stays_has_not_hung_up(server: Loopback) -> None:
    with Caller(server) as caller:
        caller.ask(stream=True)
        caller.hear(b"0\r\n\r\n")
    with Caller(server) as caller:
        caller.ask()
        caller.hear_document()
    assert all(call.wait_finished() for call in server.calls)
    assert [(call.finished, call.hung_up, call.pieces) for call in server.calls] == [(True, False, 3), (True, False, 2)]


def test_waiting_for_what_does_not_come_ends(server: Loopback) -> None:
    server.say(Stall())
    with pytest.raises(TimeoutError, match="only 0 calls"):
        server.call(timeout=0.01)
    with Caller(server) as caller:
        caller.ask()
        assert not server.call().wait_hung_up(0.01)
        assert not server.call().wait_finished(0.01)
        assert not server.call().wait_pieces(1, 0.01)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cancelled_task_closes_the_socket_of_openai(
    server: Loopback, openai: AsyncOpenAI, stream: bool
) -> None:
    async def ask() -> None:
        answer = await openai.chat.completions.create(
            model="loop", messages=[{"role": "user", "content": "hi"}], stream=stream
        )
        assert isinstance(answer, AsyncStream), "a whole answer never ends"
        async for _ in answer:
            pass

    await assert_cancel_is_noticed(server, ask)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cancelled_task_closes_the_socket_of_ollama(
    server: Loopback, ollama: AsyncClient, stream: bool
) -> None:
    async def ask() -> None:
        if not stream:
            await ollama.chat(model="loop", messages=[{"role": "user", "content": "hi"}])
        async for _ in await ollama.chat(model="loop", messages=[{"role": "user", "content": "hi"}], stream=True):
            pass

    await assert_cancel_is_noticed(server, ask)


async def assert_cancel_is_noticed(server: Loopback, ask: Callable[[], Awaitable[None]]) -> None:
    server.say(Endless(delay=0.01))
    asking = asyncio.ensure_future(ask())
    call = await asyncio.to_thread(server.call)
    assert await asyncio.to_thread(call.wait_pieces, 3)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await asyncio.to_thread(call.wait_hung_up)
    assert not call.finished


async def test_a_stream_of_openai_must_be_closed_to_stop(server: Loopback, openai: AsyncOpenAI) -> None:
    server.say(Endless(delay=0.01))
    stream = await openai.chat.completions.create(
        model="loop", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    async for _ in stream:
        break
    call = server.call()
    assert not await asyncio.to_thread(call.wait_hung_up, 0.05)
    await stream.close()
    assert await asyncio.to_thread(call.wait_hung_up)
