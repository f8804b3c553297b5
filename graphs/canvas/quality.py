"""Reading what was written, before or after it is seen."""

from typing import Any

from langgraph.runtime import Runtime

from artifacts.diff import unified
from artifacts.shelf import Held
from graphs.canvas import telling
from graphs.canvas.call import EDIT, WRITE, Call
from graphs.canvas.state import CanvasState, Plan, Unheard, seen, seen_still
from graphs.canvas.write import kept, lost, told
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.answers import AnswersQuality
from graphs.quality.graph import AuthorInput, Of
from graphs.quality.mount import Reviewing, asked_in, given_in
from graphs.quality.subject import Subject
from storage.artifacts import UnknownArtifact


class Quality:
    """Where it is enforced, what is put on the shelf is the best that came of it."""

    def __init__(self, write: Prompt, answer: Prompt) -> None:
        self._write = write
        self._answer = answer
        self._reviewing = Reviewing()
        self._answers = AnswersQuality("canvas", answer.text, self._reviewing)

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan, unheard = state["plan"], state.get("unheard")
        if plan is None or plan["node"] == "answer":
            return await self._answered(state, plan, runtime)
        try:
            if unheard is not None:
                return await self._shelved(state, plan, unheard, runtime)
            await self._read(state, plan, runtime)
        except UnknownArtifact as error:
            return lost(runtime, error)
        return {}

    async def _read(self, state: CanvasState, plan: Plan, runtime: Runtime[RunContext]) -> None:
        if (known := state.get("artifact")) is not None:
            held = await runtime.context.desk.read(known["id"], known["version"])
            of = Of(_last_message(state), "canvas", held.artifact.id, held.version.number)
            subject = _subject(state, plan, held.text, held.artifact.kind, held.artifact.language)
            await self._reviewing.best(runtime, subject, of)

    async def _answered(self, state: CanvasState, plan: Plan | None, runtime: Runtime[RunContext]) -> dict[str, Any]:
        held, draft = await seen_still(runtime, plan), state.get("draft")
        text = held.text if held else ""
        # What was heard is not revised.
        task = telling.to_answer(plan, held) if plan else ""
        author = None if draft is None else await _author(state, runtime, self._answer, task)
        return await self._answers.read(runtime, state["messages"], draft, seen=text, author=author)

    async def _shelved(
        self, state: CanvasState, plan: Plan, unheard: Unheard, runtime: Runtime[RunContext]
    ) -> dict[str, Any]:
        desk = runtime.context.desk
        held = await seen(desk, plan)
        call = Call(runtime, EDIT if unheard["edited"] else WRITE, told(plan))
        subject = _subject(state, plan, unheard["text"], plan["kind"], plan["language"])
        # Of an edit too: what is revised is the whole text.
        author = await _author(state, runtime, self._write, telling.to_write(plan, held))
        best = await self._reviewing.best(runtime, subject, Of(call.message, "canvas"), author)
        text = best.subject.text
        growing = call.begin()
        growing.add(_difference(held, text) if unheard["edited"] and held is not None else text)
        call.end(growing)
        incomplete = unheard.get("incomplete", False)
        update = await kept(call, plan, None if plan["new"] else held, text, incomplete=incomplete)
        if (ref := update.get("artifact")) is not None:
            await desk.place(call.message, ref["id"], ref["version"])
        return update


def _subject(state: CanvasState, plan: Plan, text: str, kind: str, language: str | None) -> Subject:
    messages = state["messages"]
    asked = "\n\n".join(filter(None, [asked_in(messages), plan["task"]]))
    return Subject(text, asked=asked, given=given_in(messages), kind=kind, language=language)


async def _author(state: CanvasState, runtime: Runtime[RunContext], prompt: Prompt, task: str) -> AuthorInput:
    """What the author of a text was given; it has no tools."""
    context = runtime.context
    memories = await context.desk.remembered()
    return AuthorInput(telling.step(prompt, state["messages"], task, memories=memories, background=context.background))


def _difference(held: Held, text: str) -> str:
    return unified(held.text, text, before_name="before", after_name="after")


def _last_message(state: CanvasState) -> str:
    return state["messages"][-1].id or ""
