"""On whose behalf a model is called. Whoever drives a run says it once; the layers that keep people apart read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from llm.meter import Meter


@dataclass(frozen=True, slots=True)
class CallContext:
    """`run` is the id of the run within which the call is made, `None` outside of any; `meter` adds up its cost."""

    tenant: str = "local"
    user: str = "local"
    run_id: str | None = None
    meter: Meter | None = None


_CONTEXT: ContextVar[CallContext] = ContextVar("model_call_context", default=CallContext())  # noqa: B039  # frozen


def call_context() -> CallContext:
    return _CONTEXT.get()


@contextmanager
def use_call_context(context: CallContext) -> Iterator[None]:
    """Within it, in this task and in those that it starts, models are called for that person."""
    before = _CONTEXT.set(context)
    try:
        yield
    finally:
        _CONTEXT.reset(before)
