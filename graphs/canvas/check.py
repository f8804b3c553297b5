"""What can be told of a text without a model: whether it is what it is said to be."""

from itertools import islice
from typing import Any, Literal

from langgraph.runtime import Runtime

from artifacts.shelf import Held
from artifacts.wellformed import faults
from artifacts.workers import WorkerFailed, Workers
from graphs.canvas.state import CanvasState
from graphs.canvas.write import lost
from graphs.context import RunContext
from graphs.remark import Remark
from observability.logs import get_logger
from storage.artifacts import UnknownArtifact

_MOST_TOLD = 5
_CPU_SECONDS = 1.0
_TRIES = 1

_log = get_logger(__name__)


class Check:
    """Sends back what is broken, once, with what is wrong with it."""

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        known, plan = state.get("artifact"), state["plan"]
        gated = runtime.context.gate is not None
        if known is None or plan is None:
            return {"wrong": [], "again": False, "gated": False}
        try:
            held = await runtime.context.desk.read(known["id"], known["version"])
        except UnknownArtifact as error:
            return {**lost(runtime, error), "wrong": [], "again": False, "gated": False}
        wrong = await _wrong(runtime.context.desk.workers, held)
        if wrong and state.get("mended", 0) >= _TRIES:
            runtime.stream_writer(Remark("not_well_formed", f"What was written is not well-formed: {wrong[0]}."))
        if not wrong or state.get("mended", 0) >= _TRIES:
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


async def _wrong(workers: Workers, held: Held) -> list[str]:
    """What is wrong; nothing, where it would take too long to tell."""
    artifact = held.artifact
    try:
        return await workers.run(_faults, held.text, artifact.kind, artifact.language, cpu_seconds=_CPU_SECONDS)
    except WorkerFailed as error:
        _log.warning("check_ended", check="well_formed", reason=str(error))
        return []


def _faults(text: str, kind: str, language: str | None) -> list[str]:
    return list(islice(faults(text, kind, language), _MOST_TOLD))


def after_check(state: CanvasState) -> Literal["edit", "quality", "follow_up"]:
    if state["again"]:
        return "edit"
    return "quality" if state["gated"] else "follow_up"
