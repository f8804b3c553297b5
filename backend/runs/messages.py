"""AG-UI's messages and LangChain's, each as the other. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from ag_ui.core import (
    ActivityMessage,
    AssistantMessage,
    AudioPart,
    ContentPart,
    DataSource,
    DeveloperMessage,
    DocumentPart,
    FileSource,
    FunctionCall,
    ImagePart,
    Message,
    PartSource,
    ReasoningMessage,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UrlSource,
    UserMessage,
    VideoPart,
)
from langchain_core import messages as lc

from llm.finish_reason import hit_output_limit

_CUT = "\n\n*[This answer was cut off at its limit.]*"

_Media = ImagePart | AudioPart | VideoPart | DocumentPart

# LangChain's word for the role that OpenAI put beside `system`.
_DEVELOPER = {"__openai_role__": "developer"}
_KINDS: Mapping[type[_Media], str] = {
    ImagePart: "image",
    AudioPart: "audio",
    VideoPart: "video",
    DocumentPart: "file",
}
_PARTS = {kind: part for part, kind in _KINDS.items()}


def to_langchain(messages: Iterable[Message]) -> list[lc.BaseMessage]:
    """What of a client's messages belongs to the conversation; activity and reasoning never reach a model."""
    return [converted for message in messages if (converted := _to_langchain_message(message)) is not None]


def _to_langchain_message(message: Message) -> lc.BaseMessage | None:
    match message:
        case UserMessage():
            return lc.HumanMessage(_blocks(message.content), id=message.id, name=message.name)
        case AssistantMessage():
            calls = [_call(call) for call in message.tool_calls or ()]
            return lc.AIMessage(message.content or "", id=message.id, name=message.name, tool_calls=calls)
        case ToolMessage():
            return lc.ToolMessage(
                message.error or _text(message.content),
                id=message.id,
                tool_call_id=message.tool_call_id,
                status="error" if message.error else "success",
            )
        case SystemMessage():
            return lc.SystemMessage(message.content, id=message.id, name=message.name)
        case DeveloperMessage():
            return lc.SystemMessage(
                message.content, id=message.id, name=message.name, additional_kwargs=dict(_DEVELOPER)
            )
        case ActivityMessage() | ReasoningMessage():
            return None
        case _:
            assert_never(message)


def _blocks(content: str | Sequence[ContentPart]) -> str | list[str | dict[Any, Any]]:
    if isinstance(content, str):
        return content
    return [_block(part) for part in content]


def _block(part: ContentPart) -> dict[Any, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    kind = {"type": _KINDS[type(part)]}
    match part.source:
        case DataSource(value=value, mime_type=mime_type):
            return {**kind, "base64": value, "mime_type": mime_type}
        case UrlSource(value=value, mime_type=mime_type):
            return {**kind, "url": value, **({"mime_type": mime_type} if mime_type else {})}
        case FileSource(value=value):
            return {**kind, "file_id": value}
        case _:
            assert_never(part.source)


def _text(content: str | Sequence[ContentPart]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, TextPart))


def _call(call: ToolCall) -> lc.ToolCall:
    try:
        arguments = json.loads(call.function.arguments or "{}")
    except ValueError:
        arguments = None
    # A call that a client claims and whose arguments are no object is kept as one without any.
    return lc.ToolCall(name=call.function.name, args=arguments if isinstance(arguments, dict) else {}, id=call.id)


def to_agui(messages: Iterable[lc.BaseMessage]) -> list[Message]:
    """A thread's messages as a client knows them. Tools' results are text: the older clients take nothing else."""
    return [converted for message in messages if (converted := _to_agui_message(message)) is not None]


def incomplete_marker(text: str, metadata: Mapping[str, Any]) -> str:
    """What a reader is shown behind an answer that was ended by its limit. No model ever sees it."""
    if not (metadata and text) or not hit_output_limit(metadata):
        return ""
    open_fence = sum(line.startswith("```") for line in text.split("\n")) % 2
    return ("\n```" if open_fence else "") + _CUT


def trim_surrogates(text: str) -> str:
    """The text as it can be written: halves of characters, which no encoding has, become question marks."""
    if text.isascii():
        return text
    return text.encode(errors="replace").decode()


def _to_agui_message(message: lc.BaseMessage) -> Message | None:
    message_id, name = message.id or "", message.name
    match message:
        case lc.HumanMessage():
            return UserMessage(id=message_id, name=name, content=_content(message))
        case lc.AIMessage():
            text = trim_surrogates(message.text) + incomplete_marker(message.text, message.response_metadata)
            return AssistantMessage(id=message_id, name=name, content=text or None, tool_calls=_calls(message) or None)
        case lc.ToolMessage():
            error = trim_surrogates(message.text) if message.status == "error" else None
            return ToolMessage(
                id=message_id, tool_call_id=message.tool_call_id, content=result_text(message), error=error
            )
        case lc.SystemMessage() if message.additional_kwargs == _DEVELOPER:
            return DeveloperMessage(id=message_id, name=name, content=message.text)
        case lc.SystemMessage():
            return SystemMessage(id=message_id, name=name, content=trim_surrogates(message.text))
    return None


def _content(message: lc.HumanMessage) -> str | list[ContentPart]:
    if isinstance(message.content, str):
        return trim_surrogates(message.content)
    blocks = [block if isinstance(block, dict) else {"type": "text", "text": block} for block in message.content]
    return [part for block in blocks if (part := _part(block)) is not None]


def _part(block: dict[Any, Any]) -> ContentPart | None:
    if block["type"] == "text":
        return TextPart(text=block["text"])
    part, source = _PARTS.get(block["type"]), _source(block)
    # What a graph of its own making puts into a person's message, no client has a name for.
    return part(source=source) if part and source else None


def _source(block: dict[Any, Any]) -> PartSource | None:
    match block:
        case {"base64": value, "mime_type": mime_type}:
            return DataSource(value=value, mime_type=mime_type)
        case {"url": value}:
            return UrlSource(value=value, mime_type=block.get("mime_type"))
        case {"file_id": value}:
            return FileSource(value=value)
    return None


def _calls(message: lc.AIMessage) -> list[ToolCall]:
    whole = [(call["id"], call["name"], json.dumps(call["args"])) for call in message.tool_calls]
    broken = [(call["id"], call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls]
    return [
        ToolCall(id=call_id or "", function=FunctionCall(name=name, arguments=arguments))
        for call_id, name, arguments in (*whole, *broken)
    ]


def result_text(message: lc.ToolMessage) -> str:
    told = message.content if isinstance(message.content, str) else json.dumps(message.content, ensure_ascii=False)
    return trim_surrogates(told)
