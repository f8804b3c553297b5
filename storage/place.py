from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: behind the row of this moment, in the list's own order, and of this id."""

    moment: datetime
    id: str
