"""A text in parts that a model can read one by one. Pure."""

import re
from collections.abc import Sequence
from math import ceil

# Where a text is divided, best first: between paragraphs, between lines, between words.
_BORDERS = tuple(map(re.compile, (r"\n[ \t]*\n\s*", r"\n", r"\s")))


def split_text(text: str, max_characters: int) -> Sequence[str]:
    """Parts of about one length that together are the text, none longer than `max_characters`."""
    parts = []
    while len(text) > max_characters:
        goal = len(text) // ceil(len(text) / max_characters)
        at = _border(text[:max_characters], goal)
        parts.append(text[:at])
        text = text[at:]
    return [*parts, text]


def _border(text: str, goal: int) -> int:
    """The first border from a place on: with one before it the rest might need a part more. Else the last before."""
    for border in _BORDERS:
        found = [match.end() for match in border.finditer(text, goal // 2)]
        if found:
            return next((at for at in found if at >= goal), found[-1])
    return goal
