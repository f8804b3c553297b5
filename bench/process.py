import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bare(port: int) -> list[str]:
    return [sys.executable, "-m", "bench.bare", str(port)]


def agenkit(port: int) -> list[str]:
    return [str(Path(sys.executable).with_name("agenkit")), "serve", "--port", str(port)]


@contextmanager
def running(command: Sequence[str], url: str, **environment: str) -> Iterator[float]:
    """A server, and the seconds from the start of its process to its first good answer at `url`."""
    with TemporaryDirectory() as data:
        given = {"AGENKIT_DATA_DIR": data, "AGENKIT_LOG_LEVEL": "warning", "OLLAMA_BASE_URL": "http://127.0.0.1:1"}
        began = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **given, **environment})
        try:
            yield _answered(url, began)
        finally:
            process.terminate()
            process.wait(30)


def _answered(url: str, began: float) -> float:
    while time.perf_counter() - began < 60:
        try:
            if httpx.get(url).is_success:
                return time.perf_counter() - began
        except httpx.TransportError:
            time.sleep(0.005)
    raise TimeoutError(url)


def spread(values: Sequence[float], unit: str, scale: float = 1.0) -> str:
    low, middle, high = min(values) * scale, median(values) * scale, max(values) * scale
    return f"{middle:.2f} {unit} (of {len(values)}: {low:.2f} to {high:.2f})"
