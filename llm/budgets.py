from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

BudgetScope = Literal["user", "tenant"]
Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class SpentSoFar:
    """Tokens of both directions, and dollars as far as prices were known."""

    tokens: int = 0
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent; `None` is any amount."""

    max_tokens: int | None = None
    max_cost: Decimal | None = None

    def is_exhausted(self, spent: SpentSoFar) -> bool:
        return (self.max_tokens is not None and spent.tokens >= self.max_tokens) or (
            self.max_cost is not None and spent.cost >= self.max_cost
        )

    @property
    def is_limited(self) -> bool:
        return self.max_tokens is not None or self.max_cost is not None


Budgets = Mapping[tuple[BudgetScope, Period], Budget]
