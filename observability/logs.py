import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import structlog
from structlog.types import Processor

from observability.settings import ObservabilitySettings

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
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(settings, stream)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, root.level))


def _rendered(settings: ObservabilitySettings, stream: TextIO) -> list[Processor]:
    if settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty()):
        return [
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Every line that is logged within, by whatever is called from here, carries these fields."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield
