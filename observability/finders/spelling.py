"""One text in several spellings: with look-alikes of signs as ASCII, and without escapes."""

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from observability.finders.detection import Detection

# First digits of the scripts whose digits phones and cards are written in.
_ZEROS = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10)
_BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_DOTS = "\u2024\uff0e\u00b7\u2022"
_ALIKE = {
    **{zero + digit: str(digit) for zero in _ZEROS for digit in range(10)},
    **dict.fromkeys(map(ord, _BLANKS), " "),
    **dict.fromkeys(map(ord, _DASHES), "-"),
    **dict.fromkeys(map(ord, _DOTS), "."),
    **{full: chr(full - 0xFEE0) for full in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))},
    **{ord(full): plain for full, plain in zip("＠＋（）／：＝＿％＆＃", "@+()/:=_%&#", strict=True)},  # noqa: RUF001
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d\u300e\u300f\uff02"), '"'),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2039\u203a\uff07"), "'"),
}
_ANY_ALIKE = re.compile(f"[{re.escape(''.join(map(chr, _ALIKE)))}]")
# They are not seen, and stand where a text was copied from a page.
_UNSEEN = "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_ANY_UNSEEN = re.compile(f"[{_UNSEEN}]")
_ESCAPE = re.compile(
    r"%(?:25){0,3}(?P<percent>[2-7][0-9A-Fa-f]|0[9AaDd])"
    r"|(?P<bytes>(?:%(?:25){0,3}[C-Fc-f][0-9A-Fa-f])(?:%(?:25){0,3}[89ABab][0-9A-Fa-f]){1,3})"
    r"|\\{1,16}(?:u(?P<code>[0-9A-Fa-f]{4})|x(?P<small>[0-9A-Fa-f]{2})|(?P<control>[nrt])|(?P<itself>[\"'/@.:=_-]))"
    r"|&(?:amp;){0,2}#(?:x(?P<hexadecimal>[0-9A-Fa-f]{2,5})|(?P<decimal>\d{2,6}));"
    rf"|&(?:amp;)?(?P<entity>quot|apos|amp|nbsp|commat|period|lt|gt|colon|equals|lowbar|plus);|[{_UNSEEN}]+"
)
_CONTROLS = {"n": "\n", "r": "\n", "t": "\t"}
_ENTITIES = {
    "quot": '"',
    "apos": "'",
    "amp": "&",
    "nbsp": " ",
    "commat": "@",
    "period": ".",
    "lt": "<",
    "gt": ">",
    "colon": ":",
    "equals": "=",
    "lowbar": "_",
    "plus": "+",
}


def with_plain_signs(text: str) -> str:
    """Of the same length: digits, blanks, dashes and quotes of other scripts as ASCII has them."""
    if text.isascii() or _ANY_ALIKE.search(text) is None:
        return text
    return _ANY_ALIKE.sub(lambda found: _ALIKE[ord(found[0])], text)


@dataclass(frozen=True, slots=True)
class Unescaped:
    """`text` is the original without its escapes; `is_enough` if nobody would read the original otherwise."""

    text: str
    original: str
    is_enough: bool

    def in_original(self, found: Sequence[Detection]) -> Iterator[Detection]:
        """Where in the original they stand."""
        if not found:
            return
        froms, shifts = self._shifts()
        ends = set(froms)

        def back(place: int) -> int:
            at = bisect_right(froms, place) - 1
            return place + shifts[at] if at >= 0 else place

        for hit in found:
            # The end is that of the last letter, which may itself be an escape.
            is_escape = hit.end in ends
            yield Detection(hit.kind, back(hit.start), back(hit.end) if is_escape else back(hit.end - 1) + 1, hit.name)

    def _shifts(self) -> tuple[list[int], list[int]]:
        """From which places on the original is how much longer."""
        froms, shifts, at, size = list[int](), list[int](), 0, 0
        for found in _ESCAPE.finditer(self.original):
            size += found.start() - at + len(_meant(found))
            at = found.end()
            froms.append(size)
            shifts.append(at - size)
        return froms, shifts


def without_escapes(text: str) -> Unescaped | None:
    """None if there are none."""
    others = "%" in text or ("&" in text and ";" in text) or not (text.isascii() or _ANY_UNSEEN.search(text) is None)
    if not others and "\\" not in text:
        return None
    read = text
    if "\\\\" not in text:
        # By far the most frequent ones, and much faster so.
        read = text.replace('\\"', '"').replace("\\n", "\n")
    if others or "\\" in read:
        read = with_plain_signs(_ESCAPE.sub(_meant, read))
    return None if len(read) == len(text) else Unescaped(read, text, not others)


def _sign(code: int) -> str:
    sign = chr(code) if code <= sys.maxunicode else ""
    return "" if _ANY_UNSEEN.match(sign) else sign


def _meant(found: re.Match[str]) -> str:
    return _meaning(found[0])


@lru_cache(maxsize=1024)
def _meaning(escape: str) -> str:
    found = _ESCAPE.fullmatch(escape)
    if found is None:
        return escape
    match found.lastgroup:
        case "percent" | "code" | "small" | "hexadecimal":
            meant = _sign(int(found[found.lastgroup], 16))
        case "decimal":
            meant = _sign(int(found["decimal"]))
        case "bytes":
            meant = unquote(escape.replace("25", ""), errors="ignore")
        case "control":
            meant = _CONTROLS[found["control"]]
        case "entity":
            meant = _ENTITIES[found["entity"]]
        case "itself":
            meant = found["itself"]
        case _:
            meant = ""
    return meant
