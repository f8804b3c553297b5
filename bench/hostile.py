"""What hostile bodies cost a server: `make hostile`.

The server is a process of its own with the scripted model. Every POST, PUT and PATCH route gets bodies of at most
200 kB that are made from its description, with a fixed seed: near to valid ones with mutated fields, and others.
A defect is an answer of 5xx (but 503 with Retry-After), a run that ends in `internal`, and a request that costs a
second of CPU.
"""

import json
import random
import string
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil

from bench.process import agenkit, free_port, running
from tests.server import run_input, user

# It repeats nothing: the time of an answer grows with its length, and that is the model's to choose.
_SCRIPT = Path(__file__).with_suffix(".json")
MAX_BODY_BYTES = 200_000
MAX_CPU_SECONDS = 1.0
MAX_GROWTH_MB = 64
_MAX_DEPTH = 6
_TIMEOUT = 120.0

Json = Any

# What texts are made of: what parsers nest on, what scanners look for, and letters that are hard to write.
_UNITS = (
    *' \n\t\x00\u0301\u202e\ufeff\u1e9eİ\ud800a{[(`#*_\\"',
    *("```\n", "|-|\n", "- ", "> ", "<a ", "</", "&#", "\\u", "\x1b[0m", "\udfff\ud800", "\U0001f469\u200d"),
    *("a@", "a.", "1,", "%00", "../", "-----BEGIN ", "sk-", "1234 ", "AKIA", "eyJ", "==", "http://", "${", "{{"),
    *('{"a":', "function(){", "/*", "'''", "x=1;\n", "a,b\n", "<svg>", "graph TD\nA-->B\n", "def f():\n ", "| a |\n"),
)


@dataclass(frozen=True)
class HostileRequest:
    method: str
    path: str
    route: str
    kind: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Report:
    requests: int = 0
    defects: list[str] = field(default_factory=list)
    max_cpu_seconds: float = 0.0
    cpu_seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    rss_mb: list[float] = field(default_factory=list)

    @property
    def growth_mb(self) -> float:
        """From the end of the first quarter, when caches and pools are there, to the end."""
        return self.rss_mb[-1] - self.rss_mb[len(self.rss_mb) // 4]


_TEXT_FIELDS = {"text", "content", "messages", "message", "prompt", "context", "parameters", "state"}


class BodyGenerator:
    """Bodies of the server's own description, and what is done to them."""

    def __init__(self, description: Mapping[str, Any], rng: random.Random) -> None:
        self._schemas = description["components"]["schemas"]
        self._rng = rng

    def generate(self, route: str, content: Mapping[str, Any]) -> tuple[str, bytes]:
        kind, mutate = self._rng.choice(self._mutations())
        text = mutate(self._base(route, content))
        return kind, text.encode("utf-8", "surrogatepass")[:MAX_BODY_BYTES]

    def _base(self, route: str, content: Mapping[str, Any]) -> Json:
        if route == "/api/v1/chat/{agent_id}" and self._rng.random() < 0.8:
            return self._run_input()
        if (known := self._known(route)) is not None and self._rng.random() < 0.7:
            return known
        examples = [each["value"] for each in content.get("examples", {}).values()] + [content.get("example")]
        shown = [_without_hosts(each) for each in examples if each is not None]
        schema = content["schema"]
        return self._rng.choice(shown) if shown and self._rng.random() < 0.5 else self.sample(schema)

    def _known(self, route: str) -> Json:
        """What the server takes, where its description alone seldom leads to it."""
        rng = self._rng
        kind = rng.choice(["markdown", "html", "svg", "mermaid", "json", "csv", "code"])
        language = {"language": rng.choice(["python", "javascript", "go", "rust"])} if kind == "code" else {}
        return {
            "/api/v1/runs": {"agentId": "chat", **self._run_input()},
            "/api/v1/artifacts": {"name": "notes", "kind": kind, "text": "# Notes", **language},
            "/api/v1/artifacts/{artifact_id}": {"text": "# Notes", "note": "edited"},
            "/api/v1/memories": {"kind": "style", "text": "Short answers."},
            "/api/v1/reviews": {"text": "Lisbon is in Portugal.", "kind": kind, "prompt": "Where?", **language},
        }.get(route)

    def _run_input(self) -> Json:
        """A run's input with everything that one may hold, on a thread that may be known."""
        rng = self._rng
        number = rng.randrange(10**9)
        call = {"id": f"c{number}", "type": "function", "function": {"name": "paint", "arguments": '{"colour": "red"}'}}
        history = [
            user("Hi", f"u{number}"),
            {"id": f"a{number}", "role": "assistant", "content": "Hello", "toolCalls": [call]},
            {"id": f"t{number}", "role": "tool", "toolCallId": f"c{number}", "content": "done"},
            {"id": f"r{number}", "role": "reasoning", "content": "So."},
            {"id": f"x{number}", "role": "activity", "activityType": "note", "content": {"a": 1}},
        ]
        parts = [
            {"type": "text", "text": "Look"},
            {"type": "image", "source": {"type": "data", "value": "iVBORw0KGgo=", "mimeType": "image/png"}},
        ]
        question = {
            **user("Work out", f"q{number}"),
            "content": rng.choice(["Work out", "Think", "Garble", "Break", "Paint", parts]),
        }
        parameters = {
            "type": "object",
            "properties": {"colour": {"type": "string", "enum": ["red"]}},
            "required": ["colour"],
        }
        options: list[dict[str, Any]] = [
            {},
            {"reviewMode": "advise"},
            {"multitaskStrategy": "interrupt"},
            {"onDisconnect": 5},
            {"output": parameters},
        ]
        return run_input(
            messages=[*(history[: rng.randrange(len(history) + 1)] if rng.random() < 0.5 else []), question],
            # Some go on, but none for ever: a turn costs what its thread holds.
            thread=f"hostile-{rng.randrange(50)}",
            run=f"hostile-{number}",
            tools=rng.choice([[], [{"name": "paint", "description": "Paints", "parameters": parameters}]]),
            context=rng.choice([[], [{"description": "place", "value": "Lisbon"}]]),
            state=rng.choice([{}, {"a": {"b": [1]}}]),
            forwardedProps=rng.choice(options),
        )

    def sample(self, schema: Mapping[str, Any], depth: int = 0) -> Json:  # noqa: C901, PLR0911 - one case per keyword
        """A value that is valid, or nearly: constraints between fields are nobody's to guess."""
        rng = self._rng
        if "$ref" in schema:
            return self.sample(self._schemas[schema["$ref"].rpartition("/")[2]], depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if schema.get("examples") and rng.random() < 0.7:
            return _without_hosts(rng.choice(schema["examples"]))
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self.sample(rng.choice(choices), depth)
        match schema.get("type"):
            case "object":
                return self._sample_object(schema, depth)
            case "array":
                count = 0 if depth > _MAX_DEPTH else rng.randint(1, 3)
                return [self.sample(schema.get("items", {}), depth + 1) for _ in range(count)]
            case "string":
                return rng.choice(["Hi", "Work out", "m1", "chat", "en", "2026-11-20T09:30:00Z", "markdown"])
            case "integer" | "number":
                return rng.choice([schema.get("minimum", 0), schema.get("maximum", 3), 1])
            case "boolean":
                return rng.random() < 0.5
            case "null":
                return None
        return rng.choice([{}, "any", 1])

    def _sample_object(self, schema: Mapping[str, Any], depth: int) -> Json:
        required = schema.get("required", ())
        chosen = {
            name: self.sample(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or (depth <= _MAX_DEPTH and self._rng.random() < 0.3)
        }
        return chosen or {"a": "b"}

    def _mutations(self) -> Sequence[tuple[str, Callable[[Json], str]]]:
        rng = self._rng
        near = [("near", self._mutate_field)] * 24
        return [
            *near,
            ("valid", json.dumps),
            ("deep list", lambda _: "[" * rng.choice([500, 5_000, 100_000])),
            ("deep list, closed", lambda _: "[" * 90_000 + "]" * 90_000),
            ("deep object", lambda _: '{"a":' * 20_000 + "1" + "}" * 20_000),
            ("no object", lambda _: rng.choice(["", "null", "[]", "1e999", "NaN", '"x"', "\x00", "{", '{"a":1,}'])),
            ("bytes", lambda _: "".join(chr(rng.randrange(1, 0xD800)) for _ in range(rng.randrange(1, 5_000)))),
            ("cut", lambda value: json.dumps(value)[: rng.randrange(1, 200)]),
            ("all fields", lambda value: _dumped({name: self._hostile_value() for name in value or ()}, 190_000)),
        ]

    def _mutate_field(self, value: Json) -> str:
        for _ in range(self._rng.choice([1, 1, 1, 2])):
            value = self._replaced(value)
        return _dumped(value, MAX_BODY_BYTES)

    def _replaced(self, value: Json) -> Json:
        rng = self._rng
        if isinstance(value, dict) and value and rng.random() < 0.9:
            # What is read, parsed and scanned, more often than the rest.
            name = rng.choice([each for each in sorted(value) for _ in range(4 if each in _TEXT_FIELDS else 1)])
            match rng.random():
                case chance if chance < 0.05:
                    return {other: part for other, part in value.items() if other != name}
                case chance if chance < 0.1:
                    return {**value, self._hostile_text()[:1000]: self._hostile_value()}
            return {**value, name: self._replaced(value[name])}
        if isinstance(value, list) and value and rng.random() < 0.8:
            if rng.random() < 0.15:
                return value * rng.choice([2, 1_000])
            at = rng.randrange(len(value))
            return [*value[:at], self._replaced(value[at]), *value[at + 1 :]]
        # A text in the place of a text passes the first check, and reaches what reads it.
        return self._hostile_text() if isinstance(value, str) and rng.random() < 0.8 else self._hostile_value()

    def _hostile_value(self) -> Json:
        rng = self._rng
        makers: Sequence[Callable[[], Json]] = (
            self._hostile_text,
            lambda: None,
            lambda: rng.choice([-1, 0, 2**31, 2**63, 2**64, -(2**63) - 1, 10**4000, 1e308, 5e-324, -0.0]),
            lambda: rng.choice([float("nan"), float("inf"), True, False]),
            lambda: _nested(rng.choice([50, 300, 900])),
            lambda: {f"k{at}": at for at in range(rng.choice([10, 10_000]))},
            lambda: [rng.choice([1, "x", None, {}, []])] * rng.choice([0, 1, 30_000]),
            lambda: {"type": "text", "text": self._hostile_text()},
            lambda: [{"id": "m", "role": "user", "content": self._hostile_text()}],
            lambda: {"$ref": "#", "type": ["object", 1], "properties": [], "pattern": "(a+)+$"},
        )
        return rng.choice(makers)()

    def _hostile_text(self) -> str:
        rng = self._rng
        unit: str = rng.choice(_UNITS)
        count = rng.choice([1, 3, 100, 5_000, 60_000])
        tail: str = rng.choice(["", "", "x", "!", "\n", "".join(rng.choices(string.printable, k=50))])
        return (unit * count)[: MAX_BODY_BYTES - 10_000] + tail


def _nested(depth: int) -> Json:
    value: Json = 1
    for at in range(depth):
        value = [value] if at % 2 else {"a": value}
    return value


def _dumped(value: Json, limit: int) -> str:
    """Unicode as it is, where it can be written: escapes would take six bytes each."""
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        text = json.dumps(value)
    return text[:limit]


def _without_hosts(example: Json) -> Json:
    """Nothing outside is asked: a webhook of an example would be. Nor the embedded model: an answer costs its CPU."""
    match example:
        case str() if example.startswith("embedded:"):
            return "scripted:actor"
        case str() if example.startswith(("http:", "https:")):
            return "http://127.0.0.1:1/"
        case dict():
            return {name: _without_hosts(part) for name, part in example.items()}
        case list():
            return [_without_hosts(part) for part in example]
    return example


@dataclass(frozen=True)
class _Targets:
    """What is there to be changed."""

    artifact: str
    thread: str
    message: str
    memory: str

    @classmethod
    def create(cls, client: httpx.Client) -> "_Targets":
        thread, message = "hostile", "hostile-1"
        asked = {
            "threadId": thread,
            "runId": thread,
            "protocolVersion": "1.0",
            "tools": [],
            "context": [],
            "forwardedProps": {},
        }
        said = [{"id": message, "role": "user", "content": "Hi"}]
        client.post("/api/v1/chat/chat", json={**asked, "messages": said}).raise_for_status()
        artifact = {"threadId": thread, "kind": "markdown", "name": "notes.md", "text": "# Notes\n\nOne.\n"}
        made = client.post("/api/v1/artifacts", json=artifact)
        memory = client.post("/api/v1/memories", json={"kind": "style", "text": "Short answers."})
        made.raise_for_status()
        memory.raise_for_status()
        # Both workers start now: what they import is no cost of a hostile request.
        for _ in range(2):
            client.post("/api/v1/reviews", json={"text": "def f(): pass", "kind": "code", "language": "python"})
        return cls(made.json()["artifactId"], thread, message, memory.json()["memoryId"])


def requests(client: httpx.Client, count: int, seed: int) -> Iterator[HostileRequest]:
    """Route by route in turn, so that a small count reaches all of them."""
    rng = random.Random(seed)
    description = client.get("/openapi.json").json()
    generator = BodyGenerator(description, rng)
    targets = _Targets.create(client)
    routes = [
        (method.upper(), path, content["application/json"])
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if method in ("post", "put", "patch") and (content := operation.get("requestBody", {}).get("content"))
    ]
    for at in range(count):
        method, route, content = routes[at % len(routes)]
        kind, body = generator.generate(route, content)
        headers = {"Content-Type": "application/json", "Prefer": "wait=30"}
        if rng.random() < 0.8:
            headers["If-Match"] = rng.choice(["*", '"1"'])
        yield HostileRequest(method, _filled(route, targets, rng), route, kind, headers, body)


def _filled(route: str, targets: _Targets, rng: random.Random) -> str:
    agent = rng.choice(["chat", "chat", "canvas", "quality"])
    given = {
        "agent_id": agent,
        "artifact_id": targets.artifact,
        "thread_id": targets.thread,
        "message_id": targets.message,
        "memory_id": targets.memory,
    }
    odd = rng.choice(["x" * 3_000, "%00", "\u202e", "../..", "a b"])
    for name in ("agent_id", "artifact_id", "thread_id", "message_id", "memory_id", "schedule_id", "run_id"):
        value = odd if rng.random() < 0.05 else given.get(name, "none")
        route = route.replace(f"{{{name}}}", quote(value, safe=""))
    return route


class CpuClock:
    """CPU time and memory of the server with its workers."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def seconds(self) -> float:
        times = [self._process.cpu_times()]
        for worker in self._process.children(recursive=True):
            try:
                times.append(worker.cpu_times())
            except psutil.NoSuchProcess:
                continue
        # Those that ended are in their parent's account.
        return sum(each.user + each.system for each in times) + times[0].children_user + times[0].children_system

    def rss_mb(self) -> float:
        return float(self._process.memory_info().rss) / 1e6


def attack(count: int, seed: int = 1) -> Report:
    report = Report()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    models = {f"AGENKIT_{profile}_MODELS": "scripted:actor" for profile in ("CHAT", "CANVAS", "FAST", "JUDGE")}
    # What is kept of ended runs is bounded by settings of its own; here it would hide what is never given back.
    kept = {"AGENKIT_EVENT_LOG_TTL_SECONDS": "1", "AGENKIT_CACHE_MAX_BYTES": "0"}
    settings = {"AGENKIT_SCRIPTED_MODEL_FILE": str(_SCRIPT), "AGENKIT_LOG_LEVEL": "error", **models, **kept}
    with (
        running(agenkit(port), f"{url}/health/live", **settings),
        httpx.Client(base_url=url, timeout=_TIMEOUT) as client,
    ):
        clock = CpuClock(_listener(port))
        for request in requests(client, count, seed):
            before = clock.seconds()
            status, code = _send(client, request)
            spent = clock.seconds() - before
            report.requests += 1
            report.statuses[status] = report.statuses.get(status, 0) + 1
            report.cpu_seconds += spent
            report.max_cpu_seconds = max(report.max_cpu_seconds, spent)
            report.rss_mb.append(clock.rss_mb())
            for defect in _defects(status, code, spent):
                start = request.body[:300].decode("utf-8", "replace")
                name = f"#{report.requests} {request.method} {request.path[:80]} ({request.kind})"
                report.defects.append(f"{name}: {defect}: {len(request.body)} bytes, {start!r}")
    return report


def _defects(status: int, code: str | None, spent: float) -> Iterator[str]:
    if status >= 500:
        yield f"status {status} {code or ''}"
    elif code == "internal":
        yield "the run ended in `internal`"
    if spent >= MAX_CPU_SECONDS:
        yield f"{spent:.2f} s of CPU"


def _send(client: httpx.Client, request: HostileRequest) -> tuple[int, str | None]:
    """The status, and the code of the problem or of the failed run. 0 is an overload that says when to come again."""
    try:
        answer = client.request(request.method, request.path, headers=request.headers, content=request.body)
    except httpx.TransportError as error:
        return 599, repr(error)
    if answer.status_code == 503 and "retry-after" in answer.headers:
        return 0, None
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        events = (json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {"))
        return answer.status_code, next(
            (event.get("code") for event in events if event.get("type") == "RUN_ERROR"), None
        )
    try:
        told = answer.json()
    except ValueError:
        return answer.status_code, answer.text[:200]
    failed = told.get("error") or told if isinstance(told, dict) else {}
    return answer.status_code, failed.get("code") if isinstance(failed, dict) else None


def _listener(port: int) -> int:
    for process in psutil.Process().children(recursive=True):
        if any(each.laddr.port == port for each in process.net_connections() if each.status == psutil.CONN_LISTEN):
            return process.pid
    raise LookupError(f"nobody listens at {port}")


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    report = attack(count, seed)
    print(f"{report.requests} hostile bodies, seed {seed}: answers {dict(sorted(report.statuses.items()))}")
    print(
        f"CPU {report.cpu_seconds:.1f} s, at most {report.max_cpu_seconds:.2f} s for one; "
        f"memory grew {report.growth_mb:.0f} MB"
    )
    print("\n".join(report.defects) or "no defect")
    return 1 if report.defects or report.growth_mb > MAX_GROWTH_MB else 0


if __name__ == "__main__":
    sys.exit(main())
