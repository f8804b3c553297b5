from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from backend.resources import Resources
from backend.security.callers import caller
from observability.logs import bind, pseudonym
from observability.metrics import Metrics
from storage.caller import Caller


async def _resources(request: Request) -> Resources:
    return cast(Resources, request.app.state.resources)


async def _metrics(request: Request) -> Metrics:
    return cast(Metrics, request.app.state.metrics)


async def _logged_caller(connection: HTTPConnection, who: Annotated[Caller, Depends(caller)]) -> Caller:
    """The caller, named on every line of the request from here on, with the thread that its address names."""
    bind(tenant=who.tenant, user=pseudonym(who.tenant, who.user))
    if (thread := connection.path_params.get("thread_id")) is not None:
        bind(thread_id=thread)
    return who


Who = Annotated[Caller, Depends(_logged_caller)]
Has = Annotated[Resources, Depends(_resources)]
Measured = Annotated[Metrics, Depends(_metrics)]
