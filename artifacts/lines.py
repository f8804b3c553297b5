"""Texts as lines, and which lines two texts share."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

# Steps of difflib that one comparison may take: less than a second where all of them are needed. Without a bound, two
# JSON texts of 2,000 lines that share their brackets only take half a minute.
_WORK = 60_000_000


@dataclass(frozen=True, slots=True)
class MatchingBlock:
    """`size` lines that are the same, from line `before` of one text and line `after` of the other."""

    before: int
    after: int
    size: int


def split(text: str) -> list[str]:
    """Lines with their ends; together they are the text. Only `\\n` ends a line, with or without a `\\r` before it."""
    *ended, last = text.split("\n")
    return [*(f"{line}\n" for line in ended), *([last] if last else [])]


def newline(text: str) -> str | None:
    """How most lines of the text end, `\\n` or `\\r\\n`; `None` where it is one line without an end."""
    every, windows = text.count("\n"), text.count("\r\n")
    if not every:
        return None
    return "\r\n" if windows * 2 > every else "\n"


def normalize_newlines(text: str, ends: str | None) -> str:
    """The text with all its lines ending in `ends`; as it is where that is `None`."""
    return text.replace("\r\n", "\n").replace("\n", ends) if ends else text


def matching_blocks(before: Sequence[str], after: Sequence[str]) -> list[MatchingBlock]:
    """Runs of equal lines in the order of both texts, as long as they go.

    The work is bounded whatever the texts: a stretch that would cost too much counts as wholly different.
    """
    head = _matching_indexes(before, after)
    tail = _matching_indexes(before[head:][::-1], after[head:][::-1])
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    middle = (MatchingBlock(head + run.before, head + run.after, run.size) for run in _between(old, new))
    return _join_blocks(
        [MatchingBlock(0, 0, head), *middle, MatchingBlock(len(before) - tail, len(after) - tail, tail)]
    )


def _matching_indexes(before: Sequence[str], after: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))


def _join_blocks(runs: Sequence[MatchingBlock]) -> list[MatchingBlock]:
    joined: list[MatchingBlock] = []
    for run in runs:
        last = joined[-1] if joined else MatchingBlock(0, 0, 0)
        if joined and (last.before + last.size, last.after + last.size) == (run.before, run.after):
            joined[-1] = MatchingBlock(last.before, last.after, last.size + run.size)
        elif run.size:
            joined.append(run)
    return joined


def _between(old: Sequence[str], new: Sequence[str]) -> Iterator[MatchingBlock]:
    left, at, to = _WORK, 0, 0
    for anchor in [*_anchors(old, new), MatchingBlock(len(old), len(new), 0)]:
        one, other = old[at : anchor.before], new[to : anchor.after]
        cost = _cost(one, other)
        if 0 < cost <= left:
            left -= cost
            found = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
            yield from (MatchingBlock(at + block.a, to + block.b, block.size) for block in found)
        yield anchor
        at, to = anchor.before + anchor.size, anchor.after + anchor.size


def _cost(one: Sequence[str], other: Sequence[str]) -> int:
    """The most steps that difflib may take: it looks at every pair of equal lines once for each run that it finds."""
    here, there = Counter(one), Counter(other)
    pairs = sum(count * there[line] for line, count in here.items())
    runs = sum(min(count, there[line]) for line, count in here.items())
    return (len(one) + pairs) * (2 * runs + 1) if pairs else 0


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[MatchingBlock]:
    """Lines that occur once in each text, the most that are in the same order in both."""
    here, there = Counter(old), Counter(new)
    place = {line: at for at, line in enumerate(new)}
    pairs = [(at, place[line]) for at, line in enumerate(old) if here[line] == 1 == there[line]]
    return [MatchingBlock(*pairs[at], 1) for at in _longest_increasing([to for _, to in pairs])]


def _longest_increasing(numbers: Sequence[int]) -> list[int]:
    """Places of a longest rising row among different numbers."""
    ends: list[int] = []
    places: list[int] = []
    before: list[int] = []
    for at, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(places[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        places[length : length + 1] = [at]
    return _chain(places[-1] if places else -1, before)


def _chain(last: int, before: Sequence[int]) -> list[int]:
    chain: list[int] = []
    while last >= 0:
        chain.append(last)
        last = before[last]
    return chain[::-1]
