from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Who = Literal["user", "tenant"]
Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Sum:
    """Tokens of both directions, and dollars as far as prices were known."""

    tokens: int = 0
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent; `None` is any amount."""

    tokens: int | None = None
    cost: Decimal | None = None

    def is_spent(self, spent: Sum) -> bool:
        return (self.tokens is not None and spent.tokens >= self.tokens) or (
            self.cost is not None and spent.cost >= self.cost
        )

    @property
    def is_bound(self) -> bool:
        return self.tokens is not None or self.cost is not None


Allowances = Mapping[tuple[Who, Period], Allowance]
