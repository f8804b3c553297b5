"""Print the size and shape of the library code: `make metrics`.

Lines, function lengths (decorators left out), cyclomatic complexity (decisions plus one), repeated blocks (six and more
lines that are the same but for blanks) and, where a test run left its data, coverage.
"""

import ast
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("agents", "artifacts", "backend", "evaluation", "graphs", "llm", "observability", "storage")
_BLOCK_LINES = 6
_DECISIONS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.comprehension, ast.match_case)
_MAX_SHOWN = 5

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> None:
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    sources = {str(file.relative_to(ROOT)): file.read_text() for file in files}
    lines = {name: len(source.splitlines()) for name, source in sources.items()}
    print(f"library: {sum(lines.values())} lines in {len(lines)} files")
    for package in PACKAGES:
        sizes = [size for name, size in lines.items() if name.startswith(f"{package}/")]
        print(f"  {package:14}{sum(sizes):7} lines, files: median {statistics.median(sizes):.0f}, largest {max(sizes)}")
    functions = [
        (name, node)
        for name, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function)
    ]
    _print_figures("function lines", [(_length(node), f"{name}:{node.lineno} {node.name}") for name, node in functions])
    _print_figures("complexity", [(_complexity(node), f"{name}:{node.lineno} {node.name}") for name, node in functions])
    repeated = list(_repeated_blocks(sources))
    print(f"repeated blocks of {_BLOCK_LINES} lines: {len(repeated)}")
    for places in repeated[:_MAX_SHOWN]:
        print(f"  {', '.join(places)}")
    _print_coverage()


def _length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _complexity(node: Function) -> int:
    """McCabe's number: 1, and 1 more for each decision and each further operand of `and` and `or`."""
    decisions = sum(isinstance(each, _DECISIONS) for each in ast.walk(node))
    return 1 + decisions + sum(len(each.values) - 1 for each in ast.walk(node) if isinstance(each, ast.BoolOp))


def _print_figures(title: str, figures: Sequence[tuple[int, str]]) -> None:
    values = sorted(value for value, _ in figures)
    p90 = values[int(len(values) * 0.9)]
    print(f"{title}: median {statistics.median(values):.0f}, p90 {p90}, largest {values[-1]}")
    for value, where in sorted(figures, reverse=True)[:_MAX_SHOWN]:
        print(f"  {value:5} {where}")


def _repeated_blocks(sources: dict[str, str]) -> Iterator[list[str]]:
    """Places that share a block. A longer block counts once, by its first lines."""
    found = defaultdict[tuple[str, ...], list[tuple[str, int]]](list)
    for name, source in sources.items():
        kept = [(at, line.strip()) for at, line in enumerate(source.splitlines(), 1) if line.strip()]
        kept = [(at, line) for at, line in kept if not line.startswith(("import ", "from ", "#"))]
        for first in range(len(kept) - _BLOCK_LINES + 1):
            block = kept[first : first + _BLOCK_LINES]
            found[tuple(line for _, line in block)].append((name, block[0][0]))
    told = set[tuple[str, int]]()
    for places in (each for each in found.values() if len(each) > 1):
        if not any((name, line - 1) in told for name, line in places):
            yield [f"{name}:{line}" for name, line in places]
        told.update(places)


def _print_coverage() -> None:
    if not (ROOT / ".coverage").is_file():
        print("coverage: no data (make test)")
        return
    command = [sys.executable, "-m", "coverage", "report", "--format=total"]
    print(f"coverage: {subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()} %")


if __name__ == "__main__":
    main()
