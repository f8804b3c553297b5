import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llm.capabilities import RequiredCapabilities
from llm.errors import CapabilityUnsupported, ContextTooLong, ModelError, ModelUnavailable, Overloaded
from llm.fit_messages import fit_messages
from llm.identity import identify_chunks, identify_result, new_call_id
from llm.wrappers.model_order import ModelLink, ModelOrder, OnFallback
from llm.wrappers.open_stream import Chunks, OpenedStream, race_streams
from llm.wrappers.overlap import OverlapTrimmer
from llm.wrappers.timeouts import DEADLINE
from llm.wrappers.wrapper import ModelWrapper
from observability.logs import get_logger

_log = get_logger(__name__)

_CONTINUE = (
    "Your answer above was cut off by a fault on the line. Go on with it from exactly where it ends, in the middle of "
    "a word if need be. Say nothing of the fault, and repeat nothing."
)
# What a response says of itself, beside its vendor's words: the calls in it that were cut, so that none is carried out;
# who gave it, in turn; and what it was given without.
INTERRUPTED_CALLS = "cut_calls"
ANSWERED_BY = "answered_by"
MISSING_CAPABILITIES = "lacking"
METERED = "ls_metered"
# Who gave one part of an answer that several gave.
_PER_MODEL_METADATA = (
    "id",
    "model",
    "model_name",
    "model_provider",
    "system_fingerprint",
    "service_tier",
    "created_at",
)


@dataclass(slots=True)
class _Answer:
    """What of one answer has reached the reader, whoever said it."""

    texts: list[str] = field(default_factory=list)
    has_reasoning: bool = False
    calls: list[str] = field(default_factory=list)
    indexes: int = 0
    interrupted: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    # What the vendor of the last part says of it.
    metadata_sent: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def has_content(self) -> bool:
        return bool(self.texts or self.calls or self.interrupted or self.has_reasoning)

    def add(self, message: AIMessageChunk) -> None:
        if text := message.content if isinstance(message.content, str) else message.text:
            self.texts.append(text)
        if message.additional_kwargs:
            self.has_reasoning = self.has_reasoning or bool(message.additional_kwargs.get("reasoning_content"))
        for call in message.tool_call_chunks:
            if call["id"] and call["id"] not in self.calls:
                self.calls.append(call["id"])
            self.indexes = max(self.indexes, (call["index"] or 0) + 1)

    def cut_off(self) -> None:
        """Nobody knows whether a call was whole when its message broke off: all of them are asked for again."""
        self.interrupted, self.calls = [*self.interrupted, *self.calls], []

    def metadata(self, lacking: Sequence[str]) -> dict[str, Any]:
        told = {**self.metadata_sent, ANSWERED_BY: list(dict.fromkeys(self.models))}
        if len(told[ANSWERED_BY]) > 1:
            told = {key: value for key, value in told.items() if key not in _PER_MODEL_METADATA}
        return (
            told
            | ({INTERRUPTED_CALLS: self.interrupted} if self.interrupted else {})
            | ({MISSING_CAPABILITIES: list(lacking)} if lacking else {})
        )


class FallbackModel(ModelWrapper):
    """A list of models that answers as one: where one fails, the next takes over, also in the middle of an answer."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    # The first of them stands for all where one has to: `inner` names what tracing calls the model.
    links: tuple[ModelLink, ...]
    # Seconds for the whole of an answer, whoever gives it.
    total: float = math.inf
    # The share of answers within whose time a first token is waited for, before another model is asked as well.
    hedge: float = 0.0
    on_event: OnFallback

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        # Travels with each message: whoever counts what messages say they took leaves out what is on a meter.
        return cast(LangSmithParams, {**super()._get_ls_params(stop, **kwargs), METERED: True})

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        if kwargs.get("response_format"):
            # Half of an object that one model has begun is nothing that another could go on with.
            yield _as_chunk(await self._ask_in_order(messages, stop, self._deadline(kwargs), _gather))
            return
        async with aclosing(identify_chunks(self._ask_whole(messages, stop, self._deadline(kwargs)))) as stream:
            async for chunk in stream:
                yield chunk

    def _deadline(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**kwargs, DEADLINE: min(kwargs.get(DEADLINE, math.inf), monotonic() + self.total)}

    async def _ask_whole(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> AsyncIterator[ChatGenerationChunk]:
        required = RequiredCapabilities.of(messages, kwargs)
        turns = ModelOrder(self.links, required, self.on_event, kwargs[DEADLINE])
        said, tried = _Answer(), list[ModelError]()
        ask = partial(self._ask, turns=turns, messages=messages, said=said, stop=stop, kwargs=kwargs)
        at = turns.next()
        while at is not None:
            await turns.wait(at)
            begun, before = False, len(said.text)
            part = _Part(at, ask, said)
            try:
                async with aclosing(self._pieces(part, turns, said, tried)) as pieces:
                    async for chunk in pieces:
                        # The layer below gives nothing until there is something, be it a repetition.
                        begun = turns.begun = True
                        yield chunk
            except ModelError as error:
                added = len(said.text) - before if begun else None
                news = part.failure_known or self._mark_failed(turns, tried, part.at, error, added=added)
                if begun:
                    said.models.append(str(self.links[part.at].info.spec))
                said.cut_off()
                at = turns.next()
                if news:
                    self._record_failure(error, part.at, at, begun=begun)
            else:
                ended = AIMessageChunk(content="", response_metadata=said.metadata(turns.missing_capabilities(part.at)))
                yield ChatGenerationChunk(message=ended)
                return
        raise _combined_error(tried, required, late=monotonic() >= kwargs[DEADLINE])

    def _mark_failed(
        self, turns: ModelOrder, tried: list[ModelError], at: int, error: ModelError, *, added: int | None = None
    ) -> bool:
        if news := turns.mark_failed(at, error, added=added):
            tried.append(error)
        return news

    def _ask(
        self,
        at: int,
        *,
        turns: ModelOrder,
        messages: list[BaseMessage],
        said: _Answer,
        stop: list[str] | None,
        kwargs: dict[str, Any],
    ) -> Chunks:
        link = self.links[at]
        asked, text = fit_messages(messages, link.info), said.text
        if text:
            asked = (
                [*asked, AIMessage(text)] if link.info.prefill else [*asked, AIMessage(text), HumanMessage(_CONTINUE)]
            )
        return link.model._astream(asked, stop, **turns.call_options(at, kwargs))

    async def _pieces(
        self, part: "_Part", turns: ModelOrder, said: _Answer, tried: list[ModelError]
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """What one candidate adds to what has been said: the one whose turn it is, or who was asked beside it."""
        beside, patience = None, None
        if self.hedge and not said.has_content:
            beside, patience = turns.next_other(), self.links[part.at].latency.quantile(self.hedge)
        if beside is None or patience is None:
            stream = part.ask(part.at)
            async with aclosing(stream):  # type: ignore[type-var]  # an async generator, typed as an iterator
                async for chunk in stream:
                    yield part.join(chunk)
        else:
            opened = await self._race(part, beside, patience, partial(self._mark_failed, turns, tried))
            async with aclosing(opened.stream):  # type: ignore[type-var]
                for chunk in opened.chunks:
                    yield part.join(chunk)
                async for chunk in opened.stream:
                    yield part.join(chunk)
        said.models.append(str(self.links[part.at].info.spec))
        if rest := part.seam.end():
            said.texts.append(rest)
            yield ChatGenerationChunk(message=AIMessageChunk(content=rest))

    async def _race(
        self, part: "_Part", beside: int, patience: float, note: Callable[[int, ModelError], object]
    ) -> OpenedStream:
        """The first to speak of the one whose turn it is and, where that is slow, the one beside it."""
        asked, lost = (part.at, beside), list[tuple[int, ModelError]]()

        def ask_beside() -> Chunks:
            self.on_event("hedged", self.links[beside].info, "slow")
            return part.ask(beside)

        def failed(which: int, error: ModelError) -> None:
            note(asked[which], error)
            lost.append((asked[which], error))

        try:
            opened = await race_streams([partial(part.ask, part.at), ask_beside], after=patience, failed=failed)
        except ModelError:
            part.at, part.failure_known = lost.pop()[0], True
            raise
        else:
            part.at = asked[opened.index]
            return opened
        finally:
            for at, error in lost:
                self._record_failure(error, at, part.at, begun=False)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await self._ask_in_order(messages, stop, self._deadline(kwargs), _call)

    async def _ask_in_order(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any], ask: "_Ask"
    ) -> ChatResult:
        """An answer that one of them gives as a whole."""
        required, tried = RequiredCapabilities.of(messages, kwargs), list[ModelError]()
        turns = ModelOrder(self.links, required, self.on_event, kwargs[DEADLINE])
        at = turns.next()
        while at is not None:
            await turns.wait(at)
            link = self.links[at]
            try:
                result = await ask(link.model, fit_messages(messages, link.info), stop, turns.call_options(at, kwargs))
            except ModelError as error:
                news = self._mark_failed(turns, tried, at, error)
                after = turns.next()
                if news:
                    self._record_failure(error, at, after, begun=False)
                at = after
            else:
                told = {ANSWERED_BY: [str(link.info.spec)]} | (
                    {MISSING_CAPABILITIES: lacking} if (lacking := turns.missing_capabilities(at)) else {}
                )
                for generation in result.generations:
                    generation.message.response_metadata |= told
                return identify_result(result)
        raise _combined_error(tried, required, late=monotonic() >= kwargs[DEADLINE])

    def _record_failure(self, error: ModelError, at: int, after: int | None, *, begun: bool) -> None:
        info = self.links[at].info
        self.on_event("exhausted" if after is None else "fallback", info, error.reason)
        _log.warning(
            "models_exhausted" if after is None else "model_fell_back",
            provider=info.spec.provider,
            model=info.spec.name,
            error=error.code,
            reason=error.reason,
            within_answer=begun,
            next=str(self.links[after].info.spec) if after is not None else None,
        )


class _Part:
    """One candidate's part of an answer, joined to what was said before."""

    def __init__(self, at: int, ask: Callable[[int], Chunks], said: _Answer) -> None:
        self.at = at
        # Whether the error that ends it has been written down where it was heard.
        self.failure_known = False
        self.ask = ask
        self.seam = OverlapTrimmer(said.text)
        self._said = said
        self._offset = said.indexes
        self._reasoned = said.has_reasoning
        self._renamed: dict[str, str] = {}
        said.metadata_sent = {}

    def join(self, chunk: ChatGenerationChunk) -> ChatGenerationChunk:
        message = chunk.message
        if not isinstance(message, AIMessageChunk):
            raise TypeError(f"a chat model streams AIMessageChunk, not {type(message).__name__}")
        if isinstance(message.content, str) and message.content:
            message.content = self.seam.feed(message.content)
        # Its end is not yet the answer's, and what it says of itself belongs there.
        message.chunk_position = None
        if chunk.generation_info or message.response_metadata:
            self._said.metadata_sent |= {**message.response_metadata, **(chunk.generation_info or {})}
            # These come with each piece, and belong to it.
            logprobs = self._said.metadata_sent.pop("logprobs", None)
            chunk.generation_info, message.response_metadata = {"logprobs": logprobs} if logprobs else None, {}
        if self._reasoned:
            # It has been shown what somebody thought; what another thinks is not the same thought.
            message.additional_kwargs.pop("reasoning_content", None)
        if message.tool_call_chunks:
            self._place(message)
        self._said.add(message)
        return chunk

    def _place(self, message: AIMessageChunk) -> None:
        """Puts calls behind those of the parts before. Some providers count their ids anew in each answer."""
        for call in message.tool_call_chunks:
            call["index"] = (call["index"] or 0) + self._offset
            if call["id"] in self._said.interrupted:
                call["id"] = self._renamed.setdefault(str(call["id"]), new_call_id())
        if self._offset:
            # What the fragments amount to was worked out from them as they were.
            whole = AIMessageChunk(content="", tool_call_chunks=message.tool_call_chunks)
            message.tool_calls, message.invalid_tool_calls = whole.tool_calls, whole.invalid_tool_calls


_Ask = Callable[[BaseChatModel, list[BaseMessage], list[str] | None, dict[str, Any]], Awaitable[ChatResult]]


async def _call(
    model: BaseChatModel, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
) -> ChatResult:
    return await model._agenerate(messages, stop, **kwargs)


async def _gather(
    model: BaseChatModel, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
) -> ChatResult:
    """Streamed, so that a model which is slow and not silent has the time of a stream."""
    async with aclosing(model._astream(messages, stop, **kwargs)) as stream:  # type: ignore[type-var]
        return await agenerate_from_stream(stream)


def _as_chunk(result: ChatResult) -> ChatGenerationChunk:
    message = result.generations[0].message
    if not isinstance(message, AIMessage):
        raise TypeError(f"a chat model answers with an AIMessage, not with {type(message).__name__}")
    return ChatGenerationChunk(
        message=AIMessageChunk(
            content=message.content,
            id=message.id,
            additional_kwargs=message.additional_kwargs,
            response_metadata=message.response_metadata,
            usage_metadata=message.usage_metadata,
            chunk_position="last",
        )
    )


def _combined_error(tried: Sequence[ModelError], required: RequiredCapabilities, *, late: bool) -> ModelError:
    """The error of a list: its only one, or one that says who was asked; `late` where there was no time for more."""
    if not tried and late:
        return ModelUnavailable("There was no time left to call a model.")
    if not tried:
        if required.vision or required.schema or required.media:
            skills = {
                "see pictures": required.vision,
                "take sounds, films or files": required.media,
                "keep to a schema": required.schema,
            }
            named = " and ".join(skill for skill, needed in skills.items() if needed)
            return CapabilityUnsupported(f"No model that may be asked can {named}.")
        return ContextTooLong("The conversation is too long for every model of this chain.")
    if len({(error.provider, error.model) for error in tried}) == 1:
        return tried[-1]
    if all(isinstance(error, Overloaded) for error in tried):
        return min(tried, key=lambda error: error.retry_after or 0.0)
    asked = ", ".join(dict.fromkeys(f"{error.provider}:{error.model}" for error in tried if error.provider))
    last = tried[-1]
    return ModelUnavailable(f"No model could answer. Tried: {asked}.", provider=last.provider, model=last.model)
