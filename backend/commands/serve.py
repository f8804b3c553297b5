import argparse
import gc
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

import uvicorn

from backend.app import create_app
from backend.resources import StartRefused
from backend.settings import InvalidSettings, Settings, read_settings
from observability.logs import configure_logs, get_logger
from observability.settings import ObservabilitySettings

_log = get_logger(__name__)

# Beyond the grace of the runs: for connections to be closed, and then for resources to be put away. What has not come
# to its end by then, a node that blocks a thread perhaps, is cut off: its run's lease runs out, and another goes on.
_CLOSE_SECONDS = 2
_EXIT_SECONDS = 6

# Containers made before the collector looks at them, and how many looks before it looks at older ones. Python's own
# (700, 10, 10) took 8 % of the CPU of a run in our measurements, these 1 %; cycles are kept for a few runs longer.
_COLLECTED_AFTER = (10_000, 20, 20)


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="agenkit serve", description="Run the server.")
    parser.add_argument("--host", help="instead of AGENKIT_HOST")
    parser.add_argument("--port", help="instead of AGENKIT_PORT")
    asked = parser.parse_args(arguments)
    given = {"AGENKIT_HOST": asked.host, "AGENKIT_PORT": asked.port}
    try:
        settings = read_settings({**os.environ, **{name: value for name, value in given.items() if value}})
    except InvalidSettings as error:
        print(f"These settings cannot be:\n{error}", file=sys.stderr)
        return 2
    configure_logs(settings.observability)
    if not _sentry(settings.observability):
        return 2
    logging.getLogger("uvicorn.error").addFilter(_is_worth_logging)
    server = _Server(_config(settings), settings.server.shutdown_grace_seconds)
    # uvicorn hands a signal on when it has put everything away; an end that was asked for is a good one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 3


def _sentry(settings: ObservabilitySettings) -> bool:
    """Whether what was asked for could be had."""
    if settings.sentry_dsn is None:
        return True
    try:
        sentry = import_module("observability.sentry")
        told = {"environment": settings.environment, "release": settings.release}
        sentry.start(settings.sentry_dsn.get_secret_value(), **told)
    except ImportError:
        print("SENTRY_DSN is set, and sentry-sdk is not installed: pip install agenkit[sentry]", file=sys.stderr)
        return False
    except ValueError:
        # Its own message would print the address, key and all.
        print("SENTRY_DSN is no address of Sentry's", file=sys.stderr)
        return False
    return True


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, grace: float) -> None:
        super().__init__(config)
        self._grace = grace
        self._cut_off: threading.Timer | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._cut_off is None:
            self._cut_off = threading.Timer(self._grace + _EXIT_SECONDS, _exit_at_once)
            self._cut_off.daemon = True
            self._cut_off.start()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _freeze_startup_objects()
        for listening in self.servers if self.started else ():
            host, port = listening.sockets[0].getsockname()[:2]
            _log.info("server_started", url=f"http://{host}:{port}")


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's says more than the one line that a refused start has."""
    return StartRefused.__name__ not in record.getMessage() and not (
        record.exc_info and isinstance(record.exc_info[1], StartRefused)
    )


def _exit_at_once() -> None:
    _log.error("shutdown_forced")
    sys.stdout.flush()
    os._exit(1)


def _freeze_startup_objects() -> None:
    """What is loaded by now stays for good: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


def _config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        host=settings.server.host,
        port=settings.server.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=math.ceil(settings.server.shutdown_grace_seconds) + _CLOSE_SECONDS,
    )
