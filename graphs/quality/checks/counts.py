"""How long a text is, as the least and the most that a person might count."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it.token import Token

from graphs.quality.checks.pieces import tokens

_WORD = re.compile(r"[^\W_]+(?:[’'.,:/@&_+-][^\W_]+)*")  # noqa: RUF001
_PART = re.compile(r"[^\W_]+(?:[’'][^\W_]+)*")  # noqa: RUF001
# Scripts that put no blanks between words; those of Thailand and its neighbours end no sentence with a sign.
_CJK = re.compile(r"[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_ENDLESS_SCRIPT = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff]")
_END = re.compile(r"[.!?…؟۔।॥።]+[\"'”’»)\]*_]*(?=\s|$)|[。！？]+[」』”）]*")  # noqa: RUF001
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|»[^«\n]*«|「[^」\n]*」|『[^』\n]*』|\([^()\n]*\)")
# Above a poem, or a line that leads to it.
_TITLE = re.compile(r"\s*(?:#.*|\*\*.*\*\*|[^:]{1,40}:)\s*")
# Lines above a text, and lines beneath it.
_MOST_FRAMED = 8
_LONGEST_FRAME, _LONGEST_END = 250, 80
_RULE = re.compile(r"\s*[-*_]{3,}\s*")
_LEAD = re.compile(r"\s*(?:#.*|[^\n]{1,200}:\W*|\*\*[^*\n]+\*\*|-{3,}|\*{3,})\s*")
_LABEL = re.compile(r"^\s*(?:\*\*[^*\n:]{1,40}(?::\*\*|\*\*\s*:)|__[^_\n:]{1,40}:__|[^\W\d_][\w -]{1,40}:(?=\s))\s*")
_OPENS = re.compile(
    r"\s*(?:sure|certainly|of course|absolutely|here(?:'s| is| are| you)|below|gern\w*|natürlich|klar"
    r"|selbstverständlich|hier"
    r"|bien sûr|voici|avec plaisir|claro|por supuesto|aquí|certo|ecco|naturalmente|com certeza"
    r"|aqui)\b[^\n]{0,150}[!.:]\s*",
    re.IGNORECASE,
)
_OFFERS = re.compile(
    r"\s*[*_]*(?:let me know|feel free|would you like|do you want|if you(?:'d| would)? (?:like|want|need"
    r"|prefer)|shall i|i hope|hope"
    r"|happy to|i can also|just (?:say|tell|ask)|lass mich|sag (?:mir )?(?:einfach )?bescheid|wenn du"
    r"|wenn sie|falls|möchtest du|möchten sie|soll ich"
    r"|ich hoffe|gern\w* kann|n'hésite|si tu|si vous|souhaite\w*|veux-tu|voulez-vous|dis-moi|dites-moi"
    r"|j'espère|si quieres|si necesitas|si desea"
    r"|quieres que|espero|avísame|dime)\b[^\n]{0,250}",
    re.IGNORECASE,
)
_COUNTED = r"(?:words?|characters?|chars?|wörter|worte?|zeichen|mots|caractères|palabras|caracteres|parole|文字|字)"
_TELLS_LENGTH = re.compile(
    rf"\W*(?:[^\n.!?]{{0,40}}\b\d+\s*{_COUNTED}\b[^\n]{{0,40}}"
    rf"|[^\n.!?]{{0,20}}{_COUNTED}[^\n.!?]{{0,12}}:?\W*\d+[^\n]{{0,20}})\W*",
    re.IGNORECASE,
)
_LENGTH_AT_END = re.compile(
    rf"[\[(*_]{{1,4}}[^()\n]{{0,20}}\d{{1,6}}\s?{_COUNTED}[^()\n]{{0,20}}[\])*_]{{1,4}}\s*$", re.IGNORECASE
)
_SHORTEST_LINE = 30
_MANY = 1_000_000
# A shorter paragraph is a title, a greeting, a name below a letter.
_SHORTEST_PARAGRAPH = 8
_ABBREVIATED = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|Sra|Srta|Mt|No|Nr|Vol|Fig|Art|Abs|Kap|Inc|Ltd|Co|Corp|vs|etc|approx|ca"
    r"|usw|bzw|ggf|evtl|inkl|max|min|Mio|Mrd|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|Okt|Dez|p|pp|S|M|Mme|Mlle|av|env|ej|pág|Ud|Uds|D|Hr|Fr"
    r"|geb|gest|al|cf|Abb|Tab|Eq|Ch|Bd|Str|Tel|tel|ext|sog|vgl|Vgl|Hg|Aufl|Op|op|bd|ed|eds"
    r"|Nos|sec|Sec|Gen|Col|Capt|Lt|Sgt|Rev|Hon)"
    r"|\b[^\W\d_](?:\.\s?[^\W\d_])*|\b\d{1,4}|\b(?:z\.\s?B|d\.\s?h|u\.\s?a|o\.\s?ä|i\.\s?e|e\.\s?g|a\.\s?m"
    r"|p\.\s?m|c\.-à-d|p\.\s?ej))$"
)


@dataclass(frozen=True, slots=True)
class Count:
    least: int
    most: int


def framed(text: str) -> str:
    """What stands between the lines that lead to it or tell of it: headings, "Here it is:", "(50 words)", offers."""
    lines = text.strip().split("\n")
    start, end = 0, len(lines)
    while end - start > 1 and start < _MOST_FRAMED and _is_lead(lines[start]):
        start += 1
    while end - start > 1 and len(lines) - end < _MOST_FRAMED and _is_behind(lines[end - 1]):
        end -= 1
    kept = lines[start:end]
    kept[0] = _LABEL.sub("", kept[0], count=1)
    kept[-1] = kept[-1][:-_LONGEST_END] + _LENGTH_AT_END.sub("", kept[-1][-_LONGEST_END:])
    return "\n".join(kept)


def _is_lead(line: str) -> bool:
    return not line.strip() or (
        len(line) <= _LONGEST_FRAME and (_LEAD.fullmatch(line) or _OPENS.fullmatch(line)) is not None
    )


def _is_behind(line: str) -> bool:
    return not line.strip() or (
        len(line) <= _LONGEST_FRAME
        and (_TELLS_LENGTH.fullmatch(line) or _OFFERS.fullmatch(line) or _RULE.fullmatch(line)) is not None
    )


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
    plain, body = prose(text), prose(framed(text))
    if len(_CJK.findall(plain)) > len(plain) / 5:
        return Count(0, len(plain))
    found, spaced = len(_WORD.findall(plain)), len(plain.split())
    return Count(
        min(found, spaced, len(_WORD.findall(body)), len(body.split())), max(len(_PART.findall(plain)), spaced, found)
    )


def sentences(text: str) -> Count:
    """What ends after an abbreviation may go on; list entries without an end may be sentences or none."""
    most = 0
    if _ENDLESS_SCRIPT.search(text):
        return Count(1, _MANY)
    for block in _blocks(text):
        found = list(_END.finditer(block))
        likely = [end for end in found if _may_end(block, end)]
        unended = bool(block.strip()) and not (found and found[-1].end() >= len(block.rstrip()))
        most += len(likely) + unended
    least = min(_sure_ends(text), _sure_ends(framed(text)))
    return Count(max(least, 1 if text.strip() else 0), max(most, 1 if text.strip() else 0))


def _sure_ends(text: str) -> int:
    plain = (_QUOTED.sub(_emptied, block) for block in _blocks(text))
    return sum(_is_end(block, end) for block in plain for end in _END.finditer(block))


def _emptied(found: re.Match[str]) -> str:
    """What is quoted or put in brackets has sentences of its own; only its last sign may end the one around it."""
    inner = found[0][-2:-1]
    return f"x{inner if inner in {'.', '!', '?', '。'} and found[0][0] != '(' else ''}"


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
    if end[0].startswith(("…", "..")) and after:
        return False
    if end[0][0] != ".":
        return not after[:1].islower()
    return not after or _ABBREVIATED.search(block[max(0, end.start() - 12) : end.start()]) is None


def paragraphs(text: str) -> Count:
    """Headings, lists, blocks of code, greetings and names below a letter may count or not."""
    least, most = _paragraphs(text)
    return Count(min(least, _paragraphs(framed(text))[0]), max(most, 1))


def _paragraphs(text: str) -> tuple[int, int]:
    least = most = 0
    for token, inline in pairwise([*tokens(text), *tokens("x")[:1]]):
        if token.level == 0 and token.type == "paragraph_open":
            words_of_it = inline.content.split()
            is_long = (
                len(words_of_it) >= _SHORTEST_PARAGRAPH or len(_CJK.findall(inline.content)) >= _SHORTEST_PARAGRAPH * 2
            )
            least += is_long
            most += 1
        elif token.level == 0 and token.type.endswith(("list_open", "heading_open", "quote_open", "fence")):
            most += 1
    return least, most


def lines(text: str) -> Count:
    shown = [line for line in text.split("\n") if line.strip()]
    plain = [line for line in shown if not line.lstrip().startswith(("```", "~~~"))]
    titled = [line for line in plain if not _TITLE.fullmatch(line)]
    # One that is long is broken where it is shown.
    wrapped = sum(max(1, len(line) // _SHORTEST_LINE) for line in shown)
    return Count(len(titled), max(len(text.strip().split("\n")), wrapped))


def characters(text: str) -> Count:
    """Marks of Markdown may count or not."""
    stripped = text.strip()
    return Count(min(len(prose(text)), len(prose(framed(text))), len(stripped)), len(stripped))


def titles(text: str) -> Sequence[int]:
    """What entries may be counted by instead: headings, numbers at the beginning of lines, rows of tables."""
    types = [token.type for token in tokens(text)]
    headings = [token.markup for token in tokens(text) if token.type == "heading_open"]
    numbers = set(re.findall(r"^\W*(\d{1,2})[.):]", text, re.MULTILINE))
    bold = len(re.findall(r"^\s*(?:[-*+]\s+)?\*\*[^*\n]+\*\*", text, re.MULTILINE))
    rows = types.count("tr_open") - types.count("thead_open")
    return [len(headings), *(headings.count(each) for each in set(headings)), len(numbers), bold, rows]


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
