"""Named parts of a text, so that a change can be of a part."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from artifacts.fences import Fence, parse_fence
from artifacts.indentation import indent_of
from artifacts.kinds import Kind
from artifacts.lines import split

# Parsing is for texts that people and models write; a longer one is read by its indentation.
_MAX_CHARACTERS_PARSED = 500_000
_MAX_DECLARATION_LENGTH = 200

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)")
_NO_PARAGRAPH = re.compile(r" {4}|\t| {0,3}([#>|+*<-]|\d+[.)]|`{3}|~{3})")

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|unsafe|override|virtual"
    r"|inline|const|open|sealed|data|partial|local|extern|declare|readonly|pub(?:\([\w: ]*\))?)[ \t]+)*"
)
_DECLARATION = re.compile(
    rf"[ \t]*{_MODIFIERS}"
    r"(?P<word>class|interface|struct|enum|trait|impl|module|namespace|object|record|protocol|extension"
    r"|def|defp|defmodule|func|fun|fn|function|sub|proc)\b"
    r"[ \t]*\*?[ \t]*(?:<[^<>]*>[ \t]*)?(?:\([^()]*\)[ \t]*)?(?P<name>[\w$][\w$.:]*[?!]?)"
)
_ASSIGNMENT = re.compile(
    rf"[ \t]*{_MODIFIERS}(?:(?:let|var)[ \t]+)?(?P<name>[\w$]+)[ \t]*(?::[^=]*)?=[ \t]*"
    r"(?:async\b[ \t]*)?(?:function\b|\([^()]*\)[^=]*=>|[\w$]+[ \t]*=>)"
)
_CALL = re.compile(r"[ \t]*(?:[\w:<>,.\[\]*&~]+[ \t]+)*[*&]*(?P<name>[\w$~:]+)[ \t]*\([^;{}]*\)[^;(){}]*\{")
_CALLS = {"if", "for", "while", "switch", "catch", "return", "else", "do", "with", "using", "lock", "match", "when"}
_OWNERS = {
    "class", "interface", "struct", "enum", "trait", "impl", "module", "namespace", "object", "record", "protocol",
    "extension", "defmodule",
}  # fmt: skip
_DECORATOR = re.compile(r"[ \t]*(@\w|#\[)")
_CLOSER = re.compile(r"[ \t]*([)\]}]|end\b)")
_CONTINUES = ("{", ":", "(", "=>")


@dataclass(frozen=True, slots=True)
class Part:
    """Characters `start` to `end` of a text, whole lines, the second not included. A method is `Class.method`."""

    name: str
    start: int
    end: int


def parts(text: str, kind: Kind, language: str | None = None) -> tuple[Part, ...]:
    """Sections of Markdown under their headings, functions and classes of code; other kinds have none.

    In the order in which they begin; sections and classes hold those within them. Of code that is no Python, or broken,
    it is what the indentation tells. Raises nothing, whatever the text.
    """
    match kind:
        case "markdown":
            return tuple(_sections(text))
        case "code" if (language or "").strip().lower() in {"python", "py"}:
            return _python(text)
        case "code":
            return _declarations(text)
        case _:
            return ()


def find_part(text: str, kind: Kind, language: str | None, name: str) -> Part | None:
    """The one part of that name: as it is, or else in other case, or else as the last words of a longer name.

    `None` where there is none, and where there are several: a change must not go to any of them.
    """
    named = parts(text, kind, language)
    wanted = name.strip().lstrip("#").strip() if kind == "markdown" else name.strip().removesuffix("()")
    folded = wanted.casefold()
    found = (
        [part for part in named if part.name == wanted]
        or [part for part in named if part.name.casefold() == folded]
        or [part for part in named if folded and _is_end(folded, part.name.casefold())]
    )
    return found[0] if len(found) == 1 else None


def _is_end(words: str, name: str) -> bool:
    return name.endswith(words) and not name.removesuffix(words)[-1:].isalnum()


def _starts(lines: Iterable[str]) -> list[int]:
    """Where each line starts, and where the text ends."""
    return list(accumulate(map(len, lines), initial=0))


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    name: str
    line: int


def _sections(text: str) -> Iterator[Part]:
    lines = split(text)
    starts = _starts(lines)
    headings = list(_headings(lines))
    ends = _ends([heading.level for heading in headings])
    for heading, end in zip(headings, ends, strict=True):
        last = headings[end].line if end is not None else len(lines)
        yield Part(heading.name, starts[heading.line], starts[last])


def _ends(levels: Sequence[int]) -> list[int | None]:
    """For each heading the next one that is not below it."""
    ends: list[int | None] = [None] * len(levels)
    opened: list[int] = []
    for at, level in enumerate(levels):
        while opened and levels[opened[-1]] >= level:
            ends[opened.pop()] = at
        opened.append(at)
    return ends


def _headings(lines: Sequence[str]) -> Iterator[_Heading]:
    opened: Fence | None = None
    for at in range(_after_front_matter(lines), len(lines)):
        line = lines[at].rstrip()
        if (found := parse_fence(line)) is not None:
            opened = _open_fence_after(opened, found)
        elif opened is None and (heading := _HEADING.fullmatch(line)) is not None:
            yield _Heading(len(heading[1]), _heading_name(heading[2] or ""), at)
        elif opened is None and at and (underline := _UNDERLINE.fullmatch(line)) and _is_paragraph(lines[at - 1]):
            yield _Heading(1 if "=" in underline[1] else 2, lines[at - 1].strip(), at - 1)


def _open_fence_after(opened: Fence | None, found: Fence) -> Fence | None:
    if opened is None:
        return found
    closes = found.mark == opened.mark and found.size >= opened.size and not found.info
    return None if closes else opened


def _after_front_matter(lines: Sequence[str]) -> int:
    if not lines or lines[0].rstrip() != "---":
        return 0
    return next((at + 1 for at in range(1, len(lines)) if lines[at].rstrip() == "---"), 0)


def _heading_name(words: str) -> str:
    plain = words.strip()
    closed = plain.rstrip("#")
    # Closing marks stand apart: "C#" is a name.
    return closed.rstrip() if closed != plain and (not closed or closed[-1] in " \t") else plain


def _is_paragraph(line: str) -> bool:
    return bool(line.strip()) and _NO_PARAGRAPH.match(line) is None


def _python(text: str) -> tuple[Part, ...]:
    if len(text) > _MAX_CHARACTERS_PARSED:
        return _declarations(text)
    try:
        named = list(_definitions(ast.parse(text), ""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _declarations(text)
    # Python ends lines where others do not.
    starts = _starts(re.findall(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+", text))
    return tuple(Part(name, starts[first], starts[end]) for name, first, end in named)


def _definitions(owner: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    """Names with their lines, from 0, the second not included. What stands within functions is their own."""
    for node in ast.iter_child_nodes(owner):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                yield prefix + node.name, first - 1, node.end_lineno or node.lineno
                if isinstance(node, ast.ClassDef):
                    yield from _definitions(node, f"{prefix}{node.name}.")
            case ast.If() | ast.Try() | ast.With() | ast.ExceptHandler():
                yield from _definitions(node, prefix)


@dataclass(frozen=True, slots=True)
class _OpenBlock:
    """A declaration whose end is still to come. One that does not own is a function: what is in it is its own."""

    name: str
    owns: bool
    width: int
    start: int


def _declarations(text: str) -> tuple[Part, ...]:
    outline = _Outline()
    for line in split(text):
        outline.take(line)
    return outline.parts()


class _Outline:
    """What the indentation tells: a declaration holds what is indented below it, and the line that closes it."""

    def __init__(self) -> None:
        self._found: list[Part] = []
        self._open: list[_OpenBlock] = []
        self._at = 0
        self._last = 0
        self._decorated: int | None = None

    def take(self, line: str) -> None:
        start, self._at = self._at, self._at + len(line)
        if not line.strip():
            return
        width = len(indent_of(line).expandtabs(4))
        self._close(width + 1)
        if not self._goes_on(line, width):
            self._close(width)
            self._declare(line, width, start)
        self._last = self._at

    def parts(self) -> tuple[Part, ...]:
        self._close(0)
        return tuple(sorted(self._found, key=lambda part: (part.start, -part.end)))

    def _close(self, width: int) -> None:
        """Ends what is indented that far or further at the last line with anything on it."""
        while self._open and self._open[-1].width >= width:
            self._end(self._last)

    def _end(self, at: int) -> None:
        done = self._open.pop()
        self._found.append(Part(done.name, done.start, at))

    def _goes_on(self, line: str, width: int) -> bool:
        """Whether a line that is indented like a declaration still belongs to it."""
        plain = line.strip()
        if not self._open or self._open[-1].width != width or not (plain == "{" or _CLOSER.match(line)):
            return False
        if not plain.endswith(_CONTINUES):
            self._end(self._at)
        return True

    def _declare(self, line: str, width: int, start: int) -> None:
        if _DECORATOR.match(line):
            self._decorated = start if self._decorated is None else self._decorated
            return
        begun, self._decorated = start if self._decorated is None else self._decorated, None
        within = all(owner.owns for owner in self._open)
        if within and (declared := _parse_declaration(line)) is not None:
            name, owns = declared
            prefix = f"{self._open[-1].name}." if self._open else ""
            self._open.append(_OpenBlock(prefix + name, owns, width, begun))


def _parse_declaration(line: str) -> tuple[str, bool] | None:
    """The name that a line declares, and whether it can own others."""
    if len(line) > _MAX_DECLARATION_LENGTH:
        return None
    if found := _DECLARATION.match(line):
        return found["name"].rstrip(":."), found["word"] in _OWNERS
    found = _ASSIGNMENT.match(line) or _CALL.match(line)
    return None if found is None or found["name"] in _CALLS else (found["name"], False)
