"""Fences around code in Markdown, and an artifact's text out of the fence that a model put around it."""

import re
from dataclasses import dataclass
from typing import Literal

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
# Blank so far, or so far a fence.
_MAY_BE_FENCE = re.compile(r"\s*(`{0,2}$|~{0,2}$|```|~~~)")
_NOT_PREAMBLE = re.compile(r"[#>*+|<=`~_\[\]{}(/!\"'0-9-]")
# What a model says before or after a text is short: "Here is the page:".
_MAX_PREAMBLE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Fence:
    """`info` is what stands behind the mark, as in ```` ```python ````."""

    mark: Literal["`", "~"]
    size: int
    info: str

    @property
    def is_markdown(self) -> bool:
        return self.info.lower().split(" ")[0] in {"markdown", "md", "mdx"}


def parse_fence(line: str) -> Fence | None:
    """The fence that a line is, with or without its end."""
    found = _FENCE.fullmatch(line.rstrip())
    if found is None:
        return None
    return Fence("`" if found[1][0] == "`" else "~", len(found[1]), found[2].strip())


def strip_fence(answer: str) -> str:
    """An artifact's text out of a model's answer.

    An answer that is one fenced block, with at most a line of talk before and after it, is that block's content; a
    block that was never closed goes on to the end. Any other answer is taken as it is, without blank lines around it.
    In a block that says it is Markdown, fences of the same length are the document's own if the last is still to come.
    """
    stream = FenceStripper()
    text = stream.feed(answer) + stream.end()
    return _without_blank_lines(answer) if stream.astray else text


class FenceStripper:
    """`whole` for an answer that comes in pieces.

    What is handed out is together `whole` of the answer, unless the answer begins with a block, or with a line of
    talk and a block, and goes on with other things behind it: that is known too late, and `astray` then says so.
    Held back are a line, blank lines, and a closing fence with the line after it.
    """

    def __init__(self) -> None:
        self.astray = False
        self._where: Literal["start", "plain", "block", "after"] = "start"
        self._line = ""
        self._begun = False
        self._held = ""
        self._talked = False
        self._open: list[Fence] = []

    def feed(self, delta: str) -> str:
        """The text that is certain now."""
        *lines, rest = (self._line + delta).split("\n")
        out = [self._take(f"{line}\n") for line in lines]
        self._line = rest
        if self._is_certain(rest):
            out.append(self._take(rest))
            self._line, self._begun = "", True
        return "".join(out)

    def end(self) -> str:
        """What was held back and belongs to the text."""
        out = self._take(self._line) if self._line else ""
        # One line of talk and nothing else is the text.
        return _without_blank_lines(self._held) if self._where == "start" else out

    def _is_certain(self, line: str) -> bool:
        """Whether the beginning of a line tells that it is neither blank, nor a fence, nor talk."""
        if self._begun:
            return bool(line)
        if self._where == "after" or _MAY_BE_FENCE.match(line):
            return False
        return self._where != "start" or self._talked or not _may_be_preamble(line)

    def _take(self, line: str) -> str:
        if self._begun:
            self._begun = not line.endswith("\n")
            return line
        match self._where:
            case "start":
                return self._start_block(line)
            case "plain":
                return self._plain(line)
            case "block":
                return self._in_block(line)
            case "after":
                return self._after(line)

    def _start_block(self, line: str) -> str:
        """Before the first line that belongs to the text."""
        if not line.strip():
            self._held += line if self._talked else ""
            return ""
        if (opening := parse_fence(line)) is not None:
            self._held, self._where, self._open = "", "block", [opening]
            return ""
        if not self._talked and _may_be_preamble(line):
            self._held, self._talked = line, True
            return ""
        self._where = "plain"
        return self._plain(line)

    def _plain(self, line: str) -> str:
        if not line.strip():
            self._held += line
            return ""
        held, self._held = self._held, ""
        return held + line

    def _in_block(self, line: str) -> str:
        found, inner = parse_fence(line), self._open[-1]
        if found is None or found.mark != inner.mark or found.size < inner.size:
            return line
        if found.info:
            # Only a document has blocks of its own; in code such a line is a text of the program.
            self._open += [found] if self._open[0].is_markdown else []
            return line
        if len(self._open) > 1:
            self._open.pop()
            return line
        self._where, self._held, self._talked = "after", line, False
        return ""

    def _after(self, line: str) -> str:
        """Behind what may be the block's last fence."""
        is_talk = _may_be_preamble(line) and not self._talked
        if not self.astray and (is_talk or not line.strip()):
            self._talked = self._talked or is_talk
            self._held += line
            return ""
        held, self._held = self._held, ""
        if self._open[0].is_markdown:
            # The document goes on, so that fence began a block of its own.
            self._open.append(Fence(self._open[0].mark, self._open[0].size, ""))
            self._where = "block"
            return held + self._in_block(line)
        self.astray = True
        return held + line


def _may_be_preamble(line: str) -> bool:
    """A short line of prose. What has begun as one may still turn out longer."""
    plain = line.strip()
    return 0 < len(plain) <= _MAX_PREAMBLE_LENGTH and not _NOT_PREAMBLE.match(plain)


def _without_blank_lines(text: str) -> str:
    body = text.rstrip()
    rest, end, _ = text[len(body) :].partition("\n")
    start = text.rfind("\n", 0, len(body) - len(body.lstrip())) + 1
    return body[start:] + rest + end if body else ""
