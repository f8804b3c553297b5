import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_chunk_to_message,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel, PrivateAttr
from structlog.testing import capture_logs

from llm.cache.cache_key import CacheKey
from llm.cache.cached_answer import CachedAnswer
from llm.cache.cached_model import CachedModel, ModelCache
from llm.cache.settings import CacheSettings
from llm.cache.single_flight import Flights, SingleFlight
from llm.cache.store import CacheStore
from llm.context import CallContext, use_call_context
from llm.embedding.embedder import embedder
from llm.errors import ModelError, ModelUnavailable, RunBudgetExceeded
from llm.settings import ModelSettings
from llm.wrappers.fallback import INTERRUPTED_CALLS
from storage.cache import MemoryCache
from tests.unit.test_layers import DOWN
from tests.waiting import ManualClock, wait_for

ANN, BOB, EVE = CallContext("acme", "ann"), CallContext("acme", "bob"), CallContext("other", "ann")
USAGE = UsageMetadata(input_tokens=3, output_tokens=2, total_tokens=5)
SPECS = ("openai:a", "ollama:b")
HI: list[BaseMessage] = [HumanMessage("Hi")]
END = AIMessageChunk(
    content="", response_metadata={"finish_reason": "stop", "id": "x"}, usage_metadata=USAGE, chunk_position="last"
)

# A text or a chunk is said, a number is waited, an event is waited for, an error is raised.
Step = str | AIMessageChunk | float | asyncio.Event | ModelError


class Speaking(BaseChatModel):
    """Says one list of steps per call, and knows which streams were begun and which were closed."""

    calls: list[list[Any]]
    _begun: int = PrivateAttr(0)
    _closed: int = PrivateAttr(0)

    @property
    def _llm_type(self) -> str:
        return "speaking"

    @property
    def begun(self) -> int:
        return self._begun

    @property
    def closed(self) -> int:
        return self._closed

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        self._begun += 1
        try:
            for step in self.calls[self._begun - 1]:
                if (said := await _said(step)) is not None:
                    yield ChatGenerationChunk(message=said)
        finally:
            self._closed += 1

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        first, *rest = [chunk.message async for chunk in self._astream(messages, stop)]
        assert isinstance(first, AIMessageChunk)
        message = message_chunk_to_message(first + rest)
        return ChatResult(generations=[ChatGeneration(message=message)], llm_output={"token_usage": {"total": 5}})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError


async def _said(step: Step) -> AIMessageChunk | None:
    match step:
        case ModelError():
            raise step
        case asyncio.Event():
            await step.wait()
        case float():
            await asyncio.sleep(step)
        case str():
            return AIMessageChunk(content=step)
        case AIMessageChunk():
            return step.model_copy(deep=True)
    return None


class Kept:
    """A cache around a model that speaks, and what it has counted."""

    def __init__(
        self,
        *calls: Sequence[object],
        settings: CacheSettings | None = None,
        embeddings: Embeddings | None = None,
        store: CacheStore | None = None,
        specs: tuple[str, ...] = SPECS,
    ) -> None:
        self.counts: list[tuple[str, bool]] = []
        self.inner = Speaking(calls=[list(call) for call in calls])
        self.answers = ModelCache(
            settings or CacheSettings(exact="all"),
            store or MemoryCache(1_000_000),
            lambda operation, hit: self.counts.append((operation, hit)),
            embeddings,
        )
        self.model = CachedModel(inner=self.inner, answers=self.answers, specs=specs)

    def stream(self, messages: Sequence[BaseMessage] = HI, **kwargs: Any) -> AsyncGenerator[ChatGenerationChunk]:
        opened: Any = self.model._astream(list(messages), None, **kwargs)
        return opened  # type: ignore[no-any-return]

    async def chunks(self, messages: Sequence[BaseMessage] = HI, **kwargs: Any) -> list[AIMessageChunk]:
        return [_message(chunk) async for chunk in self.stream(messages, **kwargs)]

    async def text(self, messages: Sequence[BaseMessage] | str = HI, **kwargs: Any) -> str:
        asked = [HumanMessage(messages)] if isinstance(messages, str) else messages
        return "".join(chunk.text for chunk in await self.chunks(asked, **kwargs))

    async def message(self, messages: Sequence[BaseMessage] = HI, **kwargs: Any) -> AIMessage:
        message = (await self.model._agenerate(list(messages), None, **kwargs)).generations[0].message
        assert isinstance(message, AIMessage)
        return message

    async def settled(self) -> "Kept":
        """Comes back when what was said is kept: no reader waits for that."""
        await wait_for(lambda: self.answers.in_flight == 0)
        return self


def _message(chunk: ChatGenerationChunk) -> AIMessageChunk:
    assert isinstance(chunk.message, AIMessageChunk)
    return chunk.message


def _added(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    first, *rest = chunks
    return first + rest


# Exact


async def test_what_was_answered_is_answered_again_in_deltas_and_without_the_model() -> None:
    long = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen. "
    kept = Kept([long, "And an end.", END])
    first = await kept.chunks()
    again = await kept.chunks()
    assert kept.inner.begun == 1
    assert len([chunk for chunk in again if chunk.text]) > 2
    assert _added(again).text == _added(first).text == f"{long}And an end."
    assert [chunk.chunk_position for chunk in again[-2:]] == [None, "last"]
    assert kept.counts == [("exact", False), ("exact", True)]


async def test_an_answer_that_is_given_again_says_so_and_has_taken_nothing() -> None:
    kept = Kept(["Hello", END])
    first, again = _added(await kept.chunks()), _added(await kept.chunks())
    assert (first.usage_metadata, first.response_metadata) == (USAGE, {"finish_reason": "stop", "id": "x"})
    assert (again.usage_metadata, again.response_metadata) == (None, {"finish_reason": "stop", "cache": "exact"})


async def test_every_reader_has_one_id_of_its_own_for_a_message() -> None:
    kept = Kept(["Hello ", "there", END])
    ids = [{chunk.id for chunk in await kept.chunks()} for _ in range(3)]
    assert [len(some) for some in ids] == [1, 1, 1]
    assert len(set.union(*ids)) == 3


async def test_calls_of_a_cached_answer_have_new_ids_everywhere() -> None:
    block = {"type": "tool_use", "id": "own", "name": "paint", "input": {}}
    called = AIMessageChunk(
        content=[block],
        tool_call_chunks=[tool_call_chunk(name="paint", args='{"colour": ', id="own", index=0)],
    )
    rest = AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(name=None, args='"red"}', id=None, index=0)])
    kept = Kept([called, rest, END])
    asked, *again = [_added(await kept.chunks()) for _ in range(3)]
    plain = await kept.message()
    told = [message.tool_calls[0] for message in (asked, *again, plain)]
    assert [(call["name"], call["args"]) for call in told] == [("paint", {"colour": "red"})] * 4
    assert told[0]["id"] == "own"
    assert len({call["id"] for call in told}) == 4
    for message, call in zip((asked, *again, plain), told, strict=True):
        assert isinstance(message.content[0], dict)
        assert message.content[0]["id"] == call["id"]


async def test_reasoning_comes_before_the_text_as_it_did() -> None:
    thought = AIMessageChunk(content="", additional_kwargs={"reasoning_content": "Let me see. "})
    kept = Kept([thought, thought, "Yes.", END])
    first, again = await kept.chunks(), await kept.chunks()
    assert _added(again).additional_kwargs == _added(first).additional_kwargs
    said = [("text" if chunk.text else "thought") for chunk in again if chunk.text or chunk.additional_kwargs]
    assert said == ["thought", "text"]


async def test_a_plain_call_and_a_stream_share_their_answers() -> None:
    kept = Kept(["Hello", END], ["Bye", END])
    asked, again = await kept.message(), await kept.message()
    assert (asked.text, asked.usage_metadata) == ("Hello", USAGE)
    assert (again.text, again.usage_metadata, again.response_metadata["cache"]) == ("Hello", None, "exact")
    assert asked.id != again.id
    assert await kept.text() == "Hello"
    assert await kept.text([HumanMessage("Go")]) == "Bye"
    assert (await kept.message([HumanMessage("Go")])).text == "Bye"
    assert kept.inner.begun == 2


async def test_langchains_own_way_in_is_served_too() -> None:
    kept = Kept(["Hello", END])
    assert (await kept.model.ainvoke(HI)).text == "Hello"
    heard = [chunk async for chunk in kept.model.astream(HI)]
    assert "".join(chunk.text for chunk in heard) == "Hello"
    assert len({chunk.id for chunk in heard}) == 1


@pytest.mark.parametrize(
    ("exact", "kwargs", "asked"),
    [
        ("off", {"temperature": 0}, 2),
        ("temperature_0", {}, 2),
        ("temperature_0", {"temperature": 0.2}, 2),
        ("temperature_0", {"temperature": 0}, 1),
        ("temperature_0", {"temperature": 0.0}, 1),
        ("all", {}, 1),
    ],
)
async def test_which_calls_are_remembered_is_a_setting(exact: Any, kwargs: dict[str, Any], asked: int) -> None:
    kept = Kept(["a", END], ["b", END], settings=CacheSettings(exact=exact))
    for _ in range(2):
        await kept.text(**kwargs)
    assert kept.inner.begun == asked


CUT = AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(name="paint", args='{"a": ', id="c", index=0)])


@pytest.mark.parametrize(
    "steps",
    [
        ["half", AIMessageChunk(content="", response_metadata={"finish_reason": "length"})],
        ["half", AIMessageChunk(content="", response_metadata={"done_reason": "length"})],
        ["half", AIMessageChunk(content="", response_metadata={"stop_reason": "max_tokens"})],
        ["half", AIMessageChunk(content="", response_metadata={"status": "incomplete"})],
        ["half", AIMessageChunk(content="", response_metadata={"finish_reason": "content_filter"})],
        ["half", AIMessageChunk(content="", response_metadata={INTERRUPTED_CALLS: ["c"]})],
        ["half", AIMessageChunk(content="", response_metadata={"lacking": ["tools"]})],
        [CUT, END],
        ["", END],
        [END],
    ],
    ids=["length", "done", "stop", "status", "filter", "cut", "lacking", "arguments", "empty", "nothing"],
)
async def test_what_did_not_end_well_is_not_remembered(steps: list[Step]) -> None:
    kept = Kept(steps, steps, steps)
    await kept.chunks()
    await kept.chunks()
    await kept.message()
    assert kept.inner.begun == 3


async def test_an_error_is_not_remembered() -> None:
    kept = Kept(["half", DOWN], [DOWN], ["well", END])
    with pytest.raises(ModelUnavailable):
        await kept.text()
    with pytest.raises(ModelUnavailable):
        await kept.message()
    assert await kept.text() == "well"


async def test_an_answer_without_end_is_given_and_not_remembered() -> None:
    piece = "x" * 100_000
    kept = Kept([piece] * 4, [piece] * 4)
    for _ in range(2):
        assert len(await kept.text()) == 400_000
    assert kept.inner.begun == 2


async def test_an_answer_is_gone_after_its_time() -> None:
    clock = ManualClock()
    store = MemoryCache(1_000_000, clock)
    kept = Kept(["a", END], ["b", END], settings=CacheSettings(exact="all", ttl=60), store=store)
    assert await kept.text() == "a"
    await kept.settled()
    clock.advance(61)
    assert await kept.text() == "b"


async def test_what_cannot_be_read_is_not_there() -> None:
    store = MemoryCache(1_000)
    kept = Kept(["a", END], store=store)
    question = CacheKey.of(["local", "local"], SPECS, HI, None, {})
    assert question is not None
    await store.put(f"answer:{question.name}", b'{"version": 2}', 60)
    assert await kept.text() == "a"
    assert CachedAnswer.read(await store.get(f"answer:{question.name}")) is not None


@pytest.mark.parametrize(("shared", "asked"), [(False, 3), (True, 2)])
async def test_nobody_hears_what_another_tenant_was_told(shared: bool, asked: int) -> None:
    settings = CacheSettings(exact="all", shared_by_tenant=shared)
    kept = Kept(*[["a", END]] * 3, settings=settings)
    for who in (ANN, BOB, EVE) * 2:
        with use_call_context(who):
            assert await kept.text() == "a"
    assert kept.inner.begun == asked


async def test_other_candidates_are_asked_anew() -> None:
    store = MemoryCache(1_000_000)
    one, other = Kept(["a", END], store=store), Kept(["b", END], store=store, specs=("openai:a",))
    assert [await one.text(), await other.text()] == ["a", "b"]


# What is the same question


def _question(messages: Sequence[BaseMessage] = HI, **kwargs: Any) -> CacheKey | None:
    return CacheKey.of(["acme", "ann"], SPECS, messages, kwargs.pop("stop", None), kwargs)


def _conversation(call: str, message: str) -> list[BaseMessage]:
    block = {"type": "tool_use", "id": call, "name": "paint", "input": {}}
    return [
        HumanMessage("Paint it", id=f"{message}1"),
        AIMessage(
            [block],
            id=f"{message}2",
            tool_calls=[tool_call(name="paint", args={"a": 1}, id=call)],
            response_metadata={"id": message},
            usage_metadata=USAGE,
        ),
        ToolMessage("done", tool_call_id=call, id=f"{message}3", artifact=object()),
    ]


def test_ids_are_no_part_of_a_question() -> None:
    one, other = _question(_conversation("call-1", "a")), _question(_conversation("call-2", "b"))
    assert one == other is not None


def test_everything_that_is_asked_is_part_of_the_question() -> None:
    class Shape(BaseModel):
        a: int

    asked = [
        _question(),
        _question([HumanMessage("hi")]),
        _question([SystemMessage("Hi")]),
        _question([HumanMessage("Hi", name="ann")]),
        _question([SystemMessage("Be"), *HI]),
        _question([*HI, AIMessage("Hi")]),
        _question(_conversation("a", "b")),
        _question(_conversation("a", "b")[:2]),
        _question(stop=["x"]),
        _question(tools=[{"name": "paint"}]),
        _question(tool_choice="required", tools=[{"name": "paint"}]),
        _question(response_format={"type": "json_object"}),
        _question(response_format=Shape),
        _question(temperature=0.5),
        _question(max_tokens=5),
        CacheKey.of(["acme", "bob"], SPECS, HI, None, {}),
        CacheKey.of(["other", "ann"], SPECS, HI, None, {}),
        CacheKey.of(["acme", "ann"], SPECS[:1], HI, None, {}),
        CacheKey.of(["acme", "ann"], SPECS[::-1], HI, None, {}),
    ]
    assert len({question.name for question in asked if question}) == len(asked)


async def test_what_cannot_be_written_down_is_asked_anew() -> None:
    kept = Kept(["a", END], ["b", END])
    assert [await kept.text(odd=object()), await kept.text(odd=object())] == ["a", "b"]
    assert kept.counts == []


# Single flight


async def test_who_asks_the_same_meanwhile_joins_and_hears_it_all() -> None:
    gate = asyncio.Event()
    kept = Kept(["One ", "two ", gate, "three", END])
    first = kept.stream()
    heard = [await anext(first), await anext(first)]
    second = kept.stream()
    joined = [await anext(second), await anext(second)]
    assert [chunk.text for chunk in joined] == ["One ", "two "]
    gate.set()
    heard += [chunk async for chunk in first]
    joined += [chunk async for chunk in second]
    one, two = (_added([_message(chunk) for chunk in chunks]) for chunks in (heard, joined))
    assert (one.text, two.text, kept.inner.begun) == ("One two three", "One two three", 1)
    assert (one.usage_metadata, one.response_metadata.get("cache")) == (USAGE, None)
    assert (two.usage_metadata, two.response_metadata.get("cache")) == (None, "coalesced")
    assert one.id != two.id
    assert kept.counts == [("exact", False), ("coalesced", True)]


async def test_many_at_once_ask_once() -> None:
    kept = Kept([0.01, "Hello", END])
    assert await asyncio.gather(*(kept.text() for _ in range(50))) == ["Hello"] * 50
    plain = Kept([0.01, "Hello", END])
    messages = await asyncio.gather(*(plain.message() for _ in range(50)))
    assert {message.text for message in messages} == {"Hello"}
    assert len({message.id for message in messages}) == 50
    assert [message.usage_metadata for message in messages] == [USAGE] + [None] * 49
    assert {message.response_metadata.get("cache") for message in messages[1:]} == {"coalesced"}
    assert kept.inner.begun == plain.inner.begun == 1


async def test_a_plain_call_joins_a_stream() -> None:
    gate = asyncio.Event()
    cut = AIMessageChunk(content="", response_metadata={INTERRUPTED_CALLS: ["c"]})
    kept = Kept(["One ", gate, CUT, cut, END])
    stream = kept.stream()
    await anext(stream)
    plain = asyncio.create_task(kept.message())
    await asyncio.sleep(0)
    gate.set()
    _ = [chunk async for chunk in stream]
    message = await plain
    assert (message.text, kept.inner.begun, message.usage_metadata) == ("One ", 1, None)
    (broken,) = message.invalid_tool_calls
    assert broken["id"] not in {None, "c"}
    told = {"finish_reason": "stop", "id": "x", "cache": "coalesced", INTERRUPTED_CALLS: [broken["id"]]}
    assert (broken["name"], message.response_metadata) == ("paint", told)


async def test_other_people_do_not_join() -> None:
    kept = Kept(*[[0.01, "Hello", END]] * 3)
    tasks = []
    for who in (ANN, BOB, EVE):
        with use_call_context(who):
            tasks.append(asyncio.create_task(kept.text()))
    await asyncio.gather(*tasks)
    assert kept.inner.begun == 3


async def test_a_reader_that_leaves_does_not_hurt_the_others() -> None:
    gate = asyncio.Event()
    kept = Kept(["One ", gate, "two", END])
    first, second = asyncio.create_task(kept.text()), asyncio.create_task(kept.text())
    await wait_for(lambda: kept.inner.begun == 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.set()
    assert await second == "One two"
    assert kept.inner.begun == 1
    assert await kept.text() == "One two"


@pytest.mark.parametrize("way", ["text", "message"])
async def test_with_its_last_reader_an_answer_is_stopped_at_once(way: str) -> None:
    kept = Kept(["One ", asyncio.Event()], ["well", END])
    readers = [asyncio.create_task(getattr(kept, way)()) for _ in range(3)]
    await wait_for(lambda: kept.inner.begun == 1)
    for reader in readers:
        assert kept.inner.closed == 0
        reader.cancel()
        await asyncio.wait({reader})
    assert (kept.inner.closed, kept.answers.in_flight) == (1, 0)
    assert await kept.text() == "well"


async def test_who_closes_a_stream_has_left_it() -> None:
    kept = Kept(["One ", asyncio.Event()])
    async with aclosing(kept.stream()) as stream:
        await anext(stream)
    assert (kept.inner.closed, kept.answers.in_flight) == (1, 0)


@pytest.mark.parametrize("way", ["text", "message"])
async def test_an_error_reaches_every_reader_as_its_own(way: str) -> None:
    kept = Kept(["One ", 0.01, DOWN])
    outcomes = await asyncio.gather(*(getattr(kept, way)() for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ModelUnavailable] * 3
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert {(str(error), error.provider, error.model) for error in outcomes if isinstance(error, ModelError)} == {
        ("no", "p", "m")
    }
    await wait_for(lambda: kept.answers.in_flight == 0)


@pytest.mark.parametrize("way", ["text", "message"])
async def test_what_only_one_may_not_the_others_ask_for_themselves(way: str) -> None:
    spent = RunBudgetExceeded("This run has used up its budget.")
    kept = Kept([0.01, spent], [0.01, spent], ["well", END])
    outcomes = await asyncio.gather(*(getattr(kept, way)() for _ in range(4)), return_exceptions=True)
    said = [outcome.text if isinstance(outcome, AIMessage) else outcome for outcome in outcomes]
    assert [type(outcome) for outcome in said[:2]] == [RunBudgetExceeded] * 2
    assert said[2:] == ["well"] * 2
    assert kept.inner.begun == 3


async def test_what_is_under_way_ends_with_the_cache() -> None:
    kept = Kept(["One ", asyncio.Event()])
    reader = asyncio.create_task(kept.text())
    await wait_for(lambda: kept.inner.begun == 1)
    await kept.answers.aclose()
    await asyncio.wait({reader})
    assert reader.cancelled()
    assert (kept.inner.closed, kept.answers.in_flight) == (1, 0)


async def test_who_is_slow_bounds_what_is_held() -> None:
    made = 0

    async def source(_: SingleFlight[int]) -> AsyncGenerator[int]:
        nonlocal made
        for number in range(100):
            made += 1
            yield number

    flights = Flights[int](max_bytes=10)
    flight = flights.begin("a", source)
    async with aclosing(flight.read()) as slow:
        await anext(slow)
        await wait_for(lambda: flights.get("a") is None)
        for _ in range(100):
            await asyncio.sleep(0)
        assert made < 15
        assert [number async for number in slow] == list(range(1, 100))
    assert len(flights) <= 1
    await wait_for(lambda: len(flights) == 0)


# By meaning


class Meaning(Embeddings):
    """Vectors of a few words that a test knows."""

    def __init__(self, **vectors: list[float]) -> None:
        self.vectors = vectors
        self.fails: ModelError | float | None = None

    async def aembed_query(self, text: str) -> list[float]:
        if isinstance(self.fails, float):
            await asyncio.sleep(self.fails)
        elif self.fails is not None:
            raise self.fails
        return self.vectors[text.split(maxsplit=1)[0]]

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError


SEMANTIC = CacheSettings(exact="off", semantic=True, threshold=0.9)


def _meaning() -> Meaning:
    return Meaning(car=[1.0, 0.0], auto=[0.95, 0.2], tree=[0.0, 1.0], nothing=[0.0, 0.0])


def _near(*calls: Sequence[object], settings: CacheSettings = SEMANTIC, **kwargs: Any) -> Kept:
    given = calls or [[str(n), END] for n in range(10)]
    return Kept(*given, settings=settings, embeddings=kwargs.pop("embeddings", None) or _meaning(), **kwargs)


async def test_a_question_that_means_the_same_has_the_same_answer() -> None:
    kept = _near()
    assert [await kept.text(text) for text in ("car", "auto", "tree", "car")] == ["0", "0", "1", "0"]
    assert _added(await kept.chunks([HumanMessage("auto")])).response_metadata["cache"] == "semantic"
    assert (await kept.message([HumanMessage("auto")])).response_metadata["cache"] == "semantic"
    assert kept.counts == [("semantic", hit) for hit in (False, True, False, True, True, True)]


async def test_the_same_words_are_looked_for_first() -> None:
    kept = _near(settings=CacheSettings(exact="all", semantic=True, threshold=0.9))
    assert [await kept.text(text) for text in ("car", "auto", "car")] == ["0"] * 3
    assert kept.counts == [("exact", False), ("semantic", False), ("exact", False), ("semantic", True), ("exact", True)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("car with 2 doors", "car with 4 doors"),
        ("car that is red", "car that is not red"),
        ("car that drives", "car that doesn't drive"),
        ("car ohne Dach", "car mit Dach"),
    ],
)
async def test_another_number_or_a_not_is_another_question(first: str, second: str) -> None:
    kept = _near()
    assert [await kept.text(first), await kept.text(second)] == ["0", "1"]


@pytest.mark.parametrize(
    "kwargs", [{"tools": [{"name": "x"}]}, {"response_format": {"type": "json_object"}}, {"format": "json"}]
)
async def test_where_an_answer_has_a_shape_meaning_is_not_asked(kwargs: dict[str, Any]) -> None:
    kept = _near()
    assert [await kept.text("car", **kwargs), await kept.text("auto", **kwargs)] == ["0", "1"]
    assert kept.counts == []


async def test_only_a_persons_last_words_are_compared() -> None:
    picture = HumanMessage([{"type": "text", "text": "car"}, {"type": "image", "url": "https://x"}])
    asked: list[list[BaseMessage]] = [
        [HumanMessage("car")],
        [SystemMessage("Be brief."), HumanMessage("car")],
        [HumanMessage("Hi"), AIMessage("Hello"), HumanMessage("car")],
        [picture],
        [HumanMessage("car"), AIMessage("auto")],
    ]
    kept = _near()
    assert [await kept.text(messages) for messages in asked] == ["0", "1", "2", "3", "4"]
    again = [*asked[1][:1], HumanMessage("auto")]
    assert await kept.text(again) == "1"


@pytest.mark.parametrize(("shared", "told"), [(False, ["0", "1", "2"]), (True, ["0", "0", "1"])])
async def test_by_meaning_too_nobody_hears_what_another_tenant_was_told(shared: bool, told: list[str]) -> None:
    kept = _near(settings=CacheSettings(exact="off", semantic=True, threshold=0.9, shared_by_tenant=shared))
    heard = []
    for who, text in ((ANN, "car"), (BOB, "auto"), (EVE, "auto")):
        with use_call_context(who):
            heard.append(await kept.text(text))
    assert heard == told


async def test_of_each_conversation_the_latest_are_compared() -> None:
    kept = _near(settings=CacheSettings(exact="off", semantic=True, threshold=0.9, entries=1))
    assert [await kept.text(text) for text in ("car", "tree", "auto", "tree")] == ["0", "1", "2", "3"]


async def test_an_answer_that_is_gone_makes_way_for_the_next_nearest() -> None:
    store = MemoryCache(1_000_000)
    kept = _near(store=store, settings=CacheSettings(exact="off", semantic=True, threshold=0.999))
    assert [await kept.text("car"), await kept.text("auto")] == ["0", "1"]
    looser = _near(store=store)
    gone = CacheKey.of(["local", "local"], SPECS, [HumanMessage("car")], None, {})
    assert gone is not None
    await store.put(f"answer:{gone.name}", b"", 60)
    assert await looser.text("car") == "1"


@pytest.mark.parametrize("fails", [DOWN, 5.0], ids=["error", "silence"])
async def test_an_embedder_that_fails_is_a_miss(fails: ModelError | float, monkeypatch: pytest.MonkeyPatch) -> None:
    meaning = _meaning()
    kept = _near(embeddings=meaning)
    similar = kept.answers._similar
    assert similar is not None
    monkeypatch.setattr(similar, "_patience", 0.02)
    meaning.fails = fails
    with capture_logs() as logs:
        assert [await kept.text("car"), await kept.text("car")] == ["0", "1"]
    assert [log["event"] for log in logs] == ["embedder_failed"]
    meaning.fails = None
    assert [await kept.text("car"), await kept.text("auto")] == ["2", "2"]


async def test_a_text_without_a_meaning_is_like_no_other() -> None:
    kept = _near()
    assert [await kept.text("nothing"), await kept.text("nothing")] == ["0", "1"]


def test_a_semantic_cache_needs_an_embedder() -> None:
    with pytest.raises(ValueError, match="embedder"):
        Kept(settings=SEMANTIC)


async def test_with_a_real_embedder_other_words_are_the_same_question() -> None:
    embeddings = embedder("embedded:minilm", ModelSettings())
    # Loaded beforehand: who waits too long for a vector is told that there is none.
    await embeddings.aembed_query("Hi")
    kept = Kept(*[[str(n), END] for n in range(5)], settings=CacheSettings(semantic=True), embeddings=embeddings)
    asked = [
        "How do I reset my password?",
        "How can I reset my password?",
        "How do I reset my thermostat?",
        "How can I not reset my password?",
    ]
    assert [await kept.text(text) for text in asked] == ["0", "0", "1", "2"]
    await embeddings.aclose()


@pytest.mark.parametrize("delays", [range(4), range(0, 12, 3)])
async def test_who_comes_as_a_flight_fails_asks_for_itself(delays: range) -> None:
    """At each step of the loop on which somebody may come: none may join what has failed already, for ever."""
    cache = ModelCache(CacheSettings(exact="all"), MemoryCache(1 << 20), lambda _, hit: None)
    asked = cache.lookup(["a:b"], [HumanMessage("Hi")], None, {})
    assert asked is not None
    made = 0

    async def ask() -> AsyncIterator[ChatGenerationChunk]:
        nonlocal made
        made += 1
        if made:
            raise RunBudgetExceeded("spent")
        yield ChatGenerationChunk(message=AIMessageChunk(content=""))

    async def one(delay: int) -> None:
        for _ in range(delay):
            await asyncio.sleep(0)
        with pytest.raises(RunBudgetExceeded):
            async for _ in cache.stream(asked, ask):
                pass

    await asyncio.gather(*map(one, delays))
    assert made == len(delays)
    await cache.aclose()
