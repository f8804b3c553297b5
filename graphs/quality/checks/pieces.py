"""What a text is made of: its lines, and the pieces of code and data in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from artifacts.syntax import language_named
from artifacts.syntax_issue import SyntaxIssue
from graphs.quality.findings import Finding, Severity
from graphs.quality.review_input import ReviewInput

# Reading Markdown takes about a second for this much.
LARGEST_MARKDOWN = 300_000
_LONGEST_QUOTE = 80


@dataclass(frozen=True, slots=True)
class Piece:
    """Code or data. `line` is that of its first line within the whole text, from 1; `whole` tells that it is the text,
    and not a block within prose, which may leave out what its reader knows.
    """

    text: str
    language: str
    line: int = 1
    whole: bool = True


def is_prose(review_input: ReviewInput) -> bool:
    return review_input.kind in {"answer", "markdown"}


def pieces(review_input: ReviewInput) -> Iterator[Piece]:
    if is_prose(review_input):
        yield from (
            Piece(each.content, language_of(each), _first(each), whole=False) for each in fences(review_input.text)
        )
    elif review_input.kind == "code":
        yield Piece(review_input.text, language_named(review_input.language or ""))
    else:
        yield Piece(review_input.text, review_input.kind)


def language_of(fence: Token) -> str:
    words = fence.info.strip().strip("{.}").replace(",", " ").replace(":", " ").split()
    return language_named(words[0]) if words else ""


def _first(fence: Token) -> int:
    return (fence.map[0] if fence.map else 0) + 2


def fences(text: str) -> Sequence[Token]:
    return [token for token in tokens(text) if token.type == "fence"]


def tokens(text: str) -> Sequence[Token]:
    """Of Markdown, with its tables. Nothing for a text too large to be read soon."""
    return _tokens(text) if len(text) <= LARGEST_MARKDOWN and ("\n" in text or text) else ()


# Several checks read the same text, one right after the other.
@lru_cache(maxsize=4)
def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(text))


def lines_of(text: str) -> list[str]:
    """As Markdown counts them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def quoted(line: str) -> str | None:
    return line.strip()[:_LONGEST_QUOTE].strip() or None


def at_line(by: str, severity: Severity, message: str, text: str, line: int | None) -> Finding:
    """A finding with its line as the quote. A line beyond the end, where parsers say that something is missing, is
    the last one.
    """
    if line is None:
        return Finding(by, severity, message)
    lines = lines_of(text)
    line = max(1, min(line, len(lines)))
    return Finding(by, severity, message, quoted(lines[line - 1]), line)


def in_piece(by: str, severity: Severity, issue: SyntaxIssue, review_input: ReviewInput, piece: Piece) -> Finding:
    """A fault of a piece, said of the whole text."""
    what = issue.message[:1].upper() + issue.message[1:]
    if piece.whole:
        return at_line(by, severity, f"{what}.", review_input.text, issue.line)
    line = piece.line + (issue.line or 1) - 1
    last = piece.line + max(piece.text.rstrip("\n").count("\n"), 0)
    return at_line(by, severity, f"{what} (in the block of {piece.language}).", review_input.text, min(line, last))
