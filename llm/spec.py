from dataclasses import dataclass


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

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"
