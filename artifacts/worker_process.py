"""A worker process: `python -m artifacts.worker_process` does what it is told on stdin, one task after another.

A task is a function and its arguments; the answer is a pair: whether it returned, and what it returned or raised.
A task that uses up its CPU time ends the process, wherever it is: the kernel counts, so no lock of the interpreter
delays it.
"""

import os
import pickle  # nosec B403  # only between a process and its own parent
import signal
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

HEADER = struct.Struct("!Q")

Task = tuple[Callable[..., object], tuple[object, ...], float]


def write_frame(stream: IO[bytes], value: object) -> None:
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(HEADER.pack(len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Raises `EOFError` where the other side has ended."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        raise EOFError
    (size,) = HEADER.unpack(header)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)  # nosec B301  # as above


def main() -> None:
    # What a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # It ends with its parent, which closes its stdin; a signal is for the parent.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            task: Task = read_frame(sys.stdin.buffer)
        except EOFError:
            return
        write_frame(answers, _run(*task))


def _run(function: Callable[..., object], arguments: tuple[object, ...], cpu_seconds: float) -> tuple[bool, object]:
    # Without a handler of ours the signal ends the process. 0 sets no limit.
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        return True, function(*arguments)
    except Exception as error:  # noqa: BLE001  # the parent raises it
        return False, error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
