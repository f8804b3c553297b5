"""Whether markup is well-formed: XML by expat, HTML by the tree that its tags would make. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from artifacts.syntax_issue import SyntaxIssue

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_RAW = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})
# Whose end may be left out.
_OPTIONAL = frozenset(
    [
        "html",
        "head",
        "body",
        "li",
        "dt",
        "dd",
        "p",
        "rb",
        "rt",
        "rtc",
        "rp",
        "optgroup",
        "option",
        "colgroup",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
    ]
)
_ENDS_P = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "search",
        "section",
        "table",
        "ul",
        "summary",
    ]
)
# What a start tag ends, if it is what is open, and how far up it looks.
_ENDS = {
    "li": ({"li"}, {"ul", "ol", "menu"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "option": ({"option"}, {"select", "datalist"}),
    "optgroup": ({"option", "optgroup"}, {"select"}),
    "rt": ({"rt", "rp", "rb"}, {"ruby"}),
    "rp": ({"rt", "rp", "rb"}, {"ruby"}),
    "td": ({"td", "th", "caption", "colgroup"}, {"table", "tr"}),
    "th": ({"td", "th", "caption", "colgroup"}, {"table", "tr"}),
    "tr": ({"td", "th", "tr", "caption", "colgroup"}, {"table"}),
    "thead": ({"td", "th", "tr", "thead", "tbody", "tfoot", "caption", "colgroup"}, {"table"}),
    "tbody": ({"td", "th", "tr", "thead", "tbody", "tfoot", "caption", "colgroup"}, {"table"}),
    "tfoot": ({"td", "th", "tr", "thead", "tbody", "tfoot", "caption", "colgroup"}, {"table"}),
    "body": ({"head"}, {"html"}),
}
_IN_TABLE = {"table", "thead", "tbody", "tfoot", "tr"}
_FITS_TABLE = frozenset(
    [
        "caption",
        "colgroup",
        "col",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "script",
        "style",
        "template",
        "form",
        "input",
    ]
)
_NOT_NESTED = {"a", "button", "form"}
# Browsers go no deeper either.
_MAX_DEPTH = 512

_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/]*(?:([^\s/>=\"'<][^\s/>=]*)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>][^\s>]*))?)")
_END = re.compile(r"\s*(/?)\s*>")


def xml_issues(text: str) -> Iterator[SyntaxIssue]:
    yield from _xml(text, namespaces=False)


def svg_issues(text: str) -> Iterator[SyntaxIssue]:
    wrong = list(_xml(text, namespaces=True))
    if not wrong and "<svg" not in text:
        wrong.append(SyntaxIssue("there is no <svg> in it"))
    yield from wrong


class _Entities(Exception):
    pass


def _refuse(*_: Any) -> None:
    raise _Entities


def _xml(text: str, *, namespaces: bool) -> Iterator[SyntaxIssue]:
    parser = expat.ParserCreate(namespace_separator=" " if namespaces else None)
    # Entities of their own are how a small text becomes a large one.
    parser.EntityDeclHandler = _refuse
    try:
        # An encoding that is declared is that of the file, not of what we hand over.
        parser.Parse(
            re.sub(r"(<\?xml[^>]*?)\s+encoding\s*=\s*(?:\"[^\"]*\"|'[^']*')", r"\1", text.lstrip(), count=1), True
        )
    except expat.ExpatError as error:
        skipped = text[: len(text) - len(text.lstrip())].count("\n")
        yield SyntaxIssue(expat.errors.messages[error.code], error.lineno + skipped)
    except UnicodeError:
        yield SyntaxIssue("it holds half a character")
    except _Entities:
        # A drawing has no use for them; of other documents the rest is not read.
        if namespaces:
            yield SyntaxIssue("it declares entities")


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    line: int
    closes: bool = False
    self_closing: bool = False
    issue: str | None = None


def html_issues(text: str) -> Iterator[SyntaxIssue]:
    """Where the tree that a browser builds is not the one that is written."""
    tree = _Tree()
    for tag in _tags(text):
        if tag.issue:
            yield SyntaxIssue(tag.issue, tag.line)
        elif not tag.name:
            yield from tree.text(tag.line)
        else:
            yield from tree.end(tag) if tag.closes else tree.start(tag)
        if tree.depth > _MAX_DEPTH:
            return
    yield from tree.finish()


def _tags(text: str) -> Iterator[_Tag]:
    """Tags, and text as a tag without a name. What is never closed ends the reading."""
    at, line, counted = 0, 1, 0
    while (start := text.find("<", at)) >= 0:
        line, counted = line + text.count("\n", counted, start), start
        if text[at:start].strip():
            yield _Tag("", line)
        if text.startswith("<!--", start):
            at = text.find("-->", start + 4) + 3
            if at < 3:
                yield _Tag("", line, issue="a comment is never closed")
                return
        elif text.startswith(("<!", "<?"), start):
            at = text.find(">", start) + 1 or len(text)
        elif found := _TAG.match(text, start):
            tag, at = _tag(text, found, line)
            yield tag
            if tag.issue and at == len(text):
                return
            if not tag.closes and not tag.self_closing and tag.name in _RAW:
                at = _after_raw(text, tag.name, at)
                if at < 0:
                    yield _Tag(tag.name, line, issue=f"<{tag.name}> is never closed")
                    return
                yield _Tag(tag.name, line, closes=True)
        else:
            at = start + 1


def _tag(text: str, found: re.Match[str], line: int) -> tuple[_Tag, int]:
    name, at, seen = found[2].lower(), found.end(), set[str]()
    while (end := _END.match(text, at)) is None:
        attribute = _ATTRIBUTE.match(text, at)
        if attribute is None or attribute.end() == at:
            return _Tag(name, line, issue=_unclosed(text, at, name)), len(text)
        told = attribute[1].lower()
        if told in seen:
            return _Tag(name, line, issue=f"<{name}> has the attribute {told!r} twice"), len(text)
        seen.add(told)
        at = attribute.end()
        if attribute[2] and attribute[2][0] in "\"'" and not re.match(r"[\s/>]|$", text[at : at + 1]):
            return _Tag(name, line, issue=f"the quotation marks of {told!r} of <{name}> do not match"), len(text)
    return _Tag(name, line, closes=bool(found[1]), self_closing=bool(end[1])), end.end()


def _unclosed(text: str, at: int, name: str) -> str:
    rest = text[at : at + 200]
    if re.match(r"[\s/]*[^\s=>]*\s*=?\s*[\"']", rest):
        return f"a quotation mark in <{name}> is never closed"
    return f"the tag <{name}> is never closed with >"


def _after_raw(text: str, name: str, at: int) -> int:
    found = re.compile(rf"</{re.escape(name)}\s*>", re.IGNORECASE).search(text, at)
    return found.end() if found else -1


class _Tree:
    def __init__(self) -> None:
        self._open: list[_Tag] = []
        self._ended_p = list[str]()

    @property
    def depth(self) -> int:
        return len(self._open)

    def text(self, line: int) -> Iterator[SyntaxIssue]:
        if self._open and self._open[-1].name in _IN_TABLE:
            yield SyntaxIssue(f"text stands in <{self._open[-1].name}> outside of a cell", line)

    def start(self, tag: _Tag) -> Iterator[SyntaxIssue]:
        if self._is_foreign():
            self._open += [] if tag.self_closing else [tag]
            return
        self._imply(tag.name)
        inside = self._open[-1].name if self._open else ""
        if inside in _IN_TABLE and tag.name not in _FITS_TABLE:
            yield SyntaxIssue(f"<{tag.name}> cannot stand in <{inside}> outside of a cell", tag.line)
        if tag.name in _NOT_NESTED and any(each.name == tag.name for each in self._open):
            yield SyntaxIssue(f"<{tag.name}> stands in another <{tag.name}>", tag.line)
        if tag.name in _VOID:
            return
        if tag.self_closing and tag.name not in {"svg", "math"}:
            yield SyntaxIssue(f"<{tag.name}/> does not close itself in HTML", tag.line)
        if not tag.self_closing:
            self._open.append(tag)

    def end(self, tag: _Tag) -> Iterator[SyntaxIssue]:
        names = [each.name for each in self._open]
        if tag.name in _VOID:
            yield SyntaxIssue(f"<{tag.name}> has no end tag", tag.line)
        elif tag.name not in names:
            if tag.name == "p" and self._ended_p:
                yield SyntaxIssue(
                    f"the paragraph was ended by <{self._ended_p[-1]}> already, so </p> makes an empty one", tag.line
                )
            else:
                yield SyntaxIssue(f"</{tag.name}> closes nothing", tag.line)
        else:
            at = len(names) - 1 - names[::-1].index(tag.name)
            for each in self._open[at + 1 :]:
                if each.name not in _OPTIONAL:
                    yield SyntaxIssue(f"<{each.name}> is not closed before </{tag.name}>", each.line)
                    break
            del self._open[at:]

    def finish(self) -> Iterator[SyntaxIssue]:
        for each in self._open:
            if each.name not in _OPTIONAL:
                yield SyntaxIssue(f"<{each.name}> is never closed", each.line)
                return

    def _is_foreign(self) -> bool:
        for each in reversed(self._open):
            if each.name in {"svg", "math"}:
                return True
            if each.name == "foreignobject":
                return False
        return False

    def _imply(self, name: str) -> None:
        """What a start tag ends without saying so."""
        if name in _ENDS_P and self._open and self._open[-1].name == "p":
            self._open.pop()
            self._ended_p.append(name)
        ended, within = _ENDS.get(name, (set(), set()))
        while ended:
            at = self._nearest(ended, within)
            if at is None or any(each.name not in _OPTIONAL for each in self._open[at + 1 :]):
                return
            del self._open[at:]

    def _nearest(self, ended: set[str], within: set[str]) -> int | None:
        for at in range(len(self._open) - 1, -1, -1):
            if self._open[at].name in within:
                return None
            if self._open[at].name in ended:
                return at
        return None
