"""A place in a text where something stands that is nobody's business."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["secret", "email", "phone", "card", "iban", "ip"]


@dataclass(frozen=True, slots=True)
class Detection:
    """`name` says what it is more closely, such as `AWS access key`."""

    kind: Kind
    start: int
    end: int
    name: str


def apart(found: Sequence[Detection]) -> Sequence[Detection]:
    """Ordered by place, none overlapping: of two that would, the one that begins first, then the longer one."""
    if len(found) < 2:
        return found
    kept = list[Detection]()
    for hit in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
    return kept


def joined(found: Sequence[Detection]) -> Sequence[Detection]:
    """Ordered by place, and those that overlap are one: of what either covers nothing is left."""
    kept = list[Detection]()
    for hit in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
        elif hit.end > kept[-1].end:
            kept[-1] = Detection(kept[-1].kind, kept[-1].start, hit.end, kept[-1].name)
    return kept
