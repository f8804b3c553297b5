"""One client's socket, and the steps played on it."""

import asyncio
import socket
import struct
from asyncio import Future, StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Callable, Iterator
from typing import assert_never

from tests.loopback.call import Call
from tests.loopback.plan import Leave, Pause, Send, Step

# Room for a header of this many bytes; a body is not bound by it.
HEAD_LIMIT = 1 << 20


class Line(StreamReaderProtocol):
    """Streams that tell at once when the other end has gone, whoever is reading or writing at that moment."""

    writer: StreamWriter

    def __init__(self, connected: Callable[["Line"], None]) -> None:
        self.busy = False
        self.reader = StreamReader(HEAD_LIMIT)
        self.gone: Future[None] = asyncio.get_running_loop().create_future()
        super().__init__(self.reader, self._accept)
        self._connected = connected

    def _accept(self, _reader: StreamReader, writer: StreamWriter) -> None:
        # `drain` then waits for the kernel, not for a buffer of ours: what was counted was sent.
        writer.transport.set_write_buffer_limits(high=0)
        self.writer = writer
        self._connected(self)

    def eof_received(self) -> bool | None:
        self._leave()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    async def play(self, call: Call, steps: Iterator[Step]) -> None:
        """Plays the steps until they end, or the client hangs up."""
        playing = asyncio.create_task(play(steps, self.writer, call))
        try:
            await asyncio.wait({playing, self.gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            playing.cancel()
        await asyncio.wait({playing})
        if playing.cancelled() or isinstance(playing.exception(), ConnectionError):
            call.hang_up()
            self.writer.transport.abort()
        else:
            playing.result()


async def play(steps: Iterator[Step], writer: StreamWriter, call: Call) -> None:
    for step in steps:
        match step:
            case Send(data, pieces):
                writer.write(data)
                await writer.drain()
                call.send(pieces)
            case Pause(seconds):
                # Also when there is nothing to wait for, so that a client that leaves is noticed between two writes.
                await asyncio.sleep(seconds)
            case Leave(reset):
                leave(writer, reset)
                break
            case _:
                assert_never(step)
    call.finish()


def leave(writer: StreamWriter, reset: bool) -> None:
    """Ends the connection from our side; one that is lost already has no socket to ask for a RST."""
    if reset and not writer.is_closing():
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    writer.close()
