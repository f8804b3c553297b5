"""Anthropic's models, as every other vendor's."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel, SecretStr

from llm.errors import ContextTooLong, ModelError, ModelOverloaded, ModelUnavailable, ProviderRejected
from llm.factory import ModelFactory
from llm.settings import ModelSettings
from tests.faults import CALL, TEXT
from tests.loopback import (
    Cut,
    EmptyStream,
    ErrorEvent,
    Loopback,
    MalformedChunk,
    Reply,
    Reset,
    Usage,
    server_error,
    too_many_requests,
    unauthorized,
)
from tests.loopback.fault import Fault, Problem, Status

PAINT = {
    "type": "function",
    "function": {
        "name": "paint",
        "description": "Paints the wall.",
        "parameters": {"type": "object", "properties": {"colour": {"type": "string"}}},
    },
}
ASKED = [SystemMessage("Be brief."), HumanMessage("Tell me of the sea.")]


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
async def factory(loopback: Loopback) -> AsyncIterator[ModelFactory]:
    made = ModelFactory(
        ModelSettings(
            anthropic_api_key=SecretStr("a-key-for-tests"),
            anthropic_base_url=loopback.anthropic_url,
            ollama_base_url=loopback.ollama_url,
            chat=("anthropic:loop", "ollama:loop"),
            retry_max_attempts=1,
        )
    )
    await made.start()
    yield made
    await made.aclose()


async def _asked(model: Any, way: str) -> AIMessage:
    if way == "plain":
        answer: AIMessage = await model.ainvoke(ASKED)
        return answer
    whole = AIMessageChunk(content="")
    async for chunk in model.astream(ASKED):
        whole = whole + chunk
    return whole


def _bodies(loopback: Loopback) -> list[Mapping[str, Any]]:
    return [call.request.body for call in loopback.calls if call.request.body.get("messages")]


WAYS = pytest.mark.parametrize("way", ["streamed", "plain"])


@WAYS
async def test_it_answers_with_its_thoughts_and_what_it_took(
    factory: ModelFactory, loopback: Loopback, way: str
) -> None:
    loopback.say(Reply(TEXT.text, reasoning="The sea is wet. ", usage=Usage(prompt=30, completion=9, cached=10)))
    answer = await _asked((await factory.select(model="anthropic:loop")).model, way)
    assert answer.content == TEXT.text
    assert answer.additional_kwargs["reasoning_content"] == "The sea is wet. "
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (30, 9)
    body = _bodies(loopback)[-1]
    assert body["system"] in ("Be brief.", [{"type": "text", "text": "Be brief."}])
    assert body["max_tokens"] == 4096


@WAYS
async def test_it_calls_tools_and_hears_what_they_said(factory: ModelFactory, loopback: Loopback, way: str) -> None:
    loopback.say(CALL, Reply("It is green."))
    model = (await factory.select(model="anthropic:loop")).model.bind_tools([PAINT], tool_choice="any")
    called = await _asked(model, way)
    (call,) = called.tool_calls
    assert (call["name"], call["args"]) == ("paint", {"colour": "a dark and stormy green"})
    first = _bodies(loopback)[-1]
    assert first["tools"][0]["input_schema"]["properties"] == {"colour": {"type": "string"}}
    assert first["tool_choice"] == {"type": "any"}
    answer = AIMessage(called.text, tool_calls=called.tool_calls)
    told = await model.ainvoke([*ASKED, answer, ToolMessage("Done.", tool_call_id=call["id"])])
    assert told.text == "It is green."


async def test_it_keeps_to_a_schema(factory: ModelFactory, loopback: Loopback) -> None:
    class City(BaseModel):
        name: str

    loopback.say(Reply('{"name": "Paris"}'))
    asked = (await factory.select(model="anthropic:loop")).model.with_structured_output(City)
    assert await asked.ainvoke(ASKED) == City(name="Paris")
    assert _bodies(loopback)[-1]["output_config"]["format"]["type"] == "json_schema"


TOO_LONG = Status(400, Problem("prompt is too long: 210000 tokens > 200000 maximum", "invalid_request_error"))
BUSY = Status(529, Problem("Overloaded", "overloaded_error"))


@WAYS
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Reset(0), ModelUnavailable),
        (Reset(4, TEXT), ModelUnavailable),
        (Cut(4, TEXT), ModelUnavailable),
        (MalformedChunk(3, TEXT), ModelUnavailable),
        (EmptyStream(), ModelUnavailable),
        (server_error(), ModelUnavailable),
        (too_many_requests(7), ModelOverloaded),
        (BUSY, ModelOverloaded),
        (unauthorized(), ProviderRejected),
        (TOO_LONG, ContextTooLong),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
async def test_what_goes_wrong_has_the_same_names_as_elsewhere(
    factory: ModelFactory, loopback: Loopback, way: str, fault: Fault, kind: type[ModelError]
) -> None:
    loopback.answer(lambda _: fault)
    with pytest.raises(kind) as failed:
        await _asked((await factory.select(model="anthropic:loop")).model, way)
    assert failed.value.provider == "anthropic"
    if fault == too_many_requests(7):
        assert failed.value.retry_after == 7.0


async def test_an_error_within_a_stream_is_that_error(factory: ModelFactory, loopback: Loopback) -> None:
    loopback.answer(lambda _: ErrorEvent(3, Problem("Overloaded", "overloaded_error"), TEXT))
    with pytest.raises(ModelOverloaded):
        await _asked((await factory.select(model="anthropic:loop")).model, "streamed")


async def test_another_goes_on_where_it_broke_off(factory: ModelFactory, loopback: Loopback) -> None:
    def rule(request: Any) -> Reply | Fault:
        if request.path.startswith("/anthropic"):
            return Cut(5, TEXT)
        return Reply(TEXT.text.removeprefix(request.body["messages"][-1]["content"]))

    loopback.answer(rule)
    assert (await _asked((await factory.select()).model, "streamed")).text == TEXT.text


async def test_its_models_are_listed(factory: ModelFactory) -> None:
    listed = {str(info.spec): info for info in await factory.models()}
    assert listed["anthropic:loop"].vision
