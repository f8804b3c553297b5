"""Run every group of tests, also after one has failed, and report all failures together at the end.

`python -m tests.run [ARGUMENT…]`: with arguments, pytest gets these in place of its own groups.
"""

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

_PYTHON = [sys.executable, "-m"]
_FRONTEND = [sys.executable, "requirements/npm.py", "frontend", "run", "--silent", "test"]
# In one process each file, so that what a file starts once is started once. The other groups measure what a machine
# with nothing else to do would: one process each.
_PARALLEL = ["-n", "logical", "--maxprocesses", "4", "--dist", "loadfile"]
_GROUPS: Mapping[str, Sequence[str]] = {
    "unit, contracts, quality, redaction": (
        *_PARALLEL,
        *("tests/unit", "tests/contracts", "tests/quality", "tests/redaction"),
    ),
    "integration, e2e": ("tests/integration", "tests/e2e"),
}


def main(arguments: Sequence[str]) -> int:
    """Return 1 if anything failed, else 0."""
    groups = {" ".join(arguments): arguments} if arguments else _GROUPS
    failures = _run("frontend", _FRONTEND)
    for name, selected in groups.items():
        failures += _pytest(name, selected)
    _run("coverage", [*_PYTHON, "coverage", "combine", "--quiet"])
    failures += _run("coverage", [*_PYTHON, "coverage", "report", "--fail-under=90"])
    if failures:
        print("\nThese failed:", *failures, sep="\n  ")
    return 1 if failures else 0


def _run(name: str, command: Sequence[str]) -> list[str]:
    """Run a command; its name, if it fails."""
    print(f"== {name}", flush=True)
    code = subprocess.run(command, check=False).returncode
    return [f"{name} (exit code {code})"] if code else []


def _pytest(name: str, selected: Sequence[str]) -> list[str]:
    """Run tests; the names of those that fail, or the group's, where pytest itself does."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        failed = _run(name, [*_PYTHON, "coverage", "run", "-m", "pytest", f"--junit-xml={report}", *selected])
        tests = _failed_tests(report) if failed and report.is_file() else []
    return tests or failed


def _failed_tests(report: Path) -> list[str]:
    """The tests that failed, of a report that pytest has written."""
    cases = ET.parse(report).getroot().iter("testcase")  # pytest wrote it, just now
    return [
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
