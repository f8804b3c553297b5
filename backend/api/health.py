from time import perf_counter
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.examples import shown
from backend.dependencies import Has
from storage.database import StorageFailed

router = APIRouter(tags=["health"])


class Live(BaseModel):
    status: Literal["ok"] = "ok"


class Dependency(BaseModel):
    status: Literal["ok", "failed"]
    milliseconds: float | None = Field(None, description="What asking it took.")


class Ready(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    status: Literal["ok", "failed"]
    revision: str | None = Field(None, description="The schema's revision.", examples=["0001"])
    dependencies: dict[str, Dependency]


@router.get("/health/live", summary="The process is there", responses=shown({"status": "ok"}))
async def live() -> Live:
    return Live()


async def ready(has: Has, response: Response) -> Ready:
    database = await _asked(has)
    if database.status == "failed":
        response.status_code = 503
    return Ready(status=database.status, revision=has.revision, dependencies={"database": database})


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


async def _asked(has: Has) -> Dependency:
    began = perf_counter()
    try:
        await has.database.ping()
    except StorageFailed:
        return Dependency(status="failed")
    return Dependency(status="ok", milliseconds=round((perf_counter() - began) * 1000, 1))
