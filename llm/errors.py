"""What can go wrong on the way to a model. Messages are for people and never hold a provider's own words."""

from typing import ClassVar


class ModelError(Exception):
    """A call that a provider did not answer. `code` is stable and documented in docs/errors.md.

    `retry_after` is what the provider asked for, in seconds. `provider` and `model` are empty where it was neither.
    `reason` is for logs and spans, and finer than the code: `refused`, `timeout`, `status_503`, `breaker_open`, …
    """

    code: ClassVar[str] = "model_error"
    usual_reason: ClassVar[str] = ""
    # Whether the same call may succeed a moment later, and whether the error says that the provider is ill.
    is_transient: ClassVar[bool] = False
    counts_as_failure: ClassVar[bool] = False

    def __init__(
        self, message: str, *, provider: str = "", model: str = "", retry_after: float | None = None, reason: str = ""
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.model = model
        self.retry_after = retry_after
        self.reason = reason or self.usual_reason or self.code


class ModelUnavailable(ModelError):
    """The provider could not be reached, broke off, or said that it is ill (5xx)."""

    code = "model_unavailable"
    usual_reason = "broken_off"
    is_transient = counts_as_failure = True


class CircuitOpen(ModelUnavailable):
    """The breaker keeps calls away from this model for now; nothing was sent."""

    usual_reason = "breaker_open"
    is_transient = counts_as_failure = False


class ModelOverloaded(ModelError):
    """The provider is well and asks to be called later."""

    code = "model_overloaded"
    is_transient = True


class ProviderRejected(ModelError):
    """The provider does not take this call: a key, a right, a model or a parameter (4xx)."""

    code = "provider_rejected"


class ContextTooLong(ModelError):
    code = "context_too_long"


class CapabilityUnsupported(ModelError):
    """No model that was asked can do what the call needs: read a schema, see a picture."""

    code = "capability_unsupported"


class Overloaded(ModelError):
    """We have too many calls under way ourselves; nothing was sent. `retry_after` says when to come back."""

    code = "overloaded"
    usual_reason = "queue_full"


class RunBudgetExceeded(ModelError):
    """The run has spent what one run may."""

    code = "run_budget_exceeded"


class BudgetExhausted(ModelError):
    """A person or a tenant has spent what a day or a month allows. `retry_after` is the time until the next."""

    code = "budget_exhausted"


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


class NoModelAvailable(LookupError):
    """A profile none of whose candidates is there now."""

    def __init__(self, profile: str) -> None:
        super().__init__(f"No model of the profile {profile!r} is available")
        self.profile = profile


class InvalidScript(ValueError):
    """A script for the scripted model that cannot be read."""
