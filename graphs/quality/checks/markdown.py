"""Whether Markdown's fences are closed and its links lead somewhere."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from urllib.parse import unquote

from markdown_it.token import Token

from artifacts.fences import fence
from graphs.quality.checks.pieces import at_line, fences, is_prose, language_of, tokens
from graphs.quality.findings import Finding
from graphs.quality.subject import Subject

_INFO = re.compile(r"[A-Za-z][\w+#.-]*")
_ANCHOR = re.compile(r"<[A-Za-z][^<>]{0,300}?\s(?:id|name)\s*=\s*[\"']?([^\s\"'>]+)")
_TARGET = re.compile(r"<a\b[^<>]{0,300}?\shref\s*=\s*[\"']#([^\"']+)", re.IGNORECASE)
_OWN_ID = re.compile(r"\s*\{#([^\s}]+)\}\s*$")
_REFERENCE = re.compile(r"(?<![\w\])])!?\[([^\[\]\n]+)\]\[([^\[\]\n]*)\]")
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\](?!:)")
_FOOTNOTE_DEFINED = re.compile(r"^[ >]*\[\^([^\]\s]+)\]:", re.MULTILINE)
_NO_SLUG = re.compile(r"[^\w\- ]")
_ALWAYS_THERE = {"", "top"}


def fences_closed(subject: Subject) -> Iterator[Finding]:
    if not is_prose(subject):
        return
    for token in fences(subject.text):
        if token.map is None:
            continue
        start, end = token.map
        held = token.content.count("\n") + (token.content[-1:] not in {"", "\n"})
        if end - start - 1 <= held:
            yield at_line("fences_closed", "error", "This block is never closed.", subject.text, start + 1)
            return
        if (inner := _opened_within(token)) is not None:
            message = "A block opens within a block: the one before was not closed, or needs a longer fence."
            yield at_line("fences_closed", "error", message, subject.text, start + 2 + inner)
            return


def _opened_within(token: Token) -> int | None:
    """The line in a block that looks like the beginning of another of the same sign."""
    if language_of(token) in {"diff", "rst"}:
        return None
    for at, line in enumerate(token.content.split("\n")):
        found = fence(line)
        if found and found.mark == token.markup[0] and found.size >= len(token.markup) and _INFO.fullmatch(found.info):
            return at
    return None


def links_resolve(subject: Subject) -> Iterator[Finding]:
    if subject.kind == "html":
        yield from _html_links(subject)
    elif is_prose(subject):
        yield from _links(subject, _anchors(subject.text))


def _html_links(subject: Subject) -> Iterator[Finding]:
    there = {each.lower() for each in _ALWAYS_THERE} | set(_ANCHOR.findall(subject.text))
    if "<script" in subject.text.lower():
        # What a script adds cannot be told.
        return
    for found in _TARGET.finditer(subject.text):
        if unquote(found[1]) not in there:
            line = subject.text.count("\n", 0, found.start()) + 1
            yield at_line("links_resolve", "error", f"Nothing has the id {found[1]!r}.", subject.text, line)


def _anchors(text: str) -> set[str]:
    """What a link within the page may lead to: headings, as GitHub names them, and elements with an id."""
    found, all_tokens = set(_ALWAYS_THERE), tokens(text)
    counts: dict[str, int] = {}
    for opening, inline in pairwise(all_tokens):
        if opening.type == "heading_open":
            own = _OWN_ID.search(inline.content)
            slug = own[1] if own else _slug(inline)
            count = counts.get(slug, 0)
            counts[slug] = count + 1
            found.add(f"{slug}-{count}" if count else slug)
    for token in all_tokens:
        if token.type in {"html_block", "inline"}:
            found.update(_ANCHOR.findall(token.content))
    return found


def _slug(heading: Token) -> str:
    shown = "".join(
        each.content if each.type in {"text", "code_inline"} else " " * (each.type == "softbreak")
        for each in heading.children or ()
    )
    return _NO_SLUG.sub("", shown.strip().lower()).replace(" ", "-")


def _links(subject: Subject, anchors: set[str]) -> Iterator[Finding]:
    noted = set(_FOOTNOTE_DEFINED.findall(subject.text))
    for token in tokens(subject.text):
        if token.type != "inline" or token.map is None:
            continue
        line = token.map[0] + 1
        for message in (*_dead(token, anchors), *_unresolved(token.children or (), noted)):
            yield at_line(
                "links_resolve", "error", message, subject.text, _line_within(subject.text, message, token, line)
            )


def _line_within(text: str, message: str, token: Token, line: int) -> int:
    """The line of a paragraph that holds what the message names."""
    named = message.partition("`")[2].partition("`")[0]
    at = token.content.find(named) if named else -1
    return line + token.content.count("\n", 0, at) if at > 0 else line


def _dead(token: Token, anchors: set[str]) -> Iterator[str]:
    for each in token.children or ():
        if each.type != "link_open":
            continue
        target = str(each.attrs.get("href", ""))
        if target.startswith("#") and unquote(target[1:]) not in anchors:
            yield f"No heading has the anchor `{unquote(target)}`."
        elif not target:
            yield "A link leads nowhere: its address is empty."


def _unresolved(children: Sequence[Token], noted: set[str]) -> Iterator[str]:
    shown = "".join(
        each.content if each.type == "text" else "\0" if each.type != "softbreak" else " " for each in children
    )
    for text, label in _REFERENCE.findall(shown):
        if not text.startswith("^") and not label.startswith("^"):
            yield f"The reference `[{label or text}]` is not defined."
    for label in _FOOTNOTE.findall(shown):
        if label not in noted:
            yield f"The footnote `[^{label}]` is not defined."
