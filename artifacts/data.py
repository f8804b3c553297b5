"""Whether data parses: JSON, JSON Lines, YAML, TOML. Pure."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from artifacts.syntax_issue import SyntaxIssue

# PyYAML's own scanner takes a second for about 200 kB; libyaml's takes 1 MB in less.
_YAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_YAML_BYTES = 1_000_000 if hasattr(yaml, "CSafeLoader") else 100_000
# `tomllib` is quadratic in keys of many parts.
_MAX_TOML_BYTES = 200_000
_LINE = re.compile(r"\(at line (\d+), column \d+\)")


class _DuplicateKey(ValueError):
    """A key that stands twice in one object."""


def data_issues(text: str, language: str) -> Iterator[SyntaxIssue]:
    if (parse := _PARSERS.get(language)) is not None:
        yield from parse(text)


def is_data(language: str) -> bool:
    return language in _PARSERS


def _json(text: str) -> Iterator[SyntaxIssue]:
    try:
        json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        yield SyntaxIssue(error.msg, error.lineno)
    except _DuplicateKey as error:
        yield SyntaxIssue(
            f"the key {error.args[0]!r} stands twice in one object", _line_of(text, json.dumps(error.args[0]))
        )
    except _NoNumber as error:
        yield SyntaxIssue(f"{error.args[0]} is no value of JSON", _line_of(text, error.args[0]))
    except RecursionError:
        yield SyntaxIssue("it is nested too deeply")
    except ValueError:
        yield SyntaxIssue("a number has too many digits")


class _NoNumber(ValueError):
    pass


def _refuse_constant(constant: str) -> None:
    raise _NoNumber(constant)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKey(key)
            seen.add(key)
    return found


def _line_of(text: str, words: str) -> int | None:
    at = text.rfind(words)
    return text.count("\n", 0, at) + 1 if at >= 0 else None


def _json_lines(text: str) -> Iterator[SyntaxIssue]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            for issue in _json(line):
                yield SyntaxIssue(issue.message, number)
                return


def _yaml(text: str) -> Iterator[SyntaxIssue]:
    if len(text) > _MAX_YAML_BYTES:
        return
    try:
        yield from _yaml_keys(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield SyntaxIssue(str(error.problem or error.context), mark.line + 1 if mark else None)
    except (yaml.YAMLError, RecursionError, UnicodeError):
        yield SyntaxIssue("it cannot be parsed")


class _Keys:
    """The keys of the collections that are open; `None` stands for a list. By hand, so that no depth is too deep."""

    def __init__(self) -> None:
        self._open: list[tuple[set[str] | None, bool]] = []

    def take(self, event: Any) -> bool:
        """Whether an event is a key that its mapping has already."""
        twice = False
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.NodeEvent):
            twice = self._node(event)
            if isinstance(event, yaml.CollectionStartEvent):
                self._open.append((set() if isinstance(event, yaml.MappingStartEvent) else None, True))
        return twice

    def _node(self, event: Any) -> bool:
        keys, is_key = self._open[-1] if self._open else (None, False)
        if keys is None:
            return False
        self._open[-1] = keys, not is_key
        if not is_key or not isinstance(event, yaml.ScalarEvent) or event.value == "<<":
            return False
        twice = event.value in keys
        keys.add(event.value)
        return twice


def _yaml_keys(text: str) -> Iterator[SyntaxIssue]:
    anchors, keys = set[str](), _Keys()
    for event in yaml.parse(text, Loader=_YAML):
        if isinstance(event, yaml.DocumentStartEvent):
            anchors.clear()
        elif isinstance(event, yaml.AliasEvent) and event.anchor not in anchors:
            yield SyntaxIssue(f"the alias *{event.anchor} has no anchor", event.start_mark.line + 1)
            return
        elif isinstance(event, yaml.NodeEvent) and event.anchor:
            anchors.add(event.anchor)
        if keys.take(event):
            yield SyntaxIssue(f"the key {event.value!r} stands twice", event.start_mark.line + 1)
            return


def _toml(text: str) -> Iterator[SyntaxIssue]:
    if len(text) > _MAX_TOML_BYTES:
        return
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        yield SyntaxIssue(_LINE.sub("", str(error)).strip(), int(found[1]) if found else None)
    except (RecursionError, ValueError):
        yield SyntaxIssue("it cannot be parsed")


_PARSERS: dict[str, Callable[[str], Iterator[SyntaxIssue]]] = {
    "json": _json,
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "toml": _toml,
    "yaml": _yaml,
}
