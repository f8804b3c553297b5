from dataclasses import dataclass
from itertools import takewhile
from urllib.parse import parse_qsl

# As OpenAI names what is made of its models, and series of one family: `ft:gpt-4.1-mini:acme`, `o4-mini`.
_FINE_TUNED = "ft:"
_FAMILIES = {"o": "gpt", "chatgpt": "gpt"}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """`provider:name`, as in `openai:gpt-5-mini` or `ollama:llama3.2:3b`. The name may hold colons of its own."""

    provider: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "ModelSpec":
        provider, colon, name = text.strip().partition(":")
        if not (provider and colon and name):
            raise ValueError(f"{text!r} is no model: expected provider:name, as in openai:gpt-5-mini")
        return cls(provider, name)

    @property
    def family(self) -> str:
        """What its makers call their models: `gpt`, `llama`, `qwen`. Models of one family err alike."""
        base = self.name.removeprefix(_FINE_TUNED).rpartition("/")[2].lower()
        series = "".join(takewhile(str.isalpha, base))
        return _FAMILIES.get(series, series)

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """What one candidate of a profile is given at most, where that is not what all are given.

    `output` in tokens, `first_token`, `gap` and `total` in seconds, `attempts` counted.
    """

    max_tokens: int | None = None
    first_token_seconds: float | None = None
    idle_seconds: float | None = None
    total_seconds: float | None = None
    max_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """A model and its limits, as a profile names them: `openai:gpt-5-mini?max_tokens=2000&first_token_seconds=10`."""

    model: ModelSpec
    limits: LinkLimits = LinkLimits()

    @classmethod
    def parse(cls, text: str) -> "LinkSpec":
        """Raises `ValueError`, with words for whoever wrote the setting."""
        named, _, limited = text.strip().partition("?")
        return cls(ModelSpec.parse(named), _parse_limits(text, limited))


def _parse_limits(text: str, limited: str) -> LinkLimits:
    kinds = {
        "max_tokens": int,
        "first_token_seconds": float,
        "idle_seconds": float,
        "total_seconds": float,
        "max_attempts": int,
    }
    given = dict[str, float]()
    for name, value in parse_qsl(limited, keep_blank_values=True):
        if name not in kinds:
            raise ValueError(f"{text!r}: there is no limit {name!r}; there are {', '.join(kinds)}")
        try:
            given[name] = kinds[name](value)
        except ValueError:
            raise ValueError(f"{text!r}: {value!r} is no number") from None
        if not given[name] > 0:
            raise ValueError(f"{text!r}: {name} has to be more than 0")
    return LinkLimits(**given)  # type: ignore[arg-type]  # the table above says which are counted
