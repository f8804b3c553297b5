import json
from collections.abc import Collection, Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    InvalidToolCall,
    ToolCall,
    message_chunk_to_message,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.constants import TAG_NOSTREAM

from llm.wrappers.fallback import INTERRUPTED_CALLS

_NO_OBJECT = "The arguments are no JSON object. Call the tool again with valid JSON."

Model = Runnable[LanguageModelInput, AIMessage]


async def ask_for_artifact(
    model: Model, messages: Sequence[BaseMessage], *, tool: Collection[str], on_chunk: bool = True
) -> AIMessage:
    """The model's answer, streamed to whoever listens if it is to be `heard`, with its tool calls read strictly.

    LangChain completes arguments that were cut, so that they can be shown while they come; a call must not be carried
    out from half of them, and nobody can carry out one that was not `offered`.
    """
    config: RunnableConfig | None = None if on_chunk else {"tags": [TAG_NOSTREAM]}
    chunks = [chunk async for chunk in model.astream(list(messages), config) if isinstance(chunk, AIMessageChunk)]
    whole = add_ai_message_chunks(AIMessageChunk(content=""), *chunks)
    message = message_chunk_to_message(whole)
    if not isinstance(message, AIMessage):
        raise TypeError("chunks of an answer are an answer")
    return _check_finish(message, whole.tool_call_chunks, tool) if whole.tool_call_chunks else message


def _check_finish(message: AIMessage, fragments: Sequence[ToolCallChunk], offered: Collection[str]) -> AIMessage:
    calls, broken = list[ToolCall](), list[InvalidToolCall]()
    cut = message.response_metadata.get(INTERRUPTED_CALLS, ())
    for fragment in fragments:
        arguments = None if fragment["id"] in cut else _arguments(fragment["args"])
        name, call_id = fragment["name"] or "", fragment["id"]
        if arguments is None or name not in offered:
            error = f"There is no tool {name!r}." if name not in offered else _NO_OBJECT
            broken.append(
                InvalidToolCall(type="invalid_tool_call", name=name, args=fragment["args"], id=call_id, error=error)
            )
        else:
            calls.append(ToolCall(type="tool_call", name=name, args=arguments, id=call_id))
    return message.model_copy(update={"tool_calls": calls, "invalid_tool_calls": broken})


def _arguments(text: str | None) -> dict[str, Any] | None:
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None
