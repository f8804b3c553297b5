from typing import Annotated, cast

from fastapi import Depends, Request

from backend.resources import Resources
from backend.security.callers import caller
from observability.metrics import Metrics
from storage.caller import Caller


async def _resources(request: Request) -> Resources:
    return cast(Resources, request.app.state.resources)


async def _metrics(request: Request) -> Metrics:
    return cast(Metrics, request.app.state.metrics)


Who = Annotated[Caller, Depends(caller)]
Has = Annotated[Resources, Depends(_resources)]
Measured = Annotated[Metrics, Depends(_metrics)]
