from collections.abc import Iterable

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import BodyTooLarge, InvalidInput, NotJson, Problem, render

# Deeper than any tool's schema, and shallow enough for whatever reads it by calling itself.
_MAX_DEPTH = 100

_METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}


class BodyGuard:
    """Refuses bodies that are too large or no JSON before anything reads them whole."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _METHODS_WITH_BODY:
            await self._app(scope, receive, send)
            return
        try:
            self._check(Headers(scope=scope))
            body = await self._read(receive)
            _check_json(body)
        except Problem as problem:
            await render(problem)(scope, receive, send)
            return
        await self._app(scope, _replay_body(body, receive), send)

    def _check(self, headers: Headers) -> None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        length = headers.get("content-length", "")
        if length != "0" and kind != "application/json" and not kind.endswith("+json"):
            raise NotJson(f"Send the body as application/json, not as {kind[:100] or 'nothing in particular'!r}.")
        if length.isdigit() and int(length) > self._limit:
            raise self._too_large()

    async def _read(self, receive: Receive) -> bytes:
        # A length may be missing or a lie, so that what comes is counted too.
        parts, size = list[bytes](), 0
        while True:
            message = await receive()
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > self._limit:
                raise self._too_large()
            if not message.get("more_body", False):
                return b"".join(parts)

    def _too_large(self) -> Problem:
        return BodyTooLarge(f"A body may have {self._limit} bytes.", limit=self._limit)


def _check_json(body: bytes) -> None:
    """What is read here can be written again, to a client and to every database: strict JSON, of a sane depth."""
    if not body:
        return
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _invalid_json(str(error)) from None
    if _is_deep(value):
        raise _invalid_json(f"nested more than {_MAX_DEPTH} deep")
    if b"\\u0000" in body and _holds_nul(value):
        raise _invalid_json("a text holds the character U+0000")


def _invalid_json(why: str) -> InvalidInput:
    return InvalidInput.for_fields(("body", f"no JSON that can be taken: {why}"))


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return (inner for inner in value.values() if isinstance(inner, dict | list))
    return (inner for inner in value if isinstance(inner, dict | list)) if isinstance(value, list) else ()


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(part) for pair in value.items() for part in pair)
        case list():
            return any(map(_holds_nul, value))
    return False


def _replay_body(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
