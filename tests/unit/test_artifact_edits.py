from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from artifacts.edits import (
    AppliedEdits,
    EditNotApplicable,
    InvalidEdits,
    RangeOutsideText,
    TextEdit,
    TextRange,
    apply,
    read_edits,
    replace_selection,
)
from artifacts.fences import FenceStripper, strip_fence
from tests.waiting import assert_scales_linearly

BLOCK = "<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE"
OLD_TO_NEW = [TextEdit("old\n", "new\n")]

LINES = st.lists(st.sampled_from(["a", "  a", "a b", "\ta  b", "b", "", " ", "}", "c\r"]), max_size=10)
TEXTS = LINES.flatmap(lambda lines: st.sampled_from(["\n".join(lines), "".join(f"{line}\n" for line in lines)]))
ANSWERS = st.lists(
    st.sampled_from(["```", "```python", "```markdown", "````", "````md", "~~~", "  ```", "`x`"])
    | st.sampled_from(["text", "# Title", "- x", "", "  ", "Here it is:", "x" * 210]),
    max_size=10,
).flatmap(lambda lines: st.sampled_from(["\n".join(lines), "\r\n".join(lines), "".join(f"{line}\n" for line in lines)]))


def test_an_answer_without_a_block_has_no_edits() -> None:
    assert read_edits("I would change nothing.\n\nTitle\n=======\n\n> quoted\n") == []
    assert read_edits("") == []


def test_blocks_are_read_and_what_stands_around_them_is_ignored() -> None:
    answer = f"First:\n\n{BLOCK}\n\nThen:\n<<<<<<< SEARCH\na\n\nb\n=======\n>>>>>>> REPLACE\nDone."
    assert read_edits(answer) == [*OLD_TO_NEW, TextEdit("a\n\nb\n", "")]


@pytest.mark.parametrize(
    "answer",
    [
        BLOCK.replace("\n", "\r\n"),
        f"```python\n{BLOCK}\n```",
        BLOCK.replace("\n", "  \n"),
        BLOCK.replace(" SEARCH", "").replace(" REPLACE", ""),
        BLOCK.replace("SEARCH", "search:").replace("REPLACE", "Replace"),
        BLOCK.replace("<<<<<<< ", "<<<<<<<"),
        "<<<<< SEARCH\nold\n=====\nnew\n>>>>> REPLACE",
        "<<<<<<<<< SEARCH\nold\n=========\nnew\n>>>>>>>>> REPLACE",
        "<<<<<<< SEARCH\nold\n======\nnew\n>>>>>> REPLACE",
        "<<<<<<< ORIGINAL\nold\n=======\nnew\n>>>>>>> UPDATED",
        f"  {BLOCK}".replace("\n=", "\n  ="),
    ],
)
def test_a_block_is_read_however_a_small_model_writes_it(answer: str) -> None:
    assert [TextEdit(edit.search.replace("  ", ""), edit.replace.replace("  ", "")) for edit in read_edits(answer)] == (
        OLD_TO_NEW
    )


def test_an_empty_part_is_an_empty_text() -> None:
    assert read_edits("<<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE") == [TextEdit("", "new\n")]


def test_a_text_with_markers_is_edited_with_longer_ones() -> None:
    answer = "<<<<<<<<< SEARCH\nTitle\n=======\n>>>>>>> REPLACE\n=========\n<<<<<<< SEARCH\n>>>>>>>>> REPLACE"
    assert read_edits(answer) == [TextEdit("Title\n=======\n>>>>>>> REPLACE\n", "<<<<<<< SEARCH\n")]


def test_a_conflict_is_resolved_in_a_block_with_markers_of_its_length() -> None:
    conflict = "<<<<<<< you\na\n=======\nb\n>>>>>>> the agent\n"
    assert read_edits(f"<<<<<<< SEARCH\n{conflict}=======\nb\n>>>>>>> REPLACE\n{BLOCK}") == [
        TextEdit(conflict, "b\n"),
        *OLD_TO_NEW,
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("<<<<<<< SEARCH\nold\n=======\nnew\n", "Block 1 is not ended: the line >>>>>>> REPLACE is missing"),
        (f"<<<<<<< SEARCH\nold\n=======\nnew\n{BLOCK}", "Block 1 is not ended"),
        (f"<<<<<< SEARCH\nold\n======\nnew\n{BLOCK}", "Block 1 is not ended"),
        (f"{BLOCK}\n<<<<<<< SEARCH\nold\n>>>>>>> REPLACE", "Block 2 has no line ======= between"),
        (
            "<<<<<<< SEARCH\nA\n=======\n=======\nB\n=======\n>>>>>>> REPLACE",
            "Block 1 has several lines =======, .* with 9 char",
        ),
        ("<<<<<<< HEAD\nold\n=======\nnew\n>>>>>>> REPLACE", "Line 5 ends a block that was not begun"),
    ],
)
def test_markers_that_make_no_block_are_refused_with_what_to_do(answer: str, told: str) -> None:
    with pytest.raises(InvalidEdits, match=told):
        read_edits(answer)


def test_an_edit_replaces_whole_lines() -> None:
    assert apply("a\nold\nb\n", OLD_TO_NEW) == AppliedEdits("a\nnew\nb\n", (TextRange(2, 6),))
    assert apply("a\nold\nb\n", [TextEdit("old\n", "")]) == AppliedEdits("a\nb\n", (TextRange(2, 2),))


def test_whole_lines_come_before_parts_of_lines() -> None:
    assert apply("older\nold\n", [TextEdit("old", "new")]) == AppliedEdits("older\nnew\n", (TextRange(6, 9),))
    assert apply("older\r\nold\r\n", [TextEdit("old", "new")]) == AppliedEdits("older\r\nnew\r\n", (TextRange(7, 10),))


def test_a_part_of_a_line_is_replaced_where_it_occurs_once() -> None:
    assert apply("x = old(1)\n", [TextEdit("old", "new")]) == AppliedEdits("x = new(1)\n", (TextRange(4, 7),))


def test_a_last_line_without_an_end_stays_without_one() -> None:
    assert apply("a\nold", OLD_TO_NEW) == AppliedEdits("a\nnew", (TextRange(2, 5),))
    assert apply("a\n  old", OLD_TO_NEW) == AppliedEdits("a\n  new", (TextRange(2, 7),))


def test_blanks_are_taken_lightly_and_the_replacement_is_indented_as_the_text_is() -> None:
    text = "class A:\n    def f(self):\n        return  1 \n"
    edit = TextEdit("def f(self):\n    return 1\n", "def f(self):\n    if x:\n        return 2\n\n    return 1\n")
    assert apply(text, [edit]).text == (
        "class A:\n    def f(self):\n        if x:\n            return 2\n\n        return 1\n"
    )


def test_a_replacement_is_moved_out_as_well_as_in() -> None:
    edit = TextEdit("        a()\n        b()\n", "        c()\n    d()\n")
    assert apply("if x:\n    a()\n    b()\n", [edit]).text == "if x:\n    c()\nd()\n"


def test_a_text_with_tabs_keeps_them() -> None:
    edit = TextEdit("if x {\n    a()\n}\n", "if x {\n    if y {\n        a()\n    }\n}\n")
    text = "func f() {\n\tif x {\n\t\ta()\n\t}\n}\n"
    assert apply(text, [edit]).text == ("func f() {\n\tif x {\n\t\tif y {\n\t\t\ta()\n\t\t}\n\t}\n}\n")


def test_a_text_with_blanks_keeps_them() -> None:
    edit = TextEdit("if x:\n\ta()\n", "if x:\n\tif y:\n\t\ta()\n")
    assert apply("if x:\n  a()\n", [edit]).text == "if x:\n  if y:\n    a()\n"


def test_a_text_keeps_its_line_ends() -> None:
    assert apply("a\r\nold\r\nb\r\n", [TextEdit("a\nold\n", "a\nnew\nnewer\n")]).text == "a\r\nnew\r\nnewer\r\nb\r\n"
    assert apply("a\nold\nb\n", [TextEdit("a\r\nold\r\n", "a\r\nnew\r\n")]).text == "a\nnew\nb\n"
    assert apply("a\r\n  old\r\n", OLD_TO_NEW).text == "a\r\n  new\r\n"


def test_each_edit_sees_what_the_one_before_it_left() -> None:
    applied = apply("a\nb\nc\n", [TextEdit("b\n", "bb\nx\n"), TextEdit("a\n", ""), TextEdit("x\nc\n", "z\n")])
    assert applied == AppliedEdits("bb\nz\n", (TextRange(0, 5), TextRange(0, 0), TextRange(3, 5)))


def test_an_empty_text_takes_an_empty_search() -> None:
    assert apply("", [TextEdit("", "new\n")]) == AppliedEdits("new\n", (TextRange(0, 4),))
    assert apply("\n", [TextEdit("", "new\n")]) == AppliedEdits("new\n", (TextRange(0, 4),))
    assert apply("", [TextEdit("\n", "new\n")]) == AppliedEdits("new\n", (TextRange(0, 4),))


def _refused(text: str, *edits: TextEdit) -> EditNotApplicable:
    with pytest.raises(EditNotApplicable) as refused:
        apply(text, edits)
    return refused.value


def test_an_empty_search_in_a_text_is_refused() -> None:
    refused = _refused("a\n", TextEdit("", "b\n"))
    assert (refused.edit, refused.reason, refused.nearest) == (TextEdit("", "b\n"), "empty", None)


@pytest.mark.parametrize(
    ("text", "search"), [("old\nold\n", "old\n"), ("old\nx\nold", "old\n"), ("aaa", "aa"), (" old\n  old\n", "old\n")]
)
def test_a_block_that_occurs_twice_is_refused(text: str, search: str) -> None:
    refused = _refused(text, TextEdit(search, "new\n"))
    assert (refused.edit, refused.reason) == (TextEdit(search, "new\n"), "ambiguous")
    assert search in str(refused)


def test_a_block_that_is_missing_is_told_with_the_lines_most_like_it() -> None:
    text = "def f():\n    return 1\n\n\ndef total(prices):\n    return sum(prices)\n"
    refused = _refused(text, TextEdit("def total(items):\n    return sum(items)\n", ""))
    assert (refused.reason, refused.nearest) == ("missing", "def total(prices):\n    return sum(prices)\n")
    assert str(refused) == (
        "SEARCH is not in the text. Copy the lines as they are:\n"
        "def total(items):\n    return sum(items)\n\n"
        "The most similar lines of the text are:\n"
        "def total(prices):\n    return sum(prices)\n"
    )


def test_nothing_is_near_where_nothing_is_alike() -> None:
    assert _refused("xyz\n", TextEdit("old\n", "")).nearest is None
    assert _refused("", TextEdit("old\n", "")).nearest is None


def test_an_edit_that_fails_takes_the_others_with_it() -> None:
    assert _refused("a\nold\n", *OLD_TO_NEW, TextEdit("old\n", "")).edit == TextEdit("old\n", "")


def test_the_cost_of_the_nearest_lines_grows_with_the_text() -> None:
    def of_long_lines(size: int) -> None:
        text = "ab" * 300 + "\n" + "abab " * size * 2 + "\n" * size
        assert _refused(text, TextEdit("ba" * (size // 16) + "!\n", "")).nearest

    def of_many_lines(size: int) -> None:
        refused = _refused("aaaa aaaa aaaa aaaa aaaa\n" * size, TextEdit("aaaa bbbb\n" * (size // 10), ""))
        assert refused.reason == "missing"

    assert_scales_linearly(of_long_lines, 6_000)
    assert_scales_linearly(of_many_lines, 2_500)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_what_occurs_once_is_replaced_as_it_is(before: str, search: str, after: str, new: str) -> None:
    search, new = search.replace("\r", ""), new.replace("\r", "")
    text = (before + search + after).replace("\r", "")
    assume(search and text.count(search) == 1 and f"\n{text}\n".find(search, text.find(search) + 2) < 0)
    # What ends a line and begins within one is looked for as lines first.
    assume(not search.endswith("\n") or f"\n{text}".find(f"\n{search}") >= 0)
    assert apply(text, [TextEdit(search, new)]).text == text.replace(search, new)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.lists(st.builds(TextEdit, TEXTS, TEXTS), max_size=3))
def test_what_lies_outside_the_spans_is_the_old_text_in_its_order(text: str, edits: list[TextEdit]) -> None:
    try:
        applied = apply(text, edits)
    except EditNotApplicable:
        return
    at, place = 0, 0
    for span in sorted(applied.ranges, key=lambda span: (span.start, span.end)):
        kept = applied.text[place : span.start]
        assert text.find(kept, at) >= 0
        at, place = text.find(kept, at) + len(kept), max(place, span.end)
    assert text[at:].endswith(applied.text[place:])
    assert all(0 <= span.start <= span.end <= len(applied.text) for span in applied.ranges)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_one_edit_leaves_what_is_before_and_behind_it(text: str, search: str, new: str) -> None:
    try:
        applied = apply(text, [TextEdit(search, new)])
    except EditNotApplicable:
        return
    (span,) = applied.ranges
    assert text.startswith(applied.text[: span.start])
    assert text[span.start :].endswith(applied.text[span.end :])
    assert applied.text[span.start : span.end].split() == new.split()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(LINES, LINES), max_size=3), st.integers(5, 9), st.sampled_from(["", "Talk.\n", "```\n"]))
def test_blocks_are_read_as_they_were_written(blocks: list[tuple[list[str], list[str]]], size: int, talk: str) -> None:
    edits = [TextEdit(*("".join(f"{line}\n" for line in lines) for lines in block)) for block in blocks]
    answer = talk.join(
        f"{'<' * size} SEARCH\n{edit.search}{'=' * size}\n{edit.replace}{'>' * size} REPLACE\n" for edit in edits
    )
    assert read_edits(talk + answer) == [
        TextEdit(edit.search.replace("\r", ""), edit.replace.replace("\r", "")) for edit in edits
    ]


def test_a_selection_is_replaced() -> None:
    assert replace_selection("one two", 4, 7, "three") == "one three"
    assert replace_selection("one", 3, 3, "!") == "one!"


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (2, 1), (0, 4)])
def test_a_selection_outside_of_the_text_is_refused(start: int, end: int) -> None:
    with pytest.raises(RangeOutsideText, match=f"{start} to {end} is no part of a text of 3 characters"):
        replace_selection("one", start, end, "")


DOCUMENT = "# Title\n\n```python\nx = 1\n```\n\nMore.\n"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("x = 1", "x = 1"),
        ("\n  \n  x = 1 \n\n \n", "  x = 1 \n"),
        ("", ""),
        ("\n \n", ""),
        ("```python\nx = 1\n```", "x = 1\n"),
        ("\n```\n\nx = 1\n\n```\n\n", "\nx = 1\n\n"),
        ("```\r\nx = 1\r\n```\r\n", "x = 1\r\n"),
        ("~~~~\n```\n~~~\n~~~~", "```\n~~~\n"),
        ("```\n```", ""),
        ("Here is the code:\n\n```python\nx = 1\n```\nIt sets x.", "x = 1\n"),
        ("```python\nx = 1\n", "x = 1\n"),
        (f"```markdown\n{DOCUMENT}```", DOCUMENT),
        (f"````markdown\n{DOCUMENT}````\nThat is all.", DOCUMENT),
        (f"```md\n{DOCUMENT.replace('python', '')}```\nThat is all.", DOCUMENT.replace("python", "")),
        ("```markdown\n# Title\n```python\nx = 1\n```\nMore.", "# Title\n```python\nx = 1\n```\nMore."),
        (DOCUMENT, DOCUMENT),
        ("```python\nx = 1\n```\n\nText.\n\nMore.", "```python\nx = 1\n```\n\nText.\n\nMore."),
        ("```a\n1\n```\nand\n```b\n2\n```", "```a\n1\n```\nand\n```b\n2\n```"),
        ("# Title\n```python\nx = 1\n```", "# Title\n```python\nx = 1\n```"),
        ("Talk.\n\nMore talk.\n```\nx\n```", "Talk.\n\nMore talk.\n```\nx\n```"),
        ("```inline``` code", "```inline``` code"),
        ("Hello\n\n", "Hello\n"),
    ],
)
def test_an_artifact_is_taken_out_of_an_answer(answer: str, text: str) -> None:
    assert strip_fence(answer) == text


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.sampled_from(["", "markdown", "python"]))
def test_every_text_survives_in_a_fence_that_is_longer_than_its_own(text: str, info: str) -> None:
    ended = text if text.endswith("\n") or not text else f"{text}\n"
    assert strip_fence(f"`````{info}\n{ended}`````") == ended


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.lists(st.integers(0, 300), max_size=12))
def test_an_answer_in_pieces_is_the_whole_one_unless_it_went_astray(answer: str, cuts: list[int]) -> None:
    stream = FenceStripper()
    places = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    text = "".join(stream.feed(answer[start:end]) for start, end in pairwise(places)) + stream.end()
    assert stream.astray or text == strip_fence(answer)
    lines = [line.lstrip() for line in answer.splitlines() if line.strip()]
    if not any(line.startswith(("```", "~~~")) for line in lines[:2]):
        assert not stream.astray


@settings(max_examples=100, deadline=None)
@given(ANSWERS)
def test_pieces_of_one_character_make_what_one_piece_makes(answer: str) -> None:
    stream, at_once = FenceStripper(), FenceStripper()
    pieces = "".join(map(stream.feed, answer)) + stream.end()
    assert (pieces, stream.astray) == (at_once.feed(answer) + at_once.end(), at_once.astray)


def test_a_stream_holds_back_what_may_be_a_fence_and_no_more() -> None:
    stream = FenceStripper()
    pieces = ["```py", "thon\nx", " = 1\n", "\n`", "``", "\n", "Done", "."]
    assert [stream.feed(piece) for piece in pieces] == ["", "x", " = 1\n", "\n", "", "", "", ""]
    assert (stream.end(), stream.astray) == ("", False)


def test_a_stream_says_where_it_went_astray() -> None:
    stream = FenceStripper()
    answer = "```python\nx = 1\n```\n\nText.\n\nMore."
    assert stream.feed(answer) + stream.end() != strip_fence(answer)
    assert stream.astray
