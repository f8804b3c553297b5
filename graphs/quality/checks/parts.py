"""Whether a block of code that does not parse is right as a part of something: a session, a fragment, with omissions,
a template, a difference. Where that cannot be known, it is.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence

from artifacts.syntax import parses
from graphs.quality.checks.pieces import Piece

# What a block in prose may be a part of. The empty line behind it ends a comment.
_FRAMES = {
    "csharp": ("class C {{ {}\n }}", "class C {{ void F() {{ {}\n }} }}", "interface C {{ {}\n }}", "enum C {{ {}\n }}", "var a = new C {{ {}\n }};", "switch (a) {{ {}\n }}", "F({}\n);"),  # noqa: E501
    "cpp": ("class C {{ {}\n }};", "void f() {{ {}\n }}", "int a[] = {}\n;", "switch (a) {{ {}\n }}", "enum C {{ {}\n }};", "int a[] = {{ {}\n }};"),  # noqa: E501
    "c": ("void f() {{ {}\n }}", "int a[] = {}\n;", "struct C {{ {}\n }};", "switch (a) {{ {}\n }}", "enum C {{ {}\n }};", "int a[] = {{ {}\n }};"),  # noqa: E501
    "css": ("a {{ {}\n }}", "a {{ b: {}\n }}", "{} {{ }}"),
    "go": ("func f() {{ {}\n }}", "var a = {}\n", "type I interface {{ {}\n }}", "type S struct {{ {}\n }}", "var a = T{{ {}\n }}", "func f() {{ switch a {{ {}\n }} }}", "func f() {{ select {{ {}\n }} }}", "{} {{\n}}", "type T {}\n"),  # noqa: E501
    "java": ("class C {{ {}\n }}", "class C {{ void f() {{ {}\n }} }}", "interface C {{ {}\n }}", "enum C {{ {}\n }}", "class C {{ void f() {{ switch (a) {{ {}\n }} }} }}", "class C {{ Object a = {}\n; }}", "{} class C {{ }}", "class C {{ {} void f() {{ }} }}", "class C {{ {} {{ }} }}"),  # noqa: E501
    "javascript": ("({}\n)", "class C {{ {}\n }}", "async function* f() {{ {}\n }}", "switch (a) {{ {}\n }}", "({{ {}\n }})", "[{}\n]", "f({}\n)", "const {}\n", "{} {{ }}"),  # noqa: E501
    "php": ("class C {{ {}\n }}", "interface C {{ {}\n }}", "$a = [ {}\n ];", "$a = {}\n;", "switch ($a) {{ {}\n }}", "match ($a) {{ {}\n }};", "abstract class C {{ {}\n }}", "{} {{ }}", "class C {{ {} {{ }} }}"),  # noqa: E501
    "ruby": ("{{ {}\n }}", "[ {}\n ]", "f({}\n)"),
    "rust": ("fn f() {{ {}\n }}", "impl C {{ {}\n }}", "match a {{ {}\n }}", "struct C {{ {}\n }}", "enum C {{ {}\n }}", "trait C {{ {}\n }}", "let a = C {{ {}\n }};", "let a = {}\n;", "{} {{ }}", "{} struct C;"),  # noqa: E501
    "typescript": ("({}\n)", "class C {{ {}\n }}", "interface C {{ {}\n }}", "async function* f() {{ {}\n }}", "type C = {}\n", "switch (a) {{ {}\n }}", "({{ {}\n }})", "[{}\n]", "f({}\n)", "declare {}\n", "function f({}\n) {{ }}", "declare namespace C {{ {}\n }}", "const {}\n", "{} {{ }}", "enum C {{ {}\n }}", "abstract class C {{ {}\n }}", "let a: {}\n", "declare function {}\n"),  # noqa: E501
    "tsx": ("<>{}\n</>",),
}  # fmt: skip
# What is near enough to a language to be written under its name.
_RELATIVES = {
    "c": ("c", "cpp"),
    "cpp": ("cpp", "c"),
    "javascript": ("javascript", "tsx", "typescript"),
    "jsx": ("jsx", "tsx", "javascript", "typescript"),
    "tsx": ("tsx", "typescript"),
    "typescript": ("typescript", "tsx"),
}
_SHOWN_IN = {"tsx": ("tsx", "typescript"), "jsx": ("tsx", "typescript"), "javascript": ("javascript", "tsx")}

_PROMPT = re.compile(
    r"^[ \t]*(?:>>>|>>|In \[\d*\]:|Out\[\d*\]:|irb\b.*>|pry\b.*>|mysql> |sqlite> |MariaDB \[.*\]> |\w+[=-]?[#>]> ?"
    r"|\w*=[#>] |PS(?: [^\n>]*)?> |[A-Z]:\\[^\n>]*>|jshell> |scala> |ghci> |php > |julia> |node> |deno> |bun> |lua> "
    r"|\$ |% |[\w.~-]+@[\w.~-]+[^\n$#%]*[$#%] |> \S|❯ |➜ |λ )",  # noqa: RUF001
    re.MULTILINE,
)
# A cell of a notebook in another language.
_CELL = re.compile(r"\s*%%[a-z]\w*(?:\s|\Z)|\s*#\s*%%[^\n]*\n\s*%%[a-z]")
_MAGIC = re.compile(r"^(\s*)(?:[%!].*|\?{1,2}\w.*|[\w.]+\?{1,2}|[\w.,\s]+=\s*[%!].*)$", re.MULTILINE)
_STRINGS = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`')
# Neither a spread, nor variable arguments, nor a range.
_ELISION = re.compile(r"…|(?<![.\w)\]}])\.{3,}(?![\w.(\[{$@*&<'\"`])|(?<!\w)\.{3,}(?=[ \t]*$)|\[\.{3}\]", re.MULTILINE)
_TEMPLATE = re.compile(r"\{%.*?%\}|<%.*?%>|\{\{.*?\}\}|\$\{\{.*?\}\}|\{#.*?#\}|@@\w+@@|__[A-Z_]+__", re.DOTALL)
_PLACEHOLDER = re.compile(
    r"<[A-Za-z_\u00c0-\uffff][^<>\n;(){}=]{0,60}>|\[[a-z]+(?:[ _-][a-z]+)*\]|\{[a-z]+(?:[_-][a-z]+)*\}"
)
_DIFF = re.compile(r"^(?:@@ |\+\+\+ |--- |[+-](?: ?\S|\s*$))")
_NUMBERED = re.compile(r"^\s*(\d{1,5})(?:[:|.)│]\s?|\t| {1,4}|$)")
_MARKUP = re.compile(
    r"^\s*</?(?:script|style|template|html|head|body|!DOCTYPE|!--|\?php|%)", re.MULTILINE | re.IGNORECASE
)
_CLOSES = re.compile(
    r"\s*(?:[)\]}]|end\b|fi\b|done\b|esac\b|else\b|elif\b|catch\b|except\b|finally\b|\.\s*\w|\?\.|&&|\|\||[?,])"
)
_CLOSES_CSS = re.compile(r"\s*[)\]}]")
_OPENS = re.compile(r"(?:[{(\[,=\\|&+*?]|=>|->|\bthen|\bdo|\belse|\bbegin)\s*(?:(?://|#|/\*).*)?$")
_HEADS = re.compile(
    r"^\s*(?:import\b|using\b|package\b|use\b|from\b|#\s*include\b|extern crate\b|export \*"
    r"|@import\b|<\?php|\?>|namespace\b).*$",
    re.MULTILINE,
)
_GROUP = re.compile(r"^import \([^)]*\)", re.MULTILINE)
# What is more than commands and what they print.
_BLOCK_OF_SHELL = re.compile(
    r"^\s*(?:#!|(?:if|for|while|until|case|function|select)\b|\w+\s*\(\))|\$\(|<<-?\s*['\"]?\w", re.MULTILINE
)
_COMMAND = re.compile(r"\s*(?:#.*\n\s*)*(?:sudo )?[a-z][\w./-]*(?: |$)", re.MULTILINE)
_USAGE = re.compile(
    r"^\s*(?:usage:|\[sudo\]|\S+ \[[\w -]+\])|\s\[(?:-|[A-Z]|options|args)|\|\s*\.\.\.", re.MULTILINE | re.IGNORECASE
)
_BODILESS = re.compile(
    r"^([ \t]*)(\S.*:)[ \t]*(?:#.*)?(?=\n[ \t]*\n(?!\1[ \t])|\n\1(?:async |def |class |@"
    r"|elif|else|except|finally|case)|\Z)",
    re.MULTILINE,
)
# What a console shows of a value, and a rule below a heading.
_PRINTED = re.compile(
    r"^\s*(?://\s*)?(?:=>|→|⇒|==>)(?:\s|$)|^\s*(?:[A-Z]\w+(?:\(\d+\))?|\[\w+: [^\]]*\]) \{"
    r"|<(?:Buffer|ref|Circular)\b|^\W*[-=─]{6,}\W*$"
    r"|\(\s*/\*[^*]*\*/\s*\)|^\s*[\w.]+\([^()]*:[^()]*\)\s*:\s*\S+;?$",
    re.MULTILINE,
)
_LARGEST_JOINED = 200_000


def is_part(piece: Piece) -> bool:
    """Whether a block that does not parse may be right by itself."""
    text = textwrap.dedent(piece.text).strip("\n")
    language = piece.language
    if is_session(text) or _is_sketch(text, language) or _is_cut(piece.text, language) or _is_signature(text, language):
        return True
    return any(_fits(each, language) for each in _readings(text, language))


def goes_together(texts: Sequence[str], language: str) -> bool:
    """Whether what does not parse does with what stands before or behind it."""
    joined = "\n".join(texts)
    return len(texts) > 1 and len(joined) <= _LARGEST_JOINED and parses(joined, language)


def is_session(text: str) -> bool:
    """Whether it is what somebody typed and saw, or has numbers before its lines."""
    if _PROMPT.search(text) or _CELL.match(text):
        return True
    lines = [line for line in text.split("\n") if line.strip()]
    numbered = [int(found[1]) for line in lines if (found := _NUMBERED.match(line))]
    return len(lines) > 1 and len(numbered) >= len(lines) * 0.8 and numbered == sorted(numbered)


def _is_sketch(text: str, language: str) -> bool:
    """Whether it leaves things out, or holds what its reader has to fill in."""
    plain = _STRINGS.sub('""', text) if language != "sql" else text
    if language not in {"shell", "sql", "css", "python"} and _PRINTED.search(text):
        return True
    if _ELISION.search(plain) and not (language == "python" and not _is_elided(plain)):
        return True
    if language in {"shell", "sql"} and (_PLACEHOLDER.search(plain) or _USAGE.search(plain)):
        return True
    if language == "shell":
        is_open = text.count('"') % 2 == 1 and _COMMAND.match(text) is not None
        return not is_open and _BLOCK_OF_SHELL.search(text) is None
    return language not in {"php", "jsx", "tsx"} and _MARKUP.search(text) is not None


def _is_elided(text: str) -> bool:
    """Whether an ellipsis of Python is none of its own, which stands alone or as a value."""
    return any(
        not re.fullmatch(r"(?:.*(?::|=|->|\breturn|\[|,|\()\s*)?\.\.\.[\s,)\]]*:?", line)
        or re.search(r"\(\s*\.\.\.\s*\)|,\s*\.\.\.\s*[)}\]]|\{\s*\.\.\.", line)
        for line in text.split("\n")
        if _ELISION.search(line)
    )


def _is_cut(text: str, language: str) -> bool:
    """Whether it begins in the middle of something, or ends there."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return True
    if language == "python":
        return (
            re.match(r"\s*[)\]}.]", lines[0]) is not None or re.search(r"[{(\[,\\]\s*(?:#.*)?$", lines[-1]) is not None
        )
    least = min(len(line) - len(line.lstrip()) for line in lines)
    is_deeper = len(lines[0]) - len(lines[0].lstrip()) > least
    closes = _CLOSES_CSS if language == "css" else _CLOSES
    return is_deeper or closes.match(lines[0]) is not None or _OPENS.search(lines[-1]) is not None


def _is_signature(text: str, language: str) -> bool:
    """Whether each line by itself has its brackets closed and there are no more than signatures or results."""
    if language in {"sql", "shell"}:
        return False
    lines = [line for line in text.split("\n") if line.strip() and not re.match(r"\s*(?://|#|/?\*)", line)]
    if language == "python":
        return all(
            re.match(r"\s*(?:@|(?:async )?def |class )?[\w.]+\s*\(.*\)(?:\s*(?:->|→|=>|=)\s*\S.*)?:?\s*$", line)
            or re.match(r"[\w.]+(?:\([^()]*\))?\s*(?:->|→|=>|==>)\s*\S", line)
            for line in lines
        )
    return len(lines) <= 2 and all(_is_balanced(line) for line in lines)


def _is_balanced(line: str) -> bool:
    opened = list[str]()
    for sign in _STRINGS.sub("", line):
        if sign in "([{":
            opened.append({"(": ")", "[": "]", "{": "}"}[sign])
        elif sign in ")]}" and (not opened or opened.pop() != sign):
            return False
    return not opened


def _readings(text: str, language: str) -> Iterator[str]:
    """The text as it stands, and with what is none of the language taken out or filled in."""
    yield text
    filled = _PLACEHOLDER.sub("x", _TEMPLATE.sub("x", text))
    if filled != text:
        yield filled
        yield _TEMPLATE.sub("", text)
    if (new := _new_side(text)) is not None:
        yield new
    if language == "python":
        yield from _of_python(text)
        return
    headless = _HEADS.sub("", _GROUP.sub("", text))
    if headless != text:
        yield headless


def _of_python(text: str) -> Iterator[str]:
    """With bodies for what has only a head or a comment, and in the depth that it was cut from."""
    yield _MAGIC.sub(r"\1pass", text)
    bodies = re.sub(r"^(\s*)#.*$", r"\1pass", text, flags=re.MULTILINE)
    yield bodies
    yield _BODILESS.sub(r"\1\2 pass", text)
    lead = re.match(r"(?:@.*\n|#.*\n)*(\w+)", text)
    if lead and lead[1] in {"elif", "else"}:
        yield f"if x:\n    pass\n{text}"
    if lead and lead[1] in {"except", "finally", "else"}:
        yield f"try:\n    pass\n{text}"
    if lead and lead[1] == "case":
        yield f"match x:\n{textwrap.indent(text, '    ')}"
    yield f"{text}\n    pass"
    yield f"{text}\ndef f(): pass"
    yield f"f({text}\n)"
    yield f"x = {{{text}\n}}"
    yield f"[{text}\n]"
    depths = sorted({len(line) - len(line.lstrip()) for line in text.split("\n") if line.strip()})
    first = len(text) - len(text.lstrip())
    if first:
        yield "\n".join([f"{' ' * each}if x:" for each in depths if each < first]) + f"\n{text}"


def _fits(text: str, language: str) -> bool:
    if any(parses(text, each) for each in _RELATIVES.get(language, (language,))):
        return True
    framed = {"jsx": "typescript", "tsx": "typescript"}.get(language, language)
    return any(
        parses(frame.format(text), each)
        for each in _SHOWN_IN.get(language, (language,))
        for frame in (*_FRAMES.get(framed, ()), *(_FRAMES["tsx"] if text.lstrip()[:1] in {"<", "{"} else ()))
    )


def _new_side(text: str) -> str | None:
    """What a difference makes of a text; `None` for what is no difference."""
    lines = text.split("\n")
    marked = [line for line in lines if _DIFF.match(line)]
    if not marked:
        return None
    if any(line[0] == "+" for line in marked) and any(line[0] == "-" for line in marked) and len(marked) >= 2:
        return ""
    indent = 2 if any(line.startswith("+ ") for line in marked) else 1
    kept = [
        line[indent:] if line[:indent] in {"+ ", "+", "  ", " "} else line.removeprefix("+")
        for line in lines
        if not re.match(r"-|@@ |\+\+\+ ", line)
    ]
    return textwrap.dedent("\n".join(kept))
