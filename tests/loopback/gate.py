"""The listening socket, which can be shut and opened again on the same port."""

import asyncio
import socket
from collections.abc import Callable

HOST = "127.0.0.1"


class Gate:
    """Listens from the start, so that nobody who knows the port can be refused before the loop runs."""

    def __init__(self, port: int) -> None:
        self._socket = bound(port)
        self._socket.listen(1024)
        self._server: asyncio.Server | None = None
        self.port: int = self._socket.getsockname()[1]

    async def open(self, line: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(line, sock=self._socket, backlog=1024)

    @property
    def is_open(self) -> bool:
        return self._server is not None

    def shut(self) -> None:
        """Refuses connections; a socket that does not listen keeps the port from everybody else."""
        self.close()
        self._socket = bound(self.port)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._socket.close()


def bound(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, small writes wait 40 ms for an ACK.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((HOST, port))
    return made
