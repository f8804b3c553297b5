"""Drives one run from its first event to its last."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import takewhile
from time import monotonic, perf_counter
from typing import Any, Literal

from ag_ui.core import (
    PROTOCOL_VERSION,
    BaseEvent,
    RunAgentInput,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunStartedEvent,
)
from langchain_core.messages import AIMessage, BaseMessage

from agents.base import AgentRuntime, GraphInput, StepLimitExceeded
from agents.events import AgentEvent, GraphStopped
from artifacts.workspace import RunWorkspace
from backend.runs.follow_up import FollowUp
from backend.runs.rebuild import rebuild_state
from backend.runs.translator import Translator
from graphs.quality.reviewer import DefaultReviewMode, Reviewer
from graphs.quality.subgraph import prompt_of
from llm.context import CallContext, use_call_context
from llm.errors import ModelError
from llm.factory import ModelChain
from llm.meter import Meter, UsageTotal
from observability.logs import bound_context, get_logger, pseudonym
from observability.metrics import Metrics
from observability.tracing import (
    Span,
    SpanRef,
    TraceSubject,
    Tracing,
    current,
    enter_span,
    leave_span,
    start_span,
    trace_run,
    traceparent,
)
from storage.caller import Caller
from storage.database import StorageFailed
from storage.event_log import EventLog
from storage.retry import wait_for_storage
from storage.runs import Idempotency, Outcome, RunRecord, Runs
from storage.serializer import UnserializableState

_log = get_logger(__name__)


# What becomes of a run when the last of the readers that came by POST has gone; seconds are a grace to come back in.
OnDisconnect = Literal["cancel", "continue"] | float
# What becomes of a message for a thread that has a run already: the names are those of LangGraph's platform.
MultitaskStrategy = Literal["reject", "enqueue", "interrupt", "rollback"]


@dataclass(frozen=True, slots=True)
class ModelSelection:
    """Which models are to answer: one by its name, a profile, or what the agent says; and whether it is read."""

    model: str | None = None
    profile: str | None = None
    review_mode: DefaultReviewMode = "off"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a request asks to be run, once it has been found good. `thread` and `run` are the client's ids."""

    caller: Caller
    thread: str
    run: str
    parent_run: str | None
    agent: AgentRuntime
    graph_input: GraphInput
    # What the turn was made of, exactly as it came.
    input: RunAgentInput
    models: ModelChain | None
    selection: ModelSelection
    # The whole of what was asked, as a digest.
    digest: str | None = None
    idempotency: Idempotency | None = None
    reviewer: Reviewer | None = None
    # The span that it was asked in.
    parent_span: SpanRef | None = None
    on_disconnect: OnDisconnect = "cancel"
    multitask_strategy: MultitaskStrategy = "interrupt"


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ends, and the events that say so. They are held back until its thread is free for the next run."""

    outcome: Outcome
    events: Sequence[BaseEvent]
    code: str | None = None


# `left` is for the next process to go on with; `lost` is what another drives already.
StopReason = Literal["cancelled", "stalled", "lost", "left"]

# Seconds between tries to write down that a run has ended: before its readers are told, who wait no longer than that,
# and after.
_END_RETRY_DELAYS = (0.1, 0.5, 2.0)
_END_EVENTS_TIMEOUT_SECONDS = 5.0
_END_RETRY_SECONDS = 5.0

_STALLED_MESSAGE = "The agent did nothing for too long. Please try again."
_NOT_SAVED_MESSAGE = "The answer could not be saved. Please try again in a moment."

_NOT_STORABLE = "The agent's state cannot be stored: it holds {}."
_INTERNAL_MESSAGE = "Something went wrong while answering. Please try again."
_STEP_LIMIT_MESSAGE = "The agent reached its step limit without finishing."


class Execution:
    """One run in its own task, so that it neither dies with a reader nor goes on without anybody wanting it."""

    def __init__(
        self,
        request: RunRequest,
        record: RunRecord,
        *,
        log: EventLog,
        runs: Runs,
        metrics: Metrics,
        follow_up: FollowUp,
        workspace: RunWorkspace,
        tracing: Tracing,
        parent_span: SpanRef | None = None,
        wait_in_queue: Callable[[], Awaitable[None]] | None = None,
        on_begin: bool = False,
        storage_timeout: float = 0.0,
    ) -> None:
        self._wait_in_queue = wait_in_queue
        self._storage_timeout = storage_timeout
        self._house = follow_up
        self._desk = workspace
        self._tracing = tracing
        # The span of the request that asked for this run, if it comes from one.
        self._above = parent_span
        # The thread as a run that went well has left it.
        self.left: Sequence[BaseMessage] = ()
        self._asked = request
        self._record = record
        self._log = log
        self._runs = runs
        self._metrics = metrics
        self._meter = Meter()
        self._translator = Translator(thread=request.thread, run=request.run, meter=self._meter)
        self._began = perf_counter()
        self._first_token_noted = False
        self._stopped: StopReason = "cancelled"
        self._settling = False
        # Its readers know its end, and the database does not yet.
        self._owes_its_end = False
        self._retry_end = asyncio.Event()
        self._progress_at: float | None = None
        self._driving = False
        self._stop_asked = False
        self._half_said: Sequence[AIMessage] = ()
        # Whether the log says already that the run has started: another process may have begun it.
        self._begun = on_begin

    @property
    def idle_seconds(self) -> float:
        """How long nothing has come of the agent; 0 while that is nobody's to wait for."""
        return 0.0 if self._progress_at is None else monotonic() - self._progress_at

    def stop(self, task: asyncio.Task[None], reason: StopReason) -> None:
        # Once its end is being written there is nothing left to stop.
        if task.done() or (self._settling and not self._owes_its_end):
            return
        if self._owes_its_end and reason == "cancelled":
            # It has ended for all who read it. Whoever asks has reached the database perhaps.
            self._retry_end.set()
            return
        self._stopped, self._stop_asked = reason, True
        if self._driving:
            # A task that is cancelled before its first step never takes it, and nothing would be said of its end.
            task.cancel()

    async def drive(self) -> None:
        request = self._asked
        context = CallContext(request.caller.tenant, request.caller.user, self._record.id, self._meter)
        agent = request.agent.agent.id
        subject = TraceSubject(request.caller.tenant, request.caller.user, request.thread, request.run, agent)
        with (
            bound_context(
                run_id=request.run,
                thread_id=request.thread,
                agent_id=agent,
                tenant=request.caller.tenant,
                user=pseudonym(request.caller.tenant, request.caller.user),
            ),
            use_call_context(context),
            trace_run(self._tracing, subject, f"run {agent}", "run", self._above) as span,
        ):
            span.set_attribute("langfuse.trace.name", agent)
            span.set_text("input", prompt_of(request.graph_input.messages))
            _log.info("run_started", model=str(request.models.info.spec) if request.models else None)
            self._driving = True
            with wait_for_storage(self._storage_timeout):
                outcome = self._stopped_events() if self._stop_asked else await self._outcome()
            self._progress_at = None
            self._mark_span(span, outcome)
            self._settling = True
            if self._stop_asked and self._stopped == "lost":
                # Another process drives it now: the thread and the row are its.
                await self._log.end(self._record.id)
                _log.warning("run_lost")
            elif self._stop_asked and self._stopped == "left":
                _log.info("run_released")
            else:
                await self._write_end(outcome)

    def _mark_span(self, span: Span, outcome: RunOutcome) -> None:
        span.set_attributes(outcome=outcome.outcome)
        span.set_text("output", self._translator.messages)
        if outcome.code is not None:
            span.fail(outcome.code)
        if (cost := (self._translator.cost or {}).get("costUsd")) is not None:
            span.set_attributes(cost_usd=cost)

    async def _outcome(self) -> RunOutcome:  # noqa: PLR0911  # one flat table
        """The one broad `except` of runs: whatever goes wrong in an agent ends its run, in words, and only that."""
        try:
            if self._wait_in_queue is not None:
                await self._wait_in_queue()
            if not self._begun:
                await self._begin()
            return await self._run_events()
        except asyncio.CancelledError:
            self._half_said = self._translator.unfinished
            return self._stopped_events()
        except ModelError as error:
            _log.warning("run_failed", code=error.code, provider=error.provider, model=error.model)
            return self._failure_outcome(str(error), error.code, retry_after=error.retry_after)
        except StepLimitExceeded:
            _log.warning("run_failed", code="step_limit")
            return self._failure_outcome(_STEP_LIMIT_MESSAGE, "step_limit")
        except UnserializableState as error:
            _log.error("run_failed", code="unserializable_state", error=str(error))
            return self._failure_outcome(_NOT_STORABLE.format(error.type_name), "unserializable_state")
        except StorageFailed as error:
            _log.error("run_failed", code="storage_unavailable", error=str(error))
            self._half_said = await self._partial_messages()
            return self._failure_outcome(_NOT_SAVED_MESSAGE, "storage_unavailable")
        except Exception as error:
            _log.error("run_failed", code="internal", exc_info=error)
            return self._failure_outcome(_INTERNAL_MESSAGE, "internal")

    async def _partial_messages(self) -> Sequence[AIMessage]:
        """The answers that its readers have heard, as far as they are text; some of it may be committed."""
        _, events = await self._log.rebuild(self._record.id)
        heard = {event["messageId"] for event in events if event["type"] == "TEXT_MESSAGE_START"}
        return [
            AIMessage(message["content"], id=message["id"])
            for message in rebuild_state(events).messages
            if message["id"] in heard and message.get("content") and not message.get("toolCalls")
        ]

    async def _begin(self) -> None:
        request = self._asked
        self._begun = True
        started = RunStartedEvent(
            thread_id=request.thread,
            run_id=request.run,
            parent_run_id=request.parent_run,
            protocol_version=PROTOCOL_VERSION,
            metadata={"traceparent": parent} if (parent := traceparent()) else None,
        )
        await self._append_events([started])

    async def _run_events(self) -> RunOutcome:
        self._progress_at = monotonic()
        async with aclosing(self._agent_events()) as facts:
            async for fact in facts:
                self._progress_at = monotonic()
                events = list(self._translator.feed(fact))
                if isinstance(fact, GraphStopped):
                    self.left = fact.messages if not fact.interrupts else ()
                    return RunOutcome("interrupt" if fact.interrupts else "success", events)
                await self._append_events(events)
                self._note_first_token()
        raise AssertionError("a run ends with Halted")

    def _agent_events(self) -> AsyncGenerator[AgentEvent]:
        request = self._asked
        record = self._record
        return self._trace_events(
            request.agent.run(
                record.thread,
                request.graph_input,
                request.models,
                self._desk,
                request.reviewer,
                run=record.id,
                traceparent=None if current() is None else traceparent(),
            )
        )

    async def _trace_events(self, facts: AsyncGenerator[AgentEvent]) -> AsyncGenerator[AgentEvent]:
        """Beneath a span of the agent's own."""
        async with aclosing(facts):
            opened = start_span(self._asked.agent.agent.id, "agent")
            before = enter_span(opened) if opened is not None else None
            try:
                async for fact in facts:
                    yield fact
            finally:
                leave_span(before)
                if opened is not None:
                    opened.end()

    def _note_first_token(self) -> None:
        if self._translator.spoke and not self._first_token_noted:
            self._first_token_noted = True
            seconds = perf_counter() - self._began
            self._metrics.run_time_to_first_token_seconds.labels(self._asked.agent.agent.id).observe(seconds)

    async def _append_events(self, events: Sequence[BaseEvent]) -> None:
        if events:
            told = [event.model_dump(mode="json", by_alias=True) for event in events]
            await self._log.append(self._record.id, told)

    def _stopped_events(self) -> RunOutcome:
        if self._stopped != "cancelled":
            # What is left, or lost, says nothing of its end: somebody else goes on with it.
            return self._failure_outcome(_STALLED_MESSAGE, "run_stalled")
        request = self._asked
        finished = RunFinishedEvent(
            thread_id=request.thread,
            run_id=request.run,
            outcome=RunFinishedCancelledOutcome(),
            usage=list(self._translator.usage) or None,
            metadata=self._translator.cost,
        )
        return RunOutcome("cancelled", [*self._translator.close(), finished])

    def _failure_outcome(self, message: str, code: str, *, retry_after: float | None = None) -> RunOutcome:
        told = {} if retry_after is None else {"retryAfter": math.ceil(retry_after)}
        failed = RunErrorEvent(
            message=message,
            code=code,
            usage=list(self._translator.usage) or None,
            metadata={**told, **(self._translator.cost or {})} or None,
        )
        return RunOutcome("error", [*self._translator.close(), failed], code)

    async def _write_end(self, outcome: RunOutcome) -> None:
        """The thread is free before the readers hear the end: whoever hears it may speak again at once."""
        usage = self._usage()
        if not self._begun:
            # It was stopped while it waited for its turn: a run that ends has begun.
            await self._begin()
        until = monotonic() + _END_EVENTS_TIMEOUT_SECONDS
        for wait in (*_END_RETRY_DELAYS, 0.0):
            self._owes_its_end = not await self._is_end_written(outcome, usage)
            if not self._owes_its_end or monotonic() + wait > until:
                break
            await asyncio.sleep(wait)
        await self._append_events(outcome.events)
        await self._log.end(self._record.id)
        self._count(outcome)
        _log.info("run_ended", outcome=outcome.outcome, code=outcome.code, usage=usage)
        await self._retry_write_end(outcome, usage)

    async def _retry_write_end(self, outcome: RunOutcome, usage: Sequence[Mapping[str, Any]]) -> None:
        """Writes the end of a run down once the database is back, or leaves it to whoever recovers the run."""
        try:
            while self._owes_its_end:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_END_RETRY_SECONDS):
                        await self._retry_end.wait()
                self._retry_end.clear()
                self._owes_its_end = not await self._is_end_written(outcome, usage)
        except asyncio.CancelledError:
            if not await self._is_end_written(outcome, usage):
                _log.warning("run_end_write_failed")

    async def _is_end_written(self, outcome: RunOutcome, usage: Sequence[Mapping[str, Any]]) -> bool:
        caller, record = self._asked.caller, self._record
        try:
            await self._save_partial_answer()
            await self._house.prune(record)
            await self._runs.end(
                caller,
                record,
                outcome.outcome,
                error_code=outcome.code,
                usage=usage,
                model=self._model(),
                messages=await self._answers(),
            )
        except StorageFailed as error:
            _log.warning("run_end_failed", error=str(error))
            return False
        return True

    async def _answers(self) -> Collection[str]:
        """The ids of the messages it answered with, those of a process that drove it before included."""
        if not self._asked.graph_input.is_recovery:
            return self._translator.answers
        _, events = await self._log.rebuild(self._record.id)
        newest = takewhile(lambda message: message["role"] != "user", reversed(rebuild_state(events).messages))
        before = (message["id"] for message in newest if message["role"] == "assistant")
        return {*self._translator.answers, *before}

    async def _save_partial_answer(self) -> None:
        if self._half_said:
            try:
                await self._asked.agent.save_messages(self._record.thread, self._half_said, run=self._record.id)
            except StorageFailed:
                raise
            except Exception as error:
                # Somebody else's graph may not let itself be told; the run ends all the same.
                _log.warning("partial_answer_not_saved", error=str(error))
            self._half_said = ()

    def _model(self) -> str | None:
        """The model that answered in the end, which need not be the first of the list."""
        return str(answered) if (answered := self._meter.answered_model) else None

    def _usage(self) -> list[dict[str, Any]]:
        """As the protocol has it, with what each model cost; an unknown cost is null."""
        totals = {(spec.provider, spec.name): total for spec, total in self._meter.totals.items()}
        told = []
        for usage in self._translator.usage:
            total = totals.get((usage.provider or "", usage.model or ""), UsageTotal(cost=None))
            cost = None if total.cost is None else str(total.cost)
            counts = usage.model_dump(mode="json", by_alias=True, exclude_none=True)
            told.append({**counts, "costUsd": cost, "estimated": total.estimated})
        return told

    def _count(self, outcome: RunOutcome) -> None:
        agent_id = self._asked.agent.agent.id
        self._metrics.runs.labels(agent_id, outcome.outcome).inc()
        if outcome.code:
            self._metrics.agent_errors.labels(agent_id, outcome.code).inc()
