from collections.abc import Iterator, Sequence

from backend.settings import ALIASES, VARIABLES, Settings

_HEAD = """# Settings

Environment variables, read once at the start; a `.env` file in the working directory is read beneath them. A variable
that is empty counts as not set. A value that cannot be, or a variable with our prefix that does not exist, stops the
start with its name. This page is written by `make docs`.

| variable | default | what it does |
|---|---|---|
"""


def run(arguments: Sequence[str]) -> int:
    print(_HEAD + "\n".join(_rows()))
    return 0


def _rows() -> Iterator[str]:
    defaults = Settings()
    for variable, (package, name) in VARIABLES.items():
        settings = getattr(defaults, package)
        field = type(settings).model_fields[name]
        aliases = "".join(f" Also `{alias}`." for alias, of in ALIASES.items() if of == variable)
        yield f"| `{variable}` | {_format_value(getattr(settings, name))} | {field.description}{aliases} |"


def _format_value(value: object) -> str:
    return "" if value in (None, ()) else f"`{value}`"
