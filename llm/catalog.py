from collections.abc import Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Protocol

from langchain_core.language_models import BaseChatModel

from llm.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of one call. `cached`, `cache_write` and `reasoning` are parts of the two totals, never more than they."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def total(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Price:
    """In dollars per million tokens, for a call of ordinary length."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class PricedModel:
    """A model as the table knows it: who bills for it, by the table's name for them or by their address, and its name.

    A server of one's own may serve a model that another bills for; without a biller there is no price.
    """

    name: str
    biller: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of one model before it is called. `context_length` and `most_output` are in tokens, `None` where
    nobody says. `listed` is where its price stands.
    """

    spec: ModelSpec
    tools: bool
    vision: bool
    json_schema: bool
    reasoning: bool = False
    context_length: int | None = None
    max_output_tokens: int | None = None
    priced_as: PricedModel | None = None
    # Whether it fetches pictures by their address; all that see take them as data.
    image_urls: bool = True
    # Whether a last message of its own is gone on with, instead of being answered.
    prefill: bool = False


class Provider(Protocol):
    """One vendor: what it serves, and a chat model for each name. One module each, listed in `factory.VENDORS`."""

    name: str
    refresh_seconds: float

    async def refresh(self) -> None:
        """Asks the vendor what it serves. One that does not answer is a fact to keep, not an error to raise."""
        ...

    @property
    def models(self) -> Sequence[ModelInfo] | None:
        """What it serves, in the order of preference; `None` where it could not be asked: any name may be tried."""
        ...

    @property
    def is_available(self) -> bool:
        """Whether it can be called, as far as is known. A request that names its model may try all the same."""
        ...

    @property
    def default(self) -> str | None:
        """The name that stands for this vendor in a profile with no setting."""
        ...

    @property
    def in_flight(self) -> int | None:
        """How many calls it takes at once; `None` leaves that to the settings."""
        ...

    def info(self, name: str) -> ModelInfo: ...

    def chat_model(self, name: str) -> BaseChatModel: ...

    async def aclose(self) -> None: ...
