from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from llm.catalog import Tokens
from llm.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class CallUsage:
    """What one attempt at one model took. `outcome` is `ok`, `stopped` or the code of an error.

    `estimated` says that the provider told no usage, and that the tokens are worked out from the length of what was
    sent and said. `cost` is in dollars at the prices of that moment, `None` where nobody knows them. `first_token` is
    `None` where none came.
    """

    spec: ModelSpec
    outcome: str
    tokens: Tokens
    estimated: bool
    cost: Decimal | None
    duration_seconds: float
    first_token_seconds: float | None
    # Of one that failed.
    reason: str | None = None
    # Whether a model of the factory's was called, and no model of a graph's own, whose span says itself what it took.
    by_factory: bool = True


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """Of all attempts at one model. `cost` is `None` as soon as that of one is not known."""

    tokens: Tokens = field(default_factory=Tokens)
    cost: Decimal | None = Decimal(0)
    estimated: bool = False

    def add(self, usage: CallUsage) -> "UsageTotal":
        cost = None if self.cost is None or usage.cost is None else self.cost + usage.cost
        return UsageTotal(self.tokens + usage.tokens, cost, self.estimated or usage.estimated)


class Meter:
    """What one run has spent so far."""

    def __init__(self) -> None:
        self._spent: list[CallUsage] = []

    def add(self, usage: CallUsage) -> None:
        self._spent.append(usage)

    @property
    def calls(self) -> Sequence[CallUsage]:
        return tuple(self._spent)

    @property
    def totals(self) -> Mapping[ModelSpec, UsageTotal]:
        totals: dict[ModelSpec, UsageTotal] = {}
        for usage in self._spent:
            totals[usage.spec] = totals.get(usage.spec, UsageTotal()).add(usage)
        return totals

    @property
    def tokens(self) -> int:
        return sum(usage.tokens.total for usage in self._spent)

    @property
    def cost(self) -> Decimal:
        """In dollars, as far as prices were known."""
        return sum((usage.cost for usage in self._spent if usage.cost is not None), Decimal(0))

    @property
    def answered_model(self) -> ModelSpec | None:
        """The model that answered last."""
        return next((usage.spec for usage in reversed(self._spent) if usage.outcome == "ok"), None)
