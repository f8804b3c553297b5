"""Whether what a judge says rests on the text. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Shorter ones occur everywhere: one part of a quote has so many words or characters.
_MIN_WORDS = 3
_MIN_CHARACTERS = 12
_LEFT_OUT = "[words to the judge, left out]"
_SIGNS = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "–": "-", "—": "-"}  # noqa: RUF001
)
_OMITTED = re.compile(r"\[?(?:\.\.\.|…)\]?")

_SENTENCE = re.compile(r"[^\n.!?]+(?:[.!?]+|\n|$)")
_ADDRESSED = re.compile(
    r"\b(?:judge|grader|evaluator|reviewer|rubric|grading|scoring|evaluation|assessment|scores?)\b", re.IGNORECASE
)
_ORDERED = re.compile(
    r"(?:^|[,:;]|\b(?:please|must|should|and|to|now|then)\b)\s*(?:please\s+)?"
    r"(?:ignore|disregard|forget|override|skip|give|award|assign|grant|rate|score|grade|return|output|answer|respond)\b",
    re.IGNORECASE,
)
_PRIZE = re.compile(
    r"\b(?:full|top|perfect|highest|maximum|max|best)\b[^.\n]{0,20}\b(?:marks?|scores?|points?|grades?|ratings?|level)\b"
    r"|\b(?:5|five|10|ten)\s*(?:/|out of|of)\s*(?:5|five|10|ten)\b"
    r"|\b(?:score|level|grade|rating)\w*\s*(?:of|:|=|is|as|to)?\s*[\"']?5\b"
    r"|\bgive\b[^.\n]{0,30}\b(?:5|five)\b"
    r"|\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:rubric|instructions?|criteria|above|previous)\b",
    re.IGNORECASE,
)


def occurs(quote: str, text: str) -> bool:
    """Whether a text has these words. Blanks, kinds of quotation marks and dashes make no difference; parts around an
    omission have to follow one another.
    """
    return _follow(quote, _plain(text))


def occurring(quotes: Iterable[str], text: str) -> list[str]:
    """Those of some quotes that a text has."""
    whole = _plain(text)
    return [quote for quote in quotes if _follow(quote, whole)]


def _follow(quote: str, whole: str) -> bool:
    parts = [part for part in map(_plain, _OMITTED.split(quote)) if part]
    at = 0
    if not any(len(part) >= _MIN_CHARACTERS or len(part.split()) >= _MIN_WORDS for part in parts):
        return False
    for part in parts:
        found = whole.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def appeals(text: str) -> Sequence[tuple[int, int]]:
    """Where a text speaks to whoever scores it: sentences that order a score or a rubric away."""
    found = []
    for sentence in _SENTENCE.finditer(text):
        said = sentence[0].strip()
        if _PRIZE.search(said) and _ORDERED.search(said) and _ADDRESSED.search(said):
            found.append((sentence.start(), sentence.end()))
    return found


def unprompted(text: str) -> str:
    """The text without what it says to its judge."""
    out, at = list[str](), 0
    for start, end in appeals(text):
        out += [text[at:start], _LEFT_OUT if not out or out[-1] != _LEFT_OUT else ""]
        at = end
    return "".join([*out, text[at:]])


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_SIGNS).split()).strip("\"'").casefold()
