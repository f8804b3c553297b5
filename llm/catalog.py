from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from langchain_core.language_models import BaseChatModel

from llm.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of one model before it is called. `context_length` is in tokens, `None` where nobody says."""

    spec: ModelSpec
    tools: bool
    vision: bool
    json_schema: bool
    reasoning: bool = False
    context_length: int | None = None
    # Whether it fetches pictures by their address; all that see take them as data.
    picture_urls: bool = True
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
    def there(self) -> bool:
        """Whether it can be called, as far as is known. A request that names its model may try all the same."""
        ...

    @property
    def default(self) -> str | None:
        """The name that stands for this vendor in a profile with no setting."""
        ...

    def info(self, name: str) -> ModelInfo: ...

    def chat_model(self, name: str) -> BaseChatModel: ...

    async def aclose(self) -> None: ...
