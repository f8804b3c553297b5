"""One pool of connections per provider, of aiohttp's, which hands over what has come together in one piece.

The vendors' packages speak over it through httpx and, OpenAI's, its successor httpx2: a transport for each.
"""

from asyncio import Future
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import httpx2

from observability.tracing import traceparent

# What one read may hand over.
_ONE_READ = 64 * 1024
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

    async def ask(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        content: bytes,
        seconds: Mapping[str, float | None],
    ) -> aiohttp.ClientResponse:
        """The answer's head. Of httpx's `seconds`, `connect` can only be less than the pool's."""
        connect = min(self._connect, seconds.get("connect") or self._connect)
        return await self._opened().request(
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

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=self._idle, ssl=self._certificates
            )
            self._session = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
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

    @contextmanager
    def translated(self, request: httpx.Request | httpx2.Request) -> Iterator[None]:
        try:
            yield
        except aiohttp.SocketTimeoutError as error:
            raise self.read_timeout(str(error), request=request) from error
        except aiohttp.ServerTimeoutError as error:
            raise self.connect_timeout(str(error), request=request) from error
        except aiohttp.ClientConnectorError as error:
            raise self.connect(str(error), request=request) from error
        except aiohttp.ClientError as error:
            raise self.read(str(error), request=request) from error


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
    """With whose trace the call belongs to."""
    within = traceparent()
    return given if within is None else [*given, ("traceparent", within)]


class HttpxTransport(httpx.AsyncBaseTransport):
    """`pool` for httpx's clients; closed with the first of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        seconds, content = request.extensions.get("timeout", {}), await request.aread()
        with _HTTPX.translated(request):
            answer = await self._pool.ask(
                request.method, str(request.url), _headers(request.headers.multi_items()), content, seconds
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_HttpxBody(answer, request))

    async def aclose(self) -> None:
        await self._pool.aclose()


class Httpx2Transport(httpx2.AsyncBaseTransport):
    """The same for httpx2's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        seconds, content = request.extensions.get("timeout", {}), await request.aread()
        with _HTTPX2.translated(request):
            answer = await self._pool.ask(
                request.method, str(request.url), _headers(request.headers.multi_items()), content, seconds
            )
        return httpx2.Response(answer.status, headers=answer.raw_headers, stream=_Httpx2Body(answer, request))

    async def aclose(self) -> None:
        await self._pool.aclose()


class _HttpxBody(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _HTTPX.translated(self._request):
            async for piece in _pieces(self._answer):
                yield piece

    async def aclose(self) -> None:
        self._answer.release()


class _Httpx2Body(httpx2.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _HTTPX2.translated(self._request):
            async for piece in _pieces(self._answer):
                yield piece

    async def aclose(self) -> None:
        # With something unread on it the connection is closed, else it is kept.
        self._answer.release()


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    with _watched(answer):
        async for piece in answer.content.iter_chunked(_ONE_READ):
            yield piece


@contextmanager
def _watched(answer: aiohttp.ClientResponse) -> Iterator[None]:
    """Where a chunk's size is garbled, aiohttp hangs up and lets the body's reader wait for ever."""

    def lost(_: Future[None]) -> None:
        if not answer.content.is_eof() and answer.content.exception() is None:
            answer.content.set_exception(aiohttp.ClientPayloadError("The connection was lost"))

    protocol = None if answer.connection is None else answer.connection.protocol
    closed = None if protocol is None else protocol.closed
    if closed is not None:
        closed.add_done_callback(lost)
        # Once for each connection, which outlives the answer.
        closed.remove_done_callback(_ask_why)
        closed.add_done_callback(_ask_why)
    try:
        yield
    except RuntimeError as error:
        # Its word for a body that is waited for between that and our being told.
        raise aiohttp.ClientPayloadError("The connection was lost") from error
    finally:
        if closed is not None:
            closed.remove_done_callback(lost)


def _ask_why(closed: Future[None]) -> None:
    """An error that nobody asks for would be complained of."""
    if not closed.cancelled():
        closed.exception()
