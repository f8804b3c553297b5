"""Errors to Sentry, without anything personal. Loaded only where SENTRY_DSN is set."""

from collections.abc import Mapping
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport
from sentry_sdk.types import Event, Hint

from observability.redaction import redacted

# What names things, and what a redactor would only spoil.
_LEFT = {"event_id", "timestamp", "level", "platform", "environment", "release", "sdk", "type", "filename", "abs_path"}


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
        integrations=[LoggingIntegration(level=None, event_level=40)],
        before_send=_scrubbed,
        traces_sample_rate=None,
        transport=transport,
    )


def stop() -> None:
    sentry_sdk.get_client().close(timeout=2.0)


def _scrubbed(event: Event, hint: Hint) -> Event | None:
    """A redactor that fails closes: then the event is not sent at all."""
    try:
        cleaned: Event = _clean(event)
    except Exception:  # noqa: BLE001  # whatever it is, what could not be looked at is not said
        return None
    return cleaned


def _clean(value: Any) -> Any:
    match value:
        case str():
            return redacted(value)
        case Mapping():
            return {name: inner if name in _LEFT else _clean(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_clean(inner) for inner in value]
    return value
