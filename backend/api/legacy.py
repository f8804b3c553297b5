"""The ways in that the first generation of clients uses. They lead to the same runs, and say that they will go."""

from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from ag_ui.core import RunAgentInput
from fastapi import APIRouter, Body, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sse_starlette import EventSourceResponse
from starlette.responses import Response

from backend.api.chat import run_agent
from backend.api.compat import upgrade_input
from backend.api.examples import STREAM, problem_responses
from backend.api.run_requests import REQUEST_PROBLEMS
from backend.dependencies import CallerDep, MetricsDep, ResourcesDep
from backend.errors import NotFound, RouteRemoved
from backend.resources import Resources
from graphs.canvas.options import Action, Selection
from observability.logs import get_logger
from observability.metrics import Metrics
from storage.caller import Caller
from storage.tables import KEY_LENGTH

router = APIRouter(tags=["former"])

_log = get_logger(__name__)

DEPRECATED = datetime(2026, 11, 20, tzinfo=UTC)
SUNSET = datetime(2027, 11, 20, tzinfo=UTC)
REMOVED_IN = "1.0.0"
_HEADERS = {
    "Deprecation": f"@{int(DEPRECATED.timestamp())}",
    "Sunset": format_datetime(SUNSET, usegmt=True),
    "Link": '</docs/migration.md>; rel="deprecation"; type="text/markdown", '
    '</docs/migration.md>; rel="sunset"; type="text/markdown"',
}
_MIGRATION = Path(__file__).parents[2] / "docs" / "migration.md"
_MAX_CLIENTS_LOGGED = 10_000

Key = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]


class LegacyChatRequest(BaseModel):
    """The body of the first generation. New clients send a `RunAgentInput`, here too."""

    model_config = ConfigDict(extra="ignore")

    message: str = Field(min_length=1)
    thread_id: Key | None = None
    artifact_id: Key | None = None
    action: Action | None = None
    selection: Selection | None = None
    model: Key | None = None

    def asked(self) -> RunAgentInput:
        """The same as a request of today: one new message for the thread."""
        canvas = {
            "artifactId": self.artifact_id,
            "action": self.action.model_dump(exclude_none=True) if self.action else None,
            "selection": self.selection.model_dump() if self.selection else None,
        }
        options = {name: value for name, value in canvas.items() if value is not None}
        props: dict[str, Any] = {"model": self.model} if self.model else {}
        return RunAgentInput.model_validate(
            {
                "threadId": self.thread_id or f"thread-{uuid4().hex}",
                "runId": f"run-{uuid4().hex}",
                "state": {},
                "messages": [{"id": f"msg-{uuid4().hex}", "role": "user", "content": self.message}],
                "tools": [],
                "context": [],
                "forwardedProps": {**props, **({"canvas": options} if options else {})},
            }
        )


_EXAMPLES: dict[str, Any] = {
    "the first generation": {
        "summary": "As the first generation of clients asks",
        "value": {"message": "Write about the tides.", "thread_id": "thread-1"},
    },
}
_LegacyBody = Annotated[
    RunAgentInput | LegacyChatRequest, BeforeValidator(upgrade_input), Body(openapi_examples=_EXAMPLES)
]
_RESPONSES = f"Deprecated, removed in {REMOVED_IN}: docs/migration.md tells what takes its place."


@router.post(
    "/api/chat",
    summary="Run the chat agent (legacy)",
    description=_RESPONSES,
    deprecated=True,
    response_class=EventSourceResponse,
    responses={**STREAM, **problem_responses(*REQUEST_PROBLEMS, RouteRemoved)},
)
async def legacy_chat(
    asked: _LegacyBody, request: Request, caller: CallerDep, resources: ResourcesDep, metrics: MetricsDep
) -> Response:
    return await _run_legacy("chat", asked, request, caller, resources, metrics)


@router.post(
    "/api/canvas/stream",
    summary="Run the canvas agent (legacy)",
    description=_RESPONSES,
    deprecated=True,
    response_class=EventSourceResponse,
    responses={**STREAM, **problem_responses(*REQUEST_PROBLEMS, RouteRemoved)},
)
async def legacy_canvas(
    asked: _LegacyBody, request: Request, caller: CallerDep, resources: ResourcesDep, metrics: MetricsDep
) -> Response:
    return await _run_legacy("canvas", asked, request, caller, resources, metrics)


@router.post(
    "/api/chat/{agent_id}",
    summary="Run an agent (unversioned address)",
    response_class=EventSourceResponse,
    responses={**STREAM, **problem_responses(*REQUEST_PROBLEMS)},
)
async def run_agent_unversioned(
    agent_id: str, run_input: RunAgentInput, request: Request, caller: CallerDep, resources: ResourcesDep
) -> EventSourceResponse:
    return await run_agent(agent_id, run_input, request, caller, resources)


@router.get("/docs/migration.md", include_in_schema=False)
def get_migration_guide() -> Response:
    if not _MIGRATION.is_file():
        raise NotFound("This installation has no docs.")
    return FileResponse(_MIGRATION, media_type="text/markdown; charset=utf-8")


async def _run_legacy(  # noqa: PLR0917  # a route's own arguments, handed on
    agent_id: str,
    asked: RunAgentInput | LegacyChatRequest,
    request: Request,
    caller: Caller,
    resources: Resources,
    metrics: Metrics,
) -> Response:
    route = request.url.path
    metrics.legacy_requests.labels(route).inc()
    _log_use(request, caller)
    if not resources.settings.server.legacy_routes:
        raise RouteRemoved("Post to /api/v1/chat/{agent_id}: docs/migration.md tells how.", headers=_HEADERS)
    today = asked.asked() if isinstance(asked, LegacyChatRequest) else asked
    answer = await run_agent(agent_id, today, request, caller, resources)
    answer.headers.update(_HEADERS)
    return answer


def _log_use(request: Request, caller: Caller) -> None:
    """One line for each client and day: whoever reads the log is to find out who still has to move."""
    warned: dict[tuple[str, str, str], date] = request.app.state.warned
    client, today = (caller.tenant, caller.user, request.url.path), datetime.now(UTC).date()
    if warned.get(client) == today:
        return
    if len(warned) >= _MAX_CLIENTS_LOGGED:
        warned.clear()
    warned[client] = today
    _log.warning(
        "legacy_route_used",
        route=request.url.path,
        tenant=caller.tenant,
        agent=request.headers.get("User-Agent", "")[:120],
        removed_in=REMOVED_IN,
    )
