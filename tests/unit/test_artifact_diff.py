import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.diff import LineChange, counts, diff_as_json, diff_as_patch, line_changes, unified_diff
from artifacts.lines import split

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", "}", "- d", "+e", "f\r", "\\ g"]), max_size=25).flatmap(
    lambda lines: st.sampled_from(["\n".join(lines), "".join(f"{line}\n" for line in lines)])
)
PATCH = shutil.which("patch")
HUNK = re.compile(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@\n")


def _changed(before: str, found: Sequence[LineChange]) -> str:
    old = split(before)
    return "".join(
        line for change in found for line in (old[slice(*change.before)] if change.op == "equal" else change.added)
    )


def _patched(before: str, difference: str) -> str:
    """What `patch` would make of it, for machines that have none."""
    old, new, at, mark = split(before), list[str](), 0, " "
    for line in split(difference)[2:]:
        if found := HUNK.fullmatch(line):
            start = int(found[1]) - (int(found[2]) > 0)
            new += old[at:start]
            at = start
            assert len(new) == int(found[3]) - (int(found[4]) > 0)
        elif line.startswith("\\"):
            new = [*new[:-1], new[-1].removesuffix("\n")] if mark in " +" else new
        else:
            mark, rest = line[0], line[1:]
            if mark in " -":
                assert old[at].removesuffix("\n") == rest.removesuffix("\n")
                at += 1
            if mark in " +":
                new.append(rest)
    return "".join([*new, *old[at:]])


def test_changes_name_lines_of_both_texts() -> None:
    assert line_changes("a\nb\nc\nd\n", "a\nB\nB2\nc\nd\ne") == [
        LineChange("equal", (0, 1), (0, 1)),
        LineChange("replace", (1, 2), (1, 3), ("b\n",), ("B\n", "B2\n")),
        LineChange("equal", (2, 4), (3, 5)),
        LineChange("insert", (4, 4), (5, 6), (), ("e",)),
    ]
    assert line_changes("a\nb\n", "b\n") == [
        LineChange("delete", (0, 1), (0, 0), ("a\n",), ()),
        LineChange("equal", (1, 2), (0, 1)),
    ]
    assert line_changes("", "") == []


def test_lines_are_counted() -> None:
    assert counts(line_changes("a\nb\nc\n", "a\nB\nB2\nc\nd\n")) == (3, 1)
    assert counts(line_changes("a\n", "a\n")) == (0, 0)


def test_a_difference_reads_as_people_know_it() -> None:
    before = "".join(f"{n}\n" for n in range(20))
    after = before.replace("3\n4\n", "three\n4\n", 1).replace("16\n", "") + "end"
    assert unified_diff(before, after, before_name="a/x y.txt", after_name="b/x.txt", context=1) == (
        "--- a/x y.txt\t\n+++ b/x.txt\n"
        "@@ -3,3 +3,3 @@\n 2\n-3\n+three\n 4\n"
        "@@ -16,3 +16,2 @@\n 15\n-16\n 17\n"
        "@@ -20,1 +19,2 @@\n 19\n+end\n\\ No newline at end of file\n"
    )


def test_a_missing_end_of_the_last_line_is_marked_on_the_side_that_misses_it() -> None:
    assert unified_diff("a\nb", "a\nb\n", before_name="x", after_name="x") == (
        "--- x\n+++ x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"
    )
    assert unified_diff("", "b", before_name="/dev/null", after_name="b/x") == (
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1,1 @@\n+b\n\\ No newline at end of file\n"
    )


def test_equal_texts_have_no_difference() -> None:
    assert unified_diff("a\n", "a\n", before_name="x", after_name="x") == ""


def test_a_name_cannot_end_its_line() -> None:
    assert unified_diff("", "a\n", before_name="x\n+++ y", after_name="y").splitlines()[:2] == [
        "--- x?+++ y\t",
        "+++ y",
    ]


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_changes_make_the_one_text_of_the_other(before: str, after: str) -> None:
    found = line_changes(before, after)
    assert _changed(before, found) == after
    assert [line for change in found for line in split(before)[slice(*change.before)]] == split(before)
    assert all(one.op != other.op for one, other in pairwise(found))


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, st.integers(0, 4))
def test_a_difference_applied_gives_the_other_text(before: str, after: str, context: int) -> None:
    difference = unified_diff(before, after, before_name="x", after_name="x", context=context)
    assert _patched(before, difference) == after


@pytest.mark.skipif(PATCH is None, reason="there is no patch here")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\nb", "a\nb\n"),
        ("a\nb\n", "a\nb"),
        ("a\nb", "a\nc"),
        ("a\r\nb\r\nc\r\n", "a\r\nB\r\nc\r\nd"),
        ("".join(f"{n}\n" for n in range(50)), "".join(f"{n}\n" for n in range(60) if n % 20)),
        ("\n\n\na\n", "\n\nb\n\na\n"),
        ("", "a\n"),
    ],
)
def test_patch_accepts_a_difference(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "a text.md"
    file.write_bytes(before.encode())
    difference = unified_diff(before, after, before_name=file.name, after_name=file.name)
    command = [PATCH or "", "-p0", "--binary", "--fuzz=0"]
    subprocess.run(command, input=difference.encode(), cwd=tmp_path, check=True, capture_output=True)
    assert file.read_bytes() == after.encode()


NAMES = ("a/x", "b/x")


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS)
def test_a_coarse_difference_patches_as_well(before: str, after: str) -> None:
    told = json.loads(diff_as_json(before, after, NAMES, (1, 2), coarse=True))
    plain = diff_as_patch(before, after, NAMES, coarse=True).decode()
    assert (told["unified"], told["before"], told["after"]) == (plain, 1, 2)
    assert _patched(before, plain) == after
    assert [change["op"] for change in told["changes"]] == ([] if before == after else [told["changes"][0]["op"]])


def test_a_difference_as_json_is_that_of_its_parts() -> None:
    told = json.loads(diff_as_json("a\nb\n", "a\nc\n", NAMES, (3, 4), coarse=False))
    assert told == {
        "before": 3,
        "after": 4,
        "added": 1,
        "removed": 1,
        "changes": [
            {"op": "equal", "before": [0, 1], "after": [0, 1], "removed": [], "added": []},
            {"op": "replace", "before": [1, 2], "after": [1, 2], "removed": ["b\n"], "added": ["c\n"]},
        ],
        "unified": unified_diff("a\nb\n", "a\nc\n", before_name=NAMES[0], after_name=NAMES[1]),
    }
