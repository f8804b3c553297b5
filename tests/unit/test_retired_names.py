"""Names that docs/glossary.md replaced do not come back as a function, class, parameter or field."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("agents", "artifacts", "backend", "evaluation", "graphs", "llm", "observability", "storage")
RETIRED = frozenset(
    {
        "Admitted",
        "Allowance",
        "Asked",
        "Background",
        "Books",
        "BudgetSpent",
        "Budgeted",
        "Busy",
        "Cached",
        "Candidate",
        "Choice",
        "Chores",
        "Committed",
        "Deadlines",
        "Desk",
        "Driven",
        "Ending",
        "Fault",
        "Fenced",
        "GoneForGood",
        "Guarded",
        "Halted",
        "Has",
        "Heirs",
        "Held",
        "InFlight",
        "Keeper",
        "Kept",
        "KeyUsed",
        "Layer",
        "Link",
        "LiveRun",
        "LiveRuns",
        "LogGone",
        "Mark",
        "Measured",
        "Metered",
        "Needs",
        "NoModelThere",
        "NoVersionSaid",
        "Noted",
        "Opening",
        "Outlet",
        "Outside",
        "Pace",
        "Place",
        "Placed",
        "Question",
        "Recalled",
        "Remark",
        "Remarked",
        "Rescue",
        "Retried",
        "Seam",
        "Served",
        "Shelf",
        "Spent",
        "Standing",
        "StorageGone",
        "TooMuch",
        "Turn",
        "Waits",
        "Wanted",
        "Who",
        "Wishes",
        "allowances",
        "asked_for",
        "books",
        "candidate",
        "chores",
        "claim_lost",
        "desk",
        "dialect",
        "driven",
        "entered",
        "faults",
        "fold",
        "former",
        "gate",
        "heirs",
        "house",
        "housekeeping",
        "its_turn",
        "keeper",
        "measured",
        "noted",
        "outside",
        "pace",
        "recalled",
        "remark",
        "rescue",
        "seam",
        "shelf",
        "spoken_by",
        "standing",
        "staying",
        "takes_along",
        "wary",
        "wishes",
    }
)


def _defined(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.FunctionDef(name=name, args=args) | ast.AsyncFunctionDef(name=name, args=args):
                yield name, node.lineno
                yield from ((each.arg, each.lineno) for each in (*args.posonlyargs, *args.args, *args.kwonlyargs))
            case ast.ClassDef(name=name, body=body):
                yield name, node.lineno
                for field in body:
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        yield field.target.id, field.lineno


def test_no_retired_name_is_defined() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        if "checks" not in file.parts and "versions" not in file.parts
        for name, line in _defined(file)
        if name.lstrip("_") in RETIRED
    ]
    assert found == []
