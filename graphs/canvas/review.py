"""Reading what was written, before or after it is seen."""

from typing import Any

from langgraph.runtime import Runtime

from artifacts.diff import unified_diff
from artifacts.service import ArtifactVersion
from graphs.canvas import prompts
from graphs.canvas.state import CanvasState, PendingText, Plan, read_current_version, read_seen_version
from graphs.canvas.tool_call import EDIT, WRITE, ArtifactToolCall
from graphs.canvas.write import call_arguments, report_not_saved, save_text
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.answer_review import AnswerReview
from graphs.quality.graph import AuthorInput, ReviewTarget
from graphs.quality.review_input import ReviewInput
from graphs.quality.subgraph import ReviewSubgraph, context_of, prompt_of
from storage.artifacts import UnknownArtifact


class ReviewNode:
    """Where it is enforced, what is put on the shelf is the best that came of it."""

    def __init__(self, write: Prompt, answer: Prompt) -> None:
        self._write = write
        self._answer = answer
        self._reviewing = ReviewSubgraph()
        self._answers = AnswerReview("canvas", answer.text, self._reviewing)

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan, unheard = state["plan"], state.get("unheard")
        if plan is None or plan["node"] == "answer":
            return await self._review_answer(state, plan, runtime)
        try:
            if unheard is not None:
                return await self._review_artifact(state, plan, unheard, runtime)
            await self._review(state, plan, runtime)
        except UnknownArtifact as error:
            return report_not_saved(runtime, error)
        return {}

    async def _review(self, state: CanvasState, plan: Plan, runtime: Runtime[RunContext]) -> None:
        if (known := state.get("artifact")) is not None:
            version = await runtime.context.workspace.read_artifact(known["id"], known["version"])
            of = ReviewTarget(_last_message(state), "canvas", version.artifact.id, version.version.number)
            review_input = _review_input(state, plan, version.text, version.artifact.kind, version.artifact.language)
            await self._reviewing.review(runtime, review_input, of)

    async def _review_answer(
        self, state: CanvasState, plan: Plan | None, runtime: Runtime[RunContext]
    ) -> dict[str, Any]:
        version, draft = await read_current_version(runtime, plan), state.get("draft")
        text = version.text if version else ""
        # What was heard is not revised.
        task = prompts.answer_prompt(plan, version) if plan else ""
        author = None if draft is None else await _author(state, runtime, self._answer, task)
        return await self._answers.review(runtime, state["messages"], draft, seen=text, author=author)

    async def _review_artifact(
        self, state: CanvasState, plan: Plan, unheard: PendingText, runtime: Runtime[RunContext]
    ) -> dict[str, Any]:
        workspace = runtime.context.workspace
        version = await read_seen_version(workspace, plan)
        call = ArtifactToolCall(runtime, EDIT if unheard["edited"] else WRITE, call_arguments(plan))
        review_input = _review_input(state, plan, unheard["text"], plan["kind"], plan["language"])
        # Of an edit too: what is revised is the whole text.
        author = await _author(state, runtime, self._write, prompts.write_prompt(plan, version))
        best = await self._reviewing.review(runtime, review_input, ReviewTarget(call.message, "canvas"), author)
        text = best.review_input.text
        growing = call.begin()
        growing.add(_difference(version, text) if unheard["edited"] and version is not None else text)
        call.end(growing)
        incomplete = unheard.get("incomplete", False)
        update = await save_text(call, plan, None if plan["new"] else version, text, incomplete=incomplete)
        if (ref := update.get("artifact")) is not None:
            await workspace.attach_to_message(call.message, ref["id"], ref["version"])
        return update


def _review_input(state: CanvasState, plan: Plan, text: str, kind: str, language: str | None) -> ReviewInput:
    messages = state["messages"]
    asked = "\n\n".join(filter(None, [prompt_of(messages), plan["task"]]))
    return ReviewInput(text, prompt=asked, context=context_of(messages), kind=kind, language=language)


async def _author(state: CanvasState, runtime: Runtime[RunContext], prompt: Prompt, task: str) -> AuthorInput:
    """What the author of a text was given; it has no tools."""
    context = runtime.context
    memories = await context.workspace.recall_memories()
    return AuthorInput(
        prompts.build_prompt(prompt, state["messages"], task, memories=memories, background=context.client_context)
    )


def _difference(version: ArtifactVersion, text: str) -> str:
    return unified_diff(version.text, text, before_name="before", after_name="after")


def _last_message(state: CanvasState) -> str:
    return state["messages"][-1].id or ""
