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


async def _logged_caller(connection: HTTPConnection, caller: Annotated[Caller, Depends(caller)]) -> Caller:
    """The caller, named on every line of the request from here on, with the thread that its address names."""
    bind(tenant=caller.tenant, user=pseudonym(caller.tenant, caller.user))
    if (thread := connection.path_params.get("thread_id")) is not None:
        bind(thread_id=thread)
    return caller


CallerDep = Annotated[Caller, Depends(_logged_caller)]
ResourcesDep = Annotated[Resources, Depends(_resources)]
MetricsDep = Annotated[Metrics, Depends(_metrics)]
