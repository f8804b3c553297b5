"""What is said to the person beside the artifact."""

from typing import Any

from langgraph.runtime import Runtime

from graphs.artifact_call import ask_for_artifact
from graphs.canvas import prompts
from graphs.canvas.state import CanvasState, read_current_version
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.answer_review import make_draft
from graphs.quality.subgraph import withholds_text

_DONE = "Tell the person what you did: {note}."
_INVALID = " Say also that this is still wrong: {wrong}."


class AnswerNode:
    """Talks about the artifact, and writes nothing into it."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan, context = state["plan"], runtime.context
        version = await read_current_version(runtime, plan)
        asked = prompts.build_prompt(
            self._prompt,
            state["messages"],
            prompts.answer_prompt(plan, version) if plan else "",
            memories=await context.workspace.recall_memories(),
            background=context.client_context,
        )
        is_draft = withholds_text(runtime)
        answer = await ask_for_artifact(context.models.model, asked, tool=(), on_chunk=not is_draft)
        said = {"draft": make_draft(answer)} if is_draft else {"messages": [answer], "draft": None}
        return {**said, "gated": context.reviewer is not None}


class FollowUpNode:
    """A word on what was done, which is in view by then."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan, known = state["plan"], state.get("artifact")
        note = f"{plan['note'] if plan else 'edited'}, {known['name']}" if known else "nothing was written"
        if why := state.get("failed"):
            note = f"nothing could be kept, and nothing has changed: {why}"
        elif shortfall := state.get("shortfall"):
            note += f". But say that it is not done as asked: {shortfall}"
        wrong = _INVALID.format(wrong="; ".join(state["wrong"])) if state.get("wrong") else ""
        asked = prompts.build_prompt(self._prompt, state["messages"], _DONE.format(note=note) + wrong)
        return {"messages": [await ask_for_artifact(runtime.context.models.model, asked, tool=())]}
