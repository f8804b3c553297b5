"""What the model is told at each step. Pure."""

from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage

from artifacts.service import ArtifactVersion
from graphs.canvas.state import Plan
from graphs.context import ContextItem
from graphs.prompt import Prompt
from storage.memories import MemoryRecord

# Messages of the conversation that a step is told, the newest.
_RECENT = 12
# Characters of a part's surroundings, on each side.
_AROUND = 600


def build_prompt(
    prompt: Prompt,
    messages: Sequence[AnyMessage],
    task: str,
    *,
    memories: Sequence[MemoryRecord] = (),
    background: Sequence[ContextItem] = (),
) -> list[BaseMessage]:
    """The step's own words first and last, the conversation between them. Two messages of a person's never follow
    each other: some models refuse that.
    """
    said = list(_conversation(messages))[-_RECENT:]
    if said and isinstance(said[-1], HumanMessage):
        task, said = f"{said[-1].text}\n\n{task}" if task else said[-1].text, said[:-1]
    return [prompt.message(*_background(memories, background)), *said, HumanMessage(task)]


def describe_artifact(version: ArtifactVersion) -> str:
    """An artifact in a line."""
    artifact = version.artifact
    language = f" ({artifact.language})" if artifact.language else ""
    return f"The artifact is {artifact.name!r}, {artifact.kind}{language}."


def write_prompt(plan: Plan, seen: ArtifactVersion | None) -> str:
    wanted = f"{plan['language']} code" if plan["kind"] == "code" and plan["language"] else plan["kind"]
    if seen is None:
        return f"{plan['task'] or 'Write what is asked for.'}\nWrite it as {wanted}."
    return (
        f"{_quote(seen.text)}\n\n{plan['task'] or 'Write it anew as asked.'}\nAnswer with the whole text, as {wanted}."
    )


def edit_prompt(plan: Plan, seen: ArtifactVersion, start: int, end: int) -> str:
    """A part is told with what stands around it; without one, the whole text is."""
    task = plan["task"] or "Change it as asked."
    if (start, end) == (0, len(seen.text)):
        return f"{describe_artifact(seen)} This is its text:\n\n{_quote(seen.text)}\n\n{task}\nAnswer with blocks."
    return f"{_in_place(seen, start, end)}\n\n{task}\nChange only that part. Answer with blocks."


def part_prompt(plan: Plan, seen: ArtifactVersion, start: int, end: int) -> str:
    task = plan["task"] or "Change it as asked."
    return f"{_in_place(seen, start, end)}\n\n{task}\nAnswer with the new text of that part."


def answer_prompt(plan: Plan, seen: ArtifactVersion | None) -> str:
    if seen is None:
        return plan["task"]
    start, end = plan["start"], plan["end"]
    if start is None or end is None:
        return f"{describe_artifact(seen)} This is its text:\n\n{_quote(seen.text)}\n\n{plan['task']}".rstrip()
    return f"{_in_place(seen, start, end)}\n\n{plan['task']}".rstrip()


def _in_place(seen: ArtifactVersion, start: int, end: int) -> str:
    text = seen.text
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    around = f"It stands between\n\n{_quote(before)}\n\nand\n\n{_quote(after)}" if before or after else ""
    return "\n\n".join(filter(None, [f"{describe_artifact(seen)} This is the part:", _quote(text[start:end]), around]))


def _quote(text: str) -> str:
    return f"<text>\n{text}\n</text>"


def _background(memories: Sequence[MemoryRecord], background: Sequence[ContextItem]) -> Iterator[str]:
    if memories:
        yield "What is known of the person, to be heeded where it fits:"
        yield "\n".join(f"- {memory.text}" for memory in memories)
    if background:
        yield "What the application around this conversation says:"
        yield "\n".join(f"{entry.description}: {entry.value}" for entry in background)


def _conversation(messages: Sequence[AnyMessage]) -> Iterator[BaseMessage]:
    """What was said, as far as it was words: the texts of artifacts are told where a step needs one."""
    for message in messages:
        if isinstance(message, HumanMessage):
            yield HumanMessage(message.content)
        elif isinstance(message, AIMessage) and message.text:
            yield AIMessage(message.text)
