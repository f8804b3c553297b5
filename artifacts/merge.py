"""Two changes of one text, brought together by lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from artifacts.lines import matching_blocks, newline, split

_OPENING, _BETWEEN, _CLOSING = "<<<<<<< ", "=======", ">>>>>>> "


@dataclass(frozen=True, slots=True)
class MergeResult:
    """`conflicts` says how many places of `text` stand between conflict markers."""

    text: str
    conflicts: int


@dataclass(frozen=True, slots=True)
class _Region:
    """The same stretch in three texts: one line that all have, or what lies between two such lines."""

    base: Sequence[str]
    ours: Sequence[str]
    theirs: Sequence[str]

    def resolve(self) -> Sequence[str] | None:
        if self.theirs in (self.base, self.ours):
            return self.ours
        return self.theirs if self.ours == self.base else None


def merge(base: str, ours: str, theirs: str, *, our_name: str = "ours", their_name: str = "theirs") -> MergeResult:
    """Both changes of `base` in one text.

    Where both changed the same lines, or lines that touch, in different ways, both stand between markers:
    `<<<<<<< our_name`, ours, `=======`, theirs, `>>>>>>> their_name`. No changed line is dropped. Markers never nest:
    what stood between earlier ones is told beside, behind another `=======`.
    """
    ends = newline(ours) or newline(theirs) or "\n"
    parts: list[str] = []
    conflicts = 0
    for region in _regions(*(_group_lines(split(text)) for text in (base, ours, theirs))):
        settled = region.resolve()
        conflicts += settled is None
        parts += _conflict(region, our_name, their_name, ends) if settled is None else settled
    return MergeResult("".join(parts), conflicts)


def _regions(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[_Region]:
    in_ours, in_theirs = _places(base, ours), _places(base, theirs)
    start, our_start, their_start = 0, 0, 0
    for at, line in enumerate(base):
        if at in in_ours and at in in_theirs:
            our_end, their_end = in_ours[at], in_theirs[at]
            yield _Region(base[start:at], ours[our_start:our_end], theirs[their_start:their_end])
            yield _Region([line], [line], [line])
            start, our_start, their_start = at + 1, our_end + 1, their_end + 1
    yield _Region(base[start:], ours[our_start:], theirs[their_start:])


def _places(base: Sequence[str], changed: Sequence[str]) -> dict[int, int]:
    return {run.before + n: run.after + n for run in matching_blocks(base, changed) for n in range(run.size)}


def _group_lines(lines: Sequence[str]) -> list[str]:
    """The lines, with each earlier conflict as one of them: it is changed as a whole, or not."""
    grouped, block = list[str](), list[str]()
    for line in lines:
        if not block and not line.startswith(_OPENING):
            grouped.append(line)
            continue
        block.append(line)
        if line.startswith(_CLOSING):
            grouped.append("".join(block))
            block = []
    return [*grouped, *block]


def _alternatives(side: Sequence[str]) -> list[list[str]]:
    """What a side may be read as: itself, or one text for each side of the earlier conflicts in it."""
    choices = [_conflict_sides(line) for line in side]
    count = max(map(len, choices), default=1)
    return [[line for sides in choices for line in sides[min(at, len(sides) - 1)]] for at in range(count)]


def _conflict_sides(grouped: str) -> list[list[str]]:
    lines = split(grouped)
    if not (grouped.startswith(_OPENING) and lines[-1].startswith(_CLOSING)):
        return [[grouped]]
    sides = [list[str]()]
    for line in lines[1:-1]:
        if line.rstrip("\r\n") == _BETWEEN:
            sides.append([])
        else:
            sides[-1].append(line)
    return sides


def _conflict(region: _Region, our_name: str, their_name: str, ends: str) -> list[str]:
    told = list[list[str]]()
    for alternative in [*_alternatives(region.ours), *_alternatives(region.theirs)]:
        if (lines := _with_line_end(alternative, ends)) not in told:
            told.append(lines)
    between = [line for at, lines in enumerate(told) for line in [*([f"{_BETWEEN}{ends}"] if at else []), *lines]]
    return [
        f"{_OPENING}{' '.join(our_name.split())}{ends}",
        *between,
        f"{_CLOSING}{' '.join(their_name.split())}{ends}",
    ]


def _with_line_end(lines: Sequence[str], ends: str) -> list[str]:
    # Only a text's last line may be without an end, and the marker behind it needs a line of its own.
    return [line if line.endswith("\n") else f"{line}{ends}" for line in lines]
