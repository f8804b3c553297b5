from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. It reaches every storage method that touches a row: nothing is read or written without an owner."""

    tenant: str
    user: str
    scopes: frozenset[str] = frozenset()
