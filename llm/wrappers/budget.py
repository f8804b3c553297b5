"""What runs, people and tenants may spend, looked at before each call."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llm.budgets import Budget, Budgets, BudgetScope, Period, SpentSoFar
from llm.context import CallContext, call_context
from llm.errors import BudgetExhausted, RunBudgetExceeded
from llm.wrappers.wrapper import ModelWrapper


class Ledger(Protocol):
    """Where what was spent is written down, for all replicas."""

    async def usage_of(self, tenant: str, user: str, at: datetime) -> Mapping[tuple[BudgetScope, Period], SpentSoFar]:
        """In the day and the month of that moment (UTC)."""
        ...


class BudgetChecker:
    """Says no before a call is made; a call under way is never cut for money."""

    def __init__(self, *, run_budget: Budget, budgets: Budgets, ledger: Ledger | None) -> None:
        self._run = run_budget
        self._allowances = {key: budget for key, budget in budgets.items() if budget.is_limited}
        self._books = ledger

    async def check(self, context: CallContext) -> None:
        """Raises `RunLimit` or `BudgetExhausted`."""
        if context.meter is not None and self._run.is_exhausted(SpentSoFar(context.meter.tokens, context.meter.cost)):
            raise RunBudgetExceeded("This run has used up its budget.")
        if not self._allowances or self._books is None:
            return
        now = datetime.now(UTC)
        spent = await self._books.usage_of(context.tenant, context.user, now)
        for (who, period), budget in self._allowances.items():
            if budget.is_exhausted(spent.get((who, period), SpentSoFar())):
                whose = "You have" if who == "user" else "Your organisation has"
                raise BudgetExhausted(
                    f"{whose} used up the budget for the {period}.", retry_after=_until_next(period, now)
                )


def _until_next(period: Period, now: datetime) -> float:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    following = midnight + timedelta(days=1)
    if period == "month":
        following = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (following - now).total_seconds()


class BudgetModel(ModelWrapper):
    """A model that is called only while there is something left to spend."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    checker: BudgetChecker

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        await self.checker.check(call_context())
        async with aclosing(self.inner._astream(messages, stop, **kwargs)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        await self.checker.check(call_context())
        return await self.inner._agenerate(messages, stop, **kwargs)
