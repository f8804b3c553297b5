"""Two changes of one text, brought together by lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from artifacts.lines import newline, shared, split


@dataclass(frozen=True, slots=True)
class Merged:
    """`conflicts` says how many places of `text` stand between conflict markers."""

    text: str
    conflicts: int


@dataclass(frozen=True, slots=True)
class _Region:
    """The same stretch in three texts: one line that all have, or what lies between two such lines."""

    base: Sequence[str]
    ours: Sequence[str]
    theirs: Sequence[str]

    def settled(self) -> Sequence[str] | None:
        if self.theirs in (self.base, self.ours):
            return self.ours
        return self.theirs if self.ours == self.base else None


def merge(base: str, ours: str, theirs: str, *, our_name: str = "ours", their_name: str = "theirs") -> Merged:
    """Both changes of `base` in one text.

    Where both changed the same lines, or lines that touch, in different ways, both stand between markers:
    `<<<<<<< our_name`, ours, `=======`, theirs, `>>>>>>> their_name`. No changed line is dropped.
    """
    ends = newline(ours) or newline(theirs) or "\n"
    parts: list[str] = []
    conflicts = 0
    for region in _regions(split(base), split(ours), split(theirs)):
        settled = region.settled()
        conflicts += settled is None
        parts += _conflict(region, our_name, their_name, ends) if settled is None else settled
    return Merged("".join(parts), conflicts)


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
    return {run.before + n: run.after + n for run in shared(base, changed) for n in range(run.size)}


def _conflict(region: _Region, our_name: str, their_name: str, ends: str) -> list[str]:
    return [
        f"<<<<<<< {' '.join(our_name.split())}{ends}",
        *_ended(region.ours, ends),
        f"======={ends}",
        *_ended(region.theirs, ends),
        f">>>>>>> {' '.join(their_name.split())}{ends}",
    ]


def _ended(lines: Sequence[str], ends: str) -> list[str]:
    # Only a text's last line may be without an end, and the marker behind it needs a line of its own.
    return [line if line.endswith("\n") else f"{line}{ends}" for line in lines]
