"""What a model writes to change a part of a text, and the text that comes of it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from heapq import nlargest
from typing import Literal

from artifacts.indentation import match_indentation
from artifacts.lines import newline, normalize_newlines, split

Reason = Literal["missing", "ambiguous", "empty"]
_MarkerKind = Literal["open", "divider", "close", "foreign open", "foreign close"]

_MARKER = re.compile(r"\s*(<{5,9}|={5,9}|>{5,9})(?![<=>])[ \t]*(.*)")
_OPENS = re.compile(r"(search|original)\b.*", re.IGNORECASE)
_CLOSES = re.compile(r"(replace|updated)\b.*", re.IGNORECASE)
_FORM = "<<<<<<< SEARCH\nold lines\n=======\nnew lines\n>>>>>>> REPLACE"

_MAX_LINES_COMPARED = 5_000
_MAX_CANDIDATES = 10
_MAX_CHARACTERS_COMPARED = 500
_MAX_CHARACTERS_SHOWN = 2_000
_MIN_SIMILARITY = 0.4


@dataclass(frozen=True, slots=True)
class TextEdit:
    """`search` is to be replaced. What was read from a block has whole lines, each with a `\\n`, or is empty."""

    search: str
    replace: str


@dataclass(frozen=True, slots=True)
class TextRange:
    """Characters `start` to `end` of a text, the second not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AppliedEdits:
    """`spans` are where the replacements lie in `text`, one for each edit in the edits' order."""

    text: str
    ranges: tuple[TextRange, ...]


class InvalidEdits(ValueError):
    """Markers that make no blocks. The message is for the model that wrote them."""


class RangeOutsideText(ValueError):
    """A selection that does not lie in its text."""


class EditNotApplicable(ValueError):
    """An edit that has no place in the text, or several. The message is for the model that wrote it.

    `nearest` are the lines of the text that are most like the edit's search, where any are.
    """

    def __init__(self, edit: TextEdit, reason: Reason, nearest: str | None = None) -> None:
        super().__init__(_explain(edit, reason, nearest))
        self.edit = edit
        self.reason = reason
        self.nearest = nearest


def read_edits(answer: str) -> list[TextEdit]:
    """The blocks of an answer; what stands around them is ignored, and without any block the list is empty.

    A marker is a line of 5 to 9 characters. Those that open a block decide the length of its other markers, so that a
    text with markers of its own can be edited with longer ones; other lengths are taken where that length is not
    found. Whole conflicts within a block (`<<<<<<< a name` to `>>>>>>> a name`) belong to its text. Raises `BadEdits`.
    """
    lines = [line.removesuffix("\r") for line in answer.split("\n")]
    marks = [_parse_marker(line) for line in lines]
    edits: list[TextEdit] = []
    at = 0
    while (opening := _next(marks, at)) is not None:
        start, size = opening
        end = _end(marks, start, size, len(edits) + 1)
        divider = _divider(marks, start, end, size, len(edits) + 1)
        edits.append(TextEdit(_text(lines[start + 1 : divider]), _text(lines[divider + 1 : end])))
        at = end + 1
    return edits


def apply(text: str, edits: Sequence[TextEdit]) -> AppliedEdits:
    """The text after all edits, each made in what the one before it left.

    A search must fit one place: as it is, as whole lines if it can, or else with blanks at the ends of lines, then all
    blanks, taken lightly; then the replacement is indented as the text is. Line ends are the text's. Raises
    `DoesNotApply` for the first edit that cannot be made.
    """
    spans: list[TextRange] = []
    for edit in edits:
        place = _find_match(text, edit)
        spans = [_shift_range(span, place) for span in spans]
        spans.append(TextRange(place.start, place.start + len(place.new)))
        text = text[: place.start] + place.new + text[place.end :]
    return AppliedEdits(text, tuple(spans))


def replace_selection(text: str, start: int, end: int, new: str) -> str:
    """The text with `new` instead of its characters from `start` to `end`. Raises `OutsideText`."""
    if not 0 <= start <= end <= len(text):
        raise RangeOutsideText(f"{start} to {end} is no part of a text of {len(text)} characters")
    return text[:start] + new + text[end:]


@dataclass(frozen=True, slots=True)
class _MarkerLine:
    kind: _MarkerKind
    size: int
    words: str


def _parse_marker(line: str) -> _MarkerLine | None:
    found = _MARKER.fullmatch(line.rstrip())
    if found is None:
        return None
    size, words = len(found[1]), found[2]
    match found[1][0]:
        case "=":
            return None if words else _MarkerLine("divider", size, "")
        case "<":
            return _MarkerLine("open" if not words or _OPENS.fullmatch(words) else "foreign open", size, words)
        case _:
            return _MarkerLine("close" if not words or _CLOSES.fullmatch(words) else "foreign close", size, words)


def _next(marks: Sequence[_MarkerLine | None], at: int) -> tuple[int, int] | None:
    """Where the next block opens, and the size of its marker."""
    for place in range(at, len(marks)):
        match marks[place]:
            case _MarkerLine("open", size):
                return place, size
            # A short one without words may be anything.
            case _MarkerLine("close", size, words) if words or size >= 7:
                raise InvalidEdits(f"Line {place + 1} ends a block that was not begun. Write each change as:\n{_FORM}")
    return None


def _marker_indexes(marks: Sequence[_MarkerLine | None], kind: _MarkerKind, start: int, end: int) -> dict[int, int]:
    """Sizes of the marks of a kind between two places, by place."""
    return {at: mark.size for at in range(start, end) if (mark := marks[at]) is not None and mark.kind == kind}


def _end(marks: Sequence[_MarkerLine | None], start: int, size: int, number: int) -> int:
    opened = _marker_indexes(marks, "open", start + 1, len(marks))
    closed = _marker_indexes(marks, "close", start + 1, len(marks))
    next_like_it = next((at for at, other in opened.items() if other == size), len(marks))
    next_of_any = next(iter(opened), len(marks))
    fitting = [at for at, other in closed.items() if other == size and at < next_like_it]
    if ends := fitting or [at for at in closed if at < next_of_any]:
        return ends[0]
    line = ">" * size
    raise InvalidEdits(
        f"Block {number} is not ended: the line {line} REPLACE is missing. Write each change as:\n{_FORM}"
    )


def _divider(marks: Sequence[_MarkerLine | None], start: int, end: int, size: int, number: int) -> int:
    every = _marker_indexes(marks, "divider", start + 1, end)
    fitting = [at for at, other in every.items() if other == size] or list(every)
    own = [at for at in fitting if not _in_conflict(marks[start + 1 : at], size)]
    line = "=" * size
    match own or fitting:
        case [divider]:
            return divider
        case []:
            raise InvalidEdits(f"Block {number} has no line {line} between old and new. Write each change as:\n{_FORM}")
        case _:
            raise InvalidEdits(
                f"Block {number} has several lines {line}, so that old and new cannot be told apart. "
                f"Write all three of its markers with {5 if size == 9 else 9} characters instead."
            )


def _in_conflict(marks: Sequence[_MarkerLine | None], size: int) -> bool:
    """Whether a conflict of the text itself is open after these lines."""
    kinds = [mark.kind for mark in marks if mark is not None and mark.size == size]
    return kinds.count("foreign open") > kinds.count("foreign close")


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class _Match:
    """`new` comes instead of characters `start` to `end`."""

    start: int
    end: int
    new: str


def _shift_range(span: TextRange, place: _Match) -> TextRange:
    """An earlier edit's span after a later one; where they touch the same text, it covers both."""
    by = len(place.new) - (place.end - place.start)
    if span.end <= place.start:
        return span
    if span.start >= place.end:
        return TextRange(span.start + by, span.end + by)
    return TextRange(min(span.start, place.start), max(span.end, place.end) + by)


def _find_match(text: str, edit: TextEdit) -> _Match:
    if (not edit.search and not text.strip()) or (not text and not edit.search.strip()):
        return _Match(0, len(text), edit.replace)
    if not edit.search:
        raise EditNotApplicable(edit, "empty")
    ends = newline(text)
    search = edit.search if edit.search in text else normalize_newlines(edit.search, ends)
    fitted = TextEdit(search, normalize_newlines(edit.replace, ends))
    for look in _MATCHERS:
        match look(text, fitted):
            case []:
                continue
            case [place]:
                return place
            case _:
                raise EditNotApplicable(edit, "ambiguous")
    raise EditNotApplicable(edit, "missing", _nearest(text, edit.search))


def _first_two(text: str, search: str) -> list[int]:
    """Where the search occurs first and next; occurrences may overlap."""
    first = text.find(search)
    second = text.find(search, first + 1) if first >= 0 else -1
    return [at for at in (first, second) if at >= 0]


def _as_lines(text: str, edit: TextEdit) -> list[_Match]:
    ended = text if text.endswith("\n") else f"{text}\n"
    ends = ("",) if edit.search.endswith("\n") else ("\n", "\r\n")
    found = [at for end in ends for at in _first_two(f"\n{ended}", f"\n{edit.search}{end}")]
    return [_lines_at(text, at, edit) for at in found]


def _lines_at(text: str, at: int, edit: TextEdit) -> _Match:
    end = at + len(edit.search)
    # The last line may be without the end that the search has.
    return (
        _Match(at, end, edit.replace)
        if end <= len(text)
        else _Match(at, len(text), _without_final_newline(edit.replace))
    )


def _as_fragment(text: str, edit: TextEdit) -> list[_Match]:
    return [_Match(at, at + len(edit.search), edit.replace) for at in _first_two(text, edit.search)]


def _as_words(text: str, edit: TextEdit) -> list[_Match]:
    # A search that ends a line is meant as lines, and its indentation may have to be the text's.
    return [] if edit.search.endswith("\n") else _as_fragment(text, edit)


def _with_other_ends(text: str, edit: TextEdit) -> list[_Match]:
    return list(_similar_matches(text, edit, str.rstrip))


def _with_other_blanks(text: str, edit: TextEdit) -> list[_Match]:
    return list(_similar_matches(text, edit, lambda line: " ".join(line.split())))


# From the strictest to the lightest: the first that finds anything decides.
_MATCHERS = (_as_lines, _as_words, _with_other_ends, _with_other_blanks, _as_fragment)


def _similar_matches(text: str, edit: TextEdit, plain: Callable[[str], str]) -> Iterator[_Match]:
    lines, wanted = split(text), split(edit.search)
    plain_text, plain_search = ("".join(f"\n{plain(line)}" for line in some) + "\n" for some in (lines, wanted))
    for at in _first_two(plain_text, plain_search):
        first = plain_text.count("\n", 0, at)
        yield _lines_place(lines, first, wanted, edit)


def _lines_place(lines: Sequence[str], first: int, wanted: Sequence[str], edit: TextEdit) -> _Match:
    matched = lines[first : first + len(wanted)]
    start = sum(map(len, lines[:first]))
    end = start + sum(map(len, matched))
    new = "".join(match_indentation(split(edit.replace), wanted, matched))
    last_end = _line_end(matched[-1])
    if not edit.search.endswith("\n"):
        end -= len(last_end)
    elif not last_end:
        new = _without_final_newline(new)
    return _Match(start, end, new)


def _line_end(line: str) -> str:
    return line[len(_without_final_newline(line)) :]


def _without_final_newline(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _nearest(text: str, search: str) -> str | None:
    """The lines most like the search: its longest line says where to look, all of it what is best."""
    lines, wanted = split(text)[:_MAX_LINES_COMPARED], split(search)
    offset = max(range(len(wanted)), key=lambda at: len(wanted[at].strip()))
    like = _matcher(wanted[offset])
    tops = nlargest(_MAX_CANDIDATES, range(len(lines)), key=lambda at: _quick_ratio(like, lines[at]))
    starts = sorted({max(0, at - offset) for at in tops})
    like = _matcher(search)
    ratios = {at: _ratio(like, "".join(lines[at : at + len(wanted)])) for at in starts}
    best = max(ratios, key=ratios.__getitem__, default=0)
    return "".join(lines[best : best + len(wanted)]) if ratios.get(best, 0) >= _MIN_SIMILARITY else None


def _matcher(text: str) -> SequenceMatcher[str]:
    return SequenceMatcher(None, "", _truncate_for_comparison(text), autojunk=False)


def _quick_ratio(matcher: SequenceMatcher[str], text: str) -> float:
    matcher.set_seq1(_truncate_for_comparison(text))
    return matcher.quick_ratio()


def _ratio(matcher: SequenceMatcher[str], text: str) -> float:
    matcher.set_seq1(_truncate_for_comparison(text))
    return matcher.ratio()


def _truncate_for_comparison(text: str) -> str:
    return text.strip()[:_MAX_CHARACTERS_COMPARED]


def _explain(edit: TextEdit, reason: Reason, nearest: str | None) -> str:
    match reason:
        case "empty":
            return "The SEARCH part is empty, and the text is not. Put the lines that are to change into SEARCH."
        case "ambiguous":
            shown = _truncate_for_display(edit.search)
            return f"SEARCH fits several places. Add lines around it until it fits one:\n{shown}"
        case "missing":
            told = f"SEARCH is not in the text. Copy the lines as they are:\n{_truncate_for_display(edit.search)}"
            return (
                f"{told}\nThe most similar lines of the text are:\n{_truncate_for_display(nearest)}"
                if nearest
                else told
            )


def _truncate_for_display(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS_SHOWN else f"{text[:_MAX_CHARACTERS_SHOWN]}…"
