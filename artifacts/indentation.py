"""Indentation of lines that were written for another indentation."""

import re
from collections.abc import Mapping, Sequence

_INDENT = re.compile(r"[ \t]*")
_USUAL_UNIT = 4


def indent_of(line: str) -> str:
    """The blanks and tabs that a line begins with."""
    found = _INDENT.match(line)
    return found[0] if found else ""


def match_indentation(new: Sequence[str], written: Sequence[str], found: Sequence[str]) -> list[str]:
    """The lines of `new` as they stand to `found` in the way they stood to `written`.

    `written` and `found` are the same lines with another indentation; tabs or blanks are those of `found`.
    """
    pairs: dict[str, str] = {}
    for one, other in zip(written, found, strict=True):
        if one.strip():
            pairs.setdefault(indent_of(one), indent_of(other))
    if all(one == other for one, other in pairs.items()):
        return list(new)
    unit = _unit([*written, *found, *new])
    return [_shift_line(line, pairs, unit) if line.strip() else line for line in new]


def _shift_line(line: str, pairs: Mapping[str, str], unit: int) -> str:
    indent = indent_of(line)
    return _counterpart(indent, pairs, unit) + line[len(indent) :]


def _counterpart(indent: str, pairs: Mapping[str, str], unit: int) -> str:
    inner = max((one for one in pairs if indent.startswith(one)), key=len, default=None)
    if inner is not None:
        return pairs[inner] + _scale_indent(indent[len(inner) :], pairs, unit)
    outer = min(pairs, key=len)
    if not outer.startswith(indent):
        return indent
    less = len(_scale_indent(outer[len(indent) :], pairs, unit))
    return pairs[outer][: max(0, len(pairs[outer]) - less)]


def _scale_indent(blanks: str, pairs: Mapping[str, str], unit: int) -> str:
    """The same width in the characters that the text is indented with."""
    texts = "".join(pairs.values())
    if "\t" in texts and "\t" not in blanks:
        return "\t" * (len(blanks) // unit) + " " * (len(blanks) % unit)
    return blanks if "\t" in texts or not texts else blanks.replace("\t", " " * unit)


def _unit(lines: Sequence[str]) -> int:
    """How many blanks stand for a tab: the narrowest indentation, unless it is none that people use."""
    widths = [len(indent) for line in lines if (indent := indent_of(line)) and "\t" not in indent]
    narrowest = min(widths, default=_USUAL_UNIT)
    return narrowest if 2 <= narrowest <= _USUAL_UNIT else _USUAL_UNIT
