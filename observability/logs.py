import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor

from observability.redaction import redact
from observability.settings import ObservabilitySettings
from observability.tracing import current

# What we write ourselves, and what has no room for anybody's data.
_OURS = {"timestamp", "level", "logger", "trace_id", "request_id"}
# Whose `debug` is written with care. What libraries say there is not for a log: parameters of statements, bodies of
# requests.
_PACKAGES = ("agents", "artifacts", "backend", "evaluation", "graphs", "llm", "observability", "storage")
# Chatty, and of no use to an operator below this.
_QUIET = {"httpx": logging.WARNING, "httpx2": logging.WARNING, "alembic": logging.WARNING, "uvicorn": logging.WARNING}


def configure_logs(settings: ObservabilitySettings, stream: TextIO = sys.stderr) -> None:
    """One line per event, ours and the libraries' alike. Called once, by whoever owns the process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _add_trace_ids,
                *_build_renderer(settings, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    root.setLevel(max(level, logging.INFO))
    for name in _PACKAGES:
        logging.getLogger(name).setLevel(level if level < logging.INFO else logging.NOTSET)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    for name, wanted in settings.package_levels.items():
        logging.getLogger(name).setLevel(wanted.upper())


def _build_renderer(settings: ObservabilitySettings, stream: TextIO) -> list[Processor]:
    if settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty()):
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        return [structlog.processors.format_exc_info, _redact_line, renderer]
    return [structlog.processors.format_exc_info, _redact_line, structlog.processors.JSONRenderer()]


def _add_trace_ids(_: object, __: str, line: EventDict) -> EventDict:
    if (within := current()) is not None:
        line["trace_id"] = f"{within.trace_id:032x}"
    return line


def _redact_line(_: object, __: str, line: EventDict) -> EventDict:
    """The last step before a line is written: whatever a library put into it, nothing personal and no secret leaves."""
    return {name: value if name in _OURS else _clean(value) for name, value in line.items()}


def _clean(value: Any) -> Any:
    match value:
        case str():
            return _safe(value)
        case Mapping():
            return {name: _clean(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_clean(inner) for inner in value]
        case int() | float() | None:
            return value
        case _:
            return _safe(str(value))


def _safe(text: str) -> str:
    try:
        return redact(text)
    except Exception:  # noqa: BLE001  # whatever it is, what could not be looked at is not said
        return "[not redacted, and so not said]"


def pseudonym(tenant: str, user: str) -> str:
    """Who it was, for whoever puts lines together, and not by name."""
    return sha256(f"{tenant}\0{user}".encode()).hexdigest()[:12]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


@contextmanager
def bound_context(**fields: str) -> Iterator[None]:
    """Every line that is logged within, by whatever is called from here, carries these fields, and what `bind` adds."""
    before = structlog.contextvars.get_contextvars()
    structlog.contextvars.bind_contextvars(**fields)
    try:
        yield
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**before)


def bind(**fields: str) -> None:
    """Adds fields to every line from here on, until the end of what is `bound`."""
    structlog.contextvars.bind_contextvars(**fields)
