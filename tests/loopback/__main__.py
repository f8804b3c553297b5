"""The server as a process, for benchmarks: every chat gets the same number of tokens at the same pace."""

import argparse
import asyncio
import os
import signal
import sys
from threading import Thread

from tests.loopback.call import Call
from tests.loopback.catalog import MODELS
from tests.loopback.cues import Cues
from tests.loopback.gate import Gate
from tests.loopback.script import Reply
from tests.loopback.server import Server


def main() -> None:
    options = parse()
    pieces = tuple(f"token{number} " for number in range(options.tokens))
    reply = Reply(pieces=pieces, delay=options.delay, first_delay=options.first_delay, per_write=options.per_write)
    asyncio.run(serve(options.port, reply))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.loopback", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 is any free one; it is the first line printed")
    parser.add_argument("--tokens", type=int, default=200, help="pieces per reply")
    parser.add_argument("--delay", type=float, default=0.02, help="seconds between writes")
    parser.add_argument("--first-delay", type=float, default=0.0, help="seconds from the header to the first piece")
    parser.add_argument("--per-write", type=int, default=1, help="pieces per write")
    return parser.parse_args()


async def serve(port: int, reply: Reply) -> None:
    """Serves until SIGTERM, SIGINT or the end of stdin."""
    gate = Gate(port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    Thread(target=watch_stdin, args=(loop, stop), daemon=True).start()
    print(gate.port, flush=True)
    await Server(gate, Cues(lambda _: reply), MODELS, forget).serve(stop)


def watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not through sys.stdin: its lock, held by a thread that reads, is fatal when the interpreter ends.
    while os.read(sys.stdin.fileno(), 4096):
        continue
    loop.call_soon_threadsafe(stop.set)


def forget(_call: Call) -> None:
    """A benchmark makes more calls than anybody wants to keep."""


if __name__ == "__main__":
    main()
