"""What is said to the person beside the artifact."""

from typing import Any

from langgraph.runtime import Runtime

from graphs.answer import answered
from graphs.canvas import telling
from graphs.canvas.state import CanvasState, seen_still
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.answers import draft
from graphs.quality.mount import is_held

_DONE = "Tell the person what you did: {note}."
_WRONG = " Say also that this is still wrong: {wrong}."


class Answer:
    """Talks about the artifact, and writes nothing into it."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan, context = state["plan"], runtime.context
        held = await seen_still(runtime, plan)
        asked = telling.step(
            self._prompt,
            state["messages"],
            telling.to_answer(plan, held) if plan else "",
            memories=await context.desk.remembered(),
            background=context.background,
        )
        is_draft = is_held(runtime)
        answer = await answered(context.candidate.model, asked, offered=(), heard=not is_draft)
        said = {"draft": draft(answer)} if is_draft else {"messages": [answer], "draft": None}
        return {**said, "gated": context.gate is not None}


class FollowUp:
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
        wrong = _WRONG.format(wrong="; ".join(state["wrong"])) if state.get("wrong") else ""
        asked = telling.step(self._prompt, state["messages"], _DONE.format(note=note) + wrong)
        return {"messages": [await answered(runtime.context.candidate.model, asked, offered=())]}
