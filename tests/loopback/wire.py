"""The seam between what is said and how a provider spells it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.loopback.catalog import Catalog
from tests.loopback.fault import Problem
from tests.loopback.script import Reply, split


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as the formats read it; `number` counts the server's requests from 1."""

    number: int
    body: Mapping[str, Any]
    catalog: Catalog

    @property
    def model(self) -> str:
        return str(self.body.get("model") or self.body.get("name") or "")

    @property
    def prompt_words(self) -> int:
        return sum(len(split(content_text(message))) for message in self.body.get("messages", ()))

    @property
    def inputs(self) -> list[object]:
        """What is to be embedded: a text, tokens, or a list of either."""
        given = self.body.get("input", [])
        tokens = isinstance(given, list) and all(isinstance(token, int) for token in given)
        return [given] if tokens or isinstance(given, str) else list(given)


def content_text(message: Mapping[str, Any]) -> str:
    """A message's text, whether it is plain or in parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


class Wire(Protocol):
    """One provider's format."""

    content_type: str

    def streams(self, body: Mapping[str, Any]) -> bool:
        """Whether this request wants its answer in pieces."""

    def pieces(self, ask: Ask, reply: Reply) -> Iterator[bytes]:
        """The framed pieces of a stream; what opens it leads the first."""

    def closing(self, ask: Ask, reply: Reply) -> bytes:
        """The frames that follow the last piece."""

    def document(self, ask: Ask, reply: Reply) -> bytes:
        """The whole turn as one JSON document."""

    def piece(self, ask: Ask, text: str) -> bytes:
        """The JSON of one piece of text, not framed."""

    def problem(self, problem: Problem) -> bytes:
        """The JSON of an error, not framed."""

    def frame(self, payload: bytes) -> bytes:
        """A payload as one event of a stream."""
