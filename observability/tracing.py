"""Spans: what a run did, in a tree. Whoever drives a run says for whom (`tracing`); everything beneath opens spans.

They have OpenTelemetry's ids, times and names, and are its spans for whoever is sent them (`outlets`). Where nobody
traces, opening one costs a look at a context variable and nothing else.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from random import getrandbits, random
from time import time_ns
from typing import Any, Literal, NamedTuple, Protocol, TypeGuard

from opentelemetry.trace import TraceState

SpanKind = Literal[
    "request", "run", "agent", "node", "model", "attempt", "event", "tool", "retriever", "cache", "artifact", "review"
]
Redact = Callable[[str], str]


class SpanRef(NamedTuple):
    """Where a span stands, for whoever opens one beneath it."""

    trace_id: int
    span_id: int
    # Whether its spans are recorded, and what other vendors say of the trace (W3C `tracestate`).
    sampled: bool = True
    state: str = ""


_NO_SPAN = SpanRef(0, 0)

# Characters of one value; a megabyte in a span helps nobody.
_MAX_VALUE_LENGTH = 64_000
_TRUNCATED = "… [cut]"
# Values that are looked up before they are redacted: names and outcomes, the same few in every run, and texts, which
# stand on several spans of a run and in the next one's history. Characters of one, and how many are remembered.
_SHORT, _SHORT_STORED = 48, 1024
_TEXT, _TEXTS_STORED = 16_000, 512
# As much as everybody has to pass on.
_MAX_TRACESTATE_LENGTH = 512
_SERVER_ERROR = 500
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")

# What Langfuse calls each kind.
_OBSERVED_KINDS: Mapping[SpanKind, str] = {
    "request": "span",
    "run": "span",
    "agent": "agent",
    "node": "chain",
    "model": "generation",
    # The call that it was made for is the generation: what was spent is to be counted once.
    "attempt": "span",
    "event": "event",
    "tool": "tool",
    "retriever": "retriever",
    "cache": "span",
    "artifact": "span",
    "review": "evaluator",
}


_INSIDE_CALL_KINDS: frozenset[SpanKind] = frozenset({"artifact", "review"})


@dataclass(frozen=True, slots=True)
class TraceSubject:
    """On whose behalf: said on every span. `session` is the thread as the client knows it."""

    tenant: str
    user: str
    session: str = ""
    run: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said, and the tools that were called with it: `id`, `name` and `args` of each.

    `call` is the id of the call that a tool answers.
    """

    role: str
    text: str
    calls: Sequence[Mapping[str, Any]] = ()
    call: str | None = None


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span that has ended, for whoever keeps it. Times are nanoseconds since 1970.

    `error` is a stable code, or the kind of an exception; `attributes` have OpenTelemetry's and Langfuse's names.
    """

    trace_id: str
    id: str
    parent_id: str | None
    name: str
    kind: SpanKind
    subject: TraceSubject
    error: str | None
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    # W3C `tracestate`.
    state: str = ""


class SpanExporter(Protocol):
    def on_end(self, record: SpanRecord) -> None:
        """In whichever thread the span has ended; nobody waits for more than that it is held."""
        ...

    def shutdown(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Active:
    tracing: "Tracing"
    subject: TraceSubject
    context: SpanRef
    # Around a call of a model: whoever listens does things while it speaks, and they are not the model's.
    span: SpanRef | None = None
    # That call.
    call: "Span | None" = None
    # The run's own, within one.
    run: "Span | None" = None

    def parent_for(self, kind: SpanKind) -> SpanRef:
        return self.span if self.span is not None and kind in _INSIDE_CALL_KINDS else self.context


@dataclass(slots=True)
class Incoming:
    """A request on its way in: when it came, whose trace it belongs to, and its own span once it is accepted.

    `attributes` are those of its span.
    """

    started_at: int
    parent: SpanRef | None
    attributes: Mapping[str, str] = field(default_factory=dict)
    span: "Span | None" = None

    @property
    def span_ref(self) -> SpanRef | None:
        return None if self.span is None else self.span.context

    def end(self, status: int, route: str) -> None:
        """As its answer begins: how long that goes on is its reader's. Said again it changes nothing."""
        if self.span is not None:
            self.span.set_attribute("http.response.status_code", status)
            self.span.set_attribute("http.route", route)
            if status >= _SERVER_ERROR:
                self.span.fail(str(status))
            self.span.end()


_INCOMING: ContextVar[Incoming | None] = ContextVar("request", default=None)
_ACTIVE: ContextVar[_Active | None] = ContextVar("span", default=None)
# A trace that its caller does not record: it is passed on as it came.
_UNSAMPLED: ContextVar[SpanRef | None] = ContextVar("unsampled", default=None)


def token_classes(
    read: int, written: int, *, cached: int = 0, cache_write: int = 0, reasoning: int = 0
) -> Mapping[str, int]:
    """As Langfuse names them, where a class has no token of another. `cached`, `cache_write` and `reasoning` are parts
    of the two totals; parts that are none are not told.
    """
    parts = {
        "input_cached_tokens": cached,
        "input_cache_creation": cache_write,
        "output_reasoning_tokens": reasoning,
    }
    whole = {"input": max(0, read - cached - cache_write), "output": max(0, written - reasoning)}
    return whole | {name: count for name, count in parts.items() if count}


class Span:
    """A span that is open. What is set on it is redacted and cut to size; after its end nothing is."""

    __slots__ = (
        "_dollars",
        "_first",
        "_open",
        "_tokens",
        "_tracing",
        "attributes",
        "began",
        "context",
        "error",
        "kind",
        "name",
        "parent",
        "who",
    )

    def __init__(
        self,
        tracing: "Tracing",
        context: SpanRef,
        parent: SpanRef | None = None,
        *,
        name: str,
        kind: SpanKind,
        subject: TraceSubject,
        began: int | None = None,
    ) -> None:
        self._tracing = tracing
        self._open = context is not _NO_SPAN
        self.context = context
        self.parent = parent
        self.name = name
        self.kind = kind
        self.who = subject
        # In nanoseconds since 1970, as when the first piece of any attempt came.
        self.began = time_ns() if began is None else began
        self._first: int | None = None
        self.error: str | None = None
        self.attributes: dict[str, Any] = {}
        # What a model's call took, all attempts together; dollars, `None` once those of one are not known.
        self._tokens: dict[str, int] = {}
        self._dollars: float | None = 0.0

    def set_attributes(self, **attributes: str | int | float | bool | None) -> None:
        """Names in words: `first_token` becomes `agenkit.first_token`."""
        for name, value in attributes.items():
            self.set_attribute(f"agenkit.{name}", value)

    def set_attribute(self, name: str, value: str | int | float | bool | None) -> None:
        """By an attribute's full name."""
        if value is not None and self._open:
            self.attributes[name] = self._tracing.redact(value) if isinstance(value, str) else value

    def set_text(self, name: Literal["input", "output"], value: object) -> None:
        """What went in or came out, as JSON, where content is captured."""
        if self.captures:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            self.attributes[f"langfuse.observation.{name}"] = self._tracing.redact(text)

    def set_messages(self, name: Literal["input", "output"], messages: Sequence[Message]) -> None:
        """The same of messages. Each is looked at by itself: most were said before, and JSON hides where lines end."""
        if self.captures:
            told = json.dumps(list(map(self._redact_message, self._newest(messages))), ensure_ascii=False)
            self.attributes[f"langfuse.observation.{name}"] = told

    def set_state(self, name: Literal["input", "output"], state: Mapping[str, Any]) -> None:
        """The same of a state's keys, as far as there is room for them; messages under one are looked at as such."""
        if self.captures:
            room, safe = _MAX_VALUE_LENGTH, dict[str, Any]()
            for key, value in state.items():
                if room <= 0:
                    self._tracing.noted("cut")
                    safe["…"] = f"[{len(state) - len(safe)} more keys are cut]"
                    break
                if _are_messages(value):
                    safe[key] = list(map(self._redact_message, self._newest(value, room)))
                    room -= sum(len(each["content"]) for each in safe[key])
                else:
                    # With its key: that may be what tells a secret.
                    text = self._tracing.redact(json.dumps({key: value}, ensure_ascii=False, default=str))
                    safe[key] = _value_of(text, key)
                    room -= len(text)
            self.attributes[f"langfuse.observation.{name}"] = json.dumps(safe, ensure_ascii=False)

    def put_json(self, name: str, value: object) -> None:
        """An attribute that is content, as JSON, where that is captured."""
        if self.captures:
            self.attributes[name] = self._tracing.redact(json.dumps(value, ensure_ascii=False, default=str))

    @property
    def captures(self) -> bool:
        """Whether what goes in and comes out is told."""
        return self._tracing.captures and self._open

    def _newest(self, messages: Sequence[Message], room: int = _MAX_VALUE_LENGTH) -> Sequence[Message]:
        """As many as may be told, without those before."""
        kept = list[Message]()
        for message in reversed(messages):
            room -= len(message.text) + sum(len(str(call)) for call in message.calls)
            if room < 0 and kept:
                self._tracing.noted("cut")
                left = len(messages) - len(kept)
                return [Message("note", f"… [{left} earlier messages are cut]"), *reversed(kept)]
            kept.append(message)
        return messages

    def _redact_message(self, message: Message) -> Mapping[str, Any]:
        safe = self._tracing.redact
        told: dict[str, Any] = {"role": message.role, "content": safe(message.text)}
        if message.call:
            told["tool_call_id"] = message.call
        if message.calls:
            # Arguments stay one text: what names a secret stands beside it.
            arguments = [json.dumps(call["args"], ensure_ascii=False, default=str) for call in message.calls]
            told["tool_calls"] = [
                {
                    "id": call.get("id"),
                    "type": "function",
                    "function": {"name": safe(call["name"]), "arguments": safe(text)},
                }
                for call, text in zip(message.calls, arguments, strict=True)
            ]
        return told

    @property
    def has_usage(self) -> bool:
        return bool(self._tokens)

    def set_usage(self, tokens: Mapping[str, int], dollars: float | None) -> None:
        """Adds to what a model's call took. Classes of tokens as Langfuse names them; they do not overlap."""
        for name, count in tokens.items():
            self._tokens[name] = self._tokens.get(name, 0) + count
        self._dollars = None if dollars is None or self._dollars is None else self._dollars + dollars

    def fail(self, error: str, message: str = "") -> None:
        """`error` is a stable code, or the kind of an exception. A message may repeat what was asked: it is content."""
        if not self._open:
            return
        self.error = error
        self.attributes["error.type"] = error
        self.attributes["langfuse.observation.level"] = "ERROR"
        if message and self.captures:
            self.attributes["langfuse.observation.status_message"] = self._tracing.redact(message)

    def warn(self) -> None:
        """Marks what ended well, but not at once."""
        if self._open and self.error is None:
            self.attributes["langfuse.observation.level"] = "WARNING"

    def end(self, at: int | None = None) -> None:
        """At that time, in nanoseconds since 1970, or now. Said again it changes nothing."""
        if not self._open:
            return
        if self._tokens:
            self._set_usage_attributes()
        self._open = False
        self._tracing.end_span(self, time_ns() if at is None else at)

    def set_first_token_at(self, at: int) -> None:
        """Of several attempts, the first that did counts: that is what whoever listens has heard."""
        self._first = at if self._first is None else min(self._first, at)

    def _set_usage_attributes(self) -> None:
        if self._first is not None:
            self.set_attributes(first_token_seconds=max(0, self._first - self.began) / 1e9)
            began = datetime.fromtimestamp(self._first / 1e9, UTC).isoformat()
            self.attributes["langfuse.observation.completion_start_time"] = began
        read = sum(count for name, count in self._tokens.items() if name.startswith("input"))
        written = sum(count for name, count in self._tokens.items() if name.startswith("output"))
        self.set_attribute("gen_ai.usage.input_tokens", read)
        self.set_attribute("gen_ai.usage.output_tokens", written)
        told = json.dumps({**self._tokens, "total": read + written})
        self.attributes["langfuse.observation.usage_details"] = told
        if self._dollars is not None:
            self.attributes["langfuse.observation.cost_details"] = json.dumps({"total": self._dollars})


def _are_messages(value: object) -> TypeGuard[list[Message]]:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Message) for each in value)


def _value_of(text: str, key: str) -> Any:
    """What JSON that was redacted says under a key; the whole text, where it is JSON no more."""
    try:
        return json.loads(text)[key]
    except (ValueError, KeyError):
        return text


class Tracing:
    """Makes spans, and hands those that have ended to its outlets. `redact` raises: then nothing is said at all."""

    def __init__(
        self,
        exporters: Sequence[SpanExporter],
        *,
        redact: Redact,
        capture_content: bool = True,
        environment: str = "production",
        release: str = "",
        sample_rate: float = 1.0,
        on_event: Callable[[str], None] = lambda what: None,
    ) -> None:
        self.captures = capture_content
        self._share = sample_rate
        self._redact = redact
        self._known_short = lru_cache(_SHORT_STORED)(redact)
        self._known_text = lru_cache(_TEXTS_STORED)(redact)
        self.noted = on_event
        self._stamp = {"langfuse.environment": environment, **({"langfuse.release": release} if release else {})}
        self._outlets = exporters

    def is_sampled(self, run: str, parent: SpanRef | None = None) -> bool:
        """Whether a run is traced: as its parent is, else as one of the share; always the same answer for the same run.
        What is done beside runs has no name of one.
        """
        if parent is not None:
            return parent.sampled
        if not run:
            return random() < self._share  # nosec B311  # no secret is made of it
        return self._share >= 1.0 or int(sha256(run.encode()).hexdigest()[:8], 16) < self._share * 2**32

    def redact(self, text: str) -> str:
        """Redacted, and cut where it is long. A redactor that fails lets nothing through."""
        text = self.truncate(text)
        if not text.isascii():
            # Half of a surrogate pair is no character: no exporter could send it, nor what is sent with it.
            text = text.encode("utf-8", "replace").decode()
        try:
            if len(text) <= _SHORT:
                return self._known_short(text)
            return self._known_text(text) if len(text) <= _TEXT else self._redact(text)
        except Exception:  # noqa: BLE001  # whatever it is, what could not be looked at is not said
            self.noted("closed")
            return "[not redacted, and so not kept]"

    def truncate(self, text: str) -> str:
        if len(text) <= _MAX_VALUE_LENGTH:
            return text
        self.noted("cut")
        return text[:_MAX_VALUE_LENGTH] + _TRUNCATED

    def start_span(
        self, name: str, kind: SpanKind, subject: TraceSubject, parent: SpanRef | None, at: int | None = None
    ) -> "Span":
        trace = getrandbits(128) if parent is None else parent.trace_id  # nosec B311  # no secret is made of it
        within = SpanRef(trace, getrandbits(64), state="" if parent is None else parent.state)  # nosec B311
        return Span(self, within, parent, name=name, kind=kind, subject=subject, began=at)

    def end_span(self, span: "Span", at: int) -> None:
        tags = [each for each in (span.who.agent, "error" if span.error else "") if each]
        record = SpanRecord(
            trace_id=f"{span.context.trace_id:032x}",
            id=f"{span.context.span_id:016x}",
            parent_id=None if span.parent is None else f"{span.parent.span_id:016x}",
            name=span.name,
            kind=span.kind,
            subject=span.who,
            error=span.error,
            started_ns=span.began,
            ended_ns=at,
            attributes={
                "langfuse.observation.type": _OBSERVED_KINDS[span.kind],
                **({"langfuse.trace.tags": tags} if tags else {}),
                **self._stamp,
                **span.attributes,
            },
            state=span.context.state,
        )
        for outlet in self._outlets:
            outlet.on_end(record)

    def shutdown(self) -> None:
        for outlet in self._outlets:
            outlet.shutdown()


@contextmanager
def trace_run(
    tracer: Tracing, subject: TraceSubject, name: str, kind: SpanKind, parent: SpanRef | None = None
) -> Iterator[Span]:
    """A span on somebody's behalf; what is opened within it belongs to it. One beneath a parent goes with it."""
    if not tracer.is_sampled(subject.run, parent):
        token = _UNSAMPLED.set(parent)
        try:
            yield Span(tracer, _NO_SPAN, name=name, kind=kind, subject=subject)
        finally:
            _UNSAMPLED.reset(token)
        return
    opened = tracer.start_span(name, kind, subject, parent)
    above = _ACTIVE.get()
    run = opened if kind == "run" else None if above is None else above.run
    before = _ACTIVE.set(_Active(tracer, subject, opened.context, run=run))
    try:
        yield opened
    except BaseException as error:
        _fail_span(opened, error)
        raise
    finally:
        _ACTIVE.reset(before)
        opened.end()


@contextmanager
def use_span(name: str, kind: SpanKind) -> Iterator[Span | None]:
    """A span beneath the one that is open; `None` where nobody traces. Not for generators: see `begun`."""
    active = _ACTIVE.get()
    if active is None:
        yield None
        return
    with trace_run(active.tracing, active.subject, name, kind, active.parent_for(kind)) as opened:
        yield opened


def start_span(name: str, kind: SpanKind, parent: SpanRef | None = None) -> Span | None:
    """A span that its opener ends, and that nothing belongs to until it is `entered`. It stands beneath the one that is
    open, or beneath `above`.
    """
    active = _ACTIVE.get()
    return None if active is None else active.tracing.start_span(name, kind, active.subject, parent or active.context)


@contextmanager
def keep_span() -> Iterator[None]:
    """Whatever is entered within, and left in a task of somebody else's, is left here too."""
    before = _ACTIVE.get()
    try:
        yield
    finally:
        _ACTIVE.set(before)


def enter_span(opened: Span, around: SpanRef | None = None) -> SpanRef | None:
    """Makes a span the one that others belong to, in this task from here on; what was it before.

    `around` a model's is what its listener's own work belongs to, while it speaks and after.
    """
    active = _ACTIVE.get()
    if active is None:
        return None
    _ACTIVE.set(replace(active, context=opened.context, span=around, call=opened if around else None))
    return active.context


def leave_span(before: SpanRef | None) -> None:
    active = _ACTIVE.get()
    if active is not None and before is not None:
        _ACTIVE.set(replace(active, context=before, span=None, call=None))


def record_span(name: str, kind: SpanKind, seconds: float) -> Span | None:
    """A span of something that took so long and is over now; to be ended at once."""
    active = _ACTIVE.get()
    if active is None:
        return None
    return active.tracing.start_span(
        name, kind, active.subject, active.parent_for(kind), time_ns() - int(seconds * 1e9)
    )


def is_calling_model() -> Span | None:
    """The span of the call of a model within which this is."""
    active = _ACTIVE.get()
    return None if active is None else active.call


def add_event(name: str, kind: SpanKind, **attributes: str) -> None:
    """An event beneath the span that is open, as a span without length."""
    if (opened := record_span(name, kind, 0.0)) is not None:
        opened.set_attributes(**attributes)
        if kind == "event":
            opened.warn()
        opened.end()


def link_interrupted_run(parent: str | None) -> None:
    """Has the span of this run name the one of the run that asked what is answered now, by that run's `traceparent`."""
    active = _ACTIVE.get()
    if active is not None and active.run is not None:
        active.run.set_attributes(interrupted_run=parent)


def traceparent(of: SpanRef | None = None) -> str | None:
    """What tells another service whose work this is (W3C Trace Context)."""
    context = of or _propagated()
    if context is None:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{'01' if context.sampled else '00'}"


def trace_headers() -> Mapping[str, str]:
    """The headers of a request to another service: `traceparent`, and `tracestate` where the caller gave one."""
    context, parent = _propagated(), traceparent()
    if context is None or parent is None:
        return {}
    return {"traceparent": parent, **({"tracestate": context.state} if context.state else {})}


def _propagated() -> SpanRef | None:
    active = _ACTIVE.get()
    return _UNSAMPLED.get() if active is None else active.context


def read_traceparent(given: str | None, state: str | None = None) -> SpanRef | None:
    """`None` for what is none, however it is wrong: then a trace of our own begins. A wrong state is left out."""
    found = _TRACEPARENT.fullmatch(given or "")
    if found is None:
        return None
    known = TraceState.from_header([state]).to_header() if state and len(state) <= _MAX_TRACESTATE_LENGTH else ""
    return SpanRef(int(found[1], 16), int(found[2], 16), bool(int(found[3], 16) & 1), known)


def current() -> SpanRef | None:
    """The span that is open."""
    active = _ACTIVE.get()
    return None if active is None else active.context


@contextmanager
def read_incoming(
    given: str | None, state: str | None = None, attributes: Mapping[str, str] | None = None
) -> Iterator[Incoming]:
    """For as long as a request is answered; `given` is its `traceparent`, `state` its `tracestate`."""
    incoming = Incoming(time_ns(), read_traceparent(given, state), attributes or {})
    before = _INCOMING.set(incoming)
    try:
        yield incoming
    finally:
        _INCOMING.reset(before)
        if incoming.span is not None:
            incoming.span.end()


def accept_request(by: Tracing, subject: TraceSubject, name: str, content: str = "") -> SpanRef | None:
    """The span of the request that is answered here, of what it asks for by its `content`: what it asks for goes on
    beneath it. Of a trace that is not recorded it is the caller's.
    """
    incoming = _INCOMING.get()
    above = None if incoming is None else incoming.parent
    if not by.is_sampled(subject.run, above):
        return above
    opened = by.start_span(name, "request", subject, above, None if incoming is None else incoming.started_at)
    opened.set_text("input", content)
    if incoming is None:
        opened.end()
        return opened.context
    for attribute, value in incoming.attributes.items():
        opened.set_attribute(attribute, value)
    incoming.span = opened
    return opened.context


class SpanBuffer:
    """Hands spans that have ended to a list that somebody empties; past `most` they are counted and dropped."""

    def __init__(self, max_spans: int, on_drop: Callable[[int], None]) -> None:
        self._most = max_spans
        self._dropped = on_drop
        # Graphs that are not asynchronous end their spans in threads.
        self._held: deque[SpanRecord] = deque()

    def on_end(self, record: SpanRecord) -> None:
        if len(self._held) >= self._most:
            self._dropped(1)
        else:
            self._held.append(record)

    def take(self, limit: int) -> Sequence[SpanRecord]:
        return [self._held.popleft() for _ in range(min(limit, len(self._held)))]

    def give_back(self, records: Sequence[SpanRecord]) -> None:
        """What could not be kept, to be taken again."""
        self._held.extendleft(reversed(records))

    def __len__(self) -> int:
        return len(self._held)

    def shutdown(self) -> None:
        pass


def _fail_span(opened: Span, error: BaseException) -> None:
    if isinstance(error, Exception):
        opened.fail(str(getattr(error, "code", type(error).__name__)), str(error))
    elif not isinstance(error, GeneratorExit):
        opened.set_attributes(cancelled=True)
