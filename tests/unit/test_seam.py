from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.wrappers.overlap import OverlapTrimmer

ANSWER = (
    "The sea covers most of the Earth. It is deep, and it is old. Ships have crossed it for thousands of years, and "
    "still much of it is unknown.\n\n```python\nprint('sea')\n```\n\nÜber das Meer wäre mehr zu sagen 🌊, but not here."
)


def _joined(said: str, pieces: Sequence[str]) -> str:
    seam = OverlapTrimmer(said)
    return said + "".join([seam.feed(piece) for piece in pieces] + [seam.end()])


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _last_sentence(said: str) -> str:
    return said[max(said.rfind(". ", 0, max(len(said) - 12, 0)) + 2, 0) :]


SUCCESSORS = {
    "goes on exactly": lambda said, rest: rest,
    "repeats the last sentence": lambda said, rest: _last_sentence(said) + rest,
    "begins again": lambda said, rest: said + rest,
    "announces it": lambda said, rest: "Sure, continuing:" + rest,
    "announces it in a line of its own": lambda said, rest: "Certainly! Continuing where I left off.\n\n" + rest,
    "announces it and begins again": lambda said, rest: "Sure, here is the rest:\n" + said + rest,
}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("how", SUCCESSORS)
@pytest.mark.parametrize("cut", [*range(20, len(ANSWER) - 1, 7), *range(140, 170)])
def test_an_answer_that_was_cut_is_whole_whatever_its_successor_does(how: str, cut: int, size: int) -> None:
    said, rest = ANSWER[:cut], ANSWER[cut:]
    joined = _joined(said, _pieces(SUCCESSORS[how](said, rest), size))
    # A line break may be the announcement's or the answer's: there white space is not compared.
    if "line" in how or "announces it and" in how:
        assert "".join(joined.split()) == "".join(ANSWER.split())
    else:
        assert joined == ANSWER


@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=8))
def test_nothing_new_is_lost(said: str, pieces: list[str]) -> None:
    joined, second = _joined(said, pieces), "".join(pieces)
    assert joined.startswith(said)
    if not any(word in second for word in ("ontinu", "esum", "icking", "left off", "he rest")):
        assert second.endswith(joined[len(said) :])


def test_what_is_not_held_back_is_said_at_once() -> None:
    seam = OverlapTrimmer("It was a dark and stormy ")
    assert [seam.feed(piece) for piece in ("night", " and", " the")] == ["night", " and", " the"]


def test_an_answer_that_begins_again_and_takes_another_turn_goes_on_from_there() -> None:
    said = "The capital of France is Paris, a city on the river"
    other = "The capital of France is Paris, a city of light."
    assert _joined(said, _pieces(other, 4)) == "The capital of France is Paris, a city on the river of light."


def test_words_that_only_look_like_an_announcement_stay() -> None:
    assert _joined("I am not ", ["sure", " about", " that, continuing", " the story."]) == (
        "I am not sure about that, continuing the story."
    )


def test_a_first_half_of_nothing_is_joined_to_anything() -> None:
    assert _joined("", ["Sure, continuing: ", "x"]) == "Sure, continuing: x"
