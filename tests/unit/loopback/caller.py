"""A client made of one socket, for what the real clients hide."""

import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from tests.loopback import Loopback
from tests.waiting import LIMIT_SECONDS

CHAT = "/v1/chat/completions"


class Caller:
    def __init__(self, server: Loopback) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.socket.close()

    def ask(self, text: str = "hi", path: str = CHAT, headers: str = "", **fields: object) -> None:
        body = {"model": "loop", "messages": [{"role": "user", "content": text}], **fields}
        self.post(body, path, headers)

    def post(self, body: Mapping[str, object], path: str = CHAT, headers: str = "") -> None:
        raw = orjson.dumps(body)
        self.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(raw)}\r\n{headers}\r\n".encode() + raw)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self, until: bytes) -> bytes:
        """What comes, until it ends with this."""
        heard = b""
        while not heard.endswith(until):
            data = self.socket.recv(65536)
            assert data, f"the server has left after {heard!r}"
            heard += data
        return heard

    def hear_all(self) -> bytes:
        """What comes until the server leaves in order; ConnectionResetError otherwise."""
        heard = b""
        while data := self.socket.recv(65536):
            heard += data
        return heard

    def hear_bytes(self, length: int) -> bytes:
        heard = b""
        while len(heard) < length:
            heard += self.socket.recv(length - len(heard))
        return heard

    def hear_document(self) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer with a length."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.hear_bytes(1)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return int(head.split()[1]), orjson.loads(self.hear_bytes(length))
