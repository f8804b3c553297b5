"""Where one provider dies, another takes over, and nobody who reads can tell."""

import asyncio
import gc
import random
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import SecretStr

from llm.errors import CapabilityUnsupported, ModelUnavailable
from llm.factory import ModelFactory
from llm.settings import ModelSettings
from tests.loopback import (
    Cut,
    Loopback,
    Refused,
    Reply,
    Request,
    Reset,
    Stall,
    Status,
    ToolCall,
    TruncatedUtf8,
    server_error,
)
from tests.loopback.fault import Fault
from tests.server import last, said, serving
from tests.waiting import wait_for

ANSWER = (
    "The sea covers most of the Earth. It is deep, and it is old. Ships have crossed it for thousands of years, and "
    "still much of it is unknown.\n\n```python\nprint('sea')\n```\n\nÜber das Meer wäre mehr zu sagen 🌊, but not here."
)
PAINT = {"name": "paint", "description": "Paints the wall.", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture
def first() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def second() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


def _settings(first: Loopback, second: Loopback, **more: Any) -> ModelSettings:
    return ModelSettings(
        openai_api_key=SecretStr("a-key-for-tests"),
        openai_base_url=first.openai_url,
        ollama_base_url=second.ollama_url,
        chat=("openai:loop", "ollama:loop"),
        **{"retry_wait_min_seconds": 0.001, "retry_wait_max_seconds": 0.002, **more},
    )


@pytest.fixture
async def factory(first: Loopback, second: Loopback) -> AsyncIterator[ModelFactory]:
    # Set for calls of which a fifth fail: with three attempts each, some answer in a thousand may find nobody left.
    made = ModelFactory(_settings(first, second, breaker_failures=1000, retry_budget_ratio=1.0, retry_max_attempts=5))
    await made.start()
    yield made
    await made.aclose()


async def _answer(factory: ModelFactory, text: str = "Tell me about the sea.") -> str:
    model = (await factory.select()).model
    return "".join([chunk.text async for chunk in model.astream([HumanMessage(text)])])


def _pieces(text: str, size: int = 3) -> tuple[str, ...]:
    return tuple(text[at : at + size] for at in range(0, len(text), size))


def _heard(request: Request) -> str | None:
    """What of an answer the request shows to have been said, if it asks to go on with one."""
    spoken = [message for message in request.body["messages"] if message["role"] == "assistant"]
    return str(spoken[-1]["content"]) if spoken else None


def _successor(how: str, heard: str) -> str:
    rest = ANSWER[len(heard) :]
    match how if heard else "goes on":
        case "repeats":
            sentence = heard.rfind(". ", 0, max(0, len(heard) - 14))
            return (heard[sentence + 2 :] if sentence >= 0 else heard) + rest
        case "begins again":
            return ANSWER
        case "announces":
            return "Sure, continuing:" + rest
    return rest


FAULTS: list[Fault] = [
    Cut(9, Reply(pieces=_pieces(ANSWER))),
    Reset(20, Reply(pieces=_pieces(ANSWER))),
    Reset(0, Reply(pieces=_pieces(ANSWER))),
    TruncatedUtf8(55, Reply(pieces=_pieces(ANSWER))),
    server_error(),
]


@pytest.mark.parametrize("how", ["goes on", "repeats", "begins again", "announces"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_an_answer_that_breaks_off_is_whole(
    factory: ModelFactory, first: Loopback, second: Loopback, fault: Fault, how: str
) -> None:
    first.answer(lambda _: fault)
    second.answer(lambda request: Reply(pieces=_pieces(_successor(how, _heard(request) or ""))))
    assert await _answer(factory) == ANSWER


async def test_a_thousand_runs_over_two_that_fail_are_whole_each(
    factory: ModelFactory, first: Loopback, second: Loopback
) -> None:
    dice, cuts = random.Random(7), list[int]()

    def _rule(*, cut_characters: bool) -> Any:
        def rule(request: Request) -> Reply | Fault:
            heard = _heard(request)
            how = dice.choice(["goes on", "repeats", "begins again", "announces"])
            text = ANSWER if heard is None else _successor(how, heard)
            reply = Reply(pieces=_pieces(text, dice.randint(1, 9)))
            if dice.random() >= 0.2:
                return reply
            after = dice.randrange(len(reply.pieces))
            cuts.append(after)
            kinds: list[type[Cut | Reset | TruncatedUtf8]] = (
                [Cut, Reset, TruncatedUtf8] if cut_characters else [Cut, Reset]
            )
            return dice.choice(kinds)(after, reply)

        return rule

    first.answer(_rule(cut_characters=True))
    second.answer(_rule(cut_characters=False))
    turns = asyncio.Semaphore(8)

    async def run() -> str:
        async with turns:
            return await _answer(factory)

    answers = await asyncio.gather(*(run() for _ in range(1000)))
    assert [answer for answer in answers if answer != ANSWER] == []
    assert sum(after > 0 for after in cuts) >= 100


async def test_a_stream_that_fails_in_the_middle_leaves_nothing_to_the_collector(
    factory: ModelFactory, first: Loopback, second: Loopback
) -> None:
    left = list[str]()
    loops = sys.get_asyncgen_hooks()

    def collected(stream: AsyncGenerator[Any]) -> None:
        left.append(repr(stream))
        if loops.finalizer is not None:
            loops.finalizer(stream)

    for provider in (first, second):
        provider.answer(lambda _: TruncatedUtf8(5, Reply(pieces=_pieces(ANSWER, 3))))
    sys.set_asyncgen_hooks(finalizer=collected)
    try:
        for _ in range(5):
            with pytest.raises(ModelUnavailable):
                await _answer(factory)
        gc.collect()
    finally:
        sys.set_asyncgen_hooks(*loops)
    assert len(first.requests) + len(second.requests) >= 10
    assert left == []


@pytest.mark.parametrize("packed", ["gzip", "deflate", "zstd", "br"])
async def test_what_is_not_packed_as_it_says_is_left_for_another(
    factory: ModelFactory, first: Loopback, second: Loopback, packed: str
) -> None:
    headers = (("Content-Encoding", packed),)
    first.answer(lambda _: Status(200, b"data: {}\n\n", headers=headers, content_type="text/event-stream"))
    second.say(Reply("All of it."))
    assert await _answer(factory) == "All of it."


async def test_a_call_that_was_cut_is_asked_again_and_never_carried_out(
    tmp_path: Path, first: Loopback, second: Loopback
) -> None:
    half = ToolCall("calculate", '{"expression": "1 + 1"}', id="half", fragment=4)
    first.say(Cut(4, Reply(tool_calls=(half,))))
    second.say(Reply(tool_calls=(ToolCall("calculate", {"expression": "2 + 2"}, id="whole"),)), Reply("It is 4."))
    first.say(Reply("It is 4."))
    environment = {
        "OPENAI_API_KEY": "a-key-for-tests",
        "OPENAI_BASE_URL": first.openai_url,
        "OLLAMA_BASE_URL": second.ollama_url,
        "AGENKIT_CHAT_MODELS": "openai:loop,ollama:loop",
    }
    with serving(tmp_path, **environment) as server:
        events = await server.run(text="How much?")
    results = {event["toolCallId"]: event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"}
    assert "4" in results.values()
    assert "2" not in results.values()
    assert said(events) == "It is 4."
    assert last(events, "RUN_FINISHED")["outcome"] == {"type": "success"}


async def test_a_provider_that_falls_silent_is_left(first: Loopback, second: Loopback) -> None:
    factory = ModelFactory(
        _settings(first, second, stream_idle_seconds=0.2, first_token_timeout_seconds=0.2, retry_max_attempts=1)
    )
    await factory.start()
    first.answer(lambda _: Stall(5, reply=Reply(pieces=_pieces(ANSWER))))
    second.answer(lambda request: Reply(pieces=_pieces(_successor("goes on", _heard(request) or ""))))
    assert await _answer(factory) == ANSWER
    await factory.aclose()


async def test_with_nobody_left_the_error_says_who_was_asked(
    factory: ModelFactory, first: Loopback, second: Loopback
) -> None:
    await asyncio.to_thread(first.say, Refused())
    second.answer(lambda _: server_error())
    with pytest.raises(ModelUnavailable, match="Tried: openai:loop, ollama:loop"):
        await _answer(factory)


# asyncio (3.11) drops a connection unclosed that it has accepted in the moment in which its listener is closed, and the
# loopback's listeners are closed here while sixteen clients call.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_of_two_that_are_never_both_down_every_answer_is_whole(first: Loopback, second: Loopback) -> None:
    # `make failover`, small and without chance. Breakers of an hour: nobody can wait for their time.
    settings = _settings(first, second, breaker_failures=2, breaker_reset_seconds=3600, retry_max_attempts=2)
    factory = ModelFactory(settings)
    await factory.start()
    await factory.models()

    def rest(request: Request) -> Reply:
        return Reply(pieces=_pieces(_successor("goes on", _heard(request) or "")))

    def dies(request: Request) -> Fault:
        return server_error() if _heard(request) else Cut(9, rest(request))

    await asyncio.to_thread(first.say, Refused())
    second.answer(dies)
    for dead in (second, first, second):
        asked = len(dead.calls)
        answers = [asyncio.create_task(_answer(factory)) for _ in range(16)]
        async with asyncio.timeout(60):
            # All of them are in the middle of it.
            while len(dead.calls) - asked < 16:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        back = second if dead is first else first
        back.answer(rest)
        await asyncio.to_thread(back.reopen)
        await asyncio.to_thread(dead.say, Refused())
        assert await asyncio.gather(*answers) == [ANSWER] * 16
        back.answer(dies)
    await factory.aclose()


async def test_an_ill_provider_is_left_alone_until_it_is_well(first: Loopback, second: Loopback) -> None:
    def asked() -> int:
        return sum(call.request.path == "/v1/chat/completions" for call in first.calls)

    first.answer(lambda _: server_error())
    patient, hasty = (
        ModelFactory(_settings(first, second, breaker_failures=2, breaker_reset_seconds=seconds, retry_max_attempts=1))
        for seconds in (600, 0.1)
    )
    await patient.start()
    for _ in range(4):
        await _answer(patient)
    assert asked() == 2
    await patient.aclose()

    async def is_well() -> bool:
        return await _answer(hasty) == "I am well."

    await hasty.start()
    for _ in range(4):
        await _answer(hasty)
    first.answer(lambda _: Reply("I am well."))
    await wait_for(is_well)
    await hasty.aclose()


async def test_a_picture_is_taken_to_a_model_that_sees_and_to_no_other(
    factory: ModelFactory, first: Loopback, second: Loopback
) -> None:
    picture = HumanMessage(
        [{"type": "text", "text": "What is it?"}, {"type": "image", "url": "https://example.org/a.png"}]
    )
    first.answer(lambda _: Reply("A cat."))
    second.answer(lambda _: Reply("I cannot see."))
    model = (await factory.select()).model
    assert (await model.ainvoke([picture])).text == "A cat."
    await asyncio.to_thread(first.say, *[server_error()] * 5)
    with pytest.raises(ModelUnavailable):
        await model.ainvoke([picture])
    blind = (await factory.select(model="ollama:loop")).model
    with pytest.raises(CapabilityUnsupported, match="see pictures"):
        await blind.ainvoke([picture])
    # What an older turn showed is told in words.
    later = [picture, AIMessage("A cat."), HumanMessage("Are you sure?")]
    assert (await blind.ainvoke(later)).text == "I cannot see."


async def test_tools_are_taken_to_a_model_that_has_them(first: Loopback, tmp_path: Path) -> None:
    # The embedded model stands behind and has none: it is asked last, without them.
    environment = {
        "OPENAI_API_KEY": "a-key-for-tests",
        "OPENAI_BASE_URL": first.openai_url,
        "AGENKIT_CHAT_MODELS": "embedded:smollm2,openai:loop",
    }
    first.say(Reply(tool_calls=(ToolCall("paint", {}, id="call-p"),)))
    with serving(tmp_path, **environment) as server:
        events = await server.run(text="Paint", tools=[PAINT])
    assert last(events, "TOOL_CALL_START")["toolCallName"] == "paint"
