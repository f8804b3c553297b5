"""Whether what a judge says rests on the text. Pure."""

import re
import unicodedata
from collections.abc import Iterable

# Shorter ones occur everywhere: one part of a quote has so many words or characters.
_MIN_WORDS = 3
_MIN_CHARACTERS = 12
_SIGNS = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "–": "-", "—": "-"}  # noqa: RUF001
)
_OMITTED = re.compile(r"\[?(?:\.\.\.|…)\]?")


def occurs(quote: str, text: str) -> bool:
    """Whether a text has these words. Blanks, kinds of quotation marks and dashes make no difference; parts around an
    omission have to follow one another.
    """
    return _follow(quote, _plain(text))


def find_quotes(quotes: Iterable[str], text: str, but: Iterable[str] = ()) -> list[str]:
    """Those of some quotes that a text has, leaving aside the passages of it that are named."""
    whole = _plain(text)
    for passage in filter(None, map(_plain, but)):
        whole = whole.replace(passage, "\n")
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


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_SIGNS).split()).strip("\"'").casefold()
