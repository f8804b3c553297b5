"""How long a text is, as the least and the most that a person might count."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it.token import Token

from graphs.quality.checks.pieces import tokens

_WORD = re.compile(r"[^\W_]+(?:[’'.,:/@&_+-][^\W_]+)*")  # noqa: RUF001
_PART = re.compile(r"[^\W_]+(?:[’'][^\W_]+)*")  # noqa: RUF001
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s|$)|[。！？]+[」』”）]*")  # noqa: RUF001
_ABBREVIATED = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|Sra|Srta|Mt|No|Nr|Vol|Fig|Art|Abs|Kap|Inc|Ltd|Co|Corp|vs|etc|approx|ca"
    r"|usw|bzw|ggf|evtl|inkl|max|min|Mio|Mrd|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|Okt|Dez|p|pp|S|M|Mme|Mlle|av|env|ej|pág|Ud|Uds|D|Hr|Fr"
    r"|geb|gest|Gen|Col|Capt|Lt|Sgt|Rev|Hon)"
    r"|\b[^\W\d_](?:\.\s?[^\W\d_])*|\b\d{1,4}|\b(?:z\.\s?B|d\.\s?h|u\.\s?a|o\.\s?ä|i\.\s?e|e\.\s?g|a\.\s?m"
    r"|p\.\s?m|c\.-à-d|p\.\s?ej))$"
)


@dataclass(frozen=True, slots=True)
class Count:
    least: int
    most: int


def prose(text: str) -> str:
    """What is read aloud: without code blocks, tables' pipes and the marks of Markdown."""
    parts = list[str]()
    for token in tokens(text):
        if token.type == "inline":
            parts.append("".join(_shown(each) for each in token.children or ()))
    return "\n".join(parts)


def _shown(token: Token) -> str:
    return (
        "\n"
        if token.type in {"softbreak", "hardbreak"}
        else token.content
        if token.type in {"text", "code_inline"}
        else ""
    )


def words(text: str) -> Count:
    """Hyphenated words are one word or several, signs between blanks one or none; a script without blanks has none to
    count.
    """
    plain = prose(text)
    if len(_CJK.findall(plain)) > len(plain) / 5:
        return Count(0, len(plain))
    least = len(_WORD.findall(plain))
    return Count(least, max(len(_PART.findall(plain)), len(plain.split()), least))


def sentences(text: str) -> Count:
    """What ends after an abbreviation may go on; list entries without an end may be sentences or none."""
    least = most = 0
    for block in _blocks(text):
        found = list(_END.finditer(block))
        sure = [end for end in found if _is_end(block, end)]
        likely = [end for end in found if _may_end(block, end)]
        unended = bool(block.strip()) and not (found and found[-1].end() >= len(block.rstrip()))
        least += len(sure)
        most += len(likely) + unended
    return Count(max(least, 1 if text.strip() else 0), max(most, 1 if text.strip() else 0))


def _blocks(text: str) -> Sequence[str]:
    return [
        "".join(" " if each.type in {"softbreak", "hardbreak"} else each.content for each in token.children or ())
        for before, token in pairwise(tokens(text))
        if token.type == "inline" and before.type != "heading_open"
    ]


def _may_end(block: str, end: re.Match[str]) -> bool:
    """In small letters it goes on."""
    after = block[end.end() :].lstrip(" \"'“„«»(*_")
    return not after[:1].islower() or end[0][0] in "!?。！？"  # noqa: RUF001


def _is_end(block: str, end: re.Match[str]) -> bool:
    if not _may_end(block, end):
        return False
    after = block[end.end() :].strip()
    if end[0][0] != ".":
        return not after[:1].islower()
    return not after or _ABBREVIATED.search(block[max(0, end.start() - 12) : end.start()]) is None


def paragraphs(text: str) -> Count:
    """Headings, lists and blocks of code may count or not."""
    types = [(token.type, token.level) for token in tokens(text)]
    plain = sum(each == ("paragraph_open", 0) for each in types)
    others = sum(
        level == 0 and kind.endswith(("list_open", "heading_open", "quote_open", "fence")) for kind, level in types
    )
    return Count(plain, plain + others)


def lines(text: str) -> Count:
    shown = [line for line in text.split("\n") if line.strip()]
    plain = [line for line in shown if not line.lstrip().startswith(("```", "~~~"))]
    titled = [
        line for line in plain if not line.lstrip().startswith("#") and not re.fullmatch(r"\s*\*\*.*\*\*\s*", line)
    ]
    return Count(len(titled), len(text.strip().split("\n")))


def characters(text: str) -> Count:
    """Marks of Markdown may count or not."""
    stripped = text.strip()
    shown = prose(text)
    return Count(min(len(shown), len(stripped)), len(stripped))


def items(text: str) -> Sequence[int]:
    """The numbers of entries of all lists that stand in no other list, one for each list."""
    found, depth = list[int](), 0
    for token in tokens(text):
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            depth += 1
            found += [0] if depth == 1 else []
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            depth -= 1
        elif token.type == "list_item_open" and depth == 1:
            found[-1] += 1
    return found
