"""Where two halves of one answer meet. Pure.

A model that takes over in the middle of an answer is given what was said and asked to go on. Some go on exactly; some
repeat the last sentence, begin again, or say first that they will go on. What they say twice is left out here.
"""

import re

# Shorter repetitions are taken for what an answer may well say twice in a row.
_MIN_OVERLAP = 12
# An announcement begins like a sentence, is one line at most, speaks of going on, and ends as what introduces.
_OPENERS = ("Sure", "Certainly", "Of course", "Okay", "OK", "Absolutely", "Alright", "Understood", "Got it", "Sorry")
_CONTINUATION_PHRASES = r"(?:[Cc]ontinu|[Rr]esum|[Pp]icking up|left off|[Tt]he rest)"
_ANNOUNCEMENT = re.compile(
    rf"\s*(?:(?:{'|'.join(_OPENERS)})\b[^\n]*?)?{_CONTINUATION_PHRASES}[^\n]*?(?::|…|\.\.\.|[.!](?=\s*\n))"
)
# What begins a block of markdown needs the line break before it.
_BLOCK = re.compile(r"```|#|[-*|>]|\d+\.")
_BEGINNINGS = (*_OPENERS, "Continuing", "Continued", "Resuming", "Picking up", "The rest")
_MAX_ANNOUNCEMENT_LENGTH = 200


class OverlapTrimmer:
    """Takes the second half piece by piece and gives back what is new in it."""

    def __init__(self, said: str) -> None:
        self._said = said
        self._held = ""
        self._announced = False
        self._open = bool(said)

    def feed(self, piece: str) -> str:
        """What of the piece, and of what was held back before it, can be said now."""
        if not self._open:
            return piece
        self._held += piece
        return self._decide(last=False)

    def end(self) -> str:
        """What was held back to the end and turns out to be new."""
        return self._decide(last=True) if self._open else ""

    def _decide(self, *, last: bool) -> str:
        if not self._announced:
            if not last and self._may_be_announcing():
                return ""
            self._announced = True
            if announcement := _ANNOUNCEMENT.match(self._held):
                self._held = self._joined_text(self._held[announcement.end() :])
        if not last and self._may_be_repeating():
            return ""
        self._open = False
        body = self._held.lstrip()
        repeated = _overlap_length(body, self._said)
        return body[repeated:] if repeated else self._held

    def _may_be_announcing(self) -> bool:
        """A first line that begins like an announcement and has not ended."""
        line = self._held.lstrip()
        if announcement := _ANNOUNCEMENT.match(self._held):
            # The line may end yet, or another begin.
            return not self._held[announcement.end() :].strip()
        if len(line) > _MAX_ANNOUNCEMENT_LENGTH or "\n" in line.rstrip():
            return False
        return any(line.startswith(opener) or opener.startswith(line) for opener in _BEGINNINGS)

    def _joined_text(self, text: str) -> str:
        """What stands behind an announcement, without the line breaks that set it off within a sentence."""
        body = text.lstrip()
        if _in_fence(self._said):
            # In code each line break counts: one alone is the code's own, and behind a fence's first line there is one.
            code = text.lstrip("\n") if text.startswith("\n\n") else text
            opening = self._said.rpartition("\n")[2].startswith("```")
            return "\n" + code if opening and text.startswith("\n") and not code.startswith("\n") else code
        ended = self._said.rstrip(" ").endswith((".", "!", "?", ":", "`", "\n"))
        return text if ended or _BLOCK.match(body) else text[text.rfind("\n", 0, len(text) - len(body)) + 1 :]

    def _may_be_repeating(self) -> bool:
        """Whether everything so far stands somewhere in what was said, so that more of it may follow."""
        body = self._held.lstrip()
        return not body or (len(body) < len(self._said) and body in self._said)


def _in_fence(text: str) -> bool:
    return sum(line.startswith("```") for line in text.split("\n")) % 2 == 1


def _overlap_length(second: str, first: str) -> int:
    """Characters at the beginning of the second half that end the first, or are all of it again."""
    if second.startswith(first):
        return len(first)
    for length in range(min(len(second), len(first)), _MIN_OVERLAP - 1, -1):
        if first.endswith(second[:length]):
            return length
    return _is_restart(second, first)


def _is_restart(second: str, first: str) -> int:
    """An answer that begins anew and then takes another turn: what it shares with the first is said already."""
    shared = next((at for at, (one, other) in enumerate(zip(second, first, strict=False)) if one != other), 0)
    if shared < max(_MIN_OVERLAP, len(first) // 2):
        return 0
    # Between words: half of one and half of another make none.
    return max(second.rfind(" ", 0, shared), second.rfind("\n", 0, shared), 0)
