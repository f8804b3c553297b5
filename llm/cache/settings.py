from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """`exact`: which calls are answered from memory where all that is asked is the same, character by character.
    `semantic`: whether those without tools, schemas and pictures also are where the last question means the same, by
    the vectors of `embedder` and their cosine; of each conversation before it the latest `entries` are compared.

    `ttl` is in seconds. Answers are a person's own, unless they are `shared_by_tenant`.
    """

    exact: Literal["off", "temperature_0", "all"] = "temperature_0"
    ttl: float = 3600.0
    shared_by_tenant: bool = False
    semantic: bool = False
    threshold: float = 0.97
    entries: int = 256
    embedder: str = "embedded:minilm"

    def exact_for(self, kwargs: dict[str, Any]) -> bool:
        # An answer that is not left to chance is the same each time, or could have been.
        return self.exact == "all" or (self.exact == "temperature_0" and kwargs.get("temperature") == 0)
