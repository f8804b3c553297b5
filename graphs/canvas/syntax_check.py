"""What can be told of a text without a model: whether it is what it is said to be."""

from itertools import islice
from typing import Any, Literal

from langgraph.runtime import Runtime

from artifacts.service import ArtifactVersion
from artifacts.validate import validate
from artifacts.workers import WorkerFailed, Workers
from graphs.canvas.state import CanvasState
from graphs.canvas.write import report_not_saved
from graphs.context import RunContext
from graphs.notice import Notice
from observability.logs import get_logger
from storage.artifacts import UnknownArtifact

_MAX_ISSUES = 5
_CPU_SECONDS = 1.0
_MAX_ATTEMPTS = 1

_log = get_logger(__name__)


class CheckNode:
    """Sends back what is broken, once, with what is wrong with it."""

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        known, plan = state.get("artifact"), state["plan"]
        gated = runtime.context.reviewer is not None
        if known is None or plan is None:
            return {"wrong": [], "again": False, "gated": False}
        try:
            version = await runtime.context.workspace.read_artifact(known["id"], known["version"])
        except UnknownArtifact as error:
            return {**report_not_saved(runtime, error), "wrong": [], "again": False, "gated": False}
        wrong = await _find_issues(runtime.context.workspace.workers, version)
        if wrong and state.get("mended", 0) >= _MAX_ATTEMPTS:
            runtime.stream_writer(Notice("invalid_syntax", f"The text has a syntax error: {wrong[0]}."))
        if not wrong or state.get("mended", 0) >= _MAX_ATTEMPTS:
            return {"wrong": wrong, "again": False, "gated": gated}
        mending = {
            **plan,
            "node": "edit",
            "task": f"This is wrong with it: {'; '.join(wrong)}. Mend that and change nothing else.",
            "artifact": known["id"],
            "version": known["version"],
            "start": None,
            "end": None,
            "new": False,
        }
        return {"wrong": wrong, "again": True, "mended": state.get("mended", 0) + 1, "plan": mending}


async def _find_issues(workers: Workers, version: ArtifactVersion) -> list[str]:
    """What is wrong; nothing, where it would take too long to tell."""
    artifact = version.artifact
    try:
        return await workers.run(
            _issue_messages, version.text, artifact.kind, artifact.language, cpu_seconds=_CPU_SECONDS
        )
    except WorkerFailed as error:
        _log.warning("check_ended", check="well_formed", reason=str(error))
        return []


def _issue_messages(text: str, kind: str, language: str | None) -> list[str]:
    return list(islice(validate(text, kind, language), _MAX_ISSUES))


def after_check(state: CanvasState) -> Literal["edit", "quality", "follow_up"]:
    if state["again"]:
        return "edit"
    return "quality" if state["gated"] else "follow_up"
