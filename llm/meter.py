from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from llm.catalog import Tokens
from llm.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Spent:
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
    seconds: float
    first_token: float | None
    # Of one that failed.
    reason: str | None = None
    # Whether a model of the factory's was called, and no model of a graph's own, whose span says itself what it took.
    by_factory: bool = True


@dataclass(frozen=True, slots=True)
class Total:
    """Of all attempts at one model. `cost` is `None` as soon as that of one is not known."""

    tokens: Tokens = field(default_factory=Tokens)
    cost: Decimal | None = Decimal(0)
    estimated: bool = False

    def plus(self, spent: Spent) -> "Total":
        cost = None if self.cost is None or spent.cost is None else self.cost + spent.cost
        return Total(self.tokens + spent.tokens, cost, self.estimated or spent.estimated)


class Meter:
    """What one run has spent so far."""

    def __init__(self) -> None:
        self._spent: list[Spent] = []

    def add(self, spent: Spent) -> None:
        self._spent.append(spent)

    @property
    def spent(self) -> Sequence[Spent]:
        return tuple(self._spent)

    @property
    def totals(self) -> Mapping[ModelSpec, Total]:
        totals: dict[ModelSpec, Total] = {}
        for spent in self._spent:
            totals[spent.spec] = totals.get(spent.spec, Total()).plus(spent)
        return totals

    @property
    def tokens(self) -> int:
        return sum(spent.tokens.total for spent in self._spent)

    @property
    def cost(self) -> Decimal:
        """In dollars, as far as prices were known."""
        return sum((spent.cost for spent in self._spent if spent.cost is not None), Decimal(0))

    @property
    def answered(self) -> ModelSpec | None:
        """The model that answered last."""
        return next((spent.spec for spent in reversed(self._spent) if spent.outcome == "ok"), None)
