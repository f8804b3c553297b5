"""Calls of models that are not the factory's: those that somebody's own graph makes count like ours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from llm.catalog import PricedModel, Tokens
from llm.context import CallContext, call_context
from llm.meter import CallUsage
from llm.spec import ModelSpec
from llm.wrappers.fallback import METERED
from llm.wrappers.metering import CallCount, OnUsage

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Call:
    spec: ModelSpec
    count: CallCount
    context: CallContext


class CallCounter(BaseCallbackHandler):
    """A callback handler for one run of a graph. A model of the factory says that it is on a meter; others are put on
    it here, by what their answers say that they took or, where they do not say, by their length.
    """

    run_inline = True

    def __init__(self, bill: OnUsage, cost: Callable[[PricedModel, Tokens], Decimal | None]) -> None:
        self._bill = bill
        self._cost = cost
        self._open: dict[UUID, _Call] = {}

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._begin(run_id, [message for batch in messages for message in batch], metadata or {})

    def on_llm_start(
        self,
        serialized: dict[str, Any] | None,
        prompts: list[str],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._begin(run_id, [HumanMessage(prompt) for prompt in prompts], metadata or {})

    def on_llm_new_token(self, token: str | list[str | dict[str, Any]], *, run_id: UUID, **kwargs: Any) -> None:
        call = self._open.get(run_id)
        if call is not None and call.count.first_token is None:
            call.count.first_token = perf_counter() - call.count.began

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        self._settle(run_id, response, "ok")

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        response = kwargs.get("response")
        outcome = str(getattr(error, "code", "model_error")) if isinstance(error, Exception) else "stopped"
        self._settle(run_id, response if isinstance(response, LLMResult) else None, outcome)

    def _begin(self, run_id: UUID, messages: Sequence[BaseMessage], told: Mapping[str, Any]) -> None:
        if METERED not in told:
            spec = ModelSpec(str(told.get("ls_provider") or _UNKNOWN), str(told.get("ls_model_name") or _UNKNOWN))
            self._open[run_id] = _Call(spec, CallCount(messages), call_context())

    def _settle(self, run_id: UUID, response: LLMResult | None, outcome: str) -> None:
        call = self._open.pop(run_id, None)
        if call is None:
            return
        for message in _messages(response) if response is not None else ():
            call.count.read(message)
        if outcome == "ok" and call.count.first_token is None:
            # Not streamed: all of it came at once.
            call.count.first_token = perf_counter() - call.count.began
        tokens, estimated = call.count.tokens(stopped=outcome == "stopped")
        usage = CallUsage(
            spec=call.spec,
            outcome=outcome,
            tokens=tokens,
            estimated=estimated,
            cost=self._cost(PricedModel(call.spec.name, biller=call.spec.provider), tokens),
            duration_seconds=perf_counter() - call.count.began,
            first_token_seconds=call.count.first_token,
            by_factory=False,
        )
        if call.context.meter is not None:
            call.context.meter.add(usage)
        self._bill(usage, call.context)


def _messages(response: LLMResult) -> list[BaseMessage]:
    generations = [each for batch in response.generations for each in batch]
    return [each.message if isinstance(each, ChatGeneration) else AIMessage(each.text) for each in generations]
