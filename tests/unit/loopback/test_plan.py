from itertools import islice

import pytest

from tests.loopback import Cut, Endless, Reply, Request, Reset, SlowHeader, Stall, ToolCall
from tests.loopback.answer import Exchange
from tests.loopback.catalog import MODELS, vector
from tests.loopback.http import LAST_CHUNK, render_chunk, render_head
from tests.loopback.plan import Leave, Pause, Send, plan
from tests.loopback.routes import ROUTES
from tests.loopback.script import split

HEAD = Send(render_head(200, "application/x-ndjson", None))
THREE = Reply("a b c", first_delay=1, delay=2, usage=None)


def exchange(path: str = "/api/chat") -> Exchange:
    request = Request("POST", path, {}, {"model": "loop"}, b"")
    return ROUTES["POST", path].exchange(1, request, MODELS)


def send(*words: str) -> Send:
    wire, ask = exchange().wire, exchange().ask
    return Send(render_chunk(b"".join(wire.frame(wire.piece(ask, word)) for word in words)), len(words))


def end(reply: Reply) -> Send:
    return Send(render_chunk(exchange().wire.closing(exchange().ask, reply)) + LAST_CHUNK)


def test_a_reply_is_a_header_and_pieces_at_its_pace() -> None:
    assert list(plan(THREE, exchange())) == [
        Pause(0),
        HEAD,
        Pause(0),
        Pause(1),
        send("a "),
        Pause(2),
        send("b "),
        Pause(2),
        send("c"),
        end(THREE),
    ]


def test_a_whole_answer_takes_as_long_as_its_stream() -> None:
    steps = plan(THREE, exchange("/v1/chat/completions"))
    assert sum(step.seconds for step in steps if isinstance(step, Pause)) == 5


def test_pieces_share_writes() -> None:
    reply = Reply("a b c", per_write=2, delay=2)
    assert list(plan(reply, exchange()))[4:] == [send("a ", "b "), Pause(2), send("c"), end(reply)]


def test_a_fault_after_some_pieces_divides_a_write() -> None:
    reply = Reply("a b c d", per_write=3)
    steps = list(plan(Stall(2, 9, reply), exchange()))
    assert steps[4:] == [send("a ", "b "), Pause(9), send("c ", "d"), end(reply)]


def test_a_fault_before_the_first_byte_comes_before_the_header() -> None:
    assert next(plan(Reset(reply=THREE), exchange())) == Leave(reset=True)
    assert next(plan(Cut(reply=THREE), exchange())) == Leave()
    assert list(plan(Stall(0, 9, THREE), exchange()))[:3] == [Pause(9), Pause(0), HEAD]


def test_a_slow_header_is_divided_in_time() -> None:
    steps = list(islice(plan(SlowHeader(8, THREE), exchange()), 1, 9))
    lines = HEAD.data.splitlines(keepends=True)
    assert steps == [step for line in lines for step in (Send(line), Pause(2))]


def test_an_endless_answer_is_planned_as_it_is_sent() -> None:
    steps = islice(plan(Endless("on ", delay=3), exchange()), 1000, 1004)
    assert list(steps) == [send("on "), Pause(3), send("on "), Pause(3)]


@pytest.mark.parametrize("text", ["", " ", "one", "one two", "  one\n\ntwo  three ", "☕ café\n"])
def test_words_joined_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text


def test_a_reply_has_one_text_and_writes_with_something_in_them() -> None:
    with pytest.raises(ValueError, match="a text or pieces"):
        Reply("a", pieces=("b",))
    with pytest.raises(ValueError, match="at least one piece"):
        Reply("a", per_write=0)


def test_arguments_that_are_no_json_cannot_be_said_to_ollama() -> None:
    with pytest.raises(ValueError, match="unexpected end of data"):
        list(plan(Reply(tool_calls=(ToolCall("weather", '{"city'),)), exchange()))


def test_texts_with_common_words_are_near() -> None:
    def likeness(one: str, other: str) -> float:
        return sum(a * b for a, b in zip(vector(one, 64), vector(other, 64), strict=True))

    assert likeness("red apple", "Apple, red!") == pytest.approx(1)
    assert likeness("a red apple", "a green apple") > likeness("a red apple", "fast cars drive")
