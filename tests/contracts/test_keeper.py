"""Spans on their way to our own store, while their thread is deleted."""

from time import time_ns

from backend.span_writer import SpanWriter
from observability.tracing import SpanBuffer, SpanRecord
from observability.tracing import TraceSubject as On
from storage.caller import Caller
from storage.database import Database
from storage.spans import SpanStore, TraceFilter

ANN = Caller("acme", "ann")


def _span(at: int, *, thread: str = "t") -> SpanRecord:
    subject = On("acme", "ann", thread, f"r{at}", "chat")
    return SpanRecord(f"{at:032x}", f"{at:016x}", None, "run chat", "run", subject, None, time_ns(), time_ns())


async def test_spans_of_a_deleted_thread_that_come_late_are_not_kept(database: Database) -> None:
    spans, kept = SpanStore(database), SpanBuffer(100, lambda count: None)
    keeper = SpanWriter(spans, kept, lambda count: None, settled_seconds=0)
    kept.on_end(_span(1))
    kept.on_end(_span(2, thread="other"))
    keeper.forget(Caller("acme", "ann", frozenset({"*"})), "t")
    await keeper.flush()
    # Another process had one too.
    await spans.write([_span(3)])
    of_a_deleted = SpanRecord(f"{4:032x}", f"{4:016x}", None, "a", "run", On("acme", "ann", "t", "r4"), None, 1, 2)
    await spans.write([of_a_deleted])
    await keeper.flush_settled()
    # A thread of the same name that began after the deletion is another one.
    kept.on_end(_span(5))
    await keeper.flush()
    assert {int(trace.id, 16) for trace in await spans.list_traces(ANN, TraceFilter(10))} == {2, 3, 5}
