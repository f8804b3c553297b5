"""The labelled lines beside this file, as they are read by what measures with them."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

FILE = Path(__file__).with_name("lines.jsonl")
# Written by somebody else, once the detector was there, and who had not seen it.
SECOND = Path(__file__).with_name("second.jsonl")
# It stands within every value that is shaped like a secret, so that the scanners of code hosts stay quiet.
MARKER = "\N{PERPENDICULAR}"

Label = Literal["seeded", "lookalike"]
Kind = Literal["secret", "email", "phone", "card", "iban", "ip"]


@dataclass(frozen=True)
class Line:
    id: str
    label: Label
    kind: Kind
    text: str
    planted: tuple[str, ...]


def lines(file: Path = FILE) -> list[Line]:
    """All of a file, without the marker."""
    rows = (json.loads(row) for row in file.read_text(encoding="utf-8").split("\n") if row)
    return [
        Line(
            id=row["id"],
            label=row["label"],
            kind=row["kind"],
            text=row["text"].replace(MARKER, ""),
            planted=tuple(value.replace(MARKER, "") for value in row["planted"]),
        )
        for row in rows
    ]


def kept_aside(line: Line) -> bool:
    """Whether nobody looks at its result while a detector is being tuned."""
    return int(sha256(line.id.encode()).hexdigest(), 16) % 3 == 0
