"""What calls cost: counted where each is made, whoever asked for it and however it ended."""

import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from decimal import Decimal
from time import perf_counter
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llm.catalog import ModelInfo, Tokens
from llm.context import CallContext, call_context
from llm.errors import ModelError
from llm.meter import CallUsage
from llm.wrappers.latency import LatencyTracker
from llm.wrappers.wrapper import ModelWrapper

_CHARACTERS_PER_TOKEN = 4


OnUsage = Callable[[CallUsage, CallContext], None]
CostOf = Callable[[Tokens], Decimal | None]


class MeteredModel(ModelWrapper):
    """A model whose calls are counted."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    info: ModelInfo
    cost: CostOf
    bill: OnUsage
    latency: LatencyTracker

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with self._counting(messages) as count:
            async with aclosing(self.inner._astream(messages, stop, **kwargs)) as stream:  # type: ignore[type-var]
                async for chunk in stream:
                    count.add_chunk(chunk)
                    yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._counting(messages) as count:
            result = await self.inner._agenerate(messages, stop, **kwargs)
            count.add_result(result)
            return result

    @contextmanager
    def _counting(self, messages: Sequence[BaseMessage]) -> Iterator["CallCount"]:
        count = CallCount(messages)
        outcome, reason = "stopped", None
        try:
            yield count
            outcome = "ok"
        except ModelError as error:
            outcome, reason = error.code, error.reason
            raise
        finally:
            self._settle(count, outcome, reason)

    def _settle(self, count: "CallCount", outcome: str, reason: str | None) -> None:
        tokens, estimated = count.tokens(stopped=outcome == "stopped")
        if count.first_token is not None:
            self.latency.record(count.first_token)
        usage = CallUsage(
            spec=self.info.spec,
            outcome=outcome,
            tokens=tokens,
            estimated=estimated,
            cost=self.cost(tokens),
            duration_seconds=perf_counter() - count.began,
            first_token_seconds=count.first_token,
            reason=reason,
        )
        context = call_context()
        if context.meter is not None:
            context.meter.add(usage)
        self.bill(usage, context)


class CallCount:
    """What one call has taken so far, by what its answer says or by its length."""

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        self._messages = messages
        self._characters = 0
        self._told: list[UsageMetadata] = []
        self.began = perf_counter()
        self.first_token: float | None = None

    def add_chunk(self, chunk: ChatGenerationChunk) -> None:
        message = chunk.message
        if self.first_token is None:
            self.first_token = perf_counter() - self.began
        self.read(message)

    def add_result(self, result: ChatResult) -> None:
        for generation in result.generations:
            self.read(generation.message)
        self.first_token = perf_counter() - self.began

    def read(self, message: BaseMessage) -> None:
        """Count an answer, or a piece of one."""
        content = message.content
        self._characters += len(content) if isinstance(content, str) else len(message.text)
        if isinstance(message, AIMessage):
            if message.usage_metadata is not None:
                self._told.append(message.usage_metadata)
            if reasoning := message.additional_kwargs.get("reasoning_content"):
                self._characters += len(reasoning)
            if isinstance(message, AIMessageChunk):
                self._characters += sum(len(call["args"] or "") for call in message.tool_call_chunks)
            else:
                self._characters += sum(len(str(call["args"])) for call in message.tool_calls)

    def tokens(self, *, stopped: bool) -> tuple[Tokens, bool]:
        """What was spent, and whether that is an estimate. A call that failed before its first word has cost nothing;
        one that was stopped there was being read by the provider.
        """
        if self._told:
            return _reported_usage(self._told), False
        if self.first_token is None and not stopped:
            return Tokens(), False
        written = math.ceil(self._characters / _CHARACTERS_PER_TOKEN)
        return Tokens(count_tokens_approximately(self._messages), written), True


def _reported_usage(usages: Sequence[UsageMetadata]) -> Tokens:
    read = [usage.get("input_token_details") or {} for usage in usages]
    written = [usage.get("output_token_details") or {} for usage in usages]
    return Tokens(
        input=sum(usage["input_tokens"] for usage in usages),
        output=sum(usage["output_tokens"] for usage in usages),
        cached=sum(details.get("cache_read") or 0 for details in read),
        cache_write=sum(details.get("cache_creation") or 0 for details in read),
        reasoning=sum(details.get("reasoning") or 0 for details in written),
    )
