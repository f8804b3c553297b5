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

from backend.api.asking import REFUSALS
from backend.api.chat import chat
from backend.api.examples import STREAM, answers
from backend.api.older import upgrade_input
from backend.dependencies import Has, Measured, Who
from backend.errors import GoneForGood, NotFound
from backend.resources import Resources
from graphs.canvas.wishes import Action, Selection
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
_WARNED_AT_ONCE = 10_000

Key = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]


class FormerMessage(BaseModel):
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
        wishes = {name: value for name, value in canvas.items() if value is not None}
        props: dict[str, Any] = {"model": self.model} if self.model else {}
        return RunAgentInput.model_validate(
            {
                "threadId": self.thread_id or f"thread-{uuid4().hex}",
                "runId": f"run-{uuid4().hex}",
                "state": {},
                "messages": [{"id": f"msg-{uuid4().hex}", "role": "user", "content": self.message}],
                "tools": [],
                "context": [],
                "forwardedProps": {**props, **({"canvas": wishes} if wishes else {})},
            }
        )


_EXAMPLES: dict[str, Any] = {
    "the first generation": {
        "summary": "As the first generation of clients asks",
        "value": {"message": "Write about the tides.", "thread_id": "thread-1"},
    },
}
_Former = Annotated[RunAgentInput | FormerMessage, BeforeValidator(upgrade_input), Body(openapi_examples=_EXAMPLES)]
_TOLD = f"Deprecated, removed in {REMOVED_IN}: docs/migration.md tells what takes its place."


@router.post(
    "/api/chat",
    summary="The former way to the chat agent",
    description=_TOLD,
    deprecated=True,
    response_class=EventSourceResponse,
    responses={**STREAM, **answers(*REFUSALS, GoneForGood)},
)
async def former_chat(asked: _Former, request: Request, who: Who, has: Has, measured: Measured) -> Response:
    return await _answered("chat", asked, request, who, has, measured)


@router.post(
    "/api/canvas/stream",
    summary="The former way to the canvas agent",
    description=_TOLD,
    deprecated=True,
    response_class=EventSourceResponse,
    responses={**STREAM, **answers(*REFUSALS, GoneForGood)},
)
async def former_canvas(asked: _Former, request: Request, who: Who, has: Has, measured: Measured) -> Response:
    return await _answered("canvas", asked, request, who, has, measured)


@router.post(
    "/api/chat/{agent_id}",
    summary="The same as /api/v1/chat/{agent_id}",
    response_class=EventSourceResponse,
    responses={**STREAM, **answers(*REFUSALS)},
)
async def unversioned_chat(
    agent_id: str, asked: RunAgentInput, request: Request, who: Who, has: Has
) -> EventSourceResponse:
    return await chat(agent_id, asked, request, who, has)


@router.get("/docs/migration.md", include_in_schema=False)
def migration() -> Response:
    if not _MIGRATION.is_file():
        raise NotFound("This installation has no docs.")
    return FileResponse(_MIGRATION, media_type="text/markdown; charset=utf-8")


async def _answered(  # noqa: PLR0917  # a route's own arguments, handed on
    agent_id: str,
    asked: RunAgentInput | FormerMessage,
    request: Request,
    who: Caller,
    has: Resources,
    measured: Metrics,
) -> Response:
    route = request.url.path
    measured.former.labels(route).inc()
    _warn(request, who)
    if not has.settings.server.former_routes:
        raise GoneForGood("Post to /api/v1/chat/{agent_id}: docs/migration.md tells how.", headers=_HEADERS)
    today = asked.asked() if isinstance(asked, FormerMessage) else asked
    answer = await chat(agent_id, today, request, who, has)
    answer.headers.update(_HEADERS)
    return answer


def _warn(request: Request, who: Caller) -> None:
    """One line for each client and day: whoever reads the log is to find out who still has to move."""
    warned: dict[tuple[str, str, str], date] = request.app.state.warned
    client, today = (who.tenant, who.user, request.url.path), datetime.now(UTC).date()
    if warned.get(client) == today:
        return
    if len(warned) >= _WARNED_AT_ONCE:
        warned.clear()
    warned[client] = today
    _log.warning(
        "former_route",
        route=request.url.path,
        tenant=who.tenant,
        agent=request.headers.get("User-Agent", "")[:120],
        removed_in=REMOVED_IN,
    )
