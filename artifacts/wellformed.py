"""Whether a text is what its kind says: it parses. Pure."""

import ast
import csv
import io
import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

_MERMAID = (
    "architecture", "block", "C4", "classDiagram", "erDiagram", "flowchart", "gantt", "gitGraph", "graph", "info",
    "journey", "kanban", "mindmap", "packet", "pie", "quadrantChart", "radar", "requirement", "sankey",
    "sequenceDiagram", "stateDiagram", "timeline", "treemap", "xychart", "zenuml",
)  # fmt: skip


def faults(text: str, kind: str, language: str | None = None) -> Iterator[str]:
    """What is wrong with it, for people and models, with the line where that is known. What cannot be told is right."""
    check = _CHECKS.get(language.lower() if kind == "code" and language else kind)
    if check is not None:
        yield from check(text)


def _json(text: str) -> Iterator[str]:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        yield f"line {error.lineno}: {error.msg}"
    except RecursionError:
        yield "it is nested too deeply"


def _python(text: str) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            # What a parser only remarks upon parses.
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        yield f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError):
        yield "it cannot be parsed"


def _xml(text: str) -> Iterator[str]:
    parser = expat.ParserCreate()
    # Entities of their own are how a small text becomes a large one.
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        yield f"line {error.lineno}: {expat.errors.messages[error.code]}"
    except _Entities:
        yield "it declares entities"


class _Entities(Exception):
    pass


def _refuse(*_: Any) -> None:
    raise _Entities


def _svg(text: str) -> Iterator[str]:
    wrong = list(_xml(text))
    if not wrong and "<svg" not in text:
        wrong.append("there is no <svg> in it")
    yield from wrong


def _csv(text: str) -> Iterator[str]:
    try:
        dialect: Any = csv.Sniffer().sniff(text[:10_000], delimiters=",;\t|") if text.strip() else csv.excel
    except csv.Error:
        dialect = csv.excel
    width = 0
    try:
        rows = csv.reader(io.StringIO(text, newline=""), dialect, strict=True)
        for row in rows:
            width = width or len(row)
            if row and len(row) != width:
                yield f"line {rows.line_num}: {len(row)} fields, where the first line has {width}"
                return
    except csv.Error as error:
        yield f"line {rows.line_num}: {error}"


def _mermaid(text: str) -> Iterator[str]:
    lines = [line.strip() for line in text.splitlines()]
    if lines[:1] == ["---"] and "---" in lines[1:]:
        lines = lines[lines.index("---", 1) + 1 :]
    first = next((line for line in lines if line and not line.startswith("%%")), "")
    if not first.startswith(_MERMAID):
        yield f"{first[:40]!r} begins no diagram"


_CHECKS: dict[str, Callable[[str], Iterator[str]]] = {
    "json": _json,
    "python": _python,
    "svg": _svg,
    "csv": _csv,
    "mermaid": _mermaid,
    "xml": _xml,
}
