from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on: behind the row of this moment, in the list's own order, and of this id."""

    time: datetime
    id: str
