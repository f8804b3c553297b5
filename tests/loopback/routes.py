"""Which path is which topic, in which format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.loopback import wire_anthropic, wire_ollama, wire_openai
from tests.loopback.answer import Exchange
from tests.loopback.catalog import Catalog
from tests.loopback.cues import Topic
from tests.loopback.fault import Problem, Status
from tests.loopback.http import Request
from tests.loopback.script import Reply
from tests.loopback.wire import Ask, Wire

OPENAI = wire_openai.OpenAI()
OLLAMA = wire_ollama.Ollama()
ANTHROPIC = wire_anthropic.Anthropic()


@dataclass(frozen=True, slots=True)
class Route:
    topic: Topic
    wire: Wire
    document: Callable[[Ask, Reply], bytes | Status]

    def exchange(self, number: int, request: Request, catalog: Catalog) -> Exchange:
        streamed = self.topic == "chat" and self.wire.streams(request.body)
        return Exchange(self.wire, Ask(number, request.body, catalog), streamed, self.document)


ROUTES: Mapping[tuple[str, str], Route] = {
    ("POST", "/v1/chat/completions"): Route("chat", OPENAI, OPENAI.document),
    ("POST", "/v1/embeddings"): Route("embed", OPENAI, wire_openai.embeddings),
    ("GET", "/v1/models"): Route("models", OPENAI, wire_openai.models),
    ("POST", "/api/chat"): Route("chat", OLLAMA, OLLAMA.document),
    ("POST", "/api/embed"): Route("embed", OLLAMA, wire_ollama.embed),
    ("GET", "/api/tags"): Route("models", OLLAMA, wire_ollama.tags),
    ("POST", "/api/show"): Route("show", OLLAMA, wire_ollama.show),
    ("POST", "/anthropic/v1/messages"): Route("chat", ANTHROPIC, ANTHROPIC.document),
    ("GET", "/anthropic/v1/models"): Route("models", ANTHROPIC, wire_anthropic.models),
    ("GET", "/api/version"): Route("version", OLLAMA, wire_ollama.version),
}


def nowhere(request: Request) -> Status:
    return Status(404, Problem(f"Invalid URL ({request.method} {request.path})", "invalid_request_error"))
