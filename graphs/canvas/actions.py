"""What a quick action asks of the model."""

from dataclasses import dataclass

from graphs.canvas.options import FOR_CODE, FOR_TEXT, Action
from graphs.canvas.state import Node

_TASKS: dict[str, str] = {
    "length shortest": "Make the text as short as it can be: what matters most, in a few sentences.",
    "length shorter": "Make the text about half as long. What matters stays.",
    "length longer": "Make the text about half as long again, with details that it lacks.",
    "length longest": "Make the text about three times as long, with details and examples.",
    "reading_level child": "Write the text so that a child of eight understands it.",
    "reading_level teenager": "Write the text so that a teenager understands it.",
    "reading_level student": "Write the text for students of the subject.",
    "reading_level expert": "Write the text for experts of the subject.",
    "tone": "Write the text in another tone: {to}. What it says stays.",
    "translate": "Translate the text into {to}. Its form stays.",
    "port": "Port the code to {to}. What it does stays.",
    "comment": "Add comments to the code where it is not plain why something is done. Change nothing else.",
    "log": "Add logging to the code where it helps to see what happens. Change nothing else.",
    "fix": "Find the bugs in the code and mend them. Change nothing else.",
    "explain": "Explain what the text or code does and how, in a few paragraphs.",
    "test": "Write tests for the code: one file, with the usual testing library of its language.",
}
# What changes little of a text comes as edits, which cost what they change.
_NODES: dict[str, Node] = {"comment": "edit", "log": "edit", "fix": "edit", "explain": "answer"}


class ActionNotApplicable(ValueError):
    """An action that cannot be done with an artifact of this kind."""


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """What an action leads to: which node, with which words. `new` is whether it makes another artifact."""

    node: Node
    task: str
    note: str
    new: bool = False
    language: str | None = None


def check_action(action: Action, kind: str) -> None:
    """Raises `NotForThis`."""
    if kind != "code" and action.name in FOR_CODE:
        raise ActionNotApplicable(f"{action.name!r} is for code, and this is {kind}")
    if kind == "code" and action.name in FOR_TEXT:
        raise ActionNotApplicable(f"{action.name!r} is for texts, and this is code")


def plan_action(action: Action, *, of_part: bool) -> ActionPlan:
    """With a part of a text in view, whatever rewrites that part comes as an edit of it."""
    to = action.value or ""
    words = _TASKS.get(f"{action.name} {to}") or _TASKS[action.name].format(to=to)
    node: Node = _NODES.get(action.name, "edit" if of_part and action.name != "test" else "write")
    return ActionPlan(
        node,
        words,
        f"{action.name}: {to}" if to else action.name,
        new=action.name == "test",
        # A part that is ported does not make the rest another language.
        language=to.lower() if action.name == "port" and not of_part else None,
    )
