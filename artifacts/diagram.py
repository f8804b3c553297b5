"""Whether a Mermaid diagram is well-formed, as far as that can be told without drawing it. Pure."""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence

from artifacts.syntax_issue import SyntaxIssue

Lines = Sequence[tuple[int, str]]

# Mermaid draws nothing larger either.
_LARGEST = 50_000
# In lines.
_LONGEST_LABEL = 20
_TYPES = frozenset(
    [
        "architecture",
        "block",
        "classDiagram",
        "erDiagram",
        "flowchart",
        "gantt",
        "gitGraph",
        "graph",
        "info",
        "journey",
        "kanban",
        "mindmap",
        "packet",
        "pie",
        "quadrantChart",
        "radar",
        "requirement",
        "requirementDiagram",
        "sankey",
        "sequenceDiagram",
        "stateDiagram",
        "timeline",
        "treemap",
        "xychart",
        "zenuml",
        "treeView",
        "venn",
        "ishikawa",
        "swimlane",
        "cynefin",
        "eventmodeling",
        "railroad",
        "wardley",
    ]
)
# How near a word has to be to one of them to be a slip. Each version brings younger ones.
_NEAR = 0.82
_TYPE = re.compile(
    r"(C4(?:Context|Container|Component|Dynamic|Deployment))\b|([A-Za-z]+)(?:-(?:beta|v2|elk))?(?=[\s:;{]|$)"
)
_DIRECTION = re.compile(r"(?:graph|flowchart(?:-elk)?)[ \t]+(\w+)[ \t]*(?:;|$)")
_DIRECTIONS = {"TB", "TD", "BT", "LR", "RL"}

_QUOTED = r'\s*"(?:[^"]|(?<=\\)")*"\s*'
_LABEL = rf'(?:{_QUOTED}|[^"\[\](){{}}|\n]*)'
_SHAPES = "|".join(
    opening + _LABEL + closing
    for opening, closing in (
        (r"\[[/\\]", r"[/\\]\]"),
        (r"\(\(\(", r"\)\)\)"), (r"\(\(", r"\)\)"), (r"\(\[", r"\]\)"), (r"\(-", r"-\)"), (r"\[\[", r"\]\]"),
        (r"\[\(", r"\)\]"), (r"\[\|", r"\|\]"), (r"\{\{", r"\}\}"), (r"\{", r"\}"), (r"\[", r"\]"), (r"\(", r"\)"), (r">", r"\]"),  # noqa: E501
    )
)  # fmt: skip
_ID = r'(?:[^\s\[\](){}<>"|&;@~%:=.\-]|\.(?!-)|-(?![-.>])|=(?![=>])|:(?!::))+'
_NODE = re.compile(rf"\s*({_ID})(?:@\{{[^}}]*\}}|{_SHAPES})?(?::::[\w-]+)?[ \t]*")
_LINK = re.compile(
    rf"&|(?:[\w-]+@)?[<xo]?(?:~{{3,}}|-{{2,}}[->xo]|={{2,}}[=>xo]|-\.+-[>xo]?"
    rf"|--(?:{_QUOTED}|(?:(?!--)[^\n\"])+?)-{{2,}}[->xo]|==(?:{_QUOTED}|(?:(?!==)[^\n\"])+?)={{2,}}[=>xo]"
    rf"|-\.(?:{_QUOTED}|(?:(?!\.-)[^\n\"])+?)\.+-[>xo]?)[ \t]*(?:\|{_LABEL}\|)?"
)
_PARTS = re.compile(r'(?:"[^"]{0,1000}"|\[[^\]"\n]{0,300}\]|[^;])+')
_FLOW_WORD = re.compile(
    r"\s*(subgraph|end|direction|style|linkStyle|classDef|class|click|accTitle|accDescr)\b(?!\s*[-=~]{2})"
)

_MESSAGE = re.compile(r".*?[^\s<-]\s*(?:<{0,2}-{1,2}(?:>>?|x|\)|\|?[\\/]{1,2}|\|))\s*(?:\(\))?[+-]?\s*[^:]+:.*")
_SEQUENCE_WORDS = re.compile(
    r"(?:participant|actor|create|destroy|activate|deactivate|note|autonumber|title|acctitle|accdescr|links?"
    r"|properties|details)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(loop|alt|opt|par|par_over|critical|break|rect|box)\b")
_BETWEEN = {"else": {"alt"}, "and": {"par", "par_over"}, "option": {"critical"}}

_RELATION = re.compile(r".*?(\|o|\|\||\}o|\}\|)(?:--|\.\.|-\.|\.-)(o\||\|\||o\{|\|\{)")
_CARDINALITIES = re.compile(r"(?<=\s)[|}{o]{1,2}[-.]{1,3}[|}{o]{1,2}(?=\s)")
_ENTITY = re.compile(r'[^\s{}|]+(?:\s*\[[^\]]*\])?(?::::\S+)?\s*\{|"[^"]*"\s*\{')
_SLICE = re.compile(r'(?:"[^"]*"|\'[^\']*\')\s*:\s*[+-]?\d+(?:\.\d+)?\s*(?:%%.*)?')
_GANTT_WORDS = re.compile(
    r"(?:title|dateFormat|axisFormat|section|excludes|includes|todayMarker|tickInterval|weekday|weekend"
    r"|inclusiveEndDates"
    r"|topAxis|displayMode|click|accTitle|accDescr)\b"
)
_GIT_WORDS = re.compile(r"(?:commit|branch|checkout|switch|merge|cherry-pick|title|accTitle|accDescr)\b")


def diagram_faults(text: str) -> Iterator[SyntaxIssue]:
    lines = _lines(text)
    first = next(((number, line) for number, line in lines if line), (1, ""))
    named = _TYPE.match(first[1])
    name = (named[1] or named[2]) if named else ""
    if named is None or not (named[1] or named[2] in _TYPES):
        if _is_no_type(first[1]):
            yield SyntaxIssue(f"{first[1][:40]!r} begins no diagram", first[0])
        return
    direction = _DIRECTION.match(first[1])
    if direction and direction[1] not in _DIRECTIONS:
        yield SyntaxIssue(f"{direction[1]!r} is no direction", first[0])
    reading = _READINGS.get(name)
    if reading is not None and len(text) <= _LARGEST:
        yield from reading([each for each in lines if each[0] > first[0]])
        if name in {"graph", "flowchart"} and ";" in first[1]:
            yield from _flow([(first[0], first[1].partition(";")[2])])


def _is_no_type(line: str) -> bool:
    """Whether a first line is a slip or belongs to a body, and may be no type that came after these."""
    found = re.match(r"([A-Za-z][A-Za-z0-9]*)(?:-[A-Za-z0-9-]+)?(?=[\s:;{]|$)(.*)", line)
    if found is None or re.search(r"-->|->>|--|\[|==", found[2]):
        return True
    if re.fullmatch(r"\s+(?:TB|TD|BT|LR|RL)\s*;?\s*", found[2]):
        return True
    word = found[1]
    return word not in _TYPES and any(
        difflib.SequenceMatcher(None, word.casefold(), each.casefold()).ratio() >= _NEAR for each in _TYPES
    )


def _lines(text: str) -> list[tuple[int, str]]:
    """Numbered and stripped, without comments, directives and front matter."""
    lines = [(number, line.strip()) for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1)]
    first = next((at for at, (_, line) in enumerate(lines) if line), 0)
    if lines[first][1] == "---":
        end = next((at for at in range(first + 1, len(lines)) if lines[at][1] == "---"), first)
        lines = lines[end + 1 :] or [(1, "")]
    kept, directive = [], False
    for number, line in lines:
        directive = directive or line.startswith("%%{")
        kept.append((number, "" if directive or line.startswith("%%") else line))
        directive = directive and "}%%" not in line
    return kept


def _flow(lines: Lines) -> Iterator[SyntaxIssue]:
    opened = list[int]()
    described = False
    for number, statement in _statements(lines):
        if described or re.match(r"accDescr\s*\{", statement):
            described = "}" not in statement
            continue
        word = _FLOW_WORD.match(statement)
        if word is None:
            yield from _chain(number, statement)
        elif word[1] == "subgraph":
            opened.append(number)
        elif word[1] == "end":
            if not opened:
                yield SyntaxIssue("an `end` without a subgraph", number)
                return
            opened.pop()
    if opened:
        yield SyntaxIssue("a subgraph has no `end`", opened[-1])


def _statements(lines: Lines) -> Iterator[tuple[int, str]]:
    """What stands between line ends and semicolons; quoted labels and `@{}` may hold both."""
    begun, start = list[str](), 0
    for at, (number, line) in enumerate(lines):
        start = start if begun else number
        begun.append(line)
        told = "\n".join(begun)
        goes_on = told.count("@{") > told.count("}") or (
            told.count('"') % 2 == 1 and _is_closed_below(lines[at + 1 : at + 10])
        )
        if goes_on and len(begun) < _LONGEST_LABEL:
            continue
        yield from ((start, part.strip()) for part in _PARTS.findall(told) if part.strip())
        begun = []
    yield from ((start, part.strip()) for part in _PARTS.findall("\n".join(begun)) if part.strip())


def _is_closed_below(lines: Lines) -> bool:
    """Whether the next line with a quotation mark begins with the end of a label."""
    nearest = next((line for _, line in lines if '"' in line), "")
    return nearest.count('"') % 2 == 1 and re.match(r'[^"\[({]*"\s*[\])}]', nearest) is not None


def _chain(number: int, statement: str) -> Iterator[SyntaxIssue]:
    """Nodes and the links between them."""
    at, wants_node = 0, True
    while wants_node or at < len(statement):
        found = (_NODE if wants_node else _LINK).match(statement, at)
        if found is None:
            yield SyntaxIssue(f"this cannot be read: {statement[at : at + 40]!r}", number)
            return
        if wants_node and found[1] == "end":
            yield SyntaxIssue("`end` in small letters ends a subgraph and names no node", number)
            return
        at, wants_node = found.end(), not wants_node


def _sequence(lines: Lines) -> Iterator[SyntaxIssue]:
    opened: list[tuple[str, int]] = []
    for number, line in lines:
        line = line.rstrip("; ")
        if not line or (_SEQUENCE_WORDS.match(line) and not _MESSAGE.fullmatch(line)):
            continue
        word = line.split()[0]
        if opening := _OPENING.match(line):
            opened.append((opening[1], number))
        elif word == "end":
            if not opened:
                yield SyntaxIssue("an `end` without a block", number)
                return
            opened.pop()
        elif word in _BETWEEN:
            if not opened or opened[-1][0] not in _BETWEEN[word]:
                yield SyntaxIssue(f"`{word}` stands outside of `{min(_BETWEEN[word])}`", number)
                return
        elif not _MESSAGE.fullmatch(line) and not line.startswith(("{", "}")):
            yield SyntaxIssue(f"this is no message and no keyword: {line[:40]!r}", number)
            return
    if opened:
        yield SyntaxIssue(f"`{opened[-1][0]}` has no `end`", opened[-1][1])


def _braces(lines: Lines) -> Iterator[SyntaxIssue]:
    opened = list[int]()
    for number, line in lines:
        plain = re.sub(r'"[^"]*"', "", line)
        if plain.endswith("{"):
            opened.append(number)
        elif plain == "}":
            if not opened:
                yield SyntaxIssue("a closing brace without an opening one", number)
                return
            opened.pop()
    if opened:
        yield SyntaxIssue("a brace is never closed", opened[-1])


def _classes(lines: Lines) -> Iterator[SyntaxIssue]:
    yield from _braces(lines)
    yield from _quotes(lines)


def _states(lines: Lines) -> Iterator[SyntaxIssue]:
    yield from _braces(lines)
    noted = False
    for number, line in lines:
        noted = noted or (line.startswith("note ") and ":" not in line)
        if not noted and re.search(r"(?<!-)->", line.partition(":")[0]):
            yield SyntaxIssue("a state diagram has `-->` and no other arrow", number)
            return
        noted = noted and line != "end note"
    if noted:
        yield SyntaxIssue("a note has no `end note`")


def _entities(lines: Lines) -> Iterator[SyntaxIssue]:
    opened = 0
    for number, line in lines:
        if not opened and _ENTITY.fullmatch(line):
            opened = number
        elif line == "}":
            if not opened:
                yield SyntaxIssue("a closing brace without an opening one", number)
                return
            opened = 0
        elif _CARDINALITIES.search(line) and not _RELATION.match(line):
            yield SyntaxIssue("this is no relation of entities", number)
            return
        elif opened and _RELATION.match(line):
            break
    if opened:
        yield SyntaxIssue("a brace is never closed", opened)
    yield from _quotes(lines)


def _quotes(lines: Lines) -> Iterator[SyntaxIssue]:
    for number, line in lines:
        if line.startswith("note ") and line.count('"') % 2:
            # It goes on below.
            return
        if line.count('"') % 2:
            yield SyntaxIssue("a quotation mark is never closed", number)
            return


def _pie(lines: Lines) -> Iterator[SyntaxIssue]:
    for number, line in lines:
        if line and not re.match(r"(?:title|showData|accTitle|accDescr)\b", line) and not _SLICE.fullmatch(line):
            yield SyntaxIssue('a slice is written `"label" : number`', number)
            return


def _gantt(lines: Lines) -> Iterator[SyntaxIssue]:
    for number, line in lines:
        if line and not _GANTT_WORDS.match(line) and ":" not in line:
            yield SyntaxIssue("a task is written `name : when, how long`", number)
            return


def _commits(lines: Lines) -> Iterator[SyntaxIssue]:
    for number, line in lines:
        if line and not _GIT_WORDS.match(line):
            yield SyntaxIssue(f"this is no command of a commit graph: {line[:40]!r}", number)
            return


_READINGS: dict[str, Callable[[Lines], Iterator[SyntaxIssue]]] = {
    "graph": _flow,
    "flowchart": _flow,
    "sequenceDiagram": _sequence,
    "classDiagram": _classes,
    "stateDiagram": _states,
    "erDiagram": _entities,
    "pie": _pie,
    "gantt": _gantt,
    "gitGraph": _commits,
}
