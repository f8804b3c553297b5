"""What the model is asked of a thread. Pure: the thread itself is kept whole and is not touched here."""

from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage

from graphs.context import ContextItem
from graphs.prompt import Prompt

_UNANSWERED = "This tool call was not carried out."


def build_conversation(
    messages: Sequence[BaseMessage], *, prompts: Sequence[Prompt], background: Sequence[ContextItem]
) -> list[BaseMessage]:
    """What the agent is told first, then the thread, every tool call followed by its answer."""
    prompt, *others = prompts
    head = prompt.message(*(other.text for other in others), *_with_context(messages, background))
    return [head, *_pair_calls([message for message in messages if not isinstance(message, SystemMessage)])]


def _with_context(messages: Sequence[BaseMessage], background: Sequence[ContextItem]) -> Iterator[str]:
    # Many models take one system message, and only as the first.
    for message in messages:
        if isinstance(message, SystemMessage):
            yield message.text
    if background:
        yield "What the application around this conversation says:"
        yield from (f"{entry.description}: {entry.value}" for entry in background)


def _pair_calls(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """Every tool call followed by its answer, and no answer without its call: providers refuse anything else."""
    answers = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
    for message in messages:
        if isinstance(message, ToolMessage):
            continue
        yield message
        if isinstance(message, AIMessage):
            for call in (*message.tool_calls, *message.invalid_tool_calls):
                call_id = call["id"] or ""
                yield answers.get(call_id) or ToolMessage(_UNANSWERED, tool_call_id=call_id, name=call["name"])
