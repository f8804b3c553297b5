"""What the docs list is what there is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backend import errors
from llm.errors import ModelError
from observability.metrics import Metrics

ROOT = Path(__file__).parents[2]


def _kinds(of: type[Any]) -> Iterator[type[Any]]:
    yield of
    for kind in of.__subclasses__():
        yield from _kinds(kind)


def _rows(text: str) -> list[list[str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    return [[row[0].strip("`"), *row[1:]] for row in rows]


def test_every_problem_and_every_code_of_a_run_is_listed_with_its_remedy() -> None:
    before, _, within = (ROOT / "docs" / "errors.md").read_text().partition("## In the stream")
    problems = {(kind.code, str(kind.status)) for kind in _kinds(errors.Problem)}
    assert {(row[0], row[2]) for row in _rows(before)} == problems
    models = {kind.code for kind in _kinds(ModelError)}
    source = (ROOT / "backend" / "runs" / "execution.py").read_text() + (
        ROOT / "backend" / "runs" / "compat.py"
    ).read_text()
    source += (ROOT / "backend" / "runs" / "recovery.py").read_text()
    source += (ROOT / "backend" / "api" / "review_stream.py").read_text()
    ours = {"step_limit", "internal", "run_lost", "shutting_down", "cancelled", "storage_unavailable", "run_stalled"}
    ours |= {"unserializable_state"}
    assert all(f'"{code}"' in source for code in ours)
    assert {row[0] for row in _rows(within)} == models | ours
    assert all(row[3] for row in (*_rows(before), *_rows(within)))


def test_every_metric_is_listed_with_its_labels() -> None:
    listed = {
        row[0]: (row[1], tuple(re.findall(r"`(\w+)`", row[2])))
        for row in _rows((ROOT / "docs" / "observability.md").read_text())
    }
    collectors: list[Any] = list(Metrics().registry._collector_to_names)
    declared = {metric._name: (metric._type, metric._labelnames) for metric in collectors}
    assert listed == declared


def _events() -> Iterator[tuple[str, str, str]]:
    """Each event of a log line, a level and a field that it may have; a field is empty where there is none."""
    for package in ("agents", "artifacts", "backend", "evaluation", "graphs", "llm", "observability", "storage"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="_log"), attr=level), args=[said, *_]):
                        fields = {keyword.arg or "" for keyword in node.keywords}
                        if level == "exception":
                            level, fields = "error", fields | {"exc_info"}
                        for word in ast.walk(said):
                            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                                yield from ((word.value, level, name) for name in fields or {""})


def test_every_event_of_the_log_is_listed_with_its_fields() -> None:
    _, _, lines = (ROOT / "docs" / "telemetry.md").read_text().partition("## Log lines")
    listed = {
        (row[0], level, field)
        for row in _rows(lines)
        for level in row[1].split(", ")
        for field in re.findall(r"`(\w+)`", row[2]) or [""]
    }
    written = set(_events())
    assert {(event, level) for event, level, _ in written} == {(event, level) for event, level, _ in listed}
    assert {(event, field) for event, _, field in written if field} == {
        (event, field) for event, _, field in listed if field
    }


def test_links_between_the_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_every_test_that_the_pages_name_is_there() -> None:
    named = {
        (page.name, file, test)
        for page in (ROOT / "docs").glob("*.md")
        for file, test in re.findall(r"`(?:tests/)?([\w/]+\.py)::(test_\w+)`", page.read_text())
    }
    assert named
    missing = [row for row in named if f"def {row[2]}(" not in (ROOT / "tests" / row[1]).read_text()]
    assert missing == []
