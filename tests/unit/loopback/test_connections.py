import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from openai import AsyncOpenAI, InternalServerError

from tests.loopback import Fault, Loopback, Reply, Request, Stall, server_error, too_many_requests
from tests.unit.loopback.caller import CHAT, Caller


def test_a_connection_carries_many_requests(server: Loopback) -> None:
    with Caller(server) as caller:
        caller.ask("one", stream=True)
        assert b"data: [DONE]" in caller.hear(b"0\r\n\r\n")
        caller.ask("two")
        status, answer = caller.hear_document()
        caller.ask("three", headers="Connection: close\r\n")
        assert b"You said: three" in caller.hear_all()
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "You said: two")


def test_requests_may_come_before_their_turn(server: Loopback) -> None:
    server.say(Reply("first", first_delay=0.02))
    with Caller(server) as caller:
        caller.ask("one")
        caller.ask("two")
        answers = [caller.hear_document()[1] for _ in range(2)]
    assert [each["choices"][0]["message"]["content"] for each in answers] == ["first", "You said: two"]
    assert [call.hung_up for call in server.calls] == [False, False]


async def test_many_are_served_at_once(server: Loopback, openai: AsyncOpenAI) -> None:
    server.answer(lambda _: Stall(1))

    async def ask() -> None:
        async for _ in await openai.chat.completions.create(
            model="loop", messages=[{"role": "user", "content": "hi"}], stream=True
        ):
            pass

    asking = [asyncio.create_task(ask()) for _ in range(40)]
    calls = [await asyncio.to_thread(server.call, at) for at in range(len(asking))]
    assert all([await asyncio.to_thread(call.wait_pieces, 1) for call in calls])
    assert not any(call.finished for call in calls)
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


def test_every_request_is_recorded(server: Loopback) -> None:
    with Caller(server) as caller:
        caller.post({"model": "loop", "messages": [], "n": 1}, headers="Authorization: Bearer x\r\nX-Two: a:b\r\n")
        caller.hear_document()
        caller.send(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        caller.hear_document()
    raw = b'{"model":"loop","messages":[],"n":1}'
    headers = {"host": "x", "content-length": "36", "authorization": "Bearer x", "x-two": "a:b"}
    assert server.requests == (
        Request("POST", CHAT, headers, {"model": "loop", "messages": [], "n": 1}, raw),
        Request("GET", "/v1/models", {"host": "x"}, {}, b""),
    )


async def test_a_body_may_come_in_chunks(server: Loopback) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"model": "loop", '
        yield b'"messages": [{"role": "user", "content": "hi"}]}'

    async with httpx.AsyncClient() as client:
        answer = await client.post(server.openai_url + "/chat/completions", content=body())
    assert answer.json()["choices"][0]["message"]["content"] == "You said: hi"


def test_a_path_that_is_not_there_is_not_found(server: Loopback) -> None:
    with Caller(server) as caller:
        caller.send(b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert caller.hear_document() == (
            404,
            {
                "error": {
                    "message": "Invalid URL (GET /v1/nothing)",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": None,
                }
            },
        )


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"HELLO\r\n\r\n", "this is no request: 'HELLO'"),
        (b"GET / HTTP/1.0\r\n\r\n", "this is not HTTP/1.1: 'HTTP/1.0'"),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "this is no length: 'x'"),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]", "the body is no object: b'[]'"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", r"this is no chunk size: b'x\r\n'"),
    ],
)
def test_what_is_no_request_is_told_so_and_left(server: Loopback, sent: bytes, message: str) -> None:
    with Caller(server) as caller:
        caller.send(sent)
        status, answer = caller.hear_document()
        assert (status, answer["error"]["message"]) == (400, message)
        assert caller.hear_all() == b""


async def test_each_topic_has_a_queue_of_its_own(server: Loopback, openai: AsyncOpenAI) -> None:
    server.say(Reply("for the chat"))
    server.say(server_error(), to="embed")
    assert [model.id async for model in openai.models.list()] == ["loop", "loop-embed"]
    with pytest.raises(InternalServerError):
        await openai.embeddings.create(model="loop-embed", input="x")
    answer = await openai.chat.completions.create(model="loop", messages=[{"role": "user", "content": "hi"}])
    assert answer.choices[0].message.content == "for the chat"


def test_a_rule_decides_when_the_queue_is_empty() -> None:
    def rule(request: Request) -> Reply | Fault:
        return too_many_requests(1) if request.body["model"] == "busy" else Reply("fine")

    with Loopback(rule) as server, Caller(server) as caller:
        server.say(Reply("queued"))
        for model in ("busy", "busy", "free"):
            caller.ask(model=model)
            caller.hear_document()
    assert [call.script for call in server.calls] == [Reply("queued"), too_many_requests(1), Reply("fine")]


def test_a_rule_that_fails_is_the_failure_of_its_test() -> None:
    def rule(_: Request) -> Reply:
        raise LookupError("no rule for this")

    with (
        pytest.raises(LookupError, match="no rule for this"),
        Loopback(rule) as server,
        Caller(server) as caller,
        pytest.raises(ConnectionResetError),
    ):
        caller.ask()
        caller.hear_all()


def test_a_rule_that_fails_is_noted_on_the_error_that_it_caused() -> None:
    def rule(_: Request) -> Reply:
        raise LookupError("no rule for this")

    with pytest.raises(ConnectionResetError) as caught, Loopback(rule) as server, Caller(server) as caller:
        caller.ask()
        caller.hear_all()
    assert caught.value.__notes__ == ["a rule of the loopback server raised LookupError('no rule for this')"]


def test_the_end_of_the_server_ends_what_is_open() -> None:
    with Loopback() as server:
        server.say(Stall(2))
        caller = Caller(server)
        caller.ask(stream=True)
        call = server.call()
        caller.hear(b"\n\n\r\n")
    with caller, contextlib.suppress(ConnectionResetError):
        assert not caller.hear_all().endswith(b"0\r\n\r\n")
    assert (call.finished, call.hung_up) == (False, False)


def test_a_second_server_can_take_the_port_of_the_first() -> None:
    with Loopback() as first, Caller(first) as caller:
        caller.ask()
        caller.hear_document()
    with Loopback(port=first.port) as second, Caller(second) as caller:
        caller.ask()
        assert caller.hear_document()[0] == 200
