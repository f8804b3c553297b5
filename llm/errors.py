"""What can go wrong on the way to a model. Messages are for people and never hold a provider's own words."""

from typing import ClassVar


class ModelError(Exception):
    """A call that a provider did not answer. `code` is stable and documented in docs/errors.md."""

    code: ClassVar[str] = "model_error"

    def __init__(self, message: str, *, provider: str, model: str) -> None:
        super().__init__(message)
        self.provider = provider
        self.model = model


class ModelUnavailable(ModelError):
    """The provider could not be reached, broke off, or said that it is ill (5xx)."""

    code = "model_unavailable"


class ModelOverloaded(ModelError):
    """The provider asks to be called later (429, 503)."""

    code = "model_overloaded"


class ModelRefused(ModelError):
    """The provider does not take this call: a key, a right, a model or a parameter (4xx)."""

    code = "model_refused"


class ContextTooLong(ModelError):
    code = "context_too_long"


class UnknownModel(LookupError):
    """No provider serves this model. `near` holds the specs that look like it, best first."""

    def __init__(self, asked: str, near: tuple[str, ...]) -> None:
        super().__init__(f"Unknown model {asked!r}")
        self.asked = asked
        self.near = near


class UnknownProfile(LookupError):
    def __init__(self, asked: str, known: tuple[str, ...]) -> None:
        super().__init__(f"Unknown profile {asked!r}")
        self.asked = asked
        self.known = known


class NoModel(LookupError):
    """A profile none of whose candidates is there now."""

    def __init__(self, profile: str) -> None:
        super().__init__(f"No model of the profile {profile!r} is there")
        self.profile = profile


class BadScript(ValueError):
    """A script for the scripted model that cannot be read."""
