"""Whether code parses, and holds what is surely a bug."""

import builtins
import difflib
import json
import re
import subprocess  # nosec B404  # ruff is asked, with a fixed command and the text on its stdin
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

from artifacts.syntax import is_parsed, parses, syntax_issues
from artifacts.syntax_issue import SyntaxIssue
from graphs.quality.checks.parts import goes_together, is_part, is_session
from graphs.quality.checks.pieces import Piece, fences, in_piece, pieces
from graphs.quality.checks.shown import is_subject
from graphs.quality.findings import Finding, Severity
from graphs.quality.review_input import ReviewInput

_OLD_PYTHON = re.compile(r"\bpython\s*2(?:\.\d)?\b|パイソン2", re.IGNORECASE)
# Blocks that one may go on with.
_JOINED = 3

# What is wrong whenever it runs; matters of taste are left to their authors.
_RULES = (
    "F402,F502,F503,F504,F505,F506,F507,F508,F509,F521,F522,F523,F524,F525,F541,F601,F602,F621,F622,F631,F632,F633,F634,"
    "F701,F702,F704,F706,F707,F811,F821,F822,F823,F901,B006,B012,B016,B020,B021,B023,B025,B029,B030,B032,B035,"
    "PLE,PLW0127,PLW0128,PLW0129,PLW0133,PLW0211,PLW0602,PLW0711,PLW1501"
)
_WARNED = frozenset({"F402", "F541", "F811", "B006", "B023", "PLW0602"})
_OF_TOOLS = frozenset({"reveal_type", "reveal_locals"})
_NAMES_WRITTEN = re.compile(
    r"(?<![\w.])(?:exec|execfile)\(|\b(?:globals|vars)\(\)(?:\[|\.(?:update|setdefault)\()|\b(?:builtins|__builtins__)\.\w+\s*="
    r"|\bsetattr\((?:builtins|__builtins__|sys\.modules\[__name__\])"
)
_SLIP = 0.8
_LARGEST_LINTED = 300_000
_SECONDS = 5.0
_LINTED_ANSWERS = 4
# What is often used as if it had been imported, and is undefined all the same.
_WELL_KNOWN = frozenset(
    [
        "Optional",
        "List",
        "Dict",
        "Tuple",
        "Set",
        "Union",
        "Any",
        "Callable",
        "Iterator",
        "Iterable",
        "Sequence",
        "Mapping",
        "Generator",
        "TypeVar",
        "Protocol",
        "Literal",
        "dataclass",
        "field",
        "namedtuple",
        "defaultdict",
        "Counter",
        "deque",
        "OrderedDict",
        "Enum",
        "ABC",
        "abstractmethod",
        "Path",
        "datetime",
        "timedelta",
        "lru_cache",
        "wraps",
        "partial",
        "reduce",
        "contextmanager",
        "suppress",
        "Decimal",
        "Fraction",
        "math",
        "re",
        "os",
        "sys",
        "json",
        "random",
        "time",
        "itertools",
        "functools",
        "collections",
        "asyncio",
        "logging",
        "subprocess",
        "threading",
        "typing",
        "pathlib",
        "dataclasses",
        "csv",
        "shutil",
        "string",
        "statistics",
    ]
)


def code_parses(review_input: ReviewInput) -> Iterator[Finding]:
    code = [each for each in pieces(review_input) if is_parsed(each.language)]
    for at, piece in enumerate(code):
        issue = next(syntax_issues(piece.text, piece.language), None)
        if issue is not None and not _is_right(piece, issue, review_input) and not _goes_on(at, code, review_input):
            yield in_piece("code_parses", "error", issue, review_input, piece)


def _is_right(piece: Piece, issue: SyntaxIssue, review_input: ReviewInput) -> bool:
    """Whether what does not parse was not meant to."""
    is_meant = _is_of_old(piece, review_input) or is_subject(piece, issue.line, review_input)
    return is_meant or (not piece.whole and is_part(piece))


def _goes_on(at: int, code: Sequence[Piece], review_input: ReviewInput) -> bool:
    """Whether a block parses with those before it, those behind it, or with the code of the person."""
    piece = code[at]
    if piece.whole:
        return False
    before = [each.text for each in code[:at] if each.language == piece.language][-_JOINED:]
    after = [each.text for each in code[at + 1 :] if each.language == piece.language][:_JOINED]
    chains = [
        *([*before[start:], piece.text] for start in range(len(before))),
        *([piece.text, *after[: end + 1]] for end in range(len(after))),
    ]
    if known := _code_given(review_input):
        chains.append([known, piece.text])
    return any(goes_together(each, piece.language) for each in chains)


def _code_given(review_input: ReviewInput) -> str:
    """Code that a person left for the text to go on with."""
    blocks = fences(review_input.prompt)
    return review_input.context or (blocks[-1].content if blocks else "")


def _is_of_old(piece: Piece, review_input: ReviewInput) -> bool:
    if piece.language != "python":
        return False
    told = review_input.prompt if piece.whole else f"{review_input.prompt}\n{review_input.text}"
    return _OLD_PYTHON.search(told) is not None


@dataclass(frozen=True, slots=True)
class _Remark:
    code: str
    message: str
    line: int
    # The words it is about, where it is one line.
    words: str


def lints(review_input: ReviewInput) -> Iterator[Finding]:
    """What ruff finds by rules that are bugs. The one check with a process of its own; it says nothing of a text that
    does not parse, nor if ruff is not there or takes too long.
    """
    code = [each for each in pieces(review_input) if each.language == "python" and len(each.text) <= _LARGEST_LINTED]
    for piece in code[:_LINTED_ANSWERS]:
        text = piece.text if piece.whole else textwrap.dedent(piece.text)
        if not parses(text, "python") or _is_of_old(piece, review_input) or (not piece.whole and is_session(text)):
            continue
        others = "\n".join(
            [review_input.context, review_input.prompt, *(each.text for each in code if each is not piece)]
        )
        for remark in _ruff(text):
            if is_subject(piece, remark.line, review_input):
                break
            if _is_defined_elsewhere(remark, text):
                continue
            if piece.whole or _counts(remark, text, others):
                severity: Severity = "warning" if remark.code in _WARNED else "error"
                message = f"{remark.message} ({remark.code})"
                yield in_piece("lints", severity, SyntaxIssue(message, remark.line), review_input, piece)


def _is_defined_elsewhere(remark: _Remark, text: str) -> bool:
    """Whether a name may come from what the text runs or writes into its names, or is one of a type checker's."""
    return remark.code == "F821" and (remark.words in _OF_TOOLS or _NAMES_WRITTEN.search(text) is not None)


def _counts(remark: _Remark, text: str, others: str) -> bool:
    """Whether a remark on a block in prose is more than that the block is a part."""
    if remark.code in {"F811", "F704", "F706", "F822", "F541", "PLE1142", "PLE0118"}:
        # A block may show two ways to write one thing.
        return remark.code == "F541" and "def " in text
    if remark.code != "F821":
        return True
    name = remark.words
    if re.search(rf"\b{re.escape(name)}\b", others):
        return False
    stands_alone = re.search(r"^(?:async def|def|class|import|from) ", text, re.MULTILINE) is not None
    return stands_alone and (name in _WELL_KNOWN or _is_slip(name, text))


def _is_slip(name: str, text: str) -> bool:
    """Whether a name is nearly one that the text defines."""
    if len(name) < 4 or hasattr(builtins, name):
        return False
    defined = set(
        re.findall(
            r"(?:\bdef |\bclass |\bimport |\bas |\bfor |[(,]\s*|^\s*)(\w{4,})(?=\s*(?:[=,):(]|\bin\b|$))",
            text,
            re.MULTILINE,
        )
    )
    # Not one of many: `item` and `items`, `row` and `row2`.
    others = {each for each in defined if not each.startswith(name) and not name.startswith(each)}
    return bool(difflib.get_close_matches(name, others, n=1, cutoff=_SLIP))


def _ruff(text: str) -> Sequence[_Remark]:
    binary = _ruff_binary()
    if binary is None:
        return ()
    command = [binary, "check", "--isolated", "--no-cache", "--quiet", "--select", _RULES, "--target-version", "py314",
               "--output-format", "json", "--stdin-filename", "text.py", "-"]  # fmt: skip
    try:
        run = subprocess.run(  # nosec B603  # no shell, and no word of the text in the command
            command, input=text.encode(errors="replace"), capture_output=True, timeout=_SECONDS, check=False
        )
        found = json.loads(run.stdout or b"[]")
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        return ()
    lines = text.split("\n")
    return [_remark(each, lines) for each in found if each.get("code") and each["code"] != "invalid-syntax"]


def _remark(told: dict[str, Any], lines: Sequence[str]) -> _Remark:
    start, end = told["location"], told["end_location"]
    row = int(start["row"])
    line = lines[row - 1] if row <= len(lines) else ""
    words = line[int(start["column"]) - 1 : int(end["column"]) - 1] if end["row"] == row else ""
    return _Remark(str(told["code"]), str(told["message"]).split("\n")[0], row, words)


@cache
def _ruff_binary() -> str | None:
    beside = Path(sys.executable).parent / "ruff"
    return str(beside) if beside.exists() else which("ruff")
