"""Whether a text keeps to the language and the length that were asked for."""

import re
from collections.abc import Iterator
from itertools import islice

from graphs.quality.checks import counts
from graphs.quality.checks.counts import Count
from graphs.quality.checks.lengths import Length, lengths
from graphs.quality.checks.pieces import LARGEST_MARKDOWN, at_line, lines_of, quoted, tokens
from graphs.quality.checks.request import asks_back
from graphs.quality.checks.tongues import expected, told, unquoted
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

_SHORTEST_PART = 40
_FOREIGN_SHARE = 0.25
_MOST_NAMES = 12
_SIGN = re.compile(r"[.!?。！？:;]")  # noqa: RUF001
# Each costs half a millisecond; who changes the language does so early.
_MOST_PARTS = 200


def language_kept(review_input: ReviewInput) -> Iterator[Finding]:
    if review_input.kind not in {"answer", "markdown"} or len(review_input.text) > LARGEST_MARKDOWN:
        return
    wanted = expected(review_input.prompt, review_input.context, review_input.system_prompt)
    if not wanted:
        return
    prose = "\n".join(part for _, part in _parts(review_input.text))
    spoken = told(prose)
    if spoken is not None and spoken not in wanted and _is_told(prose):
        shown = next((line for line in lines_of(review_input.text) if line.strip()), "")
        yield Finding("language_kept", "error", _message(spoken, wanted), quoted(shown))
        return
    given = f"{review_input.prompt}\n{review_input.context}"
    foreign, letters = list[tuple[int, str, int]](), 0
    for line, part in islice(_parts(review_input.text), _MOST_PARTS):
        letters += len(part)
        found = told(part, shortest=_SHORTEST_PART)
        if found is not None and found not in wanted and _is_told(part) and part.strip() not in given:
            foreign.append((line, found, len(part)))
    # A line of a song or the name of a dish is no change of the language.
    if sum(length for _, _, length in foreign) >= letters * _FOREIGN_SHARE and foreign:
        line, found, _ = foreign[0]
        yield at_line("language_kept", "error", _message(found, wanted), review_input.text, line)


def _is_told(part: str) -> bool:
    """Whether a part is a sentence rather than names."""
    words = len(part.split())
    is_sentence = _SIGN.search(part) is not None or words > _MOST_NAMES
    return is_sentence and part.count(",") <= words / 4


def _message(found: str, wanted: frozenset[str]) -> str:
    return f"This is in the language {found!r}, and {' or '.join(map(repr, sorted(wanted)))} was asked for."


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, entries and headings with their lines, without code, quotations and what is set off as a name."""
    quotation = 0
    for token in tokens(text):
        quotation += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        if token.type != "inline" or quotation or token.map is None:
            continue
        shown, emphasis = list[str](), 0
        for each in token.children or ():
            emphasis += (each.type in {"em_open", "link_open"}) - (each.type in {"em_close", "link_close"})
            if each.type == "text" and not emphasis:
                shown.append(each.content)
            elif each.type in {"softbreak", "hardbreak"}:
                shown.append(" ")
        yield token.map[0] + 1, unquoted("".join(shown))


def length_kept(review_input: ReviewInput) -> Iterator[Finding]:
    if review_input.kind != "answer" or not review_input.text.strip() or len(review_input.text) > LARGEST_MARKDOWN:
        return
    if asks_back(review_input.text):
        return
    for wish in lengths(review_input.prompt):
        if (found := _outside(wish, review_input.text)) is not None:
            yield Finding("length_kept", "error", f"Asked for was “{wish.said}”, and there are {found}.")


def _outside(wish: Length, text: str) -> str | None:
    if wish.unit == "items":
        return _items(wish, text)
    metrics = {
        "words": counts.words,
        "sentences": counts.sentences,
        "paragraphs": counts.paragraphs,
        "lines": counts.lines,
        "characters": counts.characters,
    }[wish.unit](text)
    return None if _fits(wish, metrics) else f"{_said(metrics)} {wish.unit}"


def _items(wish: Length, text: str) -> str | None:
    """Where there are several lists, together or any one of them may be what was asked for."""
    found = counts.items(text)
    if not found or any(
        wish.least <= each <= wish.most for each in (*found, sum(found), len(found), *counts.titles(text))
    ):
        return None
    return f"{sum(found)} entries"


def _fits(wish: Length, metrics: Count) -> bool:
    return metrics.most >= wish.least and metrics.least <= wish.most


def _said(metrics: Count) -> str:
    return str(metrics.least) if metrics.least == metrics.most else f"{metrics.least} to {metrics.most}"
