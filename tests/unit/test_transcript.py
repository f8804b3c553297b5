from ag_ui.core import (
    ActivityMessage,
    AssistantMessage,
    DataSource,
    FunctionCall,
    ImagePart,
    Message,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)

from backend.api.transcript import format_markdown


def test_a_thread_reads_as_a_page() -> None:
    call = ToolCall(id="c", function=FunctionCall(name="calculate", arguments='{"expression": "6 * 7"}'))
    picture = ImagePart(source=DataSource(value="AAAA", mime_type="image/png"))
    messages: list[Message] = [
        SystemMessage(id="s", content="Be brief."),
        UserMessage(id="u", content=[TextPart(text="What is this?"), picture]),
        AssistantMessage(id="a", content="Let me see.", tool_calls=[call]),
        ToolMessage(id="t", tool_call_id="c", content="42"),
        ToolMessage(id="e", tool_call_id="c", content="", error="It is broken."),
        ActivityMessage(id="x", activity_type="note", content={}),
        AssistantMessage(id="b", content="It is **42**."),
    ]
    assert (
        format_markdown("A title", messages)
        == """# A title

## System

Be brief.

## User

What is this?

*[image]*

## Assistant

Let me see.

Called `calculate`:

```json
{"expression": "6 * 7"}
```

## Tool

```
42
```

## Tool

```
It is broken.
```

## Assistant

It is **42**.
"""
    )


def test_a_result_with_fences_stays_within_its_own() -> None:
    told = format_markdown("T", [ToolMessage(id="t", tool_call_id="c", content="```\n````\ncode\n````\n```")])
    assert told.endswith("`````\n```\n````\ncode\n````\n```\n`````\n")
    assert told.startswith("# T\n\n## Tool\n\n`````\n")


def test_an_empty_thread_has_its_title() -> None:
    assert format_markdown("T", []) == "# T\n"
