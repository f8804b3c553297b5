"""Whether Markdown's fences are closed and its links lead somewhere."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import pairwise
from urllib.parse import unquote

from markdown_it.token import Token

from artifacts.fences import parse_fence
from graphs.quality.checks.pieces import at_line, fences, is_prose, language_of, tokens
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

_INFO = re.compile(r"[A-Za-z][\w+#.-]*")
_ANCHOR = re.compile(r"<[A-Za-z][^<>]{0,300}?\s(?:id|name)\s*=\s*[\"']?([^\s\"'>]+)")
_TARGET = re.compile(r"<a\b[^<>]{0,300}?\shref\s*=\s*[\"']#([^\"']+)", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TITLE = re.compile(r"<h[1-6]\b[^<>]*>(.{0,500}?)</h[1-6]>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_OWN_ID = re.compile(r"\s*\{:?\s*#([^\s}]+)[^{}]*\}\s*$")
# Three in a row are indices, or classes of characters.
_REFERENCE = re.compile(r"(?<![\w\])])!?\[([^\[\]\n]+)\]\[([^\[\]\n]*)\](?!\[)")
_DEFINED = re.compile(r"^[ >]*\[([^\[\]\n^][^\[\]\n]*)\]:", re.MULTILINE)
_BELOW_NOTE = re.compile(r"^\[\^[^\]\s]+\]:[^\n]*\n((?:[^\n]+(?:\n|\Z))+)", re.MULTILINE)
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\](?!:)")
# Other brackets in brackets are classes of characters.
_NUMBERED = re.compile(r"\d{1,3}|(?:fn|note|ref)[\w-]*", re.IGNORECASE)
_CHARACTERS = re.compile(
    r"\bregex|\bregular expression|\bregulär|\bexpression régulière|\bexpresión regular|正規表現|正则", re.IGNORECASE
)
_FOOTNOTE_DEFINED = re.compile(r"^[ >]*\[\^([^\]\s]+)\]:", re.MULTILINE)
_NO_SLUG = re.compile(r"[^\w\- ]")
_ALWAYS_THERE = {"", "top"}
# Where a page decides what is shown, lines of a source, words to be looked for, and what is still to be filled in.
_NO_ANCHOR = re.compile(
    r"[/!:?].*|L\d+(?:-L?\d+)?|(?:your[-_]?)?(?:link|url|todo|tbd|placeholder|x+|here|anchor|id)",
    re.IGNORECASE | re.DOTALL,
)
# Of a source: "[Doe 2020][p. 3]".
_PLACE = re.compile(
    r"(?:pp?|ss?|f|fig|abb|ch|chap|kap|sec|tab|vol|bd|nr?|no|eq|art|abs|l|ll|v|vv)\.\s?\d|§|(?:page|seite)\s\d",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"(?:ctrl|strg|alt|altgr|shift|umschalt|cmd|win|fn|esc|tab|enter|meta|super|option|del|entf)", re.IGNORECASE
)
_LABEL = re.compile(r"[^\W\d_](?:[^\[\]]*\w)?")


def fences_closed(review_input: ReviewInput) -> Iterator[Finding]:
    if not is_prose(review_input):
        return
    for token in fences(review_input.text):
        if token.map is None:
            continue
        start, end = token.map
        held = token.content.count("\n") + (token.content[-1:] not in {"", "\n"})
        if end - start - 1 <= held:
            yield at_line("fences_closed", "error", "This block is never closed.", review_input.text, start + 1)
            return
        if (inner := _opened_within(token)) is not None:
            message = "A block opens within a block: the one before was not closed, or needs a longer fence."
            yield at_line("fences_closed", "error", message, review_input.text, start + 2 + inner)
            return


def _opened_within(token: Token) -> int | None:
    """The line in a block that looks like the beginning of another of the same sign."""
    if language_of(token) in {"diff", "rst"}:
        return None
    for at, line in enumerate(token.content.split("\n")):
        found = parse_fence(line)
        if found and found.mark == token.markup[0] and found.size >= len(token.markup) and _INFO.fullmatch(found.info):
            return at
    return None


def links_resolve(review_input: ReviewInput) -> Iterator[Finding]:
    if review_input.kind == "html":
        yield from _html_links(review_input)
    elif is_prose(review_input):
        anchors = set().union(
            *(map(_plain, _anchors(text)) for text in (review_input.text, review_input.context, review_input.prompt))
        )
        yield from _links(review_input, anchors)


def _html_links(review_input: ReviewInput) -> Iterator[Finding]:
    text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), review_input.text)
    there = _ALWAYS_THERE | {unescape(each) for each in _ANCHOR.findall(text)}
    if "<script" in review_input.text.lower():
        # What a script adds cannot be told.
        return
    for found in _TARGET.finditer(text):
        target = unquote(unescape(found[1]))
        is_there = target in there or target.lower() in _ALWAYS_THERE or f'"{found[1]}"' in review_input.context
        if not is_there and not _NO_ANCHOR.fullmatch(target) and not re.search(r"[{}<%$]", target):
            line = text.count("\n", 0, found.start()) + 1
            yield at_line("links_resolve", "error", f"Nothing has the id {found[1]!r}.", review_input.text, line)


def _anchors(text: str) -> set[str]:
    """What a link within the page may lead to: headings, as GitHub names them, and elements with an id."""
    found, all_tokens = set(_ALWAYS_THERE), tokens(text)
    counts: dict[str, int] = {}
    for opening, inline in pairwise(all_tokens):
        if opening.type == "heading_open":
            own = _OWN_ID.search(inline.content)
            found.update([own[1]] if own else [])
            slug = _slug(inline)
            count = counts.get(slug, 0)
            counts[slug] = count + 1
            found.update({f"{slug}-{count}", f"{slug}_{count}"} if count else {slug})
    for token in all_tokens:
        if token.type in {"html_block", "inline"}:
            found.update(map(unescape, _ANCHOR.findall(token.content)))
            found.update(_slugged(unescape(_TAG.sub("", title))) for title in _TITLE.findall(token.content))
    return found


def _slug(heading: Token) -> str:
    shown = "".join(
        each.content if each.type in {"text", "code_inline"} else " " * (each.type == "softbreak")
        for each in heading.children or ()
    )
    return _slugged(shown)


def _slugged(shown: str) -> str:
    return _NO_SLUG.sub("", shown.strip().lower()).replace(" ", "-")


def _plain(anchor: str) -> str:
    """An anchor without what pages make of it in different ways: case, accents that are signs of their own, and
    hyphens at the ends, which an emoji leaves.
    """
    normal = unicodedata.normalize("NFC", anchor).casefold().removeprefix("user-content-")
    return re.sub(r"[^\w\-.:]", "", normal).strip("-")


def _links(review_input: ReviewInput, anchors: set[str]) -> Iterator[Finding]:
    has_titles = review_input.kind == "markdown" or any(
        each.type == "heading_open" for each in tokens(review_input.text)
    )
    known = _known(review_input)
    for token in tokens(review_input.text):
        if token.type != "inline" or token.map is None:
            continue
        line = token.map[0] + 1
        dead = _dead(token, anchors) if has_titles else ()
        for message in (*dead, *_empty(token.children or ()), *_unresolved(token.children or (), known)):
            yield at_line(
                "links_resolve",
                "error",
                message,
                review_input.text,
                _line_within(review_input.text, message, token, line),
            )


def _line_within(text: str, message: str, token: Token, line: int) -> int:
    """The line of a paragraph that holds what the message names."""
    named = message.partition("`")[2].partition("`")[0]
    at = token.content.find(named) if named else -1
    return line + token.content.count("\n", 0, at) if at > 0 else line


def _dead(token: Token, anchors: set[str]) -> Iterator[str]:
    for each in token.children or ():
        target = unquote(str(each.attrs.get("href", ""))) if each.type == "link_open" else ""
        if target.startswith("#") and not _NO_ANCHOR.fullmatch(target[1:]) and _plain(target[1:]) not in anchors:
            yield f"No heading has the anchor `{target}`."


def _empty(children: Sequence[Token]) -> Iterator[str]:
    """Links without an address, but for a call in prose: `handlers[i]()`, `[this]() {}`."""
    for at, each in enumerate(children[:-2]):
        before = children[at - 1].content if at else ""
        is_call = before[-1:].isalnum() or before[-1:] in {"_", "]", ")"} or _is_capture(children[at + 1 : at + 5])
        if each.type == "link_open" and not each.attrs.get("href") and not is_call:
            yield "A link leads nowhere: its address is empty."


def _is_capture(children: Sequence[Token]) -> bool:
    """Whether it is a lambda of C++ that stands in prose."""
    behind = children[2].content if len(children) > 2 else ""
    return children[0].content in {"this", "&", "="} and behind.lstrip().startswith("{")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is defined: footnotes of the text, labels of links of the person's."""

    notes: frozenset[str]
    labels: frozenset[str]
    # Whether brackets that begin with ^ may be classes of characters.
    has_classes: bool


def _known(review_input: ReviewInput) -> _Known:
    given = f"{review_input.context}\n{review_input.prompt}"
    notes = _FOOTNOTE_DEFINED.findall(f"{review_input.text}\n{given}")
    # Below a footnote some read a definition, and some a further line of the note.
    below = _BELOW_NOTE.findall(review_input.text)
    labels = (each.casefold() for each in _DEFINED.findall("\n".join((given, *below))))
    return _Known(
        frozenset(notes),
        frozenset(labels),
        _CHARACTERS.search(f"{review_input.prompt}\n{review_input.text}") is not None,
    )


def _unresolved(children: Sequence[Token], known: _Known) -> Iterator[str]:
    shown = "".join(
        each.content if each.type == "text" else "\0" if each.type != "softbreak" else " " for each in children
    )
    for text, label in _REFERENCE.findall(shown):
        if _is_reference(text, label) and (label or text).casefold() not in known.labels:
            yield f"The reference `[{label or text}]` is not defined."
    for label in _FOOTNOTE.findall(shown):
        is_note = _NUMBERED.fullmatch(label) or known.notes
        if is_note and label not in known.notes and not known.has_classes:
            yield f"The footnote `[^{label}]` is not defined."


def _is_reference(text: str, label: str) -> bool:
    """Whether two pairs of brackets are a link, rather than indices, keys to be pressed, sources or options."""
    if text.startswith("^") or label.startswith("^") or text.casefold() == label.casefold():
        return False
    if _PLACE.match(label) or _KEY.fullmatch(text) or (not label and "," in text):
        return False
    return _LABEL.fullmatch(label or text) is not None or (
        label.isdigit() and re.search(r"[^\W\d]{2}", text) is not None
    )
