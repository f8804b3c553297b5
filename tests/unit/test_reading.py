"""What is read of a provider's stream, however the network has cut it."""

from collections.abc import Sequence
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.vendors.stream.deltas import Deltas, Frame, chat_text, completion_text
from llm.vendors.stream.frames import Events, Frames, Lines, UnreadableStream

TEXTS = ("Hé", "llo ", "🙂", "👩‍👩‍👧", ' "quoted"\n')
CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}


def _completion(delta: Frame, **more: object) -> Frame:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "choices": [choice], "usage": None, **more}


def _chat(message: Frame, **more: object) -> Frame:
    return {"model": "loop", "created_at": "now", "message": {"role": "assistant", **message}, "done": False, **more}


COMPLETION = [
    _completion({"role": "assistant", "content": ""}),
    *(_completion({"content": text}) for text in TEXTS),
    _completion({"tool_calls": [CALL]}),
    _completion({"content": "after"}),
]
CHAT = [
    *(_chat({"content": text}) for text in TEXTS),
    _chat({"content": "", "thinking": "Hm"}),
    _chat({"content": "x"}),
]


def _events(frames: Sequence[Frame], newline: bytes = b"\n") -> bytes:
    lines = (b"data: " + orjson.dumps(frame) + newline * 2 for frame in frames)
    return b": hello" + newline * 2 + b"".join(lines) + b"data: [DONE]" + newline * 2


def _lines(frames: Sequence[Frame], newline: bytes = b"\n") -> bytes:
    return b"".join(orjson.dumps(frame) + newline for frame in frames)


def _cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def _heard(deltas: Deltas, pieces: Sequence[bytes]) -> list[str | Frame]:
    """What was heard, the texts between two frames together."""
    heard: list[str | Frame] = []
    for said in [*(said for piece in pieces for said in deltas.feed(piece)), *deltas.end()]:
        if isinstance(said, str) and heard and isinstance(heard[-1], str):
            heard[-1] += said
        else:
            heard.append(said)
    return heard


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@settings(deadline=None)
@given(at=st.lists(st.integers(0, 10_000), max_size=40))
def test_completions_are_the_same_wherever_they_are_cut(newline: bytes, at: list[int]) -> None:
    deltas = Deltas(Events(), completion_text)
    heard = _heard(deltas, _cut(_events(COMPLETION, newline), at))
    assert heard == [COMPLETION[0], "".join(TEXTS), COMPLETION[-2], "after"]
    assert deltas.done


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\n\n"])
@settings(deadline=None)
@given(at=st.lists(st.integers(0, 10_000), max_size=40))
def test_chats_are_the_same_wherever_they_are_cut(newline: bytes, at: list[int]) -> None:
    heard = _heard(Deltas(Lines(), chat_text), _cut(_lines(CHAT, newline), at))
    assert heard == ["".join(TEXTS), CHAT[-2], "x"]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_byte_at_a_time_is_enough(newline: bytes) -> None:
    data = _events(COMPLETION, newline)
    heard = _heard(Deltas(Events(), completion_text), [data[at : at + 1] for at in range(len(data))])
    assert heard == [COMPLETION[0], "".join(TEXTS), COMPLETION[-2], "after"]


def test_what_one_read_brings_is_one_text() -> None:
    deltas = Deltas(Events(), completion_text)
    assert list(deltas.feed(_events(COMPLETION[1:4]))) == ["".join(TEXTS[:3])]


def test_an_event_may_have_its_data_in_lines_and_other_fields() -> None:
    told = b'event: delta\nid: 7\ndata: {"a":\ndata:1}\nretry: 3\n\n'
    assert Events().feed(told) == [b'{"a":\n1}']


def test_comments_and_events_without_data_say_nothing() -> None:
    assert Events().feed(b": keep-alive\n\nevent: ping\n\n\n\n\ndata:\n\n") == []


def test_nothing_follows_the_end() -> None:
    events = Events()
    assert events.feed(b'data: {"a": 1}\n\ndata: [DONE]\n\ndata: {"b": 2}\n\n') == [b'{"a": 1}']
    assert events.done


def test_an_event_that_was_not_ended_is_none() -> None:
    events = Events()
    assert (events.feed(b'data: {"a": 1}\n'), events.end()) == ([], [])


def test_a_last_line_needs_no_end() -> None:
    lines = Lines()
    assert (lines.feed(b'{"a": 1}\n{"b"'), lines.feed(b": 2}"), lines.end()) == ([b'{"a": 1}'], [], [b'{"b": 2}'])
    assert lines.end() == []


@pytest.mark.parametrize("frames", [Lines(max_bytes=100), Events(max_bytes=100)])
def test_a_line_without_an_end_is_given_up(frames: Frames) -> None:
    with pytest.raises(UnreadableStream):
        for _ in range(12):
            frames.feed(b"data: abcd")


def test_a_text_is_heard_before_the_frame_that_cannot_be_read() -> None:
    deltas = Deltas(Lines(), chat_text)
    said = deltas.feed(_lines(CHAT[:2]) + b'{"model": \n')
    assert next(said) == "Héllo "
    with pytest.raises(UnreadableStream):
        next(said)


@pytest.mark.parametrize("line", [b"[]", b"1", b'"text"', b"null", b"<html>", b'{"message":{"content":"caf\xc3 "}}'])
def test_what_is_no_object_of_whole_characters_is_not_readable(line: bytes) -> None:
    with pytest.raises(UnreadableStream):
        list(Deltas(Lines(), chat_text).feed(line + b"\n"))


def test_half_a_surrogate_pair_is_left_to_the_vendors_reader() -> None:
    (frame,) = Deltas(Lines(), lambda frame: None).feed(b'{"content": "\\ud83d", "score": NaN}\n')
    assert isinstance(frame, dict)
    assert frame["content"] == "\ud83d"


@pytest.mark.parametrize(
    "frame",
    [
        _completion({"content": "a"}),
        _completion({"role": "assistant", "content": "a"}),
        _completion({"content": "a", "tool_calls": [], "refusal": None, "reasoning_content": ""}),
        _completion({"content": "a"}, system_fingerprint="fp", service_tier="default", obfuscation="xyz"),
    ],
)
def test_a_text_and_what_says_nothing_is_a_plain_text(frame: Frame) -> None:
    assert completion_text(frame) == "a"


@pytest.mark.parametrize(
    "frame",
    [
        _completion({"content": ""}),
        _completion({"content": None}),
        _completion({"content": ["a"]}),
        _completion({"role": "tool", "content": "a"}),
        _completion({"content": "a", "tool_calls": [CALL]}),
        _completion({"content": "a", "function_call": {"name": "f"}}),
        _completion({"content": "a", "reasoning": "b"}),
        _completion({"content": "a", "refusal": "b"}),
        _completion({"content": "a", "annotations": [1]}),
        _completion({"content": "a"}, usage={"prompt_tokens": 1}),
        _completion({"content": "a"}, error={"message": "no"}),
        _completion({"content": "a"}, type="content.delta"),
        _completion({"content": "a"}, choices=[]),
        _completion({"content": "a"}, choices=None),
        _completion({"content": "a"}, choices=[{"index": 1, "delta": {"content": "a"}}]),
        _completion({"content": "a"}, choices=[{"index": 0, "delta": {"content": "a"}}] * 2),
        _completion({"content": "a"}, choices=[{"delta": {"content": "a"}, "finish_reason": "stop"}]),
        _completion({"content": "a"}, choices=[{"delta": {"content": "a"}, "logprobs": {"content": []}}]),
        _completion({"content": "a"}, choices=[{"delta": "a"}]),
        _completion({"content": "a"}, choices=["a"]),
        {"error": {"message": "no"}},
        {},
    ],
)
def test_a_completion_that_says_more_is_left_to_others(frame: Frame) -> None:
    assert completion_text(frame) is None


@pytest.mark.parametrize(
    "frame",
    [
        _chat({"content": ""}),
        _chat({"content": "a", "thinking": "b"}),
        _chat({"content": "a", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}),
        _chat({"content": "a", "images": ["b"]}),
        _chat({"role": "tool", "content": "a"}),
        _chat({"content": "a"}, done=True),
        _chat({"content": "a"}, logprobs=[{"token": "a"}]),
        _chat({"content": "a"}, eval_count=3),
        {"error": "no"},
        {"message": "a"},
        {},
    ],
)
def test_a_chat_that_says_more_is_left_to_others(frame: Frame) -> None:
    assert chat_text(frame) is None


def test_a_chat_that_says_a_text_is_one() -> None:
    assert chat_text(_chat({"content": "a", "thinking": "", "tool_calls": None})) == "a"
