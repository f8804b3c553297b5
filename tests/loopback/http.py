"""HTTP/1.1, as much of it as a provider's clients speak."""

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

LAST_CHUNK = b"0\r\n\r\n"

_KNOWN = frozenset(HTTPStatus)


class BadRequest(Exception):
    """The client's bytes are no request that we understand."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked; header names in lower case, `body` is {} where there was none, `path` has no query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    raw: bytes

    @property
    def keeps_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


async def read_request(reader: StreamReader) -> Request | None:
    """The next request, or None when the client has left instead.

    Raises BadRequest.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, headers = parse_head(head)
        raw = await read_body(reader, headers)
    except (IncompleteReadError, ConnectionError):
        return None
    except LimitOverrunError as error:
        raise BadRequest("the header is too long") from error
    return Request(method, path, headers, parse_body(raw), raw)


def parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, version = first.split(" ")
        pairs = [line.split(":", 1) for line in lines]
        headers = {name.lower(): value.strip() for name, value in pairs}
    except ValueError as error:
        raise BadRequest(f"this is no request: {first!r}") from error
    if version != "HTTP/1.1":
        raise BadRequest(f"this is not HTTP/1.1: {version!r}")
    return method, target.partition("?")[0], headers


async def read_body(reader: StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await read_chunks(reader)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise BadRequest(f"this is no length: {length!r}")
    return await reader.readexactly(int(length))


async def read_chunks(reader: StreamReader) -> bytes:
    body = bytearray()
    while size := await read_size(reader):
        body += (await reader.readexactly(size + 2))[:-2]
    while await reader.readuntil(b"\r\n") != b"\r\n":
        continue  # trailers say nothing that we record
    return bytes(body)


async def read_size(reader: StreamReader) -> int:
    line = await reader.readuntil(b"\r\n")
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError as error:
        raise BadRequest(f"this is no chunk size: {line!r}") from error


def parse_body(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest(f"the body is no object: {raw[:40]!r}")
    return body


def render_head(status: int, content_type: str, length: int | None, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    """A response's header; a body of unknown `length` comes in chunks."""
    size = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
    lines = [f"{name}: {value}\r\n" for name, value in (("Content-Type", content_type), size, *headers)]
    phrase = HTTPStatus(status).phrase if status in _KNOWN else "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n{''.join(lines)}\r\n".encode("latin-1")


def render_chunk(data: bytes) -> bytes:
    """One chunk; nothing at all for no data, because an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
