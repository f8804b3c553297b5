"""Whether a text has the form that was asked for."""

import re
from collections.abc import Callable, Iterator, Sequence

from artifacts.csv_rows import row_issues, width
from artifacts.data import data_issues
from artifacts.fences import strip_fence
from artifacts.markup import xml_issues
from artifacts.syntax import is_parsed
from graphs.quality.checks.pieces import at_line, fences, language_of, tokens
from graphs.quality.checks.request import asks_back
from graphs.quality.checks.shapes import Form, Shape, shapes
from graphs.quality.checks.unwanted import Without, unwanted
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

_LARGEST = 300_000
_WORDS = re.compile(r"\w+(?:[-'’.]\w+)*")  # noqa: RUF001
_YES_NO = re.compile(
    r"\W*(?:yes|no|yeah|nope|ja|nein|doch|oui|non|si|sí|はい|いいえ|是|否|não|sim|да|нет)\W*", re.IGNORECASE
)
_YES_NO_FIRST = re.compile(rf"\W*(?:answer|antwort|réponse|respuesta)?\W*{_YES_NO.pattern}", re.IGNORECASE)
# With its sign and its unit.
_LONGEST_NUMBER = 5
# A name above a block.
_FILE = re.compile(r"\W*[\w./-]+(?: [\w./-]+)?\W*")
_NUMBER_FIRST = re.compile(
    r"^\W*(?:\(?\d+\W*[.):\u20e3]|[IVX]+[.)]|[a-z][.)]|[①-⑳➀-➓]|(?:step|schritt|étape|paso|nr\.?|no\.?)\s*\d)",
    re.MULTILINE | re.IGNORECASE,
)
_BULLET_FIRST = re.compile(r"^\s*[・‧∙►▸▶⁃❖★☆✅☑•‣◦▪●○■□✓✔➤→·*–—-]\s?\S", re.MULTILINE)  # noqa: RUF001
# Signs of text, ★ or ☑, are none unless they are shown as such.
_EMOJI = re.compile(
    "[\U0001f300-\U0001faff]|[\u2190-\u27bf\u2b00-\u2bff]\ufe0f|[\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1"
    "\u26bd\u26be\u26c4\u26c5\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a-\u270c\u2728\u2600\u2639\u263a\u274c\u2753-\u2755\u2757\u2764\u2795-\u2797\u2b50]"
)
_CODE_LIKE = re.compile(
    r"[;{}=()<>\[\]]|^\s*(?:import|from|def|class|return|echo|cd|npm|pip|git|SELECT|find|ls)\b", re.MULTILINE
)
_NAMES: dict[Form, str] = {"json": "JSON", "yaml": "YAML", "csv": "CSV", "xml": "XML", "html": "HTML", "toml": "TOML"}


def format_kept(review_input: ReviewInput) -> Iterator[Finding]:
    if review_input.kind != "answer" or not review_input.text.strip() or len(review_input.text) > _LARGEST:
        return
    if asks_back(review_input.text):
        return
    for wish in {each.form: each for each in shapes(review_input.prompt)}.values():
        if (what := _missed(wish, review_input.text)) is not None:
            yield Finding("format_kept", "error", f"Asked for was “{wish.said}”: {what}.")
    for unwished, said in unwanted(review_input.prompt):
        if unwished == "emoji" and _EMOJI.search(f"{review_input.prompt}{review_input.context}"):
            continue
        if (line := _line_with(unwished, review_input.text)) is not None:
            yield at_line("format_kept", "error", f"Asked for was “{said}”, and there is one.", review_input.text, line)


def _missed(wish: Shape, text: str) -> str | None:
    match wish.form:
        case "json" | "yaml" | "csv" | "xml" | "html" | "toml":
            return _data(wish, text)
        case "plain":
            return _marked_up(text)
        case "capitals" | "small letters":
            return _letters(text, capitals=wish.form == "capitals")
        case "yes or no" if not wish.only:
            return None if _YES_NO_FIRST.match(text.strip()) else "it says neither at its beginning"
        case "code" | "one word" | "yes or no" | "a number":
            return None if _KEPT[wish.form](text) else _SAID[wish.form]
        case _:
            return _shown(wish.form, text)


def _data(wish: Shape, text: str) -> str | None:
    name = _NAMES[wish.form]
    blocks = fences(text)
    if wish.only:
        body = strip_fence(text)
        alone = len(blocks) <= 1 and (not blocks or _covers(text))
        return None if alone and _is(wish.form, body) else f"there is more than {name}, or none"
    if any(is_parsed(language_of(each)) for each in blocks):
        # A program that reads or writes it.
        return None
    if any(language_of(each).startswith(wish.form) or _is(wish.form, each.content) for each in blocks):
        return None
    return None if _is(wish.form, text) or _holds(wish.form, text) else f"there is no {name}"


def _covers(text: str) -> bool:
    """Whether a text is one block from its first line to its last."""
    block = fences(text)[0]
    lines = text.strip().split("\n")
    return (
        block.map is not None
        and block.map[1] - block.map[0] >= len(lines)
        and lines[0].strip().startswith(block.markup[:3])
    )


def _is(form: Form, text: str) -> bool:
    plain = text.strip()
    match form:
        case "json":
            return not list(data_issues(plain, "json"))
        case "yaml":
            is_map_or_list = re.search(r"^\s*(?:- |[\w\"'. -]+:(?:\s|$))", plain, re.MULTILINE) is not None
            return is_map_or_list and not list(data_issues(plain, "yaml"))
        case "toml":
            return "=" in plain and not list(data_issues(plain, "toml"))
        case "csv":
            return width(plain) > 1 and "\n" in plain and "| --" not in plain and not list(row_issues(plain))
        case "xml":
            return plain.startswith("<") and not list(xml_issues(plain))
        case _:
            return re.match(r"<(?:!doctype|[a-z])", plain, re.IGNORECASE) is not None and plain.endswith(">")


def _holds(form: Form, text: str) -> bool:
    """Whether a form stands unfenced within prose."""
    parts = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    if form == "html":
        return re.search(r"<([a-z]\w*)[^>]*>.*</\1>", text, re.IGNORECASE | re.DOTALL) is not None
    return len(parts) > 1 and any(
        form != "json" or part.lstrip()[:1] in {"{", "["} for part in parts if _is(form, part)
    )


def _is_code_only(text: str) -> bool:
    blocks = fences(text)
    if blocks:
        return all(_FILE.fullmatch(line) for line in _outside(text) if line.strip())
    lines = [line for line in text.strip().split("\n") if line.strip()]
    prose = [line for line in lines if re.match(r"[A-ZÄÖÜÉ][^=(){};]*[a-z] [^=(){};]*[.:]$", line.strip())]
    return not prose and (_CODE_LIKE.search(text) is not None or len(lines) == 1)


def _outside(text: str) -> Sequence[str]:
    """The lines that stand in no block."""
    lines = text.split("\n")
    for block in reversed(fences(text)):
        if block.map:
            del lines[block.map[0] : block.map[1]]
    return lines


def _marked_up(text: str) -> str | None:
    found = {
        "heading_open": "a heading", "fence": "a code block", "table_open": "a table", "link_open": "a link",
        "strong_open": "bold text", "code_inline": "code marks", "em_open": "emphasis",
    }  # fmt: skip
    for token in tokens(text):
        if token.type == "bullet_list_open" and token.markup in {"*", "+"}:
            return "there is a list of Markdown"
        for each in (token, *(token.children or ())):
            if (
                each.type in found
                and each.markup not in {"autolink", "linkify"}
                and not (each.type == "em_open" and each.markup == "_")
            ):
                return f"there is {found[each.type]} of Markdown"
    return None


def _letters(text: str, *, capitals: bool) -> str | None:
    prose = re.sub(r"```.*?```|`[^`\n]*`|https?://\S+|\S+@\S+", " ", text, flags=re.DOTALL)
    wrong = sum(each.islower() if capitals else each.isupper() for each in prose if each != "ß")
    letters = sum(each.isalpha() for each in prose)
    if not letters or wrong <= letters * 0.05:
        return None
    return "there are small letters" if capitals else "there are capitals"


def _shown(form: Form, text: str) -> str | None:
    types = [token.type for token in tokens(text)]
    found = {
        "table": "table_open" in types
        or "<table" in text.lower()
        or re.search(r"^\s*\|.*\|\s*$|^.*[┼│├╋].*$|^\s*\+[-=]+\+", text, re.MULTILINE) is not None,
        "numbered": "ordered_list_open" in types or re.search(_NUMBER_FIRST, text) is not None,
        "bullets": "bullet_list_open" in types or re.search(_BULLET_FIRST, text) is not None,
        "code block": "fence" in types or "code_block" in types,
    }
    names = {
        "table": "there is no table",
        "numbered": "there is no numbered list",
        "bullets": "there are no bullet points",
        "code block": "there is no code block",
    }
    return None if found[form] else names[form]


def _line_with(unwished: Without, text: str) -> int | None:
    types: dict[Without, Sequence[str]] = {
        "table": ("table_open",), "list": ("bullet_list_open", "ordered_list_open"), "code": ("fence",),
        "headings": ("heading_open",), "bold": (), "emoji": (),
    }  # fmt: skip
    if unwished == "emoji":
        found = _EMOJI.search(text)
        return text.count("\n", 0, found.start()) + 1 if found else None
    for token in tokens(text):
        is_bold = unwished == "bold" and any(each.type == "strong_open" for each in token.children or ())
        if (token.type in types[unwished] or is_bold) and token.map:
            return token.map[0] + 1
    return None


_KEPT: dict[Form, Callable[[str], bool]] = {
    "code": _is_code_only,
    "one word": lambda text: len(_WORDS.findall(text)) <= 1 or len(text.split()) <= 1,
    "yes or no": lambda text: _YES_NO.fullmatch(text.strip()) is not None,
    "a number": lambda text: len(text.split()) <= _LONGEST_NUMBER,
}
_SAID: dict[Form, str] = {
    "code": "there is text around the code",
    "one word": "there is more than a word",
    "yes or no": "it says neither, or more than that",
    "a number": "there is more than a number",
}
