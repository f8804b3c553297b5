"""What an artifact is: its kind, what it is called elsewhere, and which texts one can be."""

import re
import unicodedata
from typing import Literal, get_args

Kind = Literal["markdown", "code", "html", "svg", "mermaid", "json", "csv"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_MEDIA_TYPES: dict[Kind, str] = {
    "markdown": "text/markdown",
    "code": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "mermaid": "text/vnd.mermaid",
    "json": "application/json",
    "csv": "text/csv",
}

# Code is to be read: what a browser would run or draw (HTML, SVG, XML, JavaScript, CSS) has no type here.
_CODE_TYPES = {
    "c": "text/x-c",
    "cpp": "text/x-c++",
    "csharp": "text/x-csharp",
    "go": "text/x-go",
    "java": "text/x-java",
    "kotlin": "text/x-kotlin",
    "lua": "text/x-lua",
    "perl": "text/x-perl",
    "php": "text/x-php",
    "python": "text/x-python",
    "ruby": "text/x-ruby",
    "rust": "text/x-rust",
    "scala": "text/x-scala",
    "shell": "text/x-sh",
    "sql": "text/x-sql",
    "swift": "text/x-swift",
    "toml": "text/x-toml",
    "typescript": "text/x-typescript",
    "yaml": "text/x-yaml",
}

# The first extension is the one that we write.
_EXTENSIONS: dict[str, tuple[str, ...]] = {
    "assembly": ("asm", "s"),
    "c": ("c", "h"),
    "clojure": ("clj", "cljs"),
    "cpp": ("cpp", "cc", "cxx", "hpp", "hh"),
    "csharp": ("cs",),
    "css": ("css",),
    "csv": ("csv",),
    "dart": ("dart",),
    "diff": ("diff", "patch"),
    "dockerfile": ("dockerfile",),
    "elixir": ("ex", "exs"),
    "erlang": ("erl", "hrl"),
    "fsharp": ("fs", "fsx"),
    "go": ("go",),
    "graphql": ("graphql", "gql"),
    "groovy": ("groovy", "gradle"),
    "haskell": ("hs",),
    "hcl": ("tf", "hcl"),
    "html": ("html", "htm"),
    "ini": ("ini", "cfg"),
    "java": ("java",),
    "javascript": ("js", "mjs", "cjs"),
    "json": ("json",),
    "jsx": ("jsx",),
    "julia": ("jl",),
    "kotlin": ("kt", "kts"),
    "latex": ("tex",),
    "lua": ("lua",),
    "makefile": ("mk",),
    "markdown": ("md", "markdown"),
    "mermaid": ("mmd", "mermaid"),
    "nim": ("nim",),
    "objective-c": ("m",),
    "ocaml": ("ml", "mli"),
    "perl": ("pl", "pm"),
    "php": ("php",),
    "powershell": ("ps1", "psm1"),
    "protobuf": ("proto",),
    "python": ("py", "pyi"),
    "r": ("r",),
    "ruby": ("rb",),
    "rust": ("rs",),
    "scala": ("scala",),
    "scss": ("scss",),
    "shell": ("sh", "bash", "zsh"),
    "sql": ("sql",),
    "svelte": ("svelte",),
    "svg": ("svg",),
    "swift": ("swift",),
    "text": ("txt",),
    "toml": ("toml",),
    "tsx": ("tsx",),
    "typescript": ("ts", "mts", "cts"),
    "vue": ("vue",),
    "xml": ("xml",),
    "yaml": ("yaml", "yml"),
    "zig": ("zig",),
}
_LANGUAGES = {end: language for language, ends in _EXTENSIONS.items() for end in ends}
_LANGUAGE_ALIASES = {
    "c++": "cpp",
    "c#": "csharp",
    "f#": "fsharp",
    "golang": "go",
    "node": "javascript",
    "terraform": "hcl",
}
_BARE_FILE_NAMES = {"dockerfile": "dockerfile", "makefile": "makefile"}

_MAX_CHARACTERS = 120
# What the usual file systems take.
_MAX_BYTES = 255
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_JOINERS = "\u200c\u200d"
_REFUSED_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff]")


class InvalidText(ValueError):
    """Characters that a text cannot hold."""


def media_type(kind: Kind, language: str | None = None) -> str:
    """Without parameters; the text is UTF-8. Code is never of a type that a browser runs."""
    if kind == "code" and language:
        return _CODE_TYPES.get(_known_language(language) or "", "text/plain")
    return _MEDIA_TYPES[kind]


def extension(kind: Kind, language: str | None = None) -> str:
    """Without its dot; `txt` for code in a language that is not known."""
    named = (_known_language(language) if language else None) if kind == "code" else kind
    return _EXTENSIONS[named or "text"][0]


def language_of(name: str) -> str | None:
    """The language that a file's name tells, `None` where it tells none."""
    _, dot, end = name.rpartition(".")
    return _LANGUAGES.get(end.lower()) if dot else _BARE_FILE_NAMES.get(name.lower())


def name_in(name: str, language: str) -> str:
    """The name of a file that is written in another language from now on; a name that tells no language stays."""
    stem, dot, _ = name.rpartition(".")
    if not dot or language_of(name) in {None, _known_language(language)} or _known_language(language) is None:
        return name
    return f"{stem}.{extension('code', language)}"


def file_name(name: str, kind: Kind, language: str | None = None) -> str:
    """A name that every usual file system takes: at most 120 characters and 255 bytes, letters of any script."""
    safe = re.sub(r'[\s/\\<>:"|?*]+', " ", unicodedata.normalize("NFC", _printable(name)))
    safe = safe.lstrip(". ").rstrip(". ") or "untitled"
    if _RESERVED.fullmatch(safe.partition(".")[0].rstrip()):
        safe = f"_{safe}"
    end = "" if _fits(safe, kind, language) else f".{extension(kind, language)}"
    return _truncate_name(safe, end)


def check_text(text: str) -> str:
    """The text as it is.

    Raises `NoText` for control characters other than tab, line ends and form feed, and for halves of characters.
    """
    if found := _REFUSED_CHARACTERS.search(text):
        at = found.start()
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        what = "half a character" if found[0] >= "\ud800" else "the control character"
        raise InvalidText(f"line {line}, column {column} holds {what} U+{ord(found[0]):04X}, which no text may hold")
    return text


def _known_language(language: str) -> str | None:
    name = language.strip().lower()
    name = _LANGUAGE_ALIASES.get(name, name)
    return name if name in _EXTENSIONS else _LANGUAGES.get(name)


def _printable(name: str) -> str:
    """Without control characters, halves of characters and marks that turn the direction of writing."""
    return "".join(
        " " if character.isspace() else character
        for character in name
        if character.isspace() or character in _JOINERS or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
    )


def _fits(name: str, kind: Kind, language: str | None) -> bool:
    told = language_of(name)
    if kind != "code":
        return told == kind
    return told is not None if language is None else told == (_known_language(language) or "text")


def _truncate_name(name: str, end: str) -> str:
    stem, dot, own = name.rpartition(".")
    if not end and dot and len(own) <= 10:
        name, end = stem, dot + own
    kept = name[: _MAX_CHARACTERS - len(end)].encode()[: _MAX_BYTES - len(end.encode())]
    return kept.decode(errors="ignore").rstrip(". ") + end
