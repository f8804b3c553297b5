"""Why a call failed, in the words of logs and spans, from whichever package's error. Pure."""

import aiohttp
import httpx
import httpx2

CONNECTION_REFUSED, TIMEOUT, CONNECTION_LOST, UNREADABLE = "refused", "timeout", "broken_off", "unreadable"

_TIMEOUTS = (TimeoutError, httpx.TimeoutException, httpx2.TimeoutException)
_REFUSALS = (ConnectionRefusedError, aiohttp.ClientConnectorError, httpx.ConnectError, httpx2.ConnectError)


def connection_reason(error: BaseException) -> str:
    """Return why there was no answer, or no end of it: the causes of an error say it, its own type often does not."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _TIMEOUTS):
            return TIMEOUT
        if isinstance(cause, _REFUSALS):
            return CONNECTION_REFUSED
        cause = cause.__cause__ or cause.__context__
    return CONNECTION_LOST


def status_reason(status: int) -> str:
    return f"status_{status}"
