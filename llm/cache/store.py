from collections.abc import Sequence
from typing import Protocol


class CacheStore(Protocol):
    """What may be forgotten at any time. Values and lists live under names of their own; `ttl` is in seconds.

    A store that cannot be asked has nothing: it raises no error.
    """

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, ttl: float) -> None: ...

    async def get_list(self, key: str) -> Sequence[bytes]:
        """The values of a list, latest first."""
        ...

    async def push(self, key: str, value: bytes, *, max_items: int, ttl: float) -> None:
        """Puts a value before the others; the list keeps `most` of them, and lives for `ttl` from now on."""
        ...
