"""Answers that are read before or after they are heard."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ag_ui.core import Event as AguiEvent
from pydantic import TypeAdapter

from tests.loopback import Loopback, Reply, Request
from tests.server import Event, Server, last, run_input, said, serving, transcript
from tests.waiting import LIMIT_SECONDS, wait_for

SETTINGS = {
    "AGENKIT_SCRIPTED_MODEL_FILE": str(Path(__file__).parent.parent / "quality.json"),
    "AGENKIT_CHAT_MODELS": "scripted:author",
    "AGENKIT_CANVAS_MODELS": "scripted:author",
    "AGENKIT_JUDGE_MODELS": "scripted:judge",
}
WRONG = "Lyon is the capital of France."
RIGHT = "Paris is the capital of France, and has been for most of its history."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("data"), **SETTINGS) as running:
        yield running


async def _asked(server: Server, thread: str, quality: str, agent: str = "chat", **more: Any) -> list[Event]:
    props = {"reviewMode": quality, **more}
    return await server.run(agent, text="What is the capital of France?", thread=thread, forwardedProps=props)


def _stages(events: Sequence[Event]) -> list[tuple[str, int]]:
    return [
        (event["content"]["stage"], event["content"]["attempt"])
        for event in events
        if event["type"] == "ACTIVITY_SNAPSHOT"
    ]


def _verdict(events: Sequence[Event]) -> dict[str, Any]:
    verdict: dict[str, Any] = last(events, "ACTIVITY_SNAPSHOT")["content"]["verdict"]
    return verdict


async def test_without_a_wish_nobody_reads(server: Server) -> None:
    events = await server.run(text="What is the capital of France?", thread="off")
    assert _stages(events) == []
    assert said(events) == WRONG


async def test_advise_says_what_is_wrong_behind_the_answer(server: Server) -> None:
    events = await _asked(server, "advise", "advise")
    assert said(events) == WRONG
    assert _stages(events) == [("checking", 1), ("judging", 1), ("done", 1)]
    kinds = [event["type"] for event in events]
    assert kinds.index("TEXT_MESSAGE_END") < kinds.index("ACTIVITY_SNAPSHOT")
    verdict = _verdict(events)
    # A level whose quote does not occur is dropped, and weights count in what is left.
    assert (verdict["outcome"], verdict["score"], verdict["dimensionScores"]) == (
        "failed",
        2.5,
        {"correct": 1.0, "answers the question": 4.0},
    )
    assert [(each["source"], each["quote"]) for each in verdict["findings"]] == [("correct", "Lyon is the capital")]
    assert verdict["usage"]["outputTokens"] > 0


async def test_enforce_lets_only_the_mended_answer_be_heard(server: Server) -> None:
    events = await _asked(server, "enforce", "enforce")
    assert WRONG not in json.dumps([event for event in events if event["type"] != "ACTIVITY_SNAPSHOT"])
    assert said(events) == RIGHT
    assert transcript(events)[-1] == ("assistant", RIGHT)
    assert _stages(events) == [
        ("checking", 1),
        ("judging", 1),
        ("revising", 2),
        ("checking", 2),
        ("judging", 2),
        ("done", 2),
    ]
    assert (_verdict(events)["outcome"], _verdict(events)["score"]) == ("passed", 4.857)
    models = [(entry["provider"], entry["model"]) for entry in last(events, "RUN_FINISHED")["usage"]]
    assert models == [("scripted", "author"), ("scripted", "judge")]


async def test_what_was_found_is_kept_and_listed(server: Server) -> None:
    events = await server.run(
        text="What is the capital of France?", thread="kept", run="kept-1", forwardedProps={"reviewMode": "enforce"}
    )
    message = last(events, "TEXT_MESSAGE_START")["messageId"]
    async with server.client() as client, server.client(user="acme/other") as other:
        listed = (await client.get("/api/v1/reviews?runId=kept-1")).json()["items"]
        theirs = (await other.get("/api/v1/reviews?runId=kept-1")).json()["items"]
        one = (await client.get(f"/api/v1/reviews/{listed[0]['reviewId']}")).json()
        stranger = await other.get(f"/api/v1/reviews/{listed[0]['reviewId']}")
        first = (await client.get("/api/v1/reviews?runId=kept-1&limit=1")).json()
        rest = (await client.get(f"/api/v1/reviews?runId=kept-1&limit=1&cursor={first['nextCursor']}")).json()
        failed = (await client.get("/api/v1/reviews?runId=kept-1&outcome=failed")).json()["items"]
        wrong = await client.get("/api/v1/reviews?outcome=good")
    assert [(each["outcome"], each["attempt"], each["messageId"]) for each in listed] == [
        ("passed", 2, message),
        ("failed", 1, message),
    ]
    assert [each["delivered"] for each in listed] == [True, False]
    assert [*first["items"], *rest["items"]] == listed
    assert (theirs, stranger.status_code, stranger.json()["code"]) == ([], 404, "review_not_found")
    assert (one["verdict"]["score"], one["judge"], one["agentId"]) == (4.857, "scripted:judge", "chat")
    assert [each["attempt"] for each in failed] == [1]
    assert wrong.status_code == 422


async def test_the_quality_agent_reads_what_it_is_sent(server: Server) -> None:
    events = await server.run("quality", text=WRONG, thread="read")
    assert _verdict(events)["outcome"] == "failed"
    assert "It does not pass" in said(events)
    assert "It is Paris." in said(events)


async def test_a_service_has_a_text_read(server: Server) -> None:
    async with server.client() as client:
        told = await client.post("/api/v1/reviews", json={"text": RIGHT, "prompt": "What is the capital of France?"})
        code = await client.post(
            "/api/v1/reviews", json={"text": "def f(:\n  pass\n", "kind": "code", "language": "python"}
        )
    assert (told.status_code, told.json()["verdict"]["outcome"]) == (200, "passed")
    assert (code.status_code, code.json()["verdict"]["outcome"]) == (200, "failed")
    assert [each["source"] for each in code.json()["verdict"]["findings"]] == ["code_parses"]


async def test_a_service_hears_how_far_a_reading_is(server: Server) -> None:
    body, streaming = {"text": RIGHT, "prompt": "What is the capital of France?"}, {"Accept": "text/event-stream"}
    async with server.client() as client:
        answer = await client.post("/api/v1/reviews", json=body, headers=streaming)
        refused = await client.post("/api/v1/reviews", json={"text": ""}, headers=streaming)
        lines = [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]
        events = [json.loads(line) for line in lines]
        kept = (await client.get(f"/api/v1/reviews/{events[-1]['result']['reviewId']}")).json()
    for event in lines:
        TypeAdapter(AguiEvent).validate_json(event)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [event["type"] for event in events] == ["RUN_STARTED", *["ACTIVITY_SNAPSHOT"] * 3, "RUN_FINISHED"]
    assert [event["content"]["stage"] for event in events[1:-1]] == ["checking", "judging", "done"]
    assert events[-1]["result"]["verdict"] == events[-2]["content"]["verdict"] == kept["verdict"]
    assert (kept["outcome"], refused.status_code) == ("passed", 422)


async def test_a_repeated_request_for_a_review_is_answered_with_the_first(server: Server) -> None:
    key, asked = {"Idempotency-Key": "again"}, {"text": RIGHT, "useJudge": False}
    async with server.client(user="ida") as client, server.client(user="ivo") as other:
        first = (await client.post("/api/v1/reviews", json=asked, headers=key)).json()
        again = (await client.post("/api/v1/reviews", json=asked, headers=key)).json()
        told = await client.post("/api/v1/reviews", json=asked, headers={**key, "Accept": "text/event-stream"})
        wrong = await client.post("/api/v1/reviews", json={**asked, "text": WRONG}, headers=key)
        theirs = (await other.post("/api/v1/reviews", json=asked, headers=key)).json()
        listed = (await client.get("/api/v1/reviews")).json()["items"]
    assert first == again
    assert f'"reviewId":"{first["reviewId"]}"' in told.text
    assert (wrong.status_code, wrong.json()["code"]) == (422, "idempotency_mismatch")
    assert theirs["reviewId"] != first["reviewId"]
    assert listed == [first]


async def test_a_reading_leaves_a_trace(server: Server) -> None:
    async with server.client() as client, asyncio.timeout(LIMIT_SECONDS):
        review = (await client.post("/api/v1/reviews", json={"text": RIGHT})).json()
        while True:
            found = (await client.get("/api/v1/traces?runId=" + review["traceRunId"])).json()["items"]
            told = (await client.get(f"/api/v1/traces/{found[0]['traceId']}")).json() if found else {}
            # The reading's own span is the last that ends.
            if told and told["spans"][0]["children"]:
                break
            await asyncio.sleep(0.1)
    (span,) = told["spans"][0]["children"]
    assert (told["name"], span["name"], span["attributes"]["agenkit.outcome"]) == ("ask review", "review", "passed")
    assert {child["name"] for child in span["children"]} == {"chat judge"}
    assert all("langfuse.observation.usage_details" in child["attributes"] for child in span["children"])


async def test_a_judge_that_answers_prose_judges_nothing(server: Server) -> None:
    async with server.client() as client:
        told = (await client.post("/api/v1/reviews", json={"text": "Something else."})).json()
    assert (told["verdict"]["outcome"], told["verdict"]["score"]) == ("not_judged", None)
    assert told["verdict"]["notJudgedReason"] == "the judge gave no reading"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"text": ""}, 422, "text"),
        ({"text": " \n"}, 422, "text"),
        ({"text": "x" * 1_100_000}, 413, ""),
        ({"text": "a\x01b"}, 422, "text"),
        ({"text": "Hi", "rubric": "nobody's"}, 422, "rubric"),
        ({"text": "Hi", "kind": "novel"}, 422, ""),
        ({"text": "Hi", "samples": 0}, 422, "samples"),
        ({"text": "Hi", "colour": "green"}, 422, "colour"),
        ({}, 422, "text"),
    ],
)
async def test_what_cannot_be_read_is_refused(server: Server, body: dict[str, Any], status: int, field: str) -> None:
    async with server.client() as client:
        answer = await client.post("/api/v1/reviews", json=body)
    assert answer.status_code == status, answer.text
    if field:
        assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("agent", "props", "field"),
    [
        ("chat", {"reviewMode": "strict"}, "forwardedProps.reviewMode"),
        ("quality", {"reviewMode": "off"}, "forwardedProps.reviewMode"),
        ("quality", {"review": {"rubric": "nobody's"}}, "forwardedProps.review.rubric"),
        ("quality", {"review": {"colour": "green"}}, "forwardedProps.review.colour"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused(server: Server, agent: str, props: dict[str, Any], field: str) -> None:
    async with server.client() as client:
        answer = await client.post(f"/api/v1/chat/{agent}", json=run_input("Hi", forwardedProps=props))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_document_is_read_before_it_is_seen(server: Server) -> None:
    options = {"canvas": {"kind": "markdown"}}
    events = await _asked(server, "document", "enforce", "canvas", **options)
    arguments = "".join(event["delta"] for event in events if event["type"] == "TOOL_CALL_ARGS")
    assert json.loads(arguments)["content"] == RIGHT
    before = events[: next(at for at, event in enumerate(events) if event["type"] == "TOOL_CALL_START")]
    assert [stage for stage, _ in _stages(before)] == ["checking", "judging", "revising", "checking", "judging", "done"]
    artifact = last(events, "STATE_SNAPSHOT")["snapshot"]["artifact"]
    async with server.client() as client:
        told = (await client.get(f"/api/v1/artifacts/{artifact['id']}")).json()
    assert (told["text"], told["version"]) == (RIGHT, 1)


async def test_a_document_that_is_seen_is_read_behind_it(server: Server) -> None:
    options = {"canvas": {"kind": "markdown"}}
    events = await _asked(server, "advised", "advise", "canvas", **options)
    artifact = last(events, "STATE_SNAPSHOT")["snapshot"]["artifact"]
    assert _verdict(events)["outcome"] == "failed"
    async with server.client() as client:
        (review,) = (await client.get(f"/api/v1/reviews?artifactId={artifact['id']}")).json()["items"]
    assert (review["version"], review["rubric"], review["outcome"]) == (1, "document", "failed")


async def test_what_the_canvas_only_says_is_read_too(server: Server) -> None:
    enforced = await _asked(server, "told", "enforce", "canvas")
    assert said(enforced) == RIGHT
    assert [event for event in enforced if event["type"] == "TOOL_CALL_START"] == []
    assert _stages(enforced)[-1] == ("done", 2)
    advised = await _asked(server, "told of", "advise", "canvas")
    assert said(advised) == WRONG
    assert _verdict(advised)["outcome"] == "failed"
    async with server.client() as client:
        reviews = (await client.get("/api/v1/reviews?agentId=canvas")).json()["items"]
    message = next(event["messageId"] for event in advised if event["type"] == "TEXT_MESSAGE_START")
    assert [review["rubric"] for review in reviews if review["messageId"] == message] == ["answer"]


async def test_the_embedded_model_never_judges(tmp_path: Path) -> None:
    with serving(tmp_path, **{**SETTINGS, "AGENKIT_JUDGE_MODELS": "embedded:smollm2"}) as server:
        events = await _asked(server, "t", "advise")
    assert (_verdict(events)["outcome"], _verdict(events)["notJudgedReason"]) == ("not_judged", "no judge is there")


async def test_a_rubric_of_ones_own_takes_the_place_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / "rubrics"
    folder.mkdir()
    levels = '["a", "b", "c", "d", "e"]'
    dimension = f'[[dimensions]]\nname = "correct"\nweight = 1\nquestion = "?"\nlevels = {levels}\n'
    own = f'name = "answer"\ndescription = "Ours."\n{dimension}'
    (folder / "answer.toml").write_text(own)
    with serving(tmp_path, **SETTINGS, AGENKIT_RUBRICS_DIR=str(folder)) as server:
        events = await _asked(server, "t", "advise")
    assert _verdict(events)["dimensionScores"] == {"correct": 1.0}


async def test_what_people_think_of_a_message_is_kept_changed_and_taken_back(server: Server) -> None:
    events = await _asked(server, "t", "off")
    (message,) = {event["messageId"] for event in events if event["type"] == "TEXT_MESSAGE_START"}
    run, where = events[0]["runId"], f"/api/v1/messages/{message}/feedback"
    async with server.client() as client, server.client(user="acme/other") as other:
        first = await client.put(where, json={"thumb": "up", "comment": "Good."})
        again = await client.put(where, json={"score": 0.25})
        theirs = await other.get(where)
        read = await client.get(where)
        wrong = [
            await client.put(where, json=body)
            for body in (
                {},
                {"thumb": "sideways"},
                {"score": 1.5},
                {"comment": "only words"},
                {"thumb": "up", "score": 1},
            )
        ]
        unknown = [
            await client.put("/api/v1/messages/never/feedback", json={"thumb": "up"}),
            await client.put(where, json={"thumb": "up", "runId": "another"}),
            await other.put(where, json={"thumb": "up"}),
        ]
        gone = [await client.delete(where), await client.delete(where)]
    # The run is the one that answered with the message.
    assert [answer.json()["runId"] for answer in (first, again)] == [run, run]
    assert [(answer.status_code, answer.json()["code"]) for answer in unknown] == [(404, "message_not_found")] * 3
    assert (first.status_code, first.json()["thumb"], first.json()["comment"]) == (200, "up", "Good.")
    assert "thumb" not in again.json()
    assert (again.json()["score"], read.json()) == (0.25, again.json())
    assert (theirs.status_code, theirs.json()["code"]) == (404, "feedback_not_found")
    assert [answer.status_code for answer in wrong] == [422] * 5
    assert [answer.status_code for answer in gone] == [204, 404]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/event-stream;q=0, application/json", "application/json"),
        ("Text/Event-Stream", "text/event-stream"),
    ],
)
async def test_a_reading_is_told_in_the_form_that_is_asked_for(server: Server, accept: str, media_type: str) -> None:
    async with server.client() as client:
        answer = await client.post(
            "/api/v1/reviews", json={"text": RIGHT, "useJudge": False}, headers={"Accept": accept}
        )
    assert answer.headers["content-type"].partition(";")[0] == media_type


async def test_the_name_of_a_reading_is_no_runs(server: Server) -> None:
    async with server.client() as client:
        review = (await client.post("/api/v1/reviews", json={"text": RIGHT, "useJudge": False})).json()
        run = await client.get(f"/api/v1/runs/{review['traceRunId']}")
    assert (review["traceRunId"].partition("-")[0], review["runId"]) == ("review", None)
    assert (run.status_code, run.json()["code"]) == (404, "run_not_found")


async def test_a_reading_that_is_heard_counts_as_an_open_stream(tmp_path: Path) -> None:
    script = tmp_path / "slow.json"
    script.write_text(json.dumps({"models": {"judge": {"replies": [{"text": "one two three", "delay": 30}]}}}))
    body, streaming = {"text": RIGHT}, {"Accept": "text/event-stream"}
    with serving(tmp_path, **{**SETTINGS, "AGENKIT_SCRIPTED_MODEL_FILE": str(script)}) as server:
        async with server.client() as client:
            async with client.stream("POST", "/api/v1/reviews", json=body, headers=streaming) as answer:
                async for line in answer.aiter_lines():
                    if '"judging"' in line:
                        break
                assert "agenkit_sse_connections 1.0" in (await client.get("/metrics")).text

            async def is_closed() -> bool:
                return "agenkit_sse_connections 0.0" in (await client.get("/metrics")).text

            await wait_for(is_closed)


# No key of anybody's, and in pieces, so that nobody who scans the sources takes it for one.
KEYS = ["AKIA" + "Q3EGRVNXO5TBZKDW", "AKIA" + "Z7WMTQ2LPXK4VNRC"]
LEAK = f"Use {KEYS[0]} here, and {KEYS[1]} there."


def _leaking(folder: Path, answer: str) -> dict[str, str]:
    judge = {"replies": [{"text": "not asked"}]}
    script = {"models": {"author": {"replies": [{"text": answer}]}, "judge": judge}}
    (folder / "leak.json").write_text(json.dumps(script))
    return {**SETTINGS, "AGENKIT_SCRIPTED_MODEL_FILE": str(folder / "leak.json")}


@pytest.mark.parametrize(
    ("action", "heard", "delivery"),
    [
        ("remove", "Use [removed] here, and [removed] there.", "redacted"),
        ("refuse", "This answer is withheld, because it contained something that must not be shown.", "refused"),
    ],
)
async def test_a_leaked_secret_is_not_delivered(tmp_path: Path, action: str, heard: str, delivery: str) -> None:
    with serving(tmp_path, **_leaking(tmp_path, LEAK), AGENKIT_LEAK_ACTION=action) as server:
        events = await _asked(server, "leak", "enforce")
        async with server.client() as client:
            asked = {"agentId": "chat", **run_input("Which keys?", run="r", forwardedProps={"reviewMode": "enforce"})}
            result = (await client.post("/api/v1/runs", json=asked, headers={"Prefer": "wait=60"})).json()
            reviews = (await client.get("/api/v1/reviews?runId=r")).json()["items"]
    assert said(events) == heard
    assert not any(key in json.dumps([events, result, reviews]) for key in KEYS)
    verdict = last(events, "RUN_FINISHED")["result"]["verdict"]
    assert (verdict["outcome"], verdict["delivery"], verdict["notJudgedReason"]) == (
        "failed",
        delivery,
        "a check that blocks has failed",
    )
    assert {(each["source"], each["effect"]) for each in verdict["findings"]} == {("no_secret", "block")}
    assert result["verdict"] == {**verdict, "usage": result["verdict"]["usage"]}
    assert [(each["delivered"], each["verdict"]["delivery"]) for each in reviews if each["delivered"]] == [
        (True, delivery)
    ]


async def test_what_only_reports_is_delivered_with_its_verdict(tmp_path: Path) -> None:
    broken = "```python\nx = = 1\n```"
    with serving(tmp_path, **_leaking(tmp_path, broken)) as server:
        events = await _asked(server, "broken", "enforce")
    verdict = last(events, "RUN_FINISHED")["result"]["verdict"]
    assert said(events) == broken
    assert (verdict["outcome"], verdict["delivery"]) == ("failed", "unchanged")
    assert {(each["source"], each["effect"]) for each in verdict["findings"]} == {("code_parses", "report")}


async def test_a_leak_that_was_heard_already_is_reported(tmp_path: Path) -> None:
    with serving(tmp_path, **_leaking(tmp_path, LEAK)) as server:
        events = await _asked(server, "advised", "advise")
    verdict = last(events, "RUN_FINISHED")["result"]["verdict"]
    assert said(events) == LEAK
    assert (verdict["outcome"], verdict["delivery"]) == ("failed", "unchanged")


async def test_who_mends_an_artifact_is_given_what_its_author_was(tmp_path: Path) -> None:
    broken, mended = "x = = 1", "x = 1"
    with Loopback() as loopback:
        settings = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": loopback.openai_url,
            "AGENKIT_CANVAS_MODELS": "openai:loop",
            "AGENKIT_CHAT_MODELS": "openai:loop",
        }

        def author(request: Request) -> Reply:
            last = request.body["messages"][-1]["content"]
            return Reply(mended if "Found wrong with it" in last else broken if "As code?" in last else "It is one.")

        loopback.answer(author)
        with serving(tmp_path, **settings) as server:
            before = [
                {"id": "m1", "role": "user", "content": "What is x?"},
                {"id": "m2", "role": "assistant", "content": "It is one."},
            ]
            props = {"reviewMode": "enforce", "canvas": {"kind": "code", "language": "python"}}
            await server.run("canvas", messages=before, text="As code?", thread="t", forwardedProps=props)
            async with server.client() as client:
                (artifact,) = (await client.get("/api/v1/artifacts")).json()["items"]
                text = (await client.get(f"/api/v1/artifacts/{artifact['artifactId']}/download")).text
        asked = [call.request.body for call in loopback.calls if call.request.body.get("messages")]
    first, second = (
        next(body for body in asked if words in body["messages"][-1]["content"])
        for words in ("As code?", "Found wrong")
    )
    assert text.strip() == mended
    assert second["messages"][:-2] == first["messages"]
    assert [message["role"] for message in first["messages"]] == ["system", "user", "assistant", "user"]
    assert second["messages"][-2]["content"] == broken
    assert "You write documents and code." in second["messages"][0]["content"]


async def test_a_long_text_is_judged_in_parts_that_are_all_counted(server: Server) -> None:
    line = "Lyon is the capital of France.\n\n"
    async with server.client() as client:
        short, long = [
            (await client.post("/api/v1/reviews", json={"text": line * times, "samples": 1}, timeout=60)).json()
            for times in (1, 4_000)
        ]
    assert long["verdict"]["dimensionScores"] == short["verdict"]["dimensionScores"]
    read, more = (each["verdict"]["usage"]["inputTokens"] for each in (short, long))
    # As it is estimated: each line is six and a little more.
    assert more > read + 6 * 4_000


async def test_who_mends_a_text_is_given_what_its_author_was(tmp_path: Path) -> None:
    broken, mended = "```python\nx = = 1\n```", "```python\nx = 1\n```"
    with Loopback() as loopback:
        settings = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": loopback.openai_url,
            "AGENKIT_CHAT_MODELS": "openai:loop",
        }

        def author(request: Request) -> Reply:
            last = request.body["messages"][-1]["content"]
            return Reply(mended if "Found wrong with it" in last else broken if last == "As code?" else "It is one.")

        loopback.answer(author)
        with serving(tmp_path, **settings) as server:
            await server.run(text="What is x?", thread="t")
            events = await server.run(text="As code?", thread="t", forwardedProps={"reviewMode": "enforce"})
        asked = [call.request.body for call in loopback.calls if call.request.body.get("messages")]
    first, second = (
        next(body for body in asked if words in body["messages"][-1]["content"])
        for words in ("As code?", "Found wrong")
    )
    assert said(events) == mended
    assert second["messages"][:-2] == first["messages"]
    assert [message["role"] for message in second["messages"]] == [
        *("system", "user", "assistant", "user"),
        *("assistant", "user"),
    ]
    assert second["messages"][-2]["content"] == broken
    assert "Found wrong with it" in second["messages"][-1]["content"]
    assert (second["tools"], second["tool_choice"]) == (first["tools"], "none")
