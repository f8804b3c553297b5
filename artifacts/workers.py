"""A small pool of worker processes, for work on texts that may cost more CPU time than a request is worth.

Some of it holds the interpreter's lock, and nothing stops it from within its process; a process can be ended.
"""

import asyncio
import signal
import subprocess  # nosec B404  # of ourselves
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar, TypeVarTuple

from artifacts.worker_process import read_frame, write_frame

Ts = TypeVarTuple("Ts")
T = TypeVar("T")

_COMMAND = (sys.executable, "-P", "-m", "artifacts.worker_process")

Process = subprocess.Popen[bytes]


class WorkerFailed(RuntimeError):
    """The process that did the work has ended."""


class CpuLimitExceeded(WorkerFailed):
    """The work was ended, because it took more CPU time than it was given."""


class Workers:
    """At most `size` processes, each started by the first work that finds no other idle.

    `prepare` is what each does first, without a limit: it imports and loads what the work needs.
    """

    def __init__(self, prepare: Callable[[], object] | None = None, *, size: int = 2) -> None:
        self._prepare = prepare
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="workers")
        self._idle = list[Process]()
        self._processes = set[Process]()
        self._closed = False
        self._lock = Lock()
        self._warming: asyncio.Task[None] | None = None

    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts, cpu_seconds: float) -> T:
        """Call a function of a module in a process that has so much CPU time for it.

        Raises `WorkerFailed`, or what the function raises. Where the caller is cancelled, the work goes on to its end.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, function, arguments, cpu_seconds)

    def warm(self, delay: float) -> None:
        """Start a process after so many seconds, unless there is one by then."""
        self._warming = asyncio.create_task(self._warm(delay))

    async def _warm(self, delay: float) -> None:
        await asyncio.sleep(delay)
        if not self._processes:
            await asyncio.get_running_loop().run_in_executor(self._threads, lambda: self._put_back(self._take()))

    async def aclose(self) -> None:
        """End the processes, whatever they are at."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        with self._lock:
            self._closed = True
            processes = list(self._processes)
        for process in processes:
            process.kill()
        await asyncio.to_thread(self._threads.shutdown)
        for process in processes:
            self._end(process)

    def _call(self, function: Callable[..., T], arguments: tuple[Any, ...], cpu_seconds: float) -> T:
        process = self._take()
        returned, value = self._ask(process, function, arguments, cpu_seconds)
        self._put_back(process)
        if not returned:
            raise value
        result: T = value
        return result

    def _ask(
        self, process: Process, function: Callable[..., object], arguments: tuple[Any, ...], cpu_seconds: float
    ) -> tuple[bool, Any]:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the process was started with pipes")
        try:
            write_frame(process.stdin, (function, arguments, cpu_seconds))
            answer: tuple[bool, Any] = read_frame(process.stdout)
        except (EOFError, OSError):
            if self._end(process) == -signal.SIGPROF:
                raise CpuLimitExceeded(f"more than {cpu_seconds:g} s of CPU time") from None
            raise WorkerFailed(f"the process ended with {process.returncode}") from None
        except BaseException:
            self._end(process)
            raise
        return answer

    def _take(self) -> Process:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._closed:
                raise WorkerFailed("the workers are closed")
            process = subprocess.Popen(  # nosec B603  # no shell, and nothing of a request in the command
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl-C in a terminal is for the server, which ends its workers itself.
                start_new_session=True,
            )
            self._processes.add(process)
        if self._prepare is not None:
            self._ask(process, self._prepare, (), 0.0)
        return process

    def _put_back(self, process: Process) -> None:
        with self._lock:
            self._idle.append(process)

    def _end(self, process: Process) -> int:
        """The exit code."""
        with self._lock:
            self._processes.discard(process)
        process.kill()
        with process:
            return process.wait()
