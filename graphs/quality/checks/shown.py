"""What a block in prose is shown for: as what somebody gave, as what is wrong, as a part of something larger."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from graphs.quality.checks.pieces import Piece, lines_of
from graphs.quality.review_input import ReviewInput

# How far from a block it is said what the block is.
_NEAR = 4
_LONGEST_LEAD = 120
_MOSTLY = 0.8
_SHORTEST_WITHIN = 8
_LARGEST_GIVEN = 20_000
_SPACE = re.compile(r"\s+")
_MARKED = re.compile(r"\s*(?:#|//|--|<!--|/\*|<-+|←).*$")

_WRONG = (
    r"wrong|broken|incorrect\w*|invalid|malformed|bad|buggy|faulty|mistaken?|mistakes?|typos?|offending|failing|fails"
    r"|pseudo-?code|pseudo|schematic\w*|sketch|skeleton|signatures?|grammar|general form|syntax is|outputs?|prints"
    r"|before:|old (?:code|version|way|form)|original\w*|instead of|not this|your version"
    r"|you (?:wrote|had|have|posted|sent)"
    r"|(?:an?|the|this|following|these) errors?|traps?|pitfalls?|gotchas?|anti-?patterns?"
    r"|never do|always true|naive|the bug"
    r"|falle|naiv\w*|falsch\w*|fehlerhaft\w*|kaputt\w*|ungültig\w*|(?:der|den|dieser|diesen"
    r"|folgende\w*) fehler|vorher|ausgabe"
    r"|statt|bei dir|bei ihnen|so nicht"
    r"|schematisch|piège|incorrecte?s?|fausse?s?|faux|invalides?|erron\w+|erreur|avant :|sortie|au lieu"
    r"|trampa|incorrect[oa]s?|inválid[oa]s?|antes:|salida|en lugar|está mal"
    r"|sbagliat\w+|errore|errato|errad[oa]|fout\w*"
)
_SAID_WRONG = re.compile(
    rf"\b(?:{_WRONG})(?!\w)|[❌✗✘🚫⛔👎]|間違|誤り|エラー|悪い例|出力|错误|不正确|输出|неправильн|ошибк|오류|잘못",
    re.IGNORECASE,
)
_FOUND_WRONG = re.compile(
    r"syntax ?error|parse ?error|\w+Error\b|not valid|(?:does|do|did|will|would|can)(?:n'?t| not) (?:compile|parse|work"
    r"|run|load)|won'?t (?:compile|parse|work|run)|fails? (?:to|with|because)|invalid|is missing"
    r"|missing (?:a|the|its)\b"
    r"|never closed|unclosed|syntaxfehler|ungültig|fehlt\b|fehlen\b|erreur de syntaxe|invalide|il manque|manque"
    r"|error de sintaxis|inválid|falta\b|構文エラー|語法错误|语法错误|不足|缺少",
    re.IGNORECASE,
)
# In the code itself.
_MARKED_WRONG = re.compile(
    r"(?:#|//|--|/\*|<!--)[ \t]*(?:[❌✗✘🚫⛔👎←^]|<--|(?:this is |that is |das ist |c'est )?(?:wrong"
    r"|bad|broken|invalid|incorrect"
    r"|error:|syntax ?error|missing|pseudo|never do|don'?t do|falsch|fehler:|fehlt|ungültig"
    r"|erreur|faux|manque|incorrecto|mal"
    r"|falta)\b)|(?:❌|✗|←|<--)|^\s*(?:\^+|~+)\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_BROKEN_ON_PURPOSE = re.compile(
    r"\b(?:deliberate\w*|on purpose|intentional\w*|pseudo-?code|absichtlich\w*|pseudocode"
    r"|exprès|a propósito|pseudo-?código)\b"
    r"|\b(?:give|write|create|show|make|generate|need|want|example of|produce|gib|schreib\w*"
    r"|zeig\w*|erstell\w*|beispiel\w*"
    r"|donne\w*|écri\w*|montre\w*|crée|exemple|dame|escrib\w*|muestra\w*|crea|ejemplo)\b[^.?!\n]{0,60}"
    r"\b(?:broken|invalid|malformed|truncated|incomplete|unfinished|wrong|(?:syntax|parse) errors?"
    r"|bugs?|mistakes?|kaputt\w*"
    r"|ungültig\w*|fehlerhaft\w*|syntaxfehler|fehlern?|invalides?|cassée?s?|incomplet\w*"
    r"|erreurs?|incorrect\w*|inválid\w*"
    r"|rot[oa]s?|erróne\w*|errores)\b|間違った|壊れた|错误的",
    re.IGNORECASE,
)
_MENDING = re.compile(
    r"\b(?:fix\w*|repair\w*|mend|debug|solve|working|corrected|reparier\w*|beheb\w*|korrigier\w*|corrig\w*|répar\w*"
    r"|arregla\w*|repara\w*)\b|直し|修正|修复",
    re.IGNORECASE,
)


def is_subject(piece: Piece, line: int | None, review_input: ReviewInput) -> bool:
    """Whether a text that has a fault is what was talked of, rather than what was made: given by the person, said to
    be wrong, or wanted so.
    """
    if _is_given(piece, line, review_input):
        return True
    if piece.whole:
        return _is_wanted_broken(review_input)
    return _is_wanted_broken(review_input) or _is_said_wrong(piece, review_input.text)


def _is_wanted_broken(review_input: ReviewInput) -> bool:
    return _BROKEN_ON_PURPOSE.search(review_input.prompt) is not None and _MENDING.search(review_input.prompt) is None


def _is_given(piece: Piece, line: int | None, review_input: ReviewInput) -> bool:
    """Whether nearly all lines of a piece stand in what the person gave, and the one with the fault."""
    known = _given(review_input.prompt, review_input.context)
    if not known.lines:
        return False
    lines = piece.text.split("\n")
    if line is not None and line <= len(lines) and not _is_known(lines[line - 1], known):
        return False
    shown = [each for each in lines if each.strip()]
    return bool(shown) and sum(_is_known(each, known) for each in shown) >= len(shown) * _MOSTLY


@dataclass(frozen=True, slots=True)
class _Given:
    """What the person gave, without blanks."""

    lines: frozenset[str]
    whole: str


def _is_known(line: str, known: _Given) -> bool:
    plain = _SPACE.sub("", line)
    unmarked = _SPACE.sub("", _MARKED.sub("", line))
    is_within = len(unmarked) >= _SHORTEST_WITHIN and len(known.whole) <= _LARGEST_GIVEN and unmarked in known.whole
    return not plain or plain in known.lines or unmarked in known.lines or is_within


# Asked for each fault of each block.
@lru_cache(maxsize=4)
def _given(asked: str, given: str) -> _Given:
    both = f"{asked}\n{given}"
    lines = (_SPACE.sub("", line) for line in both.split("\n") if line.strip())
    return _Given(frozenset(lines), _SPACE.sub("", both))


def _is_said_wrong(piece: Piece, text: str) -> bool:
    if _MARKED_WRONG.search(piece.text):
        return True
    before, after = _around(piece, text)
    return _SAID_WRONG.search(before) is not None or _FOUND_WRONG.search(after) is not None


def lead(piece: Piece, text: str) -> str:
    """The end of the prose before a block."""
    return _around(piece, text)[0]


def _around(piece: Piece, text: str) -> tuple[str, str]:
    """The end of the prose before a block, and the line behind it."""
    lines = _lines(text)
    start = piece.line - 2
    end = piece.line + piece.text.count("\n")
    before = _prose(list(reversed(lines[max(0, start - _NEAR) : start])))
    return before[-_LONGEST_LEAD:], _prose(lines[end : end + _NEAR])


def _prose(lines: Sequence[str]) -> str:
    """The nearest line that is not blank, unless a block comes first."""
    nearest = next((line for line in lines if line.strip()), "")
    return "" if nearest.lstrip().startswith(("```", "~~~")) else nearest


@lru_cache(maxsize=2)
def _lines(text: str) -> tuple[str, ...]:
    return tuple(lines_of(text))
