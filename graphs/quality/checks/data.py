"""Whether data parses."""

import json
import re
import textwrap
from collections.abc import Iterator
from itertools import islice

from artifacts.data import data_issues, is_data
from graphs.quality.checks.pieces import Piece, in_piece, pieces
from graphs.quality.checks.shown import is_subject, lead
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

_MOST = 20
_ELISION = re.compile(r"(?<![\w\"'.])(?:\.\.\.|…)(?![\w\"'.])|\[\.\.\.\]|^\s*[#;/]*\s*\.\.\.", re.MULTILINE)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_TEMPLATE = re.compile(
    r"\{\{|\{%|<%|\$\{|^\s*<[\w -]+>\s*$|:\s*<[\w -]+>\s*,?\s*$|%\w+%|@@\w+@@|\bundefined\b|\"\s*\?\s*:", re.MULTILINE
)
_DOCUMENT_END = re.compile(r"^\.\.\.\s*$", re.MULTILINE)
# As editors and compilers take them in their settings, and as people explain a form with.
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?(?:\*/|\Z)|(?<![^\s,\[{])#[^\n]*', re.DOTALL)
_COMMA_AT_END = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')
_PROMPT = re.compile(r"^(?:\$ |> |>>> |HTTP/\d|(?:GET|POST|PUT|PATCH|DELETE) \S|[\w-]+: \S+$)", re.MULTILINE)
# As shells of databases show values: `ObjectId("…")`.
_CALL = re.compile(r"[:\[,]\s*(?:new )?[A-Z]\w+\([^()\n]*\)")
# A value of a program, said to be one.
_OF_CODE = re.compile(
    r"\b(?:python|javascript|js|ruby|php|perl|lua|js-|mongo\w*)[\s-]+(?:dict\w*|objects?|objekt\w*"
    r"|literals?|hash\w*|repr|array|"
    r"wörterbuch|shell|notation)\b|\b(?:dict|repr|object literal|objet (?:js|javascript)|objeto (?:js"
    r"|javascript)|json5|jsonc|hjson)\b",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[\s,]*(?:[-=]{3,}\s*)?")
_DIFF = re.compile(r"^(?:@@ |\+\+\+ |--- |[+-]\s*[\"{}\[\]\w])", re.MULTILINE)


def data_parses(review_input: ReviewInput) -> Iterator[Finding]:
    for piece in pieces(review_input):
        if not is_data(piece.language) or (not piece.whole and _is_sketch(piece)):
            continue
        text = piece.text if piece.whole else textwrap.dedent(piece.text)
        faults = list(islice(data_issues(text, piece.language), _MOST))
        if not faults or (not piece.whole and _is_part(text, piece.language)):
            continue
        if not piece.whole and piece.language == "json" and _OF_CODE.search(lead(piece, review_input.text)):
            continue
        if not is_subject(piece, faults[0].line, review_input):
            yield from (in_piece("data_parses", "error", issue, review_input, piece) for issue in faults)


def _is_sketch(piece: Piece) -> bool:
    """Whether a block shows a form and leaves things out, which its reader sees."""
    text = _QUOTED.sub('""', piece.text)
    if piece.language == "yaml":
        text = _DOCUMENT_END.sub("", text)
    return _ELISION.search(text) is not None or _TEMPLATE.search(text) is not None


def _is_part(text: str, language: str) -> bool:
    """Whether a block in prose is right as a part of data, as several of them, or with remarks."""
    if not text.strip():
        return True
    if len(_DIFF.findall(text)) >= 2 and re.search(r"^\+", text, re.MULTILINE):
        return True
    if language == "json":
        return _is_part_of_json(text)
    return language == "yaml" and _is_cut_yaml(text)


def _is_part_of_json(text: str) -> bool:
    plain = _COMMENT.sub(lambda found: found[1] or "", text)
    if plain != text:
        # Who takes remarks takes a comma at the end as well.
        plain = _COMMA_AT_END.sub(lambda found: found[1] or "", plain)
    if not plain.strip() or _PROMPT.search(plain):
        return True
    if _CALL.search(_QUOTED.sub('""', plain)):
        return True
    if any(not list(data_issues(frame.format(plain), "json")) for frame in ("{}", "{{{}}}", "[{}]")):
        return True
    is_cut = re.match(r"\s*[}\],]", plain) or re.search(r"[{\[,:]\s*\Z", plain)
    return is_cut is not None or _is_several(plain)


def _is_several(text: str) -> bool:
    """Whether there are several values, one behind the other."""
    decoder, at, values = json.JSONDecoder(), 0, 0
    try:
        while at < len(text):
            blank = _BETWEEN.match(text, at)
            at = blank.end() if blank else at
            if at < len(text):
                _, at = decoder.raw_decode(text, at)
                values += 1
    except (ValueError, RecursionError):
        return False
    return values > 1


def _is_cut_yaml(text: str) -> bool:
    """Whether it begins deeper than it goes on, as what is cut out of a file does."""
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    depths = [len(line) - len(line.lstrip()) for line in lines]
    return bool(depths) and depths[0] > min(depths)
