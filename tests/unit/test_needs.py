from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from llm.capabilities import RequiredCapabilities
from llm.catalog import ModelInfo
from llm.spec import ModelSpec

PICTURE = HumanMessage(
    [{"type": "text", "text": "What is it?"}, {"type": "image", "base64": "aGk=", "mime_type": "image/png"}]
)
SOUND = HumanMessage([{"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"}])
SCHEMA = {"response_format": {"type": "json_schema"}}


def _info(**more: Any) -> ModelInfo:
    return ModelInfo(ModelSpec("p", "m"), **{"tools": True, "vision": True, "json_schema": True, **more})


@pytest.mark.parametrize(
    ("messages", "kwargs", "info", "lacks"),
    [
        ([HumanMessage("Hi")], {}, _info(vision=False, json_schema=False, tools=False), ()),
        ([PICTURE], {}, _info(), ()),
        ([PICTURE], {}, _info(vision=False), ("vision",)),
        ([SOUND], {}, _info(), ("media",)),
        ([SOUND, AIMessage("A bell."), HumanMessage("Sure?")], {}, _info(), ()),
        ([PICTURE, AIMessage("A cat."), HumanMessage("Sure?")], {}, _info(vision=False), ()),
        ([HumanMessage("Hi")], SCHEMA, _info(json_schema=False), ("schema",)),
        ([PICTURE], SCHEMA, _info(json_schema=False, vision=False), ("schema", "vision")),
        ([HumanMessage("word " * 4000)], {}, _info(context_length=2000), ("length",)),
        ([SystemMessage("word " * 4000), HumanMessage("Hi")], {}, _info(context_length=2000), ("length",)),
        # Older turns can be left out, and so do not count.
        ([HumanMessage("word " * 4000), AIMessage("Yes."), HumanMessage("Hi")], {}, _info(context_length=2000), ()),
        ([HumanMessage("word " * 4000)], {}, _info(context_length=None), ()),
    ],
)
def test_what_cannot_be_done_without_is_known_before_the_call(
    messages: list[BaseMessage], kwargs: dict[str, Any], info: ModelInfo, lacks: tuple[str, ...]
) -> None:
    assert RequiredCapabilities.of(messages, kwargs).missing_in(info) == lacks


def test_tools_are_wanted_and_can_be_done_without() -> None:
    required = RequiredCapabilities.of([HumanMessage("Hi")], {"tools": [{"type": "function"}]})
    assert required.tools
    assert required.missing_in(_info(tools=False)) == ()
