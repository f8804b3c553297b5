"""One pool of connections per provider, of aiohttp's, which hands over what has come together in one piece.

The vendors' packages speak over it through httpx and, OpenAI's, its successor httpx2: a transport for each.
"""

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import httpx2

from observability.tracing import trace_headers

# What one read may hand over.
_ONE_READ = 64 * 1024
# What aiohttp unpacks with nothing else installed; httpx would ask for what it can unpack itself.
_PACKED = ("Accept-Encoding", "gzip, deflate")
# Of an answer's headers, those that say how it came and not what it is.
_OF_THE_WAY = (b"content-encoding", b"content-length")
# Where a response of httpx's has the body that was opened for it.
_BODY = "agenkit.body"
_ASYNCHRONOUS = "Models are asynchronous only: await their ainvoke or astream."


class Pool:
    """At most `connections` to the server at `url`, each kept for `idle` seconds; opened with the first request.

    `connect` is in seconds, from the wait for a free one to the last of the certificates. The environment names
    certificates and, unless told otherwise, the proxy, as for httpx.
    """

    def __init__(
        self, url: str, *, connect: float, connections: int = 1000, idle: float = 30.0, proxied: bool = True
    ) -> None:
        self._connect = connect
        self._connections = connections
        self._idle = idle
        self._certificates = httpx.create_ssl_context() if url.startswith("https:") else True
        self._proxy, self._proxy_headers = _proxy(url) if proxied else (None, {})
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        content: bytes,
        seconds: Mapping[str, float | None],
    ) -> aiohttp.ClientResponse:
        """The answer's head. Of httpx's `seconds`, `connect` can only be less than the pool's."""
        connect = min(self._connect, seconds.get("connect") or self._connect)
        return await self._open().request(
            method,
            url,
            # Where the proxy passes on what it reads, it reads what is for itself among the rest.
            headers=[*headers, *self._proxy_headers.items()] if url.startswith("http:") else headers,
            data=content or None,
            allow_redirects=False,
            proxy=self._proxy,
            proxy_headers=self._proxy_headers or None,
            # `sock_connect` would leave out the look-up of the name.
            timeout=aiohttp.ClientTimeout(total=None, connect=connect, sock_read=seconds.get("read")),
        )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=self._idle, ssl=self._certificates
            )
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def _proxy(url: str) -> tuple[str | None, Mapping[str, str]]:
    """The proxy on the way to `url`, and the headers that are for it alone."""
    to, proxies = urlsplit(url), getproxies()
    named = proxies.get(to.scheme) or proxies.get("all")
    if not named or proxy_bypass(to.hostname or ""):
        return None, {}
    parts = urlsplit(named if "://" in named else f"http://{named}")
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if not parts.username:
        return address, {}
    known_as = aiohttp.encode_basic_auth(unquote(parts.username), unquote(parts.password or ""))
    return address, {"Proxy-Authorization": known_as}


@dataclass(frozen=True, slots=True)
class _Errors:
    """What a package calls the ways in which a request fails."""

    connect: Callable[..., Exception]
    connect_timeout: Callable[..., Exception]
    read: Callable[..., Exception]
    read_timeout: Callable[..., Exception]

    def of(self, error: aiohttp.ClientError, request: httpx.Request | httpx2.Request) -> Exception:
        match error:
            case aiohttp.SocketTimeoutError():
                kind = self.read_timeout
            case aiohttp.ServerTimeoutError():
                kind = self.connect_timeout
            case aiohttp.ClientConnectorError():
                kind = self.connect
            case _:
                kind = self.read
        return kind(str(error), request=request)


_HTTPX = _Errors(httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.ReadTimeout)
_HTTPX2 = _Errors(httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ReadError, httpx2.ReadTimeout)


class NoHttpxTransport(httpx.BaseTransport):
    """For the client without a loop that a vendor's package makes beside the one we call."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise NotImplementedError(_ASYNCHRONOUS)


class NoHttpx2Transport(httpx2.BaseTransport):
    """The same for httpx2's."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        raise NotImplementedError(_ASYNCHRONOUS)


def _headers(given: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """With whose trace the call belongs to, and how its answer may be packed."""
    kept = [(name, value) for name, value in given if name.lower() != "accept-encoding"]
    return [*kept, _PACKED, *trace_headers().items()]


class HttpxTransport(httpx.AsyncBaseTransport):
    """`pool` for httpx's clients; closed with the first of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = _HttpxBody(await _send_request(self._pool, request, _HTTPX), request, _HTTPX)
        return httpx.Response(body.status, headers=body.headers, stream=body, extensions={_BODY: body})

    async def aclose(self) -> None:
        await self._pool.aclose()


class Httpx2Transport(httpx2.AsyncBaseTransport):
    """The same for httpx2's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = _Httpx2Body(await _send_request(self._pool, request, _HTTPX2), request, _HTTPX2)
        return httpx2.Response(body.status, headers=body.headers, stream=body, extensions={_BODY: body})

    async def aclose(self) -> None:
        await self._pool.aclose()


async def _send_request(pool: Pool, request: httpx.Request | httpx2.Request, errors: _Errors) -> aiohttp.ClientResponse:
    seconds, content = request.extensions.get("timeout", {}), await request.aread()
    headers = _headers(request.headers.multi_items())
    try:
        return await pool.request(request.method, str(request.url), headers, content, seconds)
    except aiohttp.ClientError as error:
        raise errors.of(error, request) from error


class Body:
    """What is read of one answer, piece by piece as it comes, without what it was packed in.

    No generator: httpx reads through four, one within another, and a stream that is left in the middle leaves them to
    the collector of garbage, whichever thread that runs in.
    """

    def __init__(
        self, answer: aiohttp.ClientResponse, request: httpx.Request | httpx2.Request, errors: _Errors
    ) -> None:
        self._answer = answer
        self._request = request
        self._errors = errors
        self._ignored = _is_streaming(answer)
        self.status = answer.status
        self.headers = [(name, value) for name, value in answer.raw_headers if name.lower() not in _OF_THE_WAY]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._answer.content.read(_ONE_READ)
        except aiohttp.ClientError as error:
            raise self._errors.of(error, self._request) from error
        except RuntimeError as error:
            # Its word for a body that is waited for between a connection's end and our being told.
            raise self._errors.read("The connection was lost", request=self._request) from error
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        self._ignored()
        # With something unread on it the connection is closed, else it is kept.
        self._answer.release()


class _HttpxBody(Body, httpx.AsyncByteStream):
    pass


class _Httpx2Body(Body, httpx2.AsyncByteStream):
    pass


def iterate_body(response: httpx.Response | httpx2.Response) -> Body:
    """The body of an answer that came through a `Pool`, to be read once; closed with the answer."""
    body: Body = response.extensions[_BODY]
    return body


def _is_streaming(answer: aiohttp.ClientResponse) -> Callable[[], None]:
    """Where a chunk's size is garbled, aiohttp hangs up and lets the body's reader wait for ever.

    Listens for that; what is given back ends it.
    """

    def lost(_: Future[None]) -> None:
        if not answer.content.is_eof() and answer.content.exception() is None:
            answer.content.set_exception(aiohttp.ClientPayloadError("The connection was lost"))

    protocol = None if answer.connection is None else answer.connection.protocol
    closed = None if protocol is None else protocol.closed
    if closed is None:
        return lambda: None
    closed.add_done_callback(lost)
    # Once for each connection, which outlives the answer.
    closed.remove_done_callback(_close_reason)
    closed.add_done_callback(_close_reason)

    def ignored() -> None:
        closed.remove_done_callback(lost)

    return ignored


def _close_reason(closed: Future[None]) -> None:
    """An error that nobody asks for would be complained of."""
    if not closed.cancelled():
        closed.exception()
