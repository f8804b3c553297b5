from datetime import UTC, datetime
from json import JSONDecodeError

import httpx
import pytest
from ollama import AsyncClient, ResponseError
from openai import (
    APIConnectionError,
    APIError,
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)

from tests.loopback import (
    Cut,
    EmptyStream,
    Endless,
    ErrorEvent,
    Fault,
    GarbledFraming,
    Loopback,
    MalformedChunk,
    Refused,
    Reply,
    Reset,
    Shredded,
    SlowHeader,
    Stall,
    Status,
    TruncatedUtf8,
    WrongContentType,
    context_overflow,
    model_gone,
    out_of_quota,
    overloaded,
    server_error,
    too_many_requests,
    unauthorized,
)
from tests.unit.loopback.caller import Caller
from tests.waiting import wait_until

THREE = Reply("one two three")


async def hear_openai(client: AsyncOpenAI) -> list[str]:
    """The words of a stream; what comes before an error is its note."""
    words: list[str] = []
    try:
        async for chunk in await client.chat.completions.create(
            model="loop", messages=[{"role": "user", "content": "hi"}], stream=True
        ):
            words += [choice.delta.content for choice in chunk.choices if choice.delta.content]
    except Exception as error:
        error.add_note("".join(words))
        raise
    return words


async def hear_ollama(client: AsyncClient) -> list[str]:
    words: list[str] = []
    try:
        async for chunk in await client.chat(model="loop", messages=[{"role": "user", "content": "hi"}], stream=True):
            words += [chunk.message.content or ""]
    except Exception as error:
        error.add_note("".join(words))
        raise
    return words


@pytest.mark.parametrize(
    ("fault", "error", "heard"),
    [
        (Reset(), APIConnectionError, ""),
        (Reset(2, THREE), APIConnectionError, "one two "),
        (Cut(), APIConnectionError, ""),
        (Cut(2, THREE), APIConnectionError, "one two "),
        (GarbledFraming(), APIConnectionError, ""),
        (GarbledFraming(2, THREE), APIConnectionError, "one two "),
        (MalformedChunk(1, THREE), JSONDecodeError, "one "),
        (TruncatedUtf8(1, THREE), UnicodeDecodeError, "one "),
        (ErrorEvent(1, reply=THREE), APIError, "one "),
        (unauthorized(), AuthenticationError, ""),
        (server_error(), InternalServerError, ""),
        (overloaded(), InternalServerError, ""),
        (too_many_requests(), RateLimitError, ""),
        (out_of_quota(), RateLimitError, ""),
        (model_gone("loop"), NotFoundError, ""),
        (context_overflow(), BadRequestError, ""),
    ],
)
async def test_openai_hears_what_came_before_a_fault_and_can_ask_again(
    server: Loopback, openai: AsyncOpenAI, fault: Fault, error: type[Exception], heard: str
) -> None:
    server.say(fault, Reply("better"))
    with pytest.raises(error) as caught:
        await hear_openai(openai)
    assert caught.value.__notes__ == [heard]
    assert await hear_openai(openai) == ["better"]


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        (Stall(0, 0.02, THREE), ["one ", "two ", "three"]),
        (Stall(2, 0.02, THREE), ["one ", "two ", "three"]),
        (SlowHeader(0.02, THREE), ["one ", "two ", "three"]),
        (Shredded(1, Reply("né e")), ["né ", "e"]),
        (EmptyStream(), []),
        (WrongContentType(), []),
    ],
)
async def test_openai_takes_it_for_a_whole_answer(
    server: Loopback, openai: AsyncOpenAI, fault: Fault, heard: list[str]
) -> None:
    server.say(fault)
    assert await hear_openai(openai) == heard


@pytest.mark.parametrize(
    ("fault", "error", "heard"),
    [
        (Reset(), httpx.ReadError, ""),
        (Reset(2, THREE), httpx.ReadError, "one two "),
        (Cut(), httpx.RemoteProtocolError, ""),
        (Cut(2, THREE), httpx.RemoteProtocolError, "one two "),
        (GarbledFraming(), httpx.RemoteProtocolError, ""),
        (GarbledFraming(2, THREE), httpx.RemoteProtocolError, "one two "),
        (MalformedChunk(1, THREE), JSONDecodeError, "one "),
        (WrongContentType(), JSONDecodeError, ""),
        (ErrorEvent(1, reply=THREE), ResponseError, "one "),
        (unauthorized(), ResponseError, ""),
        (server_error(), ResponseError, ""),
        (overloaded(), ResponseError, ""),
        (too_many_requests(), ResponseError, ""),
        (model_gone("loop"), ResponseError, ""),
        (context_overflow(), ResponseError, ""),
    ],
)
async def test_ollama_hears_what_came_before_a_fault_and_can_ask_again(
    server: Loopback, ollama: AsyncClient, fault: Fault, error: type[Exception], heard: str
) -> None:
    server.say(fault, Reply("better"))
    with pytest.raises(error) as caught:
        await hear_ollama(ollama)
    assert caught.value.__notes__ == [heard]
    assert await hear_ollama(ollama) == ["better", ""]


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        (Stall(2, 0.02, THREE), ["one ", "two ", "three", ""]),
        (SlowHeader(0.02, THREE), ["one ", "two ", "three", ""]),
        (Shredded(1, Reply("né e")), ["né ", "e", ""]),
        (EmptyStream(), []),
        (TruncatedUtf8(1, THREE), ["one ", "caf\ufffd spoilt", "two ", "three", ""]),
    ],
)
async def test_ollama_takes_it_for_a_whole_answer(
    server: Loopback, ollama: AsyncClient, fault: Fault, heard: list[str]
) -> None:
    server.say(fault)
    assert await hear_ollama(ollama) == heard


@pytest.mark.parametrize(
    "fault",
    [Reset(5), Cut(5), GarbledFraming(5), MalformedChunk(5), TruncatedUtf8(5), ErrorEvent(5), EmptyStream()],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat"])
def test_a_whole_answer_is_broken_too(server: Loopback, fault: Fault, path: str) -> None:
    server.say(fault)
    with pytest.raises((httpx.HTTPError, ValueError)):
        httpx.post(server.ollama_url + path, json={"stream": False}).raise_for_status().json()


@pytest.mark.parametrize("topic", ["embed", "models", "show", "version"])
def test_faults_are_for_every_topic(server: Loopback, topic: str) -> None:
    paths = {"embed": "/api/embed", "models": "/v1/models", "show": "/api/show", "version": "/api/version"}
    method = "POST" if topic in ("embed", "show") else "GET"
    with httpx.Client(base_url=server.ollama_url) as client:
        for fault in (Cut(1), MalformedChunk(), TruncatedUtf8()):
            server.say(fault, to=topic)  # type: ignore[arg-type]  # the parameters above are its four words
            with pytest.raises((httpx.HTTPError, ValueError)):
                client.request(method, paths[topic], json={"model": "loop"}).json()


@pytest.mark.parametrize("after", [0, 2])
async def test_a_stalled_answer_lasts_until_the_client_gives_up(
    server: Loopback, openai: AsyncOpenAI, after: int
) -> None:
    server.say(Stall(after, reply=THREE))
    with pytest.raises(APIConnectionError) as caught:
        await hear_openai(openai.with_options(timeout=0.1))
    assert caught.value.__notes__ == [["", "", "one two "][after]]
    assert server.call().wait_hung_up()
    assert server.call().pieces == after


def test_a_stall_at_the_start_holds_back_the_header(server: Loopback) -> None:
    server.say(Stall())
    with Caller(server) as caller:
        caller.ask(stream=True)
        caller.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            caller.socket.recv(1)


@pytest.mark.parametrize(("after", "status"), [(0, b""), (2, b"HTTP/1.1 200 OK")])
def test_a_reset_is_a_reset(server: Loopback, after: int, status: bytes) -> None:
    server.say(Reset(after, THREE))
    heard = b""
    with Caller(server) as caller, pytest.raises(ConnectionResetError):
        caller.ask(stream=True)
        while True:
            heard += caller.socket.recv(100)
    assert heard.partition(b"\r\n")[0] == status
    assert heard.count(b"data: ") == (after + 1 if after else 0)
    assert (server.call().finished, server.call().hung_up) == (True, False)


def test_an_endless_answer_does_not_end_by_itself(server: Loopback) -> None:
    server.say(Endless("on "), Endless())
    with Caller(server) as caller:
        caller.ask(stream=True)
        assert len(caller.hear_bytes(1 << 18)) == 1 << 18
    with Caller(server) as caller:
        caller.ask()
        assert b"\r\n\r\n1\r\n \r\n1\r\n \r\n" in caller.hear_bytes(4096)
    assert server.call(1).wait_hung_up()


def test_a_status_may_come_with_any_body_and_header(server: Loopback) -> None:
    server.say(Status(502, b"<h1>Bad Gateway</h1>", (("X-Cache", "miss"),), "text/html"))
    answer = httpx.post(server.openai_url + "/chat/completions", json={})
    assert (answer.status_code, answer.text, answer.headers["x-cache"]) == (502, "<h1>Bad Gateway</h1>", "miss")
    assert answer.headers["content-type"] == "text/html"


@pytest.mark.parametrize(
    ("wait", "header"),
    [(20, "20"), (datetime(2026, 3, 1, 12, 30, tzinfo=UTC), "Sun, 01 Mar 2026 12:30:00 GMT")],
)
async def test_too_many_requests_may_say_when_to_come_again(
    server: Loopback, openai: AsyncOpenAI, wait: int | datetime, header: str
) -> None:
    server.say(too_many_requests(wait))
    with pytest.raises(RateLimitError) as caught:
        await hear_openai(openai)
    assert caught.value.response.headers["retry-after"] == header
    assert caught.value.code == "rate_limit_exceeded"


async def test_an_overflow_is_told_in_the_words_of_each(
    server: Loopback, openai: AsyncOpenAI, ollama: AsyncClient
) -> None:
    server.say(context_overflow(100, 120), context_overflow())
    with pytest.raises(BadRequestError) as caught:
        await hear_openai(openai)
    assert caught.value.body == {
        "message": "This model's maximum context length is 100 tokens. However, your messages resulted in 120 tokens. "
        "Please reduce the length of the messages.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }
    with pytest.raises(ResponseError, match="the input length exceeds the context length"):
        await hear_ollama(ollama)


def test_nobody_listens_until_the_port_is_open_again(server: Loopback) -> None:
    with Caller(server) as caller:
        caller.ask()
        caller.hear_document()
        server.say(Refused(), Reply("back"))
        assert caller.hear_all() == b""
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            Caller(server)
    server.reopen()
    with Caller(server) as caller:
        caller.ask()
        assert caller.hear_document()[1]["choices"][0]["message"]["content"] == "back"


def test_a_refusal_waits_for_its_turn_and_ends_by_itself(server: Loopback) -> None:
    server.say(Reply("last words", first_delay=0.05), Refused(2.0), Reply("back"))
    with Caller(server) as caller:
        caller.ask()
        server.call()
        assert b"last words" in caller.hear_all()
    with pytest.raises(ConnectionRefusedError):
        Caller(server)
    assert wait_until(lambda: is_open(server))
    with Caller(server) as caller:
        caller.ask()
        assert caller.hear_document()[1]["choices"][0]["message"]["content"] == "back"


def is_open(server: Loopback) -> bool:
    try:
        Caller(server).socket.close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_rule_may_let_the_server_die_under_a_request() -> None:
    with Loopback(lambda _: Refused()) as server:
        with Caller(server) as caller:
            caller.ask()
            with pytest.raises(ConnectionResetError):
                caller.hear_all()
        with pytest.raises(ConnectionRefusedError):
            Caller(server)
