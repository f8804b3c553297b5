"""Whether a text is what its kind says: it parses. Pure."""

from collections.abc import Callable, Iterator

from artifacts.data import data_faults, is_data
from artifacts.diagram import diagram_faults
from artifacts.fault import Fault
from artifacts.markup import html_faults, svg_faults, xml_faults
from artifacts.rows import row_faults
from artifacts.syntax import language_named, syntax_faults

_MARKUP: dict[str, Callable[[str], Iterator[Fault]]] = {"html": html_faults, "svg": svg_faults, "xml": xml_faults}
_ROWS: dict[str, Callable[[str], Iterator[Fault]]] = {"csv": row_faults, "mermaid": diagram_faults}


def faults(text: str, kind: str, language: str | None = None) -> Iterator[str]:
    """What is wrong with it, for people and models, with the line where that is known. What cannot be told is right."""
    named = language_named(language) if kind == "code" and language else kind
    for fault in _found(text, named):
        yield f"line {fault.line}: {fault.what}" if fault.line else fault.what


def _found(text: str, language: str) -> Iterator[Fault]:
    if is_data(language):
        return data_faults(text, language)
    check = _MARKUP.get(language) or _ROWS.get(language)
    return check(text) if check is not None else syntax_faults(text, language)
