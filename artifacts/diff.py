"""What changed between two texts, for people, for `patch` and for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from artifacts.lines import MatchingBlock, matching_blocks, split

Op = Literal["equal", "insert", "delete", "replace"]

# Lines around a change.
_CONTEXT = 3


@dataclass(frozen=True, slots=True)
class LineChange:
    """A stretch of lines. `before` and `after` are lines of the two texts, from 0, the second not included.

    `removed` and `added` are lines with their ends; those of an equal stretch are left out.
    """

    op: Op
    before: tuple[int, int]
    after: tuple[int, int]
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def line_changes(before: str, after: str) -> list[LineChange]:
    """All stretches of both texts in their order, equal and changed ones in turn."""
    return _changes(split(before), split(after))


def counts(changed: Sequence[LineChange]) -> tuple[int, int]:
    """How many lines were added, and how many removed."""
    return sum(len(change.added) for change in changed), sum(len(change.removed) for change in changed)


def diff_as_json(before: str, after: str, names: tuple[str, str], versions: tuple[int, int], *, coarse: bool) -> bytes:
    """A JSON object of the versions, the changes, how many lines were added and removed, and the unified difference.

    Where it is `coarse`, all lines of the one text are removed and all of the other added, which costs next to nothing.
    """
    old, new = split(before), split(after)
    found = _replacement(old, new) if coarse else _changes(old, new)
    added, removed = counts(found)
    told = {"before": versions[0], "after": versions[1], "added": added, "removed": removed}
    plain = _unified_lines(found, old, *names, _CONTEXT)
    return json.dumps({**told, "changes": [asdict(change) for change in found], "unified": plain}).encode()


def diff_as_patch(before: str, after: str, names: tuple[str, str], *, coarse: bool) -> bytes:
    """The unified difference; `coarse` as in `diff_as_json`."""
    old, new = split(before), split(after)
    found = _replacement(old, new) if coarse else _changes(old, new)
    return _unified_lines(found, old, *names, _CONTEXT).encode()


def _replacement(old: Sequence[str], new: Sequence[str]) -> list[LineChange]:
    return [_change(old, new, (0, len(old)), (0, len(new)))] if old != new else []


def unified_diff(before: str, after: str, *, before_name: str, after_name: str, context: int = _CONTEXT) -> str:
    """The difference as `patch` and `git apply` read it, with `context` lines around; empty where there is none.

    The names are written as given: `git apply` wants `a/` and `b/` before them, and `/dev/null` for no file.
    """
    old, new = split(before), split(after)
    return _unified_lines(_changes(old, new), old, before_name, after_name, context)


def _unified_lines(
    found: Sequence[LineChange], old: Sequence[str], before_name: str, after_name: str, context: int
) -> str:
    changed = [change for change in found if change.op != "equal"]
    if not changed:
        return ""
    hunks = [_hunk(group, old, context) for group in _groups(changed, context)]
    return "".join([f"--- {_name(before_name)}\n", f"+++ {_name(after_name)}\n", *hunks])


def _changes(old: Sequence[str], new: Sequence[str]) -> list[LineChange]:
    found: list[LineChange] = []
    at, to = 0, 0
    for run in [*matching_blocks(old, new), MatchingBlock(len(old), len(new), 0)]:
        if at < run.before or to < run.after:
            found.append(_change(old, new, (at, run.before), (to, run.after)))
        at, to = run.before + run.size, run.after + run.size
        if run.size:
            found.append(LineChange("equal", (run.before, at), (run.after, to)))
    return found


def _change(old: Sequence[str], new: Sequence[str], before: tuple[int, int], after: tuple[int, int]) -> LineChange:
    removed, added = tuple(old[slice(*before)]), tuple(new[slice(*after)])
    op: Op = "replace" if removed and added else "delete" if removed else "insert"
    return LineChange(op, before, after, removed, added)


def _groups(changed: Sequence[LineChange], context: int) -> Iterator[list[LineChange]]:
    """Changes that share lines of context are of one hunk."""
    group: list[LineChange] = []
    for change in changed:
        if group and change.before[0] - group[-1].before[1] > 2 * context:
            yield group
            group = []
        group.append(change)
    yield group


def _hunk(group: Sequence[LineChange], old: Sequence[str], context: int) -> str:
    start = max(0, group[0].before[0] - context)
    end = min(len(old), group[-1].before[1] + context)
    lines: list[str] = []
    at = start
    for change in group:
        lines += _mark_lines(" ", old[at : change.before[0]])
        lines += [*_mark_lines("-", change.removed), *_mark_lines("+", change.added)]
        at = change.before[1]
    lines += _mark_lines(" ", old[at:end])
    added, removed = counts(group)
    to = group[0].after[0] - (group[0].before[0] - start)
    return f"@@ -{_range(start, end - start)} +{_range(to, end - start + added - removed)} @@\n{''.join(lines)}"


def _range(start: int, size: int) -> str:
    # An empty range is named by the line before it.
    return f"{start + 1 if size else start},{size}"


def _mark_lines(mark: str, lines: Sequence[str]) -> list[str]:
    return [mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n" for line in lines]


def _name(name: str) -> str:
    plain = "".join(character if character.isprintable() else "?" for character in name)
    # What ends a name with a space in it is a tab.
    return f"{plain}\t" if " " in plain else plain
