"""Spans, and where they go."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from observability import exporters
from observability.exporters import ExportFailed, SpanSender
from observability.redaction import redact
from observability.tracing import (
    Message,
    SpanBuffer,
    TraceSubject,
    Tracing,
    accept_request,
    add_event,
    current,
    enter_span,
    is_calling_model,
    keep_span,
    leave_span,
    read_incoming,
    read_traceparent,
    record_span,
    start_span,
    trace_headers,
    trace_run,
    traceparent,
    use_span,
)
from tests.waiting import LIMIT_SECONDS, wait_until

ANN = TraceSubject("acme", "ann", "t", "r", "chat")


class Recorder(SpanExporter):
    """Does with each batch what it is told to."""

    def __init__(self, how: Callable[[], SpanExportResult] = lambda: SpanExportResult.SUCCESS) -> None:
        self.how = how
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        answer = self.how()
        if answer is SpanExportResult.SUCCESS:
            self.spans += spans
        return answer


def _tracing(kept: SpanBuffer, noticed: Counter[str] | None = None, *, redact: Callable[[str], str] = str) -> Tracing:
    noticed = noticed if noticed is not None else Counter()
    return Tracing([kept], redact=redact, environment="test", on_event=lambda what: noticed.update([what]))


@pytest.fixture
def dropped() -> Counter[str]:
    return Counter()


@pytest.fixture
def kept(dropped: Counter[str]) -> SpanBuffer:
    return SpanBuffer(100_000, lambda count: dropped.update({"dropped": count}))


def test_where_nobody_traces_nothing_is_opened() -> None:
    with use_span("a", "node") as opened:
        assert opened is None
    assert start_span("a", "node") is None
    assert record_span("a", "attempt", 1.0) is None
    assert (current(), traceparent()) == (None, None)
    add_event("cache answers", "cache", found="hit")


def test_spans_are_a_tree_that_says_for_whom(kept: SpanBuffer) -> None:
    with trace_run(_tracing(kept), ANN, "run", "run"):
        with use_span("node", "node"):
            attempt = record_span("attempt", "attempt", 0.5)
            assert attempt is not None
            attempt.end()
        with use_span("other", "node"):
            pass
    by_name = {record.name: record for record in kept.take(10)}
    run, node, attempt_, other = (by_name[name] for name in ("run", "node", "attempt", "other"))
    assert (run.parent_id, node.parent_id, attempt_.parent_id, other.parent_id) == (None, run.id, node.id, run.id)
    assert {record.subject for record in by_name.values()} == {ANN}
    assert attempt_.ended_ns - attempt_.started_ns >= 500_000_000
    assert (run.kind, attempt_.kind, run.error) == ("run", "attempt", None)


def test_what_is_entered_and_left_elsewhere_is_left_here(kept: SpanBuffer) -> None:
    with trace_run(_tracing(kept), ANN, "run", "run"):
        inside = current()
        with keep_span():
            opened = start_span("node", "node")
            assert opened is not None
            before = enter_span(opened)
            assert current() == opened.context
        assert current() == inside
        enter_span(opened)
        leave_span(before)
        assert current() == inside


def test_what_is_written_while_a_model_speaks_stands_beside_it(kept: SpanBuffer) -> None:
    with trace_run(_tracing(kept), ANN, "run", "run") as run:
        model = start_span("model", "model")
        assert model is not None
        before = enter_span(model, run.context)
        with use_span("write", "artifact"):
            pass
        add_event("cache exact", "cache", found="miss")
        node = start_span("node", "node", run.context)
        assert node is not None
        around = enter_span(node)
        with use_span("write within", "artifact"):
            pass
        leave_span(around)
        leave_span(before)
        with use_span("write after", "artifact"):
            pass
    parents = {record.name: record.parent_id for record in kept.take(10)}
    ids = {name: f"{opened.context.span_id:016x}" for name, opened in (("run", run), ("model", model), ("node", node))}
    assert parents["write"] == parents["write after"] == ids["run"]
    assert (parents["cache exact"], parents["write within"]) == (ids["model"], ids["node"])


def test_without_content_a_failure_says_its_code_and_no_more(kept: SpanBuffer) -> None:
    by = Tracing([kept], redact=str, capture_content=False)
    with pytest.raises(ValueError, match="what was asked"), trace_run(by, ANN, "run", "run"):
        raise ValueError("what was asked")
    (record,) = kept.take(1)
    assert (record.error, "what was asked" in str(record)) == ("ValueError", False)


def test_a_redactor_that_failed_once_is_asked_again(kept: SpanBuffer) -> None:
    noticed, answers = Counter[str](), iter([MemoryError, None])

    def redact(text: str) -> str:
        if error := next(answers):
            raise error
        return text.upper()

    by = _tracing(kept, noticed, redact=redact)
    assert by.redact("hello") == "[not redacted, and so not kept]"
    assert [by.redact("hello") for _ in range(2)] == ["HELLO", "HELLO"]
    assert noticed["closed"] == 1


def test_of_a_long_conversation_the_newest_is_told(kept: SpanBuffer) -> None:
    with trace_run(_tracing(kept), ANN, "run", "run") as opened:
        opened.set_messages("input", [Message("human", f"{at}:" + "x" * 9_990) for at in range(20)])
    (record,) = kept.take(1)
    told = json.loads(record.attributes["langfuse.observation.input"])
    assert told[0] == {"role": "note", "content": "… [14 earlier messages are cut]"}
    assert [message["content"][:3] for message in told[1:]] == [f"{at}:" for at in range(14, 20)]


@pytest.mark.parametrize(("dollars", "told"), [(0.25, '{"total": 0.75}'), (None, None)])
def test_what_the_attempts_of_a_call_took_is_told_once(
    kept: SpanBuffer, dollars: float | None, told: str | None
) -> None:
    with trace_run(_tracing(kept), ANN, "run", "run") as run:
        assert is_calling_model() is None
        model = start_span("model", "model")
        assert model is not None
        before = enter_span(model, run.context)
        for cost in (0.5, dollars):
            call = is_calling_model()
            assert call is not None
            call.set_usage({"input": 3, "input_cached_tokens": 2, "output": 1}, cost)
        leave_span(before)
        assert is_calling_model() is None
        model.end()
        # Too late, and harmless.
        model.set_usage({"input": 1}, 1.0)
    (record,) = [record for record in kept.take(10) if record.name == "model"]
    usage = json.loads(record.attributes["langfuse.observation.usage_details"])
    assert usage == {"input": 6, "input_cached_tokens": 4, "output": 2, "total": 12}
    assert record.attributes["gen_ai.usage.input_tokens"] == 10
    assert record.attributes.get("langfuse.observation.cost_details") == told


def test_what_fails_is_told_with_its_code_and_a_scrubbed_message(kept: SpanBuffer) -> None:
    class Broke(Exception):
        code = "it_broke"

    by = _tracing(kept, redact=lambda text: text.replace("secret", "[secret]"))
    with pytest.raises(Broke), trace_run(by, ANN, "run", "run"):
        raise Broke("the secret is out")
    (record,) = kept.take(1)
    assert (record.error, record.attributes["langfuse.observation.status_message"]) == (
        "it_broke",
        "the [secret] is out",
    )


def test_a_value_that_is_too_long_is_cut_marked_and_counted(kept: SpanBuffer) -> None:
    noticed = Counter[str]()
    with trace_run(_tracing(kept, noticed), ANN, "run", "run") as opened:
        opened.set_text("input", "x" * 1_000_000)
    (record,) = kept.take(1)
    told = record.attributes["langfuse.observation.input"]
    assert (len(told) < 70_000, told.endswith("… [cut]"), noticed["cut"]) == (True, True, 1)


def test_a_redactor_that_fails_lets_nothing_through(kept: SpanBuffer) -> None:
    def broken(text: str) -> str:
        raise ValueError(text)

    noticed = Counter[str]()
    with trace_run(_tracing(kept, noticed, redact=broken), ANN, "run", "run") as opened:
        opened.set_text("input", "a secret")
    assert "secret" not in str(kept.take(1)[0].attributes["langfuse.observation.input"])
    assert noticed["closed"] == 1


def test_a_burst_is_kept_whole_and_what_cannot_be_written_is_taken_again(
    kept: SpanBuffer, dropped: Counter[str]
) -> None:
    with trace_run(_tracing(kept), ANN, "run", "run"):
        for at in range(5000):
            with use_span(f"{at}", "node"):
                pass
    first = kept.take(1000)
    kept.give_back(first)
    assert [record.name for record in kept.take(10_000)] == [*(f"{at}" for at in range(5000)), "run"]
    assert dropped["dropped"] == 0


def test_past_its_bound_the_list_counts_what_it_drops(dropped: Counter[str]) -> None:
    kept = SpanBuffer(10, lambda count: dropped.update({"dropped": count}))
    with trace_run(_tracing(kept), ANN, "run", "run"):
        for at in range(20):
            with use_span(f"{at}", "node"):
                pass
    assert (len(kept), dropped["dropped"]) == (10, 11)


def test_a_share_of_runs_is_traced_whole_or_not_at_all() -> None:
    kept = SpanBuffer(100_000, lambda count: None)
    by = Tracing([kept], redact=str, sample_rate=0.25)
    for at in range(400):
        with trace_run(by, TraceSubject("acme", "ann", "t", f"r{at}"), "run", "run"), use_span("node", "node"):
            pass
    runs = Counter(record.subject.run for record in kept.take(10_000))
    assert set(runs.values()) == {2}
    assert 60 < len(runs) < 140


@pytest.fixture
def outlet(dropped: Counter[str]) -> Iterator[Callable[[SpanExporter], SpanSender]]:
    made = list[SpanSender]()

    def make(exporter: SpanExporter, max_spans: int = 1000) -> SpanSender:
        made.append(
            SpanSender(
                "test", exporter, lambda what, count: dropped.update({what: count}), max_spans=max_spans, interval=0.02
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.shutdown(0.5)


def _many(sender: SpanSender, count: int) -> None:
    by = Tracing([sender], redact=str)
    with trace_run(by, ANN, "run", "run"):
        for at in range(count - 1):
            with use_span(f"{at}", "node"):
                pass


def test_an_outlet_sends_all_and_once(outlet: Callable[..., SpanSender], dropped: Counter[str]) -> None:
    exporter = Recorder()
    made = outlet(exporter, max_spans=6000)
    _many(made, 5000)
    assert made.flush(LIMIT_SECONDS)
    assert (len(exporter.spans), len({each.name for each in exporter.spans})) == (5000, 5000)
    assert (dropped["exported"], dropped["dropped"], made.failing) == (5000, 0, False)


def test_an_outlet_that_fails_holds_what_it_can_and_recovers_by_itself(
    outlet: Callable[..., SpanSender], dropped: Counter[str]
) -> None:
    exporter = Recorder(lambda: SpanExportResult.FAILURE)
    made = outlet(exporter, max_spans=100)
    _many(made, 300)
    wait_until(lambda: made.failing)
    assert (made.failing, dropped["dropped"]) == (True, 200)
    exporter.how = lambda: SpanExportResult.SUCCESS
    wait_until(lambda: not made.failing and len(exporter.spans) == 100)
    assert (len(exporter.spans), made.failing) == (100, False)


def test_one_span_that_is_never_taken_does_not_hold_the_others_up(
    outlet: Callable[..., SpanSender], dropped: Counter[str]
) -> None:
    class Picky(Recorder):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            if any(each.name == "7" for each in spans):
                return SpanExportResult.FAILURE
            return super().export(spans)

    exporter = Picky()
    made = outlet(exporter)
    made.again = 0.001
    _many(made, 20)
    wait_until(lambda: len(exporter.spans) == 19 and dropped["dropped"])
    assert {each.name for each in exporter.spans} == {*(f"{at}" for at in range(19) if at != 7), "run"}
    assert dropped["dropped"] == 1


def test_an_outlet_that_hangs_or_breaks_holds_nobody_up(
    outlet: Callable[..., SpanSender], dropped: Counter[str]
) -> None:
    released, over = threading.Event(), threading.Event()

    def hangs() -> SpanExportResult:
        released.wait()
        over.set()
        raise OSError("gone")

    made = outlet(Recorder(hangs), max_spans=50)
    _many(made, 200)
    made.shutdown(0.2)
    assert not over.is_set()
    assert dropped["dropped"] >= 150
    released.set()


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
    ],
)
def test_what_is_no_traceparent_is_none(given: str | None) -> None:
    assert read_traceparent(given) is None
    with read_incoming(given) as incoming:
        assert incoming.parent is None


def test_a_trace_is_told_as_it_came(kept: SpanBuffer) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with trace_run(_tracing(kept), ANN, "run", "run", read_traceparent(given)):
        told = traceparent()
    (record,) = kept.take(1)
    assert told is not None
    assert told.split("-")[1:3] == [record.trace_id, record.id]
    assert (record.trace_id, record.parent_id) == (given.split("-")[1], given.split("-")[2])


GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"


def test_a_trace_that_its_caller_does_not_record_is_only_passed_on(kept: SpanBuffer) -> None:
    by = _tracing(kept)
    with read_incoming(f"{GIVEN}-00", "vendor=1"):
        above = accept_request(by, ANN, "ask")
        with trace_run(by, ANN, "run", "run", above), use_span("node", "node"):
            assert trace_headers() == {"traceparent": f"{GIVEN}-00", "tracestate": "vendor=1"}
    assert trace_headers() == {}
    assert len(kept) == 0


def test_a_trace_that_its_caller_records_is_recorded_whatever_the_share(kept: SpanBuffer) -> None:
    by = Tracing([kept], redact=str, sample_rate=0.0)
    with read_incoming(f"{GIVEN}-01"), trace_run(by, ANN, "run", "run", accept_request(by, ANN, "ask")):
        pass
    assert [record.name for record in kept.take(5)] == ["run", "ask"]


@pytest.mark.parametrize(
    ("state", "passed"),
    [("a=1,b=2", "a=1,b=2"), ("", None), ("no state at all", None), (f"a={'x' * 600}", None), ("a=1\nb", None)],
)
def test_what_other_vendors_say_of_a_trace_goes_along(kept: SpanBuffer, state: str, passed: str | None) -> None:
    exporter = Recorder()
    sender = SpanSender("test", exporter, lambda what, count: None, interval=0.02)
    with trace_run(Tracing([sender], redact=str), ANN, "run", "run", read_traceparent(f"{GIVEN}-01", state)):
        assert trace_headers().get("tracestate") == passed
    assert sender.flush(LIMIT_SECONDS)
    sender.shutdown()
    (sent,) = exporter.spans
    assert sent.context.trace_state.to_header() == (passed or "")


def test_why_an_exporter_fails_is_logged_once_for_each_reason(
    outlet: Callable[..., SpanSender], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = list[tuple[str, str]]()
    log = SimpleNamespace(
        warning=lambda event, **fields: lines.append((event, fields["reason"])),
        info=lambda event, **fields: lines.append((event, fields["exporter"])),
    )
    monkeypatch.setattr(exporters, "_log", log)
    reasons = iter(["status 401: wrong key"] * 3 + ["ConnectError: refused"] * 2)

    def fail() -> SpanExportResult:
        if (reason := next(reasons, None)) is not None:
            raise ExportFailed(reason)
        return SpanExportResult.SUCCESS

    made = outlet(Recorder(fail))
    made.again = 0.001
    _many(made, 40)
    wait_until(lambda: len(lines) == 3)
    assert lines == [
        ("span_export_failed", "status 401: wrong key"),
        ("span_export_failed", "ConnectError: refused"),
        ("span_export_recovered", "test"),
    ]


def test_a_state_is_told_by_its_keys_redacted_and_as_far_as_there_is_room(kept: SpanBuffer) -> None:
    noticed = Counter[str]()
    by = _tracing(kept, noticed, redact=redact)
    asked = [Message("user", "Mail ann.miller@nordwind-handel.de"), Message("assistant", "Done.")]
    with trace_run(by, ANN, "node", "node") as opened:
        opened.set_state("input", {"messages": asked, "password": "kx81-Lmq9-77zR-pw2", "count": 3, "card": None})
        opened.set_state("output", {"first": "x" * 70_000, "second": 1})
    (record,) = kept.take(9)
    told = json.loads(record.attributes["langfuse.observation.input"])
    assert told["messages"] == [
        {"role": "user", "content": "Mail [email]"},
        {"role": "assistant", "content": "Done."},
    ]
    assert "kx81" not in record.attributes["langfuse.observation.input"]
    assert (told["count"], told["card"]) == (3, None)
    output = record.attributes["langfuse.observation.output"]
    assert len(output) < 70_000
    assert json.loads(output)["…"] == "[1 more keys are cut]"
    assert noticed["cut"] == 2


def test_without_content_no_state_is_told_and_none_is_read(kept: SpanBuffer) -> None:
    by = Tracing([kept], redact=str, capture_content=False)
    with trace_run(by, ANN, "node", "node") as opened:
        opened.set_state("input", {"secret": object()})
        opened.put_json("gen_ai.tool.definitions", [{"name": "secret"}])
    (record,) = kept.take(9)
    assert "secret" not in json.dumps(dict(record.attributes))


def test_a_request_that_breaks_after_it_was_accepted_is_an_error_with_its_status(kept: SpanBuffer) -> None:
    with read_incoming(None, attributes={"http.request.method": "POST", "url.path": "/api"}) as incoming:
        above = accept_request(_tracing(kept), ANN, "ask chat", "Hello")
        assert len(kept) == 0
        incoming.end(503, "/api")
        incoming.end(200, "/api")
    (record,) = kept.take(9)
    assert above is not None
    assert (record.id, record.error) == (f"{above.span_id:016x}", "503")
    assert record.attributes["http.response.status_code"] == 503
    assert record.attributes["langfuse.observation.input"] == "Hello"


def test_half_a_character_does_not_keep_a_span_from_being_sent(kept: SpanBuffer) -> None:
    with trace_run(_tracing(kept), ANN, "node", "node") as opened:
        opened.set_state("input", {"messages": [Message("user", "a \ud800 b")], "odd": "c \udfff d"})
    (record,) = kept.take(9)
    told = json.loads(record.attributes["langfuse.observation.input"].encode())
    assert (told["messages"][0]["content"], told["odd"]) == ("a ? b", "c ? d")
