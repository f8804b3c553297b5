"""The labelled texts that the deterministic checks of answers are measured with."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
# More of them, by somebody who had not seen the checks that were there by then.
SECOND = FOLDER / "second"
# Near misses that were written to find what is wrong with the checks, and mended by: they measure nothing any more.
FRESH = FOLDER / "fresh"
MARKER = "⟂"


@dataclass(frozen=True)
class Sample:
    """One text with the label that a person gave it for one check."""

    id: str
    check: str
    label: str
    asked: str
    given: str
    system: str
    text: str
    kind: str
    language: str | None
    why: str


def samples(check: str | None = None, *, folder: Path = FOLDER) -> list[Sample]:
    """Return the samples of a check, or all of them, without the marker in secret-shaped values."""
    paths = sorted(folder.glob("*.jsonl")) if check is None else [folder / f"{check}.jsonl"]
    return [
        Sample(check=path.stem, **json.loads(line.replace(MARKER, "")))
        for path in paths
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    ]


def kept_aside(sample: Sample) -> bool:
    """Return whether nobody looks at the results of this sample while tuning."""
    return int(hashlib.sha256(sample.id.encode()).hexdigest(), 16) % 3 == 0
