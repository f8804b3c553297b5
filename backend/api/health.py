import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from time import perf_counter
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.examples import shown
from backend.dependencies import Has
from llm.factory import ModelFactory
from observability.outlets import Outlet
from storage.database import StorageFailed

router = APIRouter(tags=["health"])

_PATIENCE = 3.0


class Live(BaseModel):
    status: Literal["ok"] = "ok"


class Dependency(BaseModel):
    status: Literal["ok", "failed"]
    milliseconds: float | None = Field(None, description="What asking it took.")
    lost: str | None = Field(None, description="What is lost without it.")


class Ready(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    status: Literal["ok", "degraded", "failed"]
    revision: str | None = Field(None, description="The schema's revision.", examples=["0001"])
    dependencies: dict[str, Dependency]


@router.get("/health/live", summary="The process is there", responses=shown({"status": "ok"}))
async def live() -> Live:
    return Live()


async def ready(has: Has, response: Response) -> Ready:
    database = await _asked(has.database.ping, "nothing can be asked or kept")
    dependencies = {"database": database}
    if has.redis is not None:
        dependencies["redis"] = await _asked(has.redis.ping, "new runs are refused; those that go are read here only")
    for outlet in has.outlets:
        dependencies[outlet.name] = _outlet(outlet)
    if has.settings.observability.sentry_dsn is not None:
        dependencies["sentry"] = _sentry()
    providers = await _providers(has.models)
    needed = [dependencies[name] for name in ("database", "redis") if name in dependencies]
    failed = any(each.status == "failed" for each in needed)
    if failed:
        response.status_code = 503
    # Of providers one is enough: the next in a profile's list answers.
    alone = all(each.status == "failed" for each in providers.values())
    degraded = alone or any(each.status == "failed" for each in dependencies.values())
    status: Literal["ok", "degraded", "failed"] = "failed" if failed else "degraded" if degraded else "ok"
    return Ready(status=status, revision=has.revision, dependencies={**dependencies, **providers})


_EXAMPLE = {"status": "ok", "revision": "0001", "dependencies": {"database": {"status": "ok", "milliseconds": 0.4}}}
_RESPONSES = {
    **shown(_EXAMPLE),
    503: {"description": "A dependency is gone that no run can do without", "model": Ready},
}

for _path in ("/health/ready", "/health", "/ready"):
    router.add_api_route(
        _path,
        ready,
        summary="Runs can be started",
        response_model=Ready,
        response_model_exclude_none=True,
        responses=_RESPONSES,
        operation_id=_path.strip("/").replace("/", "_"),
    )


def _outlet(outlet: Outlet) -> Dependency:
    # It is not asked: its last answer is known.
    if outlet.failing:
        return Dependency(status="failed", lost="spans do not get there; ours are all in the database")
    return Dependency(status="ok")


def _sentry() -> Dependency:
    # Loaded only where it is named.
    if import_module("observability.sentry").is_healthy():
        return Dependency(status="ok")
    return Dependency(status="failed", lost="errors are in the log only")


async def _providers(models: ModelFactory) -> dict[str, Dependency]:
    """None where it takes too long to know: then there is nobody to answer."""
    asking = asyncio.ensure_future(models.providers())
    done, _ = await asyncio.wait({asking}, timeout=_PATIENCE)
    if not done:
        asking.cancel()
        return {}
    return {
        vendor: Dependency(status="ok") if alive else Dependency(status="failed", lost="its models do not answer")
        for vendor, alive in asking.result().items()
    }


async def _asked(ping: Callable[[], Awaitable[None]], lost: str) -> Dependency:
    began = perf_counter()
    # Not cancelled when it takes too long: a driver that waits for a silent server may not let itself be cancelled.
    # Its own limits end it.
    asking = asyncio.ensure_future(_answers(ping))
    done, _ = await asyncio.wait({asking}, timeout=_PATIENCE)
    if not done or not asking.result():
        return Dependency(status="failed", lost=lost)
    return Dependency(status="ok", milliseconds=round((perf_counter() - began) * 1000, 1))


async def _answers(ping: Callable[[], Awaitable[None]]) -> bool:
    try:
        await ping()
    except StorageFailed:
        return False
    return True
