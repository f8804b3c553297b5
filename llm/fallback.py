from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llm.catalog import ModelInfo
from llm.errors import ModelError, ModelUnavailable
from llm.identity import identified, identified_result
from llm.layer import Layer
from llm.seam import Seam
from llm.shape import shaped
from observability.logs import get_logger

_log = get_logger(__name__)

_GO_ON = (
    "Your answer above was cut off by a fault on the line. Go on with it from exactly where it ends, in the middle of "
    "a word if need be. Say nothing of the fault, and repeat nothing."
)
# What a response says of the calls in it that were cut: read where tool calls are, so that none is carried out.
CUT_CALLS = "cut_calls"


@dataclass(frozen=True, slots=True)
class Link:
    """One candidate of a list: its layers below this one, and what it can do."""

    info: ModelInfo
    model: BaseChatModel


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a call is made for, beyond text."""

    tools: bool
    vision: bool

    @classmethod
    def of(cls, messages: Sequence[BaseMessage], kwargs: dict[str, Any]) -> "_Wanted":
        parts = [part for message in messages if isinstance(message.content, list) for part in message.content]
        seen = any(isinstance(part, dict) and part.get("type") in {"image", "image_url"} for part in parts)
        return cls(tools=bool(kwargs.get("tools")), vision=seen)

    def lacks(self, info: ModelInfo) -> int:
        """How much of it a model lacks. Who cannot see answers past the question, which is worse than without tools."""
        return 2 * (self.vision and not info.vision) + (self.tools and not info.tools)

    def named(self) -> list[str]:
        return [name for name, wanted in (("tools", self.tools), ("vision", self.vision)) if wanted]


@dataclass(slots=True)
class _Said:
    """What of one answer has reached the reader, whoever said it."""

    texts: list[str] = field(default_factory=list)
    reasoned: bool = False
    calls: list[str] = field(default_factory=list)
    indexes: int = 0
    cut: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def add(self, message: AIMessageChunk) -> None:
        self.texts.append(message.text)
        self.reasoned = self.reasoned or bool(message.additional_kwargs.get("reasoning_content"))
        for call in message.tool_call_chunks:
            if call["id"] and call["id"] not in self.calls:
                self.calls.append(call["id"])
            self.indexes = max(self.indexes, (call["index"] or 0) + 1)

    def cut_off(self) -> None:
        """Nobody knows whether a call was whole when its message broke off: all of them are asked for again."""
        self.cut, self.calls = [*self.cut, *self.calls], []


class Fallback(Layer):
    """A list of models that answers as one: where one fails, the next takes over, also in the middle of an answer."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    # The first of them stands for all where one has to: `inner` names what tracing calls the model.
    links: tuple[Link, ...]
    # How often one candidate may break off within one answer.
    attempts: int = 3

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in identified(self._whole(messages, stop, kwargs)):
            yield chunk

    async def _whole(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> AsyncIterator[ChatGenerationChunk]:
        said, tried = _Said(), list[ModelError]()
        left = dict.fromkeys(range(len(self.links)), self.attempts)
        wanted = _Wanted.of(messages, kwargs)
        at = self._next(-1, left, wanted)
        while at is not None:
            begun = False
            try:
                async with aclosing(self._part(self.links[at], messages, said, stop, kwargs)) as part:
                    async for chunk in part:
                        # The layer below gives nothing until there is something, be it a repetition.
                        begun = True
                        yield chunk
            except ModelError as error:
                tried.append(error)
                # Who never began has been asked often enough by the layer below.
                left[at] = left[at] - 1 if begun else 0
                said.cut_off()
                after = self._next(at, left, wanted)
                self._tell(error, None if after is None else self.links[after], begun=begun)
                at = after
            else:
                if said.cut:
                    told = AIMessageChunk(content="", response_metadata={CUT_CALLS: said.cut})
                    yield ChatGenerationChunk(message=told)
                return
        raise _of_all(tried)

    def _next(self, at: int, left: dict[int, int], wanted: _Wanted) -> int | None:
        """The next candidate that may be asked, round the list while attempts remain; one that lacks something last."""
        count = len(self.links)
        asked = [(at + step) % count for step in range(1, count + 1) if left[(at + step) % count] > 0]
        chosen = min(asked, key=lambda candidate: wanted.lacks(self.links[candidate].info), default=None)
        if chosen is not None and wanted.lacks(self.links[chosen].info):
            _log.warning("model_lacks", model=str(self.links[chosen].info.spec), wanted=wanted.named())
        return chosen

    async def _part(
        self,
        link: Link,
        messages: list[BaseMessage],
        said: _Said,
        stop: list[str] | None,
        kwargs: dict[str, Any],
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """What one candidate adds to what has been said."""
        seam, offset = Seam(said.text), said.indexes
        reasoned, asked = said.reasoned, _asked(link, messages, said)
        given = _given(link, kwargs)
        async with aclosing(link.model._astream(asked, stop, **given)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                message = chunk.message
                if not isinstance(message, AIMessageChunk):
                    raise TypeError(f"a chat model streams AIMessageChunk, not {type(message).__name__}")
                if isinstance(message.content, str) and message.content:
                    message.content = seam.feed(message.content)
                # Its end is not yet the answer's.
                message.chunk_position = None
                if reasoned:
                    # It has been shown what somebody thought; what another thinks is not the same thought.
                    message.additional_kwargs.pop("reasoning_content", None)
                for call in message.tool_call_chunks:
                    call["index"] = (call["index"] or 0) + offset
                said.add(message)
                yield chunk
        if rest := seam.end():
            said.texts.append(rest)
            yield ChatGenerationChunk(message=AIMessageChunk(content=rest))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        tried = list[ModelError]()
        wanted = _Wanted.of(messages, kwargs)
        links = sorted(self.links, key=lambda link: wanted.lacks(link.info))
        for at, link in enumerate(links):
            given = _given(link, kwargs)
            try:
                asked = shaped(messages, link.info)
                return identified_result(await link.model._agenerate(asked, stop, **given))
            except ModelError as error:
                tried.append(error)
                self._tell(error, links[at + 1] if at + 1 < len(links) else None, begun=False)
        raise _of_all(tried)

    def _tell(self, error: ModelError, after: Link | None, *, begun: bool) -> None:
        _log.warning(
            "model_fell_back" if after is not None else "models_exhausted",
            provider=error.provider,
            model=error.model,
            error=error.code,
            within_answer=begun,
            next=str(after.info.spec) if after is not None else None,
        )


def _given(link: Link, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if link.info.tools or key not in {"tools", "tool_choice"}}


def _asked(link: Link, messages: Sequence[BaseMessage], said: _Said) -> list[BaseMessage]:
    asked, text = shaped(messages, link.info), said.text
    if not text:
        return asked
    if link.info.prefill:
        return [*asked, AIMessage(text)]
    return [*asked, AIMessage(text), HumanMessage(_GO_ON)]


def _of_all(tried: Sequence[ModelError]) -> ModelError:
    """The error of a list: its only one, or one that says who was asked."""
    if len({(error.provider, error.model) for error in tried}) == 1:
        return tried[-1]
    asked = ", ".join(dict.fromkeys(f"{error.provider}:{error.model}" for error in tried))
    last = tried[-1]
    return ModelUnavailable(f"No model could answer. Asked were {asked}.", provider=last.provider, model=last.model)
