"""Whether code parses, and holds what is surely a bug."""

import builtins
import difflib
import json
import re
import subprocess  # nosec B404: ruff is asked, with a fixed command and the text on its stdin
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

from artifacts.fault import Fault
from artifacts.syntax import is_parsed, parses, syntax_faults
from graphs.quality.checks.pieces import Piece, in_piece, pieces
from graphs.quality.findings import Finding, Severity
from graphs.quality.subject import Subject

# What a block in prose may be a part of.
_FRAMES = {
    "csharp": ("class C {{ {} }}", "class C {{ void F() {{ {} }} }}"),
    "cpp": ("class C {{ {} }};", "void f() {{ {} }}", "int a[] = {};"),
    "c": ("void f() {{ {} }}", "int a[] = {};"),
    "css": ("a {{ {} }}",),
    "go": ("func f() {{ {} }}", "var a = {}"),
    "java": ("class C {{ {} }}", "class C {{ void f() {{ {} }} }}"),
    "javascript": ("({})", "class C {{ {} }}", "async function* f() {{ {} }}", "switch (a) {{ {} }}", "({{ {} }})"),
    "jsx": ("({})", "<>{}</>", "class C {{ {} }}"),
    "php": ("class C {{ {} }}",),
    "rust": ("fn f() {{ {} }}", "impl C {{ {} }}", "match a {{ {} }}", "struct C {{ {} }}"),
    "shell": (),
    "tsx": ("({})", "<>{}</>", "class C {{ {} }}"),
    "typescript": ("({})", "class C {{ {} }}", "interface C {{ {} }}", "async function* f() {{ {} }}", "type C = {}"),
}
_PROMPT = re.compile(r"^(?:>>> |In \[\d+\]: |\$ |irb|mysql> |sqlite> )", re.MULTILINE)
_MAGIC = re.compile(r"^(\s*)(?:[%!].*|\w+\?{1,2})$", re.MULTILINE)
_ELISION = re.compile(
    r"^[ \t]*(?:\.\.\.|…|<[^<>\n]*(?:\.\.\.|…)[^<>\n]*>|\{\s*(?:\.\.\.|…)\s*\})[ \t]*[,;]?[ \t]*$", re.MULTILINE
)
_INLINE_ELISION = re.compile(r"(?<=[({\[,])\s*(?:\.\.\.|…)\s*(?=[)}\],])")
_TEMPLATE = re.compile(r"\{%.*?%\}|<%.*?%>|\{\{.*?\}\}", re.DOTALL)
_DIFF = re.compile(r"^(?:@@ |\+\+\+ |--- |[+-] ?\S)", re.MULTILINE)
_OLD_PYTHON = re.compile(r"\bpython\s*2(?:\.\d)?\b|パイソン2", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"<[a-z][\w -]*>")
_ASKED_BROKEN = re.compile(
    r"\b(?:broken|wrong|invalid|mistake|error|fails?|pseudo-?code|falsch|fehlerhaft|incorrecte?|incorrecto)\b",
    re.IGNORECASE,
)

# What is wrong whenever it runs; matters of taste are left to their authors.
_RULES = (
    "F402,F502,F503,F504,F505,F506,F507,F508,F509,F521,F522,F523,F524,F525,F541,F601,F602,F621,F622,F631,F632,F633,F634,"
    "F701,F702,F704,F706,F707,F811,F821,F822,F823,F901,B006,B012,B016,B020,B021,B023,B025,B029,B030,B032,B035,"
    "PLE,PLW0127,PLW0128,PLW0129,PLW0133,PLW0211,PLW0602,PLW0711,PLW1501"
)
_WARNED = frozenset({"F402", "F541", "F811", "B006", "B023", "PLW0602"})
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


def code_parses(subject: Subject) -> Iterator[Finding]:
    for piece in pieces(subject):
        if not is_parsed(piece.language) or _is_of_old(piece, subject):
            continue
        fault = next(syntax_faults(piece.text, piece.language), None)
        if fault is not None and (piece.whole or not _is_part(piece)):
            yield in_piece("code_parses", "error", fault, subject, piece)


def _is_of_old(piece: Piece, subject: Subject) -> bool:
    return piece.language == "python" and _OLD_PYTHON.search(subject.asked) is not None


def _is_part(piece: Piece) -> bool:
    """Whether a block in prose is right as a part of something: a session, a fragment, with omissions, a template."""
    text = textwrap.dedent(piece.text)
    if piece.language in {"python", "shell", "sql", "javascript", "ruby"} and _PROMPT.search(text):
        return True
    if piece.language in {"shell", "sql"} and (_PLACEHOLDER.search(text) or _ELISION.search(text)):
        return True
    if piece.language != "python" and _TEMPLATE.search(text):
        text = _TEMPLATE.sub("x", text)
    if _is_difference(text):
        return True
    text = (
        _INLINE_ELISION.sub("", _ELISION.sub("", text)) if piece.language != "python" else _MAGIC.sub(r"\1pass", text)
    )
    if parses(text, piece.language):
        return True
    return any(parses(frame.format(text), piece.language) for frame in _FRAMES.get(piece.language, ()))


def _is_difference(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    marked = [line for line in lines if _DIFF.match(line)]
    return len(marked) >= 2 and any(line[0] == "+" for line in marked) and any(line[0] == "-" for line in marked)


@dataclass(frozen=True, slots=True)
class _Remark:
    code: str
    message: str
    line: int
    # The words it is about, where it is one line.
    words: str


def lints(subject: Subject) -> Iterator[Finding]:
    """What ruff finds by rules that are bugs. The one check with a process of its own; it says nothing of a text that
    does not parse, nor if ruff is not there or takes too long.
    """
    code = [each for each in pieces(subject) if each.language == "python" and len(each.text) <= _LARGEST_LINTED]
    for piece in code[:_LINTED_ANSWERS]:
        text = piece.text if piece.whole else textwrap.dedent(piece.text)
        if not parses(text, "python") or _is_of_old(piece, subject):
            continue
        others = "\n".join([subject.given, subject.asked, *(each.text for each in code if each is not piece)])
        for remark in _ruff(text):
            if piece.whole or _counts(remark, text, others):
                severity: Severity = "warning" if remark.code in _WARNED else "error"
                message = f"{remark.message} ({remark.code})"
                yield in_piece("lints", severity, Fault(message, remark.line), subject, piece)


def _counts(remark: _Remark, text: str, others: str) -> bool:
    """Whether a remark on a block in prose is more than that the block is a part."""
    if remark.code in {"F811", "F704", "F706", "F822", "F541", "PLE1142", "PLE0118"}:
        return remark.code in {"F541", "F811"} and "def " in text
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
    return bool(difflib.get_close_matches(name, defined - {name}, n=1, cutoff=0.85))


def _ruff(text: str) -> Sequence[_Remark]:
    binary = _ruff_binary()
    if binary is None:
        return ()
    command = [binary, "check", "--isolated", "--no-cache", "--quiet", "--select", _RULES, "--target-version", "py314",
               "--output-format", "json", "--stdin-filename", "text.py", "-"]  # fmt: skip
    try:
        run = subprocess.run(  # nosec B603: no shell, and no word of the text in the command
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
