"""Whether code parses, by its language's grammar. Pure."""

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache

import tree_sitter_bash
import tree_sitter_c
import tree_sitter_c_sharp
import tree_sitter_cpp
import tree_sitter_css
import tree_sitter_go
import tree_sitter_java
import tree_sitter_javascript
import tree_sitter_php
import tree_sitter_python
import tree_sitter_ruby
import tree_sitter_rust
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from artifacts.kinds import language_of
from artifacts.syntax_issue import SyntaxIssue

# Error recovery takes more than a second beyond this on text that is no code at all.
_MAX_LENGTH = 200_000

_GRAMMARS: dict[str, Callable[[], object]] = {
    "c": tree_sitter_c.language,
    "cpp": tree_sitter_cpp.language,
    "csharp": tree_sitter_c_sharp.language,
    "css": tree_sitter_css.language,
    "go": tree_sitter_go.language,
    "java": tree_sitter_java.language,
    "javascript": tree_sitter_javascript.language,
    "jsx": tree_sitter_javascript.language,
    "php": tree_sitter_php.language_php,
    "python": tree_sitter_python.language,
    "ruby": tree_sitter_ruby.language,
    "rust": tree_sitter_rust.language,
    "shell": tree_sitter_bash.language,
    "tsx": tree_sitter_typescript.language_tsx,
    "typescript": tree_sitter_typescript.language_typescript,
}
_LANGUAGE_ALIASES = {
    "bash": "shell",
    "c#": "csharp",
    "c++": "cpp",
    "golang": "go",
    "node": "javascript",
    "postgresql": "sql",
    "mysql": "sql",
    "python3": "python",
    "sqlite": "sql",
}

# What a younger Python than the one that runs us knows, and `ast` may not.
_NEWER = re.compile(
    r"^\s*type\s+\w+.*=|^\s*(?:async\s+)?(?:def|class)\s+\w+\[|^\s*except\s+\w+(?:\s*,\s*\w+)+\s*:|\bt[\"']"
)
_PYTHON_2 = {"print_statement", "exec_statement"}

# A preprocessor may make anything of what is written in capitals, or of an extension of the compiler.
_MACRO = re.compile(
    r"\b(?!(?:NULL|EOF|FILE|BUFSIZ|SIZE_MAX|INT_MAX|INT_MIN|EXIT_SUCCESS|EXIT_FAILURE"
    r"|UINT_MAX)\b)[A-Z][A-Z0-9_]{2,}\b|\b__\w+"
)
_NEAR = 2

# What compilers know and the grammars do not.
_UNKNOWN = {
    "c": re.compile(
        r"\b(?:constexpr|typeof|nullptr|_BitInt|defer)\b|\[\[|^\s*#\s*(?:if|else|elif"
        r"|endif)",
        re.MULTILINE,
    ),
    "cpp": re.compile(
        r"\bmodule\b|\bif (?:not |!)?consteval\b|<<<|\.\.\.|\b(?:pre|post|contract_assert)\s*\("
        r"|\btemplate (?:struct|class)\b|= \{\}\)|\b(?:signals|slots|emit)\b"
        r"|^\s*#\s*(?:if|else|elif|endif)|\^\^|\[:",
        re.MULTILINE,
    ),
    "csharp": re.compile(
        r"\bextension\b|\?[.\[][\w.\[\]?]*\s*[-+*/|&^%?]{0,2}=(?![=>])|^\s*#|\bunion\b"
        r"|\bfield\b",
        re.MULTILINE,
    ),
    "java": re.compile(r"\bimport module\b|\b(?:super|this)\s*\(|\bSTR\.|\bvalue (?:class|record)\b"),
    "javascript": re.compile(
        r"\baccessor\b|\bimport (?:defer|source)\b|\|>|\bmatch\s*\(|\b(?:type|interface"
        r"|opaque|declare)\b|\w`[^`\n]*\\[ux]"
    ),
    "rust": re.compile(
        r"\bsafe\b|#!?\[\w+::\w+::|\b(?:gen|yeet|become|pin|default|auto|macro)\b|\bdyn\*"
        r"|\bfor<|~const"
    ),
    "shell": re.compile(
        r"<>|>\(|[!@+?*]\([^()\s]+\)|^\s*for \w+ \(|^\s*(?:end|function \w+)\s*$|^\s*set -[gxUe]+ \w+ |=\("
        r"|\$\{\(",
        re.MULTILINE,
    ),
    "typescript": re.compile(
        r"\b(?:accessor|in out)\b|<(?:in|out|const) |\bexport type \*|\bimport (?:defer|source)\b"
        r"|\bimport (?:type )?\w+ ="
        r"|\basserts\b|\busing\b|\bimport\(|\bdefault function \(|\w`[^`\n]*\\[ux]"
    ),
}
_UNKNOWN |= {"jsx": _UNKNOWN["javascript"], "tsx": _UNKNOWN["typescript"]}

# What the grammar of CSS does not know, and browsers do.
_CSS_PRELUDE = re.compile(r"@(?:media|container|supports|layer|property|scope)\b[^{};]*(?=\{)")
_CSS_TEXT = re.compile(
    r"/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|url\([^()\n\"']{0,5000}\)",
    re.DOTALL,
)
_CSS_DECLARATION = re.compile(r"(?<=[{};])[^{};]*(?=[;}])")
_CSS_IMPORTANT = re.compile(r"!\s+(?=important\b)")

# Quoted text and comments of SQL, which hold no syntax.
_SQL_TEXT = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|`[^`]*(?:`|\Z)|\$(\w*)\$.{0,20000}?\$\1\$",
    re.DOTALL,
)
# A backslash escapes in some dialects, a hash begins a comment, brackets quote a name.
_SQL_TEXT_ESCAPED = re.compile(
    r"--[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z)|'''.*?(?:'''|\Z)|\"\"\".*?(?:\"\"\"|\Z)|\[[\w ']{1,100}\]"
    r"|\b[qQ]'(?:\[.{0,2000}?\]|\{.{0,2000}?\}|\(.{0,2000}?\)|<.{0,2000}?>|(?P<q>[^\w\s]).{0,2000}?(?P=q))'"
    r"|'(?:[^'\\]|\\.|'')*(?:'|\Z)|\"(?:[^\"\\]|\\.)*(?:\"|\Z)|`[^`]*(?:`|\Z)"
    r"|\$(?P<d>\w*)\$.{0,20000}?\$(?P=d)\$",
    re.DOTALL,
)
_STRAY_COMMA = re.compile(
    r",\s*(?:\)|;|$|(?:FROM|WHERE|GROUP\s+BY|ORDER\s+BY|HAVING|LIMIT|UNION|INNER\s+JOIN|LEFT\s+JOIN|VALUES)\b)",
    re.IGNORECASE,
)
_WITHOUT_ORDER = re.compile(
    r"\b(SELECT|WHERE|FROM|ORDER\s+BY|GROUP\s+BY)\s+(?:FROM|WHERE|GROUP|ORDER|HAVING|;|$)\b", re.IGNORECASE
)


def language_named(name: str) -> str:
    """One name for a language that goes by several: `py`, `python3` and `Python` are `python`."""
    plain = name.strip().lower()
    return _LANGUAGE_ALIASES.get(plain) or language_of(f"x.{plain}") or plain


def syntax_issues(text: str, language: str) -> Iterator[SyntaxIssue]:
    """The first fault of each kind; nothing where the language is not known or the text too large to tell soon."""
    if len(text) > _MAX_LENGTH:
        return
    if language == "python":
        yield from _python(text)
    elif language == "sql":
        yield from _sql(text)
    elif language in _GRAMMARS:
        yield from _parse_issues(text, language)


def parses(text: str, language: str) -> bool:
    return next(syntax_issues(text, language), None) is None


def is_parsed(language: str) -> bool:
    return language in _GRAMMARS or language == "sql"


def _python(text: str) -> Iterator[SyntaxIssue]:
    try:
        with warnings.catch_warnings():
            # What a parser only remarks upon parses.
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        if not _is_newer_syntax(text, error):
            yield SyntaxIssue(error.msg, error.lineno)
    except (ValueError, RecursionError, MemoryError):
        yield SyntaxIssue("it cannot be parsed")


def _is_newer_syntax(text: str, error: SyntaxError) -> bool:
    lines = text.splitlines()
    at = lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else ""
    if not (error.msg.startswith("f-string") or _NEWER.search(at)):
        return False
    root = _tree("python", text)
    return not root.has_error and not any(node.type in _PYTHON_2 for node in root.children)


def _sql(text: str) -> Iterator[SyntaxIssue]:
    """What no dialect takes; the rest is left to its database."""
    faults = list(_sql_issues(_SQL_TEXT.sub(_blank_out, text)))
    if faults and list(_sql_issues(_SQL_TEXT_ESCAPED.sub(_blank_out, text))):
        yield from faults


def _blank_out(found: re.Match[str]) -> str:
    """A name for what is quoted, nothing for a comment, and the mark of what is never closed."""
    text, lines = found[0], "\n" * found[0].count("\n")
    if text.startswith(("--", "#", "/*")):
        return f" {lines}"
    is_open = text[0] in "'\"`" and (len(text) == 1 or text[-1] != text[0])
    return f"'{lines}" if is_open else f"x{lines}"


def _sql_issues(plain: str) -> Iterator[SyntaxIssue]:
    for pattern, what in ((_STRAY_COMMA, "a comma with nothing behind it"), (_WITHOUT_ORDER, "a clause is empty")):
        if found := pattern.search(plain):
            yield SyntaxIssue(what, plain.count("\n", 0, found.start()) + 1)
    opened = [0]
    for line, content in enumerate(plain.split("\n"), 1):
        for sign in re.findall(r"[()]", content):
            if sign == "(":
                opened.append(line)
            elif len(opened) == 1:
                yield SyntaxIssue("a closing parenthesis without an opening one", line)
                return
            else:
                opened.pop()
    if len(opened) > 1:
        yield SyntaxIssue("a parenthesis is never closed", opened[-1])
    elif "'" in plain:
        yield SyntaxIssue("a quotation mark is never closed", plain.count("\n", 0, plain.index("'")) + 1)


def _parse_issues(text: str, language: str) -> Iterator[SyntaxIssue]:
    if language == "php" and "<?" not in text:
        text = f"<?php {text}"
    if language == "css":
        text = _CSS_IMPORTANT.sub("!", _CSS_PRELUDE.sub(lambda found: "@media all" + "\n" * found[0].count("\n"), text))
    root = _tree(language, text)
    node = _error_nodes(root) if root.has_error else None
    if node is None or (language in {"c", "cpp"} and _is_by_macro(text, node)) or _is_unknown(text, node, language):
        return
    if language != "css" or _is_wrong_css(text):
        yield SyntaxIssue(_node_text(node), node.start_point.row + 1)


def _is_unknown(text: str, node: Node, language: str) -> bool:
    """Whether what makes no sense to a grammar may be younger than it, or of a dialect."""
    pattern = _UNKNOWN.get(language)
    if pattern is None:
        return False
    at = node.start_point.row
    # Branches of a preprocessor may open a brace twice and close it once, far away.
    has_branches = language in {"c", "cpp", "csharp"} and "#if" in text
    near = [text] if has_branches else text.split("\n")[at : node.end_point.row + 1]
    return pattern.search("\n".join(near)) is not None


def _is_wrong_css(text: str) -> bool:
    """Whether brackets do not fit, or a declaration has no colon or no end. The grammar knows less than browsers do."""
    plain = _CSS_TEXT.sub(lambda found: "" if found[0].startswith("/*") else _blank_out(found), text)
    opened = list[str]()
    for sign in re.findall(r"[()\[\]{}]", plain):
        if sign in "([{":
            opened.append({"(": ")", "[": "]", "{": "}"}[sign])
        elif not opened or opened.pop() != sign:
            return True
    if opened or "'" in plain:
        return True
    return any(
        re.match(r"[\w*-]+\s*:[^;\n]*\n\s*[\w-]+\s*:\s", held) or re.fullmatch(r"[a-z-]+(?:\s+[\w#%.-]+)*", held)
        for held in map(str.strip, _CSS_DECLARATION.findall(plain))
        if held and not held.startswith("@")
    )


def _is_by_macro(text: str, node: Node) -> bool:
    at = node.start_point.row
    return _MACRO.search("\n".join(text.split("\n")[max(0, at - _NEAR) : at + _NEAR])) is not None


def _tree(language: str, text: str) -> Node:
    # Halves of characters are no UTF-8; a parser has no use for them.
    return Parser(_grammar(language)).parse(text.encode(errors="replace")).root_node


@cache
def _grammar(language: str) -> Language:
    return Language(_GRAMMARS[language]())


def _error_nodes(root: Node) -> Node | None:
    """The first node, by place, that is missing or makes no sense; the innermost of nested ones."""
    found, waiting = None, [root]
    while waiting:
        node = waiting.pop()
        if node.is_missing or node.is_error:
            found = node
            break
        waiting += [child for child in reversed(node.children) if child.has_error or child.is_missing]
    while found is not None and (inner := next((c for c in found.children if c.is_error or c.is_missing), None)):
        found = inner
    return found


def _node_text(node: Node) -> str:
    if node.is_missing:
        return f"{node.type!r} is missing"
    begun = (node.text or b"").decode(errors="replace").strip().split("\n")[0][:40]
    return f"this cannot be parsed: {begun!r}" if begun else "this cannot be parsed"
