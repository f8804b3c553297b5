"""One look tells what a run did: the tree of its spans, in our own store and where it is sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.loopback import Cut, Loopback, Reply, Usage, server_error
from tests.server import Server, last, run_input, serving
from tests.sink import Arrived, Sink
from tests.waiting import wait_for

TESTS = Path(__file__).parent.parent
SCRIPTED = {"AGENKIT_SCRIPTED_MODEL_FILE": str(TESTS / "script.json"), "AGENKIT_CHAT_MODELS": "scripted:actor"}
READ = {
    "AGENKIT_SCRIPTED_MODEL_FILE": str(TESTS / "quality.json"),
    "AGENKIT_CHAT_MODELS": "scripted:author",
    "AGENKIT_CANVAS_MODELS": "scripted:author",
    "AGENKIT_JUDGE_MODELS": "scripted:judge",
    "AGENKIT_JUDGE_SAMPLES": "1",
}
GRAPHS = f"approval={TESTS / 'graphs' / 'approval.py'}:graph"
Tree = list[Any]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


def _told(sink: Sink) -> dict[str, str]:
    return {
        "LANGFUSE_PUBLIC_KEY": "pk-lf-of-a-test",
        "LANGFUSE_SECRET_KEY": "sk-lf-of-a-test",
        "LANGFUSE_BASE_URL": sink.url,
    }


def _tree(spans: Sequence[Arrived], parent: str = "") -> Tree:
    """Names, and what is beneath them, in the order of the names: siblings may go at once."""
    ids = {span.id for span in spans}
    mine = [span for span in spans if (span.parent if span.parent in ids else "") == parent]
    told = []
    for span in mine:
        beneath = _tree(spans, span.id)
        told.append([span.name, *beneath] if beneath else span.name)
    return sorted(told, key=str)


def _stored(entry: Mapping[str, Any]) -> Any:
    beneath = sorted(map(_stored, entry["children"]), key=str)
    return [entry["name"], *beneath] if beneath else entry["name"]


async def _trace(server: Server, run: str, **wanted: str) -> dict[str, Any]:
    """The whole trace of a run, once it has been written."""
    async with server.client() as client:

        async def written() -> dict[str, Any] | None:
            found = (await client.get("/api/v1/traces", params={"runId": run, **wanted})).json()["items"]
            if not found:
                return None
            told: dict[str, Any] = (await client.get(f"/api/v1/traces/{found[0]['traceId']}")).json()
            # The run's own span is the last that ends.
            is_whole = any(span["name"].startswith("run ") for top in told["spans"] for span in _flat(top))
            return told if is_whole else None

        return await wait_for(written)


def _flat(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield entry
    for child in entry["children"]:
        yield from _flat(child)


CHAT = ["ask chat", ["run chat", ["chat", ["model", ["chat actor", "attempt scripted:actor"]]]]]


async def test_a_chat_is_one_tree_in_the_store_and_at_the_sink(tmp_path: Path, sink: Sink) -> None:
    with serving(tmp_path, **SCRIPTED, **_told(sink)) as server:
        events = await server.run(text="Hello", run="r", thread="t")
        told = await _trace(server, "r")
        arrived = sink.has(6)
    assert _tree(arrived) == [CHAT]
    assert list(map(_stored, told["spans"])) == [CHAT]
    assert (told["agentId"], told["threadId"], told["runId"], told["status"]) == ("chat", "t", "r", "ok")
    assert last(events, "RUN_STARTED")["metadata"]["traceparent"].split("-")[1] == told["traceId"]
    everywhere = {
        (span.attributes["user.id"], span.attributes["session.id"], span.attributes["agenkit.tenant"])
        for span in arrived
    }
    assert everywhere == {("local", "t", "default")}
    model = next(span for span in arrived if span.name == "chat actor")
    assert model.attributes["gen_ai.request.model"] == "actor"
    assert "Hello" in model.attributes["langfuse.observation.input"]
    assert "You said: Hello" in model.attributes["langfuse.observation.output"]
    assert model.attributes["langfuse.observation.type"] == "generation"
    assert model.attributes["langfuse.observation.prompt.name"] == "chat/system"
    assert model.attributes["agenkit.prompt_version"]
    headers = {name.lower(): value for name, value in sink.headers[0].items()}
    assert headers["x-langfuse-ingestion-version"] == "4"
    assert headers["authorization"].startswith("Basic ")


async def test_each_exporter_sends_its_own_headers(tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
        monkeypatch.setenv(name, "x-collector-key=of-the-collector,authorization=Bearer%20of-the-collector")
    with Sink() as collector:
        to = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-collector-key=of-the-collector,authorization=Bearer%20of-the-collector",
        }
        with serving(tmp_path, **SCRIPTED, **_told(sink), **to) as server:
            await server.run(text="Hello", run="r")
            sink.has(6)
            collector.has(6)
    for request in sink.headers:
        assert "of-the-collector" not in json.dumps(dict(request))
    (headers, *_) = ({name.lower(): value for name, value in request.items()} for request in collector.headers)
    assert headers["x-collector-key"] == "of-the-collector"
    assert headers["authorization"] == "Bearer of-the-collector"
    assert "langfuse" not in json.dumps(headers)


async def test_tools_are_beneath_the_node_that_calls_them(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        await server.run(text="Work out the sum", run="r")
        told = await _trace(server, "r")
    model = ["model", ["chat actor", "attempt scripted:actor"]]
    assert list(map(_stored, told["spans"])) == [
        ["ask chat", ["run chat", ["chat", model, model, ["tools", "calculate"]]]]
    ]
    tool = next(span for span in _flat(told["spans"][0]) if span["name"] == "calculate")
    assert "0.1 + 0.2" in tool["attributes"]["langfuse.observation.input"]
    assert "0.3" in tool["attributes"]["langfuse.observation.output"]


async def test_langfuse_and_a_collector_read_a_tool_call_each_in_its_own_words(tmp_path: Path, sink: Sink) -> None:
    tree = ["model", ["chat actor", "attempt scripted:actor"]]
    expected = ["ask chat", ["run chat", ["chat", tree, tree, ["tools", "calculate"]]]]
    with Sink() as collector:
        to = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "shop", "LANGFUSE_RELEASE": "1.2.3"}
        with serving(tmp_path, **SCRIPTED, **_told(sink), **to) as server:
            async with server.client() as client:
                headers = {"traceparent": PARENT}
                body = run_input("Work out the sum", run="r", thread="t")
                await client.post("/api/v1/chat/chat", json=body, headers=headers)
            sink.has(11)
            collector.has(11)
    assert _tree(sink.spans) == _tree(collector.spans) == [expected]

    # Langfuse.
    run = next(span.attributes for span in sink.spans if span.name == "run chat")
    assert run["langfuse.trace.input"] == run["langfuse.observation.input"] == "Work out the sum"
    assert run["langfuse.trace.output"] == run["langfuse.observation.output"]
    assert run["langfuse.observation.metadata.outcome"] == "success"
    models = [span.attributes for span in sink.spans if span.name == "chat actor"]
    (answered,) = (
        json.loads(each["langfuse.observation.input"])
        for each in models
        if '"tool"' in each["langfuse.observation.input"]
    )
    assert [each["role"] for each in answered] == ["system", "user", "assistant", "tool"]
    (call,) = answered[2]["tool_calls"]
    assert call["function"]["name"] == "calculate"
    assert json.loads(call["function"]["arguments"])
    assert answered[3]["tool_call_id"] == call["id"]

    # Any collector.
    request, calling = (
        next(span.attributes for span in collector.spans if span.name == name) for name in ("ask chat", "chat actor")
    )
    assert {name: value for name, value in request.items() if name.startswith(("http", "url"))} == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/api/v1/chat/{agent_id}",
        "url.path": "/api/v1/chat/chat",
    }
    assert request["langfuse.observation.input"] == "Work out the sum"
    defined = [tool["function"]["name"] for tool in json.loads(calling["gen_ai.tool.definitions"])]
    assert "calculate" in defined
    (tools,) = (span.attributes for span in collector.spans if span.name == "tools")
    (done,) = json.loads(tools["langfuse.observation.output"])["messages"]
    assert (done["role"], done["tool_call_id"]) == ("tool", call["id"])
    assert "0.3" in done["content"]
    kinds = {span.name: span.kind for span in collector.spans}
    assert kinds == {
        "ask chat": 2,
        "run chat": 1,
        "chat": 1,
        "model": 1,
        "chat actor": 3,
        "attempt scripted:actor": 3,
        "tools": 1,
        "calculate": 1,
    }
    assert collector.spans[0].resource["service.name"] == "shop"
    assert collector.spans[0].resource["service.version"] == "1.2.3"
    tool = next(span.attributes for span in collector.spans if span.name == "calculate")
    assert (tool["gen_ai.operation.name"], tool["gen_ai.tool.call.id"]) == ("execute_tool", call["id"])
    assert "0.1 + 0.2" in tool["gen_ai.tool.call.arguments"]
    assert "0.3" in tool["gen_ai.tool.call.result"]
    (heard,) = (
        json.loads(span.attributes["gen_ai.input.messages"])
        for span in collector.spans
        if "tool_call_response" in span.attributes.get("gen_ai.input.messages", "")
    )
    assert [part["type"] for message in heard for part in message["parts"]] == [
        "text",
        "text",
        "tool_call",
        "tool_call_response",
    ]
    assert {span.attributes["gen_ai.conversation.id"] for span in collector.spans} == {"t"}


async def test_a_document_that_is_read_first_is_one_tree(tmp_path: Path, sink: Sink) -> None:
    with serving(tmp_path, **READ, **_told(sink)) as server:
        props = {"reviewMode": "enforce", "canvas": {"kind": "markdown"}}
        await server.run("canvas", text="Write", run="r", forwardedProps=props)
        told = await _trace(server, "r")
        sink.has(20)
    author, judge = ["chat author", "attempt scripted:author"], ["chat judge", "attempt scripted:judge"]
    once = ["check", ["judge", judge], ["decide", "verdict"]]
    quality = ["quality", *sorted([*once, ["revise", author], *once, "write artifact"], key=str)]
    expected = [
        "ask canvas",
        ["run canvas", ["canvas", *sorted(["understand", ["write", author], quality, ["follow_up", author]], key=str)]],
    ]
    assert list(map(_stored, told["spans"])) == [expected]
    assert _tree(sink.spans) == [expected]


async def test_what_is_written_and_read_on_the_canvas_is_the_nodes_and_not_the_models(tmp_path: Path) -> None:
    writer = {"AGENKIT_SCRIPTED_MODEL_FILE": str(TESTS / "canvas.json"), "AGENKIT_CANVAS_MODELS": "scripted:writer"}
    with serving(tmp_path, **writer) as server:
        props: dict[str, Any] = {"kind": "markdown"}
        await server.run("canvas", text="Write a note", run="r1", forwardedProps={"canvas": props})
        async with server.client() as client:
            (artifact,) = (await client.get("/api/v1/artifacts")).json()["items"]
        props = {"artifactId": artifact["artifactId"]}
        await server.run("canvas", text="Change it", run="r2", forwardedProps={"canvas": props})
        wrote, changed = await _trace(server, "r1"), await _trace(server, "r2")
    model, read = ["chat writer", "attempt scripted:writer"], "artifact read"

    def tree(*nodes: Any) -> Tree:
        return [["ask canvas", ["run canvas", ["canvas", *sorted(nodes, key=str)]]]]

    check, follow_up = ["check", read], ["follow_up", model]
    assert list(map(_stored, wrote["spans"])) == tree(
        "understand", ["write", model, "write artifact"], check, follow_up
    )
    edit = ["edit", model, model, model, read, read, "write artifact"]
    assert list(map(_stored, changed["spans"])) == tree(["understand", model, read], edit, check, follow_up)


async def test_a_fallback_in_mid_stream_shows_both_attempts(tmp_path: Path, sink: Sink) -> None:
    with Loopback() as first, Loopback() as second:
        first.answer(lambda _: Cut(3, Reply("one two three four")))
        second.answer(lambda _: Reply("one two three four"))
        settings = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": first.openai_url,
            "OLLAMA_BASE_URL": second.ollama_url,
            "AGENKIT_CHAT_MODELS": "openai:loop,ollama:loop",
            "AGENKIT_RETRY_MAX_ATTEMPTS": "1",
        }
        with serving(tmp_path, **settings, **_told(sink)) as server:
            await server.run(text="Hello", run="r")
            told = await _trace(server, "r")
            sink.has(told["spanCount"])
        calls = [call for call in first.calls if call.request.path.endswith("/chat/completions")]
    attempts = ["attempt ollama:loop:latest", "attempt openai:loop", "fallback"]
    expected = ["ask chat", ["run chat", ["chat", ["model", ["chat loop", *attempts]]]]]
    assert list(map(_stored, told["spans"])) == _tree(sink.spans) == [expected]
    spans = [span for span in _flat(told["spans"][0]) if span["name"].startswith("attempt ")]
    assert [(span["name"], span["status"], span["error"]) for span in spans] == [
        ("attempt openai:loop", "error", "model_unavailable"),
        ("attempt ollama:loop:latest", "ok", None),
    ]
    assert spans[0]["attributes"]["agenkit.reason"] == "broken_off"
    (fell,) = [span for span in _flat(told["spans"][0]) if span["name"] == "fallback"]
    said = [fell["attributes"][f"agenkit.{name}"] for name in ("provider", "model", "reason")]
    assert said == ["openai", "openai:loop", "broken_off"]
    assert fell["attributes"]["langfuse.observation.level"] == "WARNING"
    (model,) = [span for span in _flat(told["spans"][0]) if span["kind"] == "model"]
    assert (model["status"], model["attributes"]["langfuse.observation.level"]) == ("ok", "WARNING")
    # What both took is the answer's, and no attempt is a generation: nobody counts it twice.
    took = json.loads(model["attributes"]["langfuse.observation.usage_details"])["total"]
    each = [span["attributes"][f"agenkit.{way}_tokens"] for span in spans for way in ("input", "output")]
    assert took == sum(each) > 0
    generations = [s for s in _flat(told["spans"][0]) if s["attributes"]["langfuse.observation.type"] == "generation"]
    assert generations == [model]
    assert model["attributes"]["gen_ai.response.model"] == "loop:latest"
    assert model["attributes"]["gen_ai.response.finish_reasons"] == "stop"
    # The provider is told whose work it is.
    headers = {name.lower(): value for name, value in calls[0].request.headers.items()}
    assert headers["traceparent"].split("-")[1] == told["traceId"]


async def test_a_collector_is_told_of_a_breaker_that_is_open_and_of_what_an_answer_took(tmp_path: Path) -> None:
    with Sink() as collector, Loopback() as first, Loopback() as second:
        first.answer(lambda _: server_error())
        second.answer(lambda _: Reply("Well.", usage=Usage(prompt=40, completion=5, cached=30)))
        settings = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": second.openai_url,
            "OLLAMA_BASE_URL": first.ollama_url,
            "AGENKIT_CHAT_MODELS": "ollama:loop,openai:loop",
            "AGENKIT_RETRY_MAX_ATTEMPTS": "1",
            "AGENKIT_BREAKER_FAILURES": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        with serving(tmp_path, **settings) as server:
            await server.run(text="Hello", run="opens", thread="t1")
            await server.run(text="Hello again", run="open", thread="t2")
            told = [await _trace(server, run) for run in ("opens", "open")]
            collector.has(sum(each["spanCount"] for each in told))
    spans = [span for span in collector.spans if span.trace == told[1]["traceId"]]
    by_name = {span.name: span.attributes for span in spans}
    model = ["chat loop", "attempt openai:loop", "fallback"]
    assert _tree(spans) == [["ask chat", ["run chat", ["chat", ["model", model]]]]]
    fell = by_name["fallback"]
    assert (fell["agenkit.reason"], fell["langfuse.observation.level"]) == ("breaker_open", "WARNING")
    answered = by_name["chat loop"]
    assert answered["gen_ai.usage.cache_read.input_tokens"] == 30
    assert answered["gen_ai.response.finish_reasons"] == ["stop"]
    assert answered["gen_ai.response.id"].startswith("chatcmpl-")


async def test_anthropic_is_told_whose_work_it_is(tmp_path: Path) -> None:
    with Loopback() as loopback:
        settings = {
            "ANTHROPIC_API_KEY": "a-key-for-tests",
            "ANTHROPIC_BASE_URL": loopback.anthropic_url,
            "AGENKIT_CHAT_MODELS": "anthropic:loop",
        }
        with serving(tmp_path, **settings) as server:
            await server.run(text="Hello", run="r")
            told = await _trace(server, "r")
        asked = [request for request in loopback.requests if request.body.get("messages")]
    (model,) = (span for span in _flat(told["spans"][0]) if span["kind"] == "model")
    assert model["attributes"]["gen_ai.response.id"].startswith("msg_")
    headers = {name.lower(): value for name, value in asked[0].headers.items()}
    assert headers["traceparent"].split("-")[1] == told["traceId"]


async def test_a_question_and_its_answer_are_two_runs_and_nothing_failed(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED, AGENKIT_GRAPH_FILES=GRAPHS) as server:
        asked = await server.run("approval", text="Go", thread="t", run="r1")
        (question,) = last(asked, "RUN_FINISHED")["outcome"]["interrupts"]
        resume = [{"interruptId": question["id"], "status": "resolved", "payload": True}]
        await server.run("approval", thread="t", run="r2", resume=resume)
        first, second = await _trace(server, "r1"), await _trace(server, "r2")
    assert (first["status"], second["status"]) == ("ok", "ok")
    assert first["traceId"] != second["traceId"]
    # A graph that we did not write has its nodes all the same.
    names = [span["name"] for span in _flat(second["spans"][0])]
    assert names[:3] == ["ask approval", "run approval", "approval"]
    assert len(names) > 3


async def test_what_a_graph_of_others_looks_for_and_has_completed_is_told(tmp_path: Path, sink: Sink) -> None:
    notes = f"notes={TESTS / 'graphs' / 'notes.py'}:graph"
    with serving(tmp_path, **SCRIPTED, **_told(sink), AGENKIT_GRAPH_FILES=notes) as server:
        await server.run("notes", text="When is high tide? Write to lena.vogt@posteo.de", run="found")
        await server.run("notes", text="A broken one", run="broken")
        found, broken = await _trace(server, "found"), await _trace(server, "broken")
    beneath = ["Notes", "text_completion model"]
    wanted = ["ask notes", ["run notes", ["notes", ["write", *beneath], ["write_at_once", *beneath]]]]
    assert _stored(found["spans"][0]) == wanted
    arrived = [span for span in sink.spans if span.trace == found["traceId"]]
    assert _tree(arrived, str(arrived[0].parent and "")) == [wanted]
    looked, completed = (next(s for s in _flat(found["spans"][0]) if s["name"] == name) for name in beneath)
    assert (looked["kind"], looked["attributes"]["agenkit.documents"]) == ("retriever", 2)
    assert "High tide is at six." in looked["attributes"]["langfuse.observation.output"]
    assert "It is at six." in completed["attributes"]["langfuse.observation.output"]
    assert "lena.vogt" not in json.dumps(found)
    failed = next(span for span in _flat(broken["spans"][0]) if span["name"] == "Notes")
    assert (failed["attributes"]["error.type"], broken["status"]) == ("OSError", "error")


async def test_what_is_stopped_is_no_failure_and_what_fails_is_found(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED, AGENKIT_RETRY_MAX_ATTEMPTS="1") as server:
        async with server.client() as client, server.opened(client, text="Count slowly", run="stopped") as events:
            async for event in events:
                if event["type"] == "TEXT_MESSAGE_CONTENT":
                    await client.post("/api/v1/runs/stopped/cancel")
        await server.run(text="Break off", run="failed")
        stopped, failed = await _trace(server, "stopped"), await _trace(server, "failed", status="error")
        async with server.client() as client:
            found = (await client.get("/api/v1/traces?status=error")).json()["items"]
    assert (stopped["status"], failed["status"], failed["error"]) == ("ok", "error", "model_unavailable")
    assert [trace["runId"] for trace in found] == ["failed"]
    run = next(span for span in _flat(failed["spans"][0]) if span["name"] == "run chat")
    assert (run["error"], run["attributes"]["langfuse.observation.level"]) == ("model_unavailable", "ERROR")


async def test_however_a_run_ends_the_sink_and_the_store_have_the_same_tree(tmp_path: Path, sink: Sink) -> None:
    ends = ("asked", "resumed", "stopped", "failed")
    with serving(
        tmp_path, **SCRIPTED, **_told(sink), AGENKIT_RETRY_MAX_ATTEMPTS="1", AGENKIT_GRAPH_FILES=GRAPHS
    ) as server:
        asked = await server.run("approval", text="Go", thread="t", run="asked")
        (question,) = last(asked, "RUN_FINISHED")["outcome"]["interrupts"]
        resume = [{"interruptId": question["id"], "status": "resolved", "payload": True}]
        await server.run("approval", thread="t", run="resumed", resume=resume)
        async with server.client() as client, server.opened(client, text="Count slowly", run="stopped") as events:
            async for event in events:
                if event["type"] == "TEXT_MESSAGE_CONTENT":
                    await client.post("/api/v1/runs/stopped/cancel")
        await server.run(text="Break off", run="failed")
        stored = {run: await _trace(server, run) for run in ends}
        sink.has(sum(trace["spanCount"] for trace in stored.values()))
    whole = {
        span.attributes["agenkit.run"]: (span.trace, span.id) for span in sink.spans if span.name.startswith("run ")
    }
    links = {span.attributes["agenkit.run"]: span.links for span in sink.spans if span.links}
    # Who answers a question is linked to who asked it, and nobody else to anybody.
    assert links == {"resumed": [whole["asked"]]}
    for trace in stored.values():
        arrived = [span for span in sink.spans if span.trace == trace["traceId"]]
        assert _tree(arrived) == list(map(_stored, trace["spans"]))
    trees = {run: _stored(trace["spans"][0]) for run, trace in stored.items()}
    assert trees == {
        "asked": ["ask approval", ["run approval", ["approval", "ask_money", "plan"]]],
        "resumed": ["ask approval", ["run approval", ["approval", "ask_money", "report"]]],
        "stopped": CHAT,
        "failed": [
            "ask chat",
            ["run chat", ["chat", ["model", ["chat actor", "attempt scripted:actor", "exhausted"]]]],
        ],
    }
    runs = {span.attributes["agenkit.run"]: span for span in sink.spans if span.name.startswith("run ")}
    # 2 is OpenTelemetry's status of an error.
    assert {run: (span.attributes["agenkit.outcome"], span.status) for run, span in runs.items()} == {
        "asked": ("interrupt", 0),
        "resumed": ("success", 0),
        "stopped": ("cancelled", 0),
        "failed": ("error", 2),
    }


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (PARENT, True),
        (PARENT.upper(), False),
        ("00-" + "0" * 32 + "-b7ad6b7169203331-01", False),
        (PARENT + "-and-more", False),
        ("x" * 5000, False),
        ("01" + PARENT[2:], False),
    ],
)
async def test_a_trace_goes_on_where_it_came_from_and_a_hostile_one_is_replaced(
    tmp_path: Path, given: str, *, kept: bool
) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        async with server.client() as client:
            headers = {"traceparent": given, "X-Request-ID": "x" * 300, "tracestate": "a=b", "baggage": "secret=1"}
            answer = await client.post("/api/v1/chat/chat", json=run_input("Hello", run="r"), headers=headers)
        told = await _trace(server, "r")
    assert (told["traceId"] == PARENT.split("-")[1]) is kept
    assert answer.headers["traceparent"].split("-")[1] == told["traceId"]
    assert answer.headers["X-Request-ID"] != "x" * 300


async def test_a_trace_of_anothers_is_none(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        await server.run(text="Hello", run="r")
        told = await _trace(server, "r")
        async with server.client(user="acme/other") as other:
            assert (await other.get("/api/v1/traces")).json()["items"] == []
            answer = await other.get(f"/api/v1/traces/{told['traceId']}")
            assert (answer.status_code, answer.json()["code"]) == (404, "trace_not_found")


async def test_without_content_only_the_structure_is_kept(tmp_path: Path, sink: Sink) -> None:
    with serving(tmp_path, **SCRIPTED, **_told(sink), AGENKIT_TRACE_CONTENT="false") as server:
        await server.run(text="Hello, it is me", run="r")
        told = await _trace(server, "r")
        arrived = sink.has(6)
    assert list(map(_stored, told["spans"])) == [CHAT]
    assert "it is me" not in json.dumps(told)
    assert "it is me" not in json.dumps([dict(span.attributes) for span in arrived])


async def test_nothing_personal_and_no_secret_reaches_either_store(tmp_path: Path, sink: Sink) -> None:
    secrets = ["ann.miller@nordwind-handel.de", "DE89603501710000839274", "4539578019346722"]
    with serving(tmp_path, **SCRIPTED, **_told(sink)) as server:
        await server.run(text=f"I am {secrets[0]}, pay {secrets[1]} with {secrets[2]}", run="r")
        told = await _trace(server, "r")
        arrived = sink.has(6)
    everything = json.dumps(told) + json.dumps([dict(span.attributes) for span in arrived])
    assert [secret for secret in secrets if secret in everything] == []
    assert "I am" in everything


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_a_sink_that_is_ill_is_felt_by_nobody_and_said_where_one_looks(
    tmp_path: Path, sink: Sink, how: Any
) -> None:
    sink.how = how
    with serving(tmp_path, **SCRIPTED, **_told(sink)) as server:
        for at in range(3):
            events = await server.run(text="Hello", run=f"r{at}")
            assert events[-1]["outcome"] == {"type": "success"}
        told = await _trace(server, "r2")
        assert list(map(_stored, told["spans"])) == [CHAT]
        if how == "fails":
            async with server.client() as client:
                ready = await _degraded(client)
            assert ready["status"] == "degraded"
            assert ready["dependencies"]["langfuse"]["status"] == "failed"
            sink.how = "answers"
            assert len(sink.has(18)) == 18


async def _degraded(client: httpx.AsyncClient) -> dict[str, Any]:
    async def degraded() -> dict[str, Any] | None:
        told: dict[str, Any] = (await client.get("/health/ready")).json()
        return None if told["status"] == "ok" else told

    return await wait_for(degraded)


async def _exported(client: httpx.AsyncClient) -> bool:
    """Whether the review with its two dimensions and the feedback are."""
    return 'exported"} 4.0' in (await client.get("/metrics")).text


@pytest.mark.parametrize("content", [True, False], ids=["with content", "structure only"])
async def test_reviews_and_feedback_become_scores_of_their_trace_once(
    tmp_path: Path, sink: Sink, *, content: bool
) -> None:
    with serving(tmp_path, **READ, **_told(sink), AGENKIT_TRACE_CONTENT=str(content).lower()) as server:
        events = await server.run(text="What is it?", run="r", thread="t", forwardedProps={"reviewMode": "advise"})
        message = last(events, "TEXT_MESSAGE_START")["messageId"]
        told = await _trace(server, "r")
        async with server.client() as client:
            review = (await client.get("/api/v1/reviews?runId=r")).json()["items"][0]
            # Whose trace it belongs to is found by the message.
            said = {"thumb": "up", "comment": "Mail me at ann.miller@nordwind-handel.de"}
            await client.put(f"/api/v1/messages/{message}/feedback", json=said)

            await wait_for(lambda: {"feedback", "review answer"} <= {score["name"] for score in sink.scores})
            # Until it is written down that they were sent.
            await wait_for(lambda: _exported(client))
            await client.delete(f"/api/v1/messages/{message}/feedback")
            gone = await client.get(f"/api/v1/messages/{message}/feedback")
            again = await client.delete(f"/api/v1/messages/{message}/feedback")
            await wait_for(lambda: sink.deleted)
            feedback_only = list(sink.deleted)
            await client.delete("/api/v1/threads/t")
            await wait_for(lambda: len(sink.deleted) == 1 + 3)
    assert (gone.status_code, again.status_code) == (404, 404)
    by_name = {score["name"]: score for score in sink.scores}
    dimensions = {f"review answer: {name}": level for name, level in review["verdict"]["dimensionScores"].items()}
    assert set(by_name) == {"feedback", "review answer", *dimensions}
    assert {name: by_name[name]["value"] for name in dimensions} == dimensions
    assert len({score["id"] for score in sink.scores}) == len(by_name)
    assert feedback_only == [f"/api/public/scores/{by_name['feedback']['id']}"]
    assert set(sink.deleted) == {f"/api/public/scores/{score['id']}" for score in by_name.values()}
    assert by_name["review answer"]["metadata"] == {
        "attempt": 1,
        "judge": "scripted:judge",
        "rubric": "answer",
        "rubricVersion": review["rubricVersion"],
        "failedChecks": [],
    }
    assert by_name["review answer"]["id"] == review["reviewId"]
    assert (by_name["review answer"]["value"], by_name["review answer"]["traceId"]) == (2.5, told["traceId"])
    assert (by_name["feedback"]["value"], by_name["feedback"]["traceId"]) == (1.0, told["traceId"])
    comment = by_name["feedback"].get("comment")
    assert comment == "Mail me at [email]" if content else comment is None


async def test_without_keys_there_is_not_one_socket_and_not_one_warning(
    tmp_path: Path, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, **SCRIPTED, LANGFUSE_BASE_URL=sink.url) as server:
        await server.run(text="Hello", run="r")
        await _trace(server, "r")
    assert sink.requests == 0
    assert "warning" not in capsys.readouterr().out
