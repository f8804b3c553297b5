import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from llm.errors import ModelUnavailable
from llm.wrappers.wrapper import ModelWrapper

# The argument of a call that says when all of it has to be over, by the monotonic clock: of the attempts and of the
# models that are asked one after another. It ends here; no vendor hears of it.
DEADLINE = "answer_by"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to the first piece of an answer (for a plain call: to the answer), between pieces, and in all."""

    first_token_seconds: float = 60.0
    idle_seconds: float = 60.0
    total_seconds: float = 600.0


class TimeoutModel(ModelWrapper):
    """A model that is given up when it is silent for too long."""

    timeouts: Timeouts
    provider: str
    model: str

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        end, patience = self._end(kwargs), self.timeouts.first_token_seconds
        async with aclosing(self.inner._astream(messages, stop, **kwargs)) as stream:  # type: ignore[type-var]
            while True:
                try:
                    # Not `wait_for`: on Python 3.11 it swallows a cancel that arrives with a result.
                    async with asyncio.timeout(min(patience, end - monotonic())):
                        chunk = await anext(stream)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise self._silent() from error
                patience = self.timeouts.idle_seconds
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        try:
            async with asyncio.timeout(min(self.timeouts.first_token_seconds, self._end(kwargs) - monotonic())):
                return await self.inner._agenerate(messages, stop, **kwargs)
        except TimeoutError as error:
            raise self._silent() from error

    def _end(self, kwargs: dict[str, Any]) -> float:
        whole: float = kwargs.pop(DEADLINE, math.inf)
        return min(monotonic() + self.timeouts.total_seconds, whole)

    def _silent(self) -> ModelUnavailable:
        return ModelUnavailable(
            f"The model {self.model!r} did not answer in time.",
            provider=self.provider,
            model=self.model,
            reason="timeout",
        )
