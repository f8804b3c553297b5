"""A recorder that speaks the endpoints of Langfuse and of an OTLP collector: what arrives is kept, as it came."""

import gzip
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.waiting import wait_until

How = Literal["answers", "fails", "hangs"]


@dataclass(frozen=True)
class Arrived:
    """A span as it came over the wire."""

    trace: str
    id: str
    parent: str
    name: str
    attributes: Mapping[str, Any]
    status: int
    kind: int = 0
    resource: Mapping[str, Any] = field(default_factory=dict)
    # Traces and spans that it is linked to.
    links: Sequence[tuple[str, str]] = ()


@dataclass
class Sink:
    url: str = ""
    how: How = "answers"
    headers: list[Mapping[str, str]] = field(default_factory=list)
    spans: list[Arrived] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    # The paths of what was asked to be deleted.
    deleted: list[str] = field(default_factory=list)
    requests: int = 0

    def __enter__(self) -> "Sink":
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.requests += 1
                if sink.how == "hangs":
                    time.sleep(30)
                    return
                status, answer, kind = sink.take(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_DELETE(self) -> None:
                sink.deleted.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, str]:
        if self.how == "fails":
            return 500, b"{}", "application/json"
        self.headers.append(headers)
        if path.endswith("/traces"):
            self.spans += _spans(gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body)
            return 200, b"", "application/x-protobuf"
        if path == "/api/public/scores":
            told = json.loads(body)
            self.scores += told
            answers = {"successes": [{"id": score["id"], "status": 201} for score in told], "errors": []}
            return 207, json.dumps(answers).encode(), "application/json"
        return 404, b"{}", "application/json"

    def has(self, count: int) -> Sequence[Arrived]:
        """Waits for so many spans."""
        wait_until(lambda: len(self.spans) >= count)
        return self.spans


def _spans(body: bytes) -> list[Arrived]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Arrived(
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            name=span.name,
            attributes={each.key: _value(each.value) for each in span.attributes},
            status=span.status.code,
            kind=span.kind,
            resource={each.key: _value(each.value) for each in resource.resource.attributes},
            links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value") or "string_value"
    told = getattr(value, kind)
    return [_value(each) for each in told.values] if kind == "array_value" else told
