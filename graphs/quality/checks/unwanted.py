"""What a person asked a text to do without, read from their words. Pure."""

import re
from collections.abc import Iterator
from typing import Literal

from graphs.quality.checks.request import TASK, WRITING, sentences
from graphs.quality.checks.shapes import SHOWING, asks, is_question

Without = Literal["table", "list", "code", "emoji", "headings", "bold"]

_WITHOUT_TOLD: tuple[tuple[Without, str], ...] = (
    (
        "table",
        (
            r"(?:no|without(?: any| a)?|not (?:in |as )?an?|don'?t use (?:a |any )?|avoid) (?:\w+ )?tables?"
            r"|(?:keine|ohne|nicht (?:als|in einer)) tabellen?|(?:sans|pas de) tableaux?|(?:sin|no uses) tablas?"
        ),
    ),
    (
        "list",
        (
            r"(?:no|without(?: any| a)?|not (?:as |in )?an?|don'?t use (?:a |any )?"
            r"|avoid) (?:bullet(?:ed)?[ -]?(?:points?|lists?)|bullets|lists?|list)(?: or \w+)?|(?:keine|ohne"
            r"|nicht als) (?:aufzählung(?:en)?|listen?|stichpunkte)|(?:sans|pas de) (?:listes?|puces)"
            r"|sin (?:listas?|viñetas)"
        ),
    ),
    ("code", r"(?:no|without(?: any)?) code(?! ?block)|(?:kein|ohne) code|(?:sans|pas de) code|sin código"),
    (
        "emoji",
        (
            r"(?:no|without(?: any)?|don'?t use(?: any)?|avoid) emojis?|(?:keine|ohne) emojis?|(?:sans"
            r"|pas d'?)\s?[eé]mojis?|sin emojis?"
        ),
    ),
    (
        "headings",
        (
            r"(?:no|without(?: any)?|don'?t use(?: any)?) (?:headings|headers)|(?:keine"
            r"|ohne) überschriften|sans titres|sin (?:títulos|encabezados)"
        ),
    ),
    ("bold", r"(?:no|without(?: any)?) bold|(?:kein|ohne) fettdruck|sans gras|sin negritas?"),
)
_WITHOUT: tuple[tuple[Without, re.Pattern[str]], ...] = tuple(
    (told, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)) for told, pattern in _WITHOUT_TOLD
)


def unwanted(asked: str) -> Iterator[tuple[Without, str]]:
    for sentence in sentences(asked):
        if TASK.search(sentence) or is_question(sentence) or asks(sentence, len(sentence)):
            continue
        for what, pattern in _WITHOUT:
            found = pattern.search(sentence)
            if found and _is_order(sentence[: found.start()]) and not _GOES_ON.match(sentence[found.end() :]):
                yield what, found[0]


def _is_order(before: str) -> bool:
    """Whether what stands before "no lists" makes it a wish, and not what something lacks."""
    plain = before.strip()
    return (
        not plain
        or plain[-1] in ",;:(–—-"  # noqa: RUF001
        or SHOWING.search(before) is not None
        or WRITING.search(before) is not None
        or re.search(r"\b(?:but|and|please|with|use|aber|und|bitte|mais|et|pero|y|por favor)\W*$", plain, re.IGNORECASE)
        is not None
    )


_GOES_ON = re.compile(
    r"\s*(?:comprehensions?|blocks?|elements?|tags?|columns?|joins?|views?|snippets?|in the|im|dans|en el)\b",
    re.IGNORECASE,
)
