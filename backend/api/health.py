import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from time import perf_counter
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.examples import example_response
from backend.dependencies import ResourcesDep
from llm.factory import ModelFactory
from observability.exporters import SpanSender
from storage.database import StorageFailed

router = APIRouter(tags=["health"])

_TIMEOUT_SECONDS = 3.0


class Liveness(BaseModel):
    status: Literal["ok"] = "ok"


class Dependency(BaseModel):
    status: Literal["ok", "failed"]
    latency_ms: float | None = Field(None, description="What asking it took.")
    impact: str | None = Field(None, description="What is lost without it.")


class Readiness(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    status: Literal["ok", "degraded", "failed"]
    schema_revision: str | None = Field(None, description="The schema's revision.", examples=["0001"])
    dependencies: dict[str, Dependency]


@router.get("/health/live", summary="Check that the process is alive", responses=example_response({"status": "ok"}))
async def get_liveness() -> Liveness:
    return Liveness()


async def get_readiness(resources: ResourcesDep, response: Response) -> Readiness:
    database = await _dependency_health(resources.database.ping, "nothing can be asked or kept")
    dependencies = {"database": database}
    if resources.redis is not None:
        dependencies["redis"] = await _dependency_health(
            resources.redis.ping, "new runs are refused; those that go are read here only"
        )
    for sender in resources.exporters:
        dependencies[sender.name] = _exporter_health(sender)
    if resources.settings.observability.sentry_dsn is not None:
        dependencies["sentry"] = _sentry_health()
    providers = await _provider_health(resources.models)
    needed = [dependencies[name] for name in ("database", "redis") if name in dependencies]
    failed = any(each.status == "failed" for each in needed)
    if failed:
        response.status_code = 503
    # Of providers one is enough: the next in a profile's list answers.
    alone = all(each.status == "failed" for each in providers.values())
    degraded = alone or any(each.status == "failed" for each in dependencies.values())
    status: Literal["ok", "degraded", "failed"] = "failed" if failed else "degraded" if degraded else "ok"
    return Readiness(status=status, schema_revision=resources.revision, dependencies={**dependencies, **providers})


_EXAMPLE = {"status": "ok", "schemaRevision": "0001", "dependencies": {"database": {"status": "ok", "latencyMs": 0.4}}}
_RESPONSES = {
    **example_response(_EXAMPLE),
    503: {"description": "A dependency is gone that no run can do without", "model": Readiness},
}

for _path in ("/health/ready", "/health", "/ready"):
    router.add_api_route(
        _path,
        get_readiness,
        summary="Check that runs can be started",
        response_model=Readiness,
        response_model_exclude_none=True,
        responses=_RESPONSES,
        operation_id=f"get_{_path.strip('/').replace('/', '_')}",
    )


def _exporter_health(sender: SpanSender) -> Dependency:
    # It is not asked: its last answer is known.
    if sender.failing:
        return Dependency(status="failed", impact="spans do not get there; ours are all in the database")
    return Dependency(status="ok")


def _sentry_health() -> Dependency:
    # Loaded only where it is named.
    if import_module("observability.sentry").is_healthy():
        return Dependency(status="ok")
    return Dependency(status="failed", impact="errors are in the log only")


async def _provider_health(models: ModelFactory) -> dict[str, Dependency]:
    """None where it takes too long to know: then there is nobody to answer."""
    asking = asyncio.ensure_future(models.providers())
    done, _ = await asyncio.wait({asking}, timeout=_TIMEOUT_SECONDS)
    if not done:
        asking.cancel()
        return {}
    return {
        vendor: Dependency(status="ok") if alive else Dependency(status="failed", impact="its models do not answer")
        for vendor, alive in asking.result().items()
    }


async def _dependency_health(ping: Callable[[], Awaitable[None]], lost: str) -> Dependency:
    began = perf_counter()
    # Not cancelled when it takes too long: a driver that waits for a silent server may not let itself be cancelled.
    # Its own limits end it.
    asking = asyncio.ensure_future(_responds(ping))
    done, _ = await asyncio.wait({asking}, timeout=_TIMEOUT_SECONDS)
    if not done or not asking.result():
        return Dependency(status="failed", impact=lost)
    return Dependency(status="ok", latency_ms=round((perf_counter() - began) * 1000, 1))


async def _responds(ping: Callable[[], Awaitable[None]]) -> bool:
    try:
        await ping()
    except StorageFailed:
        return False
    return True
