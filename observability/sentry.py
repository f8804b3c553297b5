"""Errors to Sentry, without anything personal. Loaded only where SENTRY_DSN is set."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import sentry_sdk
import structlog
from sentry_sdk.transport import Transport
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import event_from_exception

from observability.redaction import redact
from observability.tracing import current

# What names things, and what a redactor would only spoil.
_DROPPED_FIELDS = {
    "event_id",
    "timestamp",
    "level",
    "platform",
    "environment",
    "release",
    "sdk",
    "type",
    "filename",
    "abs_path",
}

# What one looks for events by, and what stands elsewhere in them.
_TAGS = {"request_id", "run_id", "thread_id", "agent_id", "tenant", "trace_id", "user"}
_OURS = {"level", "logger", "timestamp"}


def start(dsn: str, *, environment: str, release: str, transport: type[Transport] | None = None) -> None:
    """From here on, what is logged as an error is told. No variables and no breadcrumbs go along."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release or None,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[],
        # Of an error that was logged without an exception: where that was.
        attach_stacktrace=True,
        before_send=_scrub_event,
        traces_sample_rate=None,
        transport=transport,
    )
    logging.getLogger().addHandler(_HANDLER)


def stop() -> None:
    logging.getLogger().removeHandler(_HANDLER)
    sentry_sdk.get_client().close(timeout=2.0)


def is_healthy() -> bool:
    """Whether what is told now gets there, as far as its last answers say."""
    client = sentry_sdk.get_client()
    return client.is_active() and client.transport is not None and client.transport.is_healthy()


class _Handler(logging.Handler):
    """Sends what is logged as an error. Sentry's own handler knows neither structlog's exceptions nor its events: each
    message was another, and events could not be grouped.
    """

    def emit(self, record: logging.LogRecord) -> None:
        # Its own troubles would go round in circles.
        if record.name.startswith(("sentry_sdk", "urllib3")):
            return
        ours = record.msg if isinstance(record.msg, dict) else {"event": str(record.msg)}
        fields = {**structlog.contextvars.get_contextvars(), **ours}
        message, exc_info = fields.pop("event"), _exception(fields.pop("exc_info", None) or record.exc_info)
        event: Event = {}
        hint: Hint = {}
        if exc_info is not None:
            options = sentry_sdk.get_client().options
            event, hint = event_from_exception(
                exc_info, client_options=options, mechanism={"type": "logging", "handled": True}
            )
        event["level"] = "fatal" if record.levelno >= logging.CRITICAL else "error"
        event["logger"] = record.name
        event["logentry"] = {"message": message, "params": []}
        if (span := current()) is not None:
            fields["trace_id"] = f"{span.trace_id:032x}"
        event["tags"] = {name: str(fields.pop(name)) for name in _TAGS & fields.keys()}
        event["extra"] = {name: value for name, value in fields.items() if name not in _OURS}
        sentry_sdk.capture_event(event, hint=hint)


_HANDLER = _Handler(logging.ERROR)


def _exception(exc_info: Any) -> Any:
    match exc_info:
        case BaseException():
            return type(exc_info), exc_info, exc_info.__traceback__
        case tuple() if exc_info[0] is not None:
            return exc_info
        case True:
            return _exception(sys.exc_info())
    return None


def _scrub_event(event: Event, hint: Hint) -> Event | None:
    """A redactor that fails closes: then the event is not sent at all."""
    try:
        cleaned: Event = _clean(event)
    except Exception:  # noqa: BLE001  # whatever it is, what could not be looked at is not said
        return None
    return cleaned


def _clean(value: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {name: inner if name in _DROPPED_FIELDS else _clean(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_clean(inner) for inner in value]
    return value
