from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.merge import MergeResult, merge
from tests.waiting import assert_scales_linearly

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", "}", "d\r"]), max_size=12).flatmap(
    lambda lines: st.sampled_from(["\n".join(lines), "".join(f"{line}\n" for line in lines)])
)


def test_changes_that_do_not_touch_are_both_kept() -> None:
    base = "one\ntwo\nthree\nfour\n"
    assert merge(base, "ONE\ntwo\nthree\nfour\n", "one\ntwo\nthree\nFOUR\nfive\n") == MergeResult(
        "ONE\ntwo\nthree\nFOUR\nfive\n", 0
    )


def test_the_same_change_is_one() -> None:
    assert merge("a\nb\nc\n", "a\nB\nc\nd\n", "a\nB\nc\n") == MergeResult("a\nB\nc\nd\n", 0)


def test_lines_that_were_removed_stay_away() -> None:
    assert merge("a\nb\nc\nd\ne\n", "a\nc\nd\ne\n", "a\nb\nc\nd\n") == MergeResult("a\nc\nd\n", 0)


def test_different_changes_of_a_line_stand_between_markers() -> None:
    assert merge("a\nb\nc\n", "a\nours\nc\n", "a\ntheirs\nc\n", our_name="you", their_name="the\nagent") == MergeResult(
        "a\n<<<<<<< you\nours\n=======\ntheirs\n>>>>>>> the agent\nc\n", 1
    )


def test_different_lines_added_at_one_place_are_a_conflict_and_equal_ones_are_not() -> None:
    assert merge("a\nb\n", "a\nx\nb\n", "a\ny\nb\n") == MergeResult(
        "a\n<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\nb\n", 1
    )
    assert merge("a\nb\n", "a\nx\nb\n", "a\nx\nb\n") == MergeResult("a\nx\nb\n", 0)


def test_a_line_that_one_removed_and_the_other_changed_is_a_conflict() -> None:
    assert merge("a\nb\nc\n", "a\nc\n", "a\nB\nc\n") == MergeResult(
        "a\n<<<<<<< ours\n=======\nB\n>>>>>>> theirs\nc\n", 1
    )


def test_markers_have_lines_of_their_own_where_the_texts_end_without_one() -> None:
    assert merge("a\nb", "a\nx", "a\ny") == MergeResult("a\n<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n", 1)
    assert merge("", "x", "y") == MergeResult("<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n", 1)


def test_markers_end_as_the_texts_lines_do() -> None:
    assert merge("a\r\nb\r\n", "a\r\nx\r\n", "a\r\ny\r\n") == MergeResult(
        "a\r\n<<<<<<< ours\r\nx\r\n=======\r\ny\r\n>>>>>>> theirs\r\n", 1
    )


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_one_change_alone_is_kept_to_the_byte(base: str, changed: str) -> None:
    assert merge(base, base, changed) == MergeResult(changed, 0)
    assert merge(base, changed, base) == MergeResult(changed, 0)
    assert merge(base, changed, changed) == MergeResult(changed, 0)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_no_new_line_is_dropped_and_sides_are_treated_alike(base: str, ours: str, theirs: str) -> None:
    merged = merge(base, ours, theirs)
    lines = merged.text.splitlines()
    new = (set(ours.splitlines()) | set(theirs.splitlines())) - set(base.splitlines())
    assert new <= set(lines)
    assert lines.count("<<<<<<< ours") == lines.count(">>>>>>> theirs") == merged.conflicts
    assert merge(base, theirs, ours).conflicts == merged.conflicts


def test_the_cost_of_merging_texts_that_share_little_and_repeat_much_grows_with_them() -> None:
    def merged(size: int) -> None:
        base = "".join(f"{{\n{n % 7}\n}},\n" for n in range(size))
        ours = "".join(f"[\n{n % 5}\n}},\n" for n in range(size))
        theirs = "".join(f"{{\n{n % 3}\n],\n" for n in range(size))
        assert merge(base, ours, theirs).conflicts

    assert_scales_linearly(merged, 2_000)


def test_few_changes_of_a_long_text_stay_few() -> None:
    lines = [f"line {n}\n" if n % 3 else "}\n" for n in range(60_000)]
    ours, theirs = list(lines), list(lines)
    for at in range(1, 60_000, 600):
        ours[at] = "ours\n"
        theirs[at + 300] = "theirs\n"
    merged = merge("".join(lines), "".join(ours), "".join(theirs))
    both = [our if our != line else their for line, our, their in zip(lines, ours, theirs, strict=True)]
    assert merged == MergeResult("".join(both), 0)


def test_marks_of_an_earlier_conflict_do_not_nest() -> None:
    first = merge("a\nb\nc\n", "a\nours\nc\n", "a\ntheirs\nc\n")
    again = merge("a\nb\nc\n", "a\nmine\nc\n", first.text)
    assert again == MergeResult("a\n<<<<<<< ours\nmine\n=======\nours\n=======\ntheirs\n>>>>>>> theirs\nc\n", 1)
    # One of the two was chosen, while the other is changed.
    chosen = merge(first.text, first.text.replace("theirs\n>", "other\n>"), "a\nours\nc\n")
    assert chosen == MergeResult("a\n<<<<<<< ours\nours\n=======\nother\n>>>>>>> theirs\nc\n", 1)


def test_an_earlier_conflict_that_nobody_touched_stays_as_it_is() -> None:
    marked = "a\n<<<<<<< x\n1\n=======\n2\n>>>>>>> y\nc\nd\n"
    assert merge(marked, marked.replace("d", "D"), marked.replace("a\n", "A\n", 1)) == MergeResult(
        marked.replace("d", "D").replace("a\n", "A\n", 1), 0
    )


def test_a_mark_that_is_never_closed_is_a_line_as_any() -> None:
    open_mark = "<<<<<<< x\n1\n"
    assert merge("", open_mark, "other\n").text.count("<<<<<<< x") == 1
