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

from llm.errors import ContextTooLong, ModelError, ModelLacks, ModelUnavailable, Overloaded
from llm.identity import identified, identified_result, new_call_id
from llm.layers.deadlines import DEADLINE
from llm.layers.layer import Layer
from llm.layers.opening import Chunks, Opened, first_to_speak
from llm.layers.seam import Seam
from llm.layers.turns import Link, Noticed, Turns
from llm.needs import Needs
from llm.shape import shaped
from observability.logs import get_logger

_log = get_logger(__name__)

_GO_ON = (
    "Your answer above was cut off by a fault on the line. Go on with it from exactly where it ends, in the middle of "
    "a word if need be. Say nothing of the fault, and repeat nothing."
)
# What a response says of itself, beside its vendor's words: the calls in it that were cut, so that none is carried out;
# who gave it, in turn; and what it was given without.
CUT_CALLS = "cut_calls"
ANSWERED_BY = "answered_by"
LACKING = "lacking"
METERED = "ls_metered"
# Who gave one part of an answer that several gave.
_OF_ONE = ("id", "model", "model_name", "model_provider", "system_fingerprint", "service_tier", "created_at")


@dataclass(slots=True)
class _Said:
    """What of one answer has reached the reader, whoever said it."""

    texts: list[str] = field(default_factory=list)
    reasoned: bool = False
    calls: list[str] = field(default_factory=list)
    indexes: int = 0
    cut: list[str] = field(default_factory=list)
    by: list[str] = field(default_factory=list)
    # What the vendor of the last part says of it.
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def something(self) -> bool:
        return bool(self.texts or self.calls or self.cut or self.reasoned)

    def add(self, message: AIMessageChunk) -> None:
        if text := message.content if isinstance(message.content, str) else message.text:
            self.texts.append(text)
        if message.additional_kwargs:
            self.reasoned = self.reasoned or bool(message.additional_kwargs.get("reasoning_content"))
        for call in message.tool_call_chunks:
            if call["id"] and call["id"] not in self.calls:
                self.calls.append(call["id"])
            self.indexes = max(self.indexes, (call["index"] or 0) + 1)

    def cut_off(self) -> None:
        """Nobody knows whether a call was whole when its message broke off: all of them are asked for again."""
        self.cut, self.calls = [*self.cut, *self.calls], []

    def metadata(self, lacking: Sequence[str]) -> dict[str, Any]:
        told = {**self.told, ANSWERED_BY: list(dict.fromkeys(self.by))}
        if len(told[ANSWERED_BY]) > 1:
            told = {key: value for key, value in told.items() if key not in _OF_ONE}
        return told | ({CUT_CALLS: self.cut} if self.cut else {}) | ({LACKING: list(lacking)} if lacking else {})


class Fallback(Layer):
    """A list of models that answers as one: where one fails, the next takes over, also in the middle of an answer."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    # The first of them stands for all where one has to: `inner` names what tracing calls the model.
    links: tuple[Link, ...]
    # Seconds for the whole of an answer, whoever gives it.
    total: float = math.inf
    # The share of answers within whose time a first token is waited for, before another model is asked as well.
    hedge: float = 0.0
    noticed: Noticed

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
            yield _as_chunk(await self._answered(messages, stop, self._by_then(kwargs), _gather))
            return
        async with aclosing(identified(self._whole(messages, stop, self._by_then(kwargs)))) as stream:
            async for chunk in stream:
                yield chunk

    def _by_then(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**kwargs, DEADLINE: min(kwargs.get(DEADLINE, math.inf), monotonic() + self.total)}

    async def _whole(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> AsyncIterator[ChatGenerationChunk]:
        needs = Needs.of(messages, kwargs)
        turns = Turns(self.links, needs, self.noticed, kwargs[DEADLINE])
        said, tried = _Said(), list[ModelError]()
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
                news = part.failure_known or self._failed(turns, tried, part.at, error, added=added)
                if begun:
                    said.by.append(str(self.links[part.at].info.spec))
                said.cut_off()
                at = turns.next()
                if news:
                    self._tell(error, part.at, at, begun=begun)
            else:
                ended = AIMessageChunk(content="", response_metadata=said.metadata(turns.lacking(part.at)))
                yield ChatGenerationChunk(message=ended)
                return
        raise _of_all(tried, needs, late=monotonic() >= kwargs[DEADLINE])

    def _failed(
        self, turns: Turns, tried: list[ModelError], at: int, error: ModelError, *, added: int | None = None
    ) -> bool:
        if news := turns.failed(at, error, added=added):
            tried.append(error)
        return news

    def _ask(
        self,
        at: int,
        *,
        turns: Turns,
        messages: list[BaseMessage],
        said: _Said,
        stop: list[str] | None,
        kwargs: dict[str, Any],
    ) -> Chunks:
        link = self.links[at]
        asked, text = shaped(messages, link.info), said.text
        if text:
            asked = [*asked, AIMessage(text)] if link.info.prefill else [*asked, AIMessage(text), HumanMessage(_GO_ON)]
        return link.model._astream(asked, stop, **turns.given(at, kwargs))

    async def _pieces(
        self, part: "_Part", turns: Turns, said: _Said, tried: list[ModelError]
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """What one candidate adds to what has been said: the one whose turn it is, or who was asked beside it."""
        beside, patience = None, None
        if self.hedge and not said.something:
            beside, patience = turns.other(), self.links[part.at].pace.quantile(self.hedge)
        if beside is None or patience is None:
            stream = part.ask(part.at)
            async with aclosing(stream):  # type: ignore[type-var]  # an async generator, typed as an iterator
                async for chunk in stream:
                    yield part.joined(chunk)
        else:
            opened = await self._raced(part, beside, patience, partial(self._failed, turns, tried))
            async with aclosing(opened.rest):  # type: ignore[type-var]
                for chunk in opened.heard:
                    yield part.joined(chunk)
                async for chunk in opened.rest:
                    yield part.joined(chunk)
        said.by.append(str(self.links[part.at].info.spec))
        if rest := part.seam.end():
            said.texts.append(rest)
            yield ChatGenerationChunk(message=AIMessageChunk(content=rest))

    async def _raced(
        self, part: "_Part", beside: int, patience: float, note: Callable[[int, ModelError], object]
    ) -> Opened:
        """The first to speak of the one whose turn it is and, where that is slow, the one beside it."""
        asked, lost = (part.at, beside), list[tuple[int, ModelError]]()

        def ask_beside() -> Chunks:
            self.noticed("hedged", self.links[beside].info, "slow")
            return part.ask(beside)

        def failed(which: int, error: ModelError) -> None:
            note(asked[which], error)
            lost.append((asked[which], error))

        try:
            opened = await first_to_speak([partial(part.ask, part.at), ask_beside], after=patience, failed=failed)
        except ModelError:
            part.at, part.failure_known = lost.pop()[0], True
            raise
        else:
            part.at = asked[opened.at]
            return opened
        finally:
            for at, error in lost:
                self._tell(error, at, part.at, begun=False)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await self._answered(messages, stop, self._by_then(kwargs), _call)

    async def _answered(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any], ask: "_Ask"
    ) -> ChatResult:
        """An answer that one of them gives as a whole."""
        needs, tried = Needs.of(messages, kwargs), list[ModelError]()
        turns = Turns(self.links, needs, self.noticed, kwargs[DEADLINE])
        at = turns.next()
        while at is not None:
            await turns.wait(at)
            link = self.links[at]
            try:
                result = await ask(link.model, shaped(messages, link.info), stop, turns.given(at, kwargs))
            except ModelError as error:
                news = self._failed(turns, tried, at, error)
                after = turns.next()
                if news:
                    self._tell(error, at, after, begun=False)
                at = after
            else:
                told = {ANSWERED_BY: [str(link.info.spec)]} | (
                    {LACKING: lacking} if (lacking := turns.lacking(at)) else {}
                )
                for generation in result.generations:
                    generation.message.response_metadata |= told
                return identified_result(result)
        raise _of_all(tried, needs, late=monotonic() >= kwargs[DEADLINE])

    def _tell(self, error: ModelError, at: int, after: int | None, *, begun: bool) -> None:
        info = self.links[at].info
        self.noticed("exhausted" if after is None else "fell_back", info, error.reason)
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

    def __init__(self, at: int, ask: Callable[[int], Chunks], said: _Said) -> None:
        self.at = at
        # Whether the error that ends it has been written down where it was heard.
        self.failure_known = False
        self.ask = ask
        self.seam = Seam(said.text)
        self._said = said
        self._offset = said.indexes
        self._reasoned = said.reasoned
        self._renamed: dict[str, str] = {}
        said.told = {}

    def joined(self, chunk: ChatGenerationChunk) -> ChatGenerationChunk:
        message = chunk.message
        if not isinstance(message, AIMessageChunk):
            raise TypeError(f"a chat model streams AIMessageChunk, not {type(message).__name__}")
        if isinstance(message.content, str) and message.content:
            message.content = self.seam.feed(message.content)
        # Its end is not yet the answer's, and what it says of itself belongs there.
        message.chunk_position = None
        if chunk.generation_info or message.response_metadata:
            self._said.told |= {**message.response_metadata, **(chunk.generation_info or {})}
            # These come with each piece, and belong to it.
            logprobs = self._said.told.pop("logprobs", None)
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
            if call["id"] in self._said.cut:
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


def _of_all(tried: Sequence[ModelError], needs: Needs, *, late: bool) -> ModelError:
    """The error of a list: its only one, or one that says who was asked; `late` where there was no time for more."""
    if not tried and late:
        return ModelUnavailable("There was no time left to ask a model.")
    if not tried:
        if needs.vision or needs.schema or needs.media:
            skills = {
                "see pictures": needs.vision,
                "take sounds, films or files": needs.media,
                "keep to a schema": needs.schema,
            }
            named = " and ".join(skill for skill, needed in skills.items() if needed)
            return ModelLacks(f"No model that may be asked can {named}.")
        return ContextTooLong("The conversation is too long for every model that may be asked.")
    if len({(error.provider, error.model) for error in tried}) == 1:
        return tried[-1]
    if all(isinstance(error, Overloaded) for error in tried):
        return min(tried, key=lambda error: error.retry_after or 0.0)
    asked = ", ".join(dict.fromkeys(f"{error.provider}:{error.model}" for error in tried if error.provider))
    last = tried[-1]
    return ModelUnavailable(f"No model could answer. Asked were {asked}.", provider=last.provider, model=last.model)
