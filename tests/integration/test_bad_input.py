"""What cannot be run is refused before the stream, as a problem that names the field."""

import base64
import json
from typing import Any

import pytest

from tests.server import Server, last, run_input, said, user


async def _refused(server: Server, agent: str = "chat", **asked: Any) -> tuple[int, dict[str, Any]]:
    async with server.client() as client:
        answer = await client.post(f"/api/v1/chat/{agent}", json=run_input(**asked))
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:agenkit:problem:{problem['code']}"
    return answer.status_code, problem


async def _posted(server: Server, **request: Any) -> tuple[int, dict[str, Any]]:
    async with server.client() as client:
        answer = await client.post("/api/v1/chat/chat", **request)
    return answer.status_code, answer.json()


async def test_an_unknown_agent_is_told_which_there_are(server: Server) -> None:
    status, problem = await _refused(server, "chatt", text="Hi")
    assert (status, problem["code"], problem["near"]) == (404, "agent_not_found", ["chat"])
    async with server.client() as client:
        served = (await client.get("/api/v1/agents")).json()["items"]
    assert problem["agents"] == [agent["id"] for agent in served]


async def test_an_unknown_model_is_told_what_looks_like_it(server: Server) -> None:
    status, problem = await _refused(server, text="Hi", model="scripted:acter")
    assert (status, problem["code"], problem["near"][0]) == (422, "model_not_found", "scripted:actor")
    assert problem["field"] == "forwardedProps.model"


@pytest.mark.parametrize("model", ["actor", "openai:gpt-5-mini", ":", "embedded:other"])
async def test_a_model_that_no_provider_serves_is_unknown(server: Server, model: str) -> None:
    assert (await _refused(server, text="Hi", model=model))[1]["code"] == "model_not_found"


async def test_an_unknown_profile_is_told_which_there_are(server: Server) -> None:
    status, problem = await _refused(server, text="Hi", forwardedProps={"profile": "poet"})
    assert (status, problem["code"], problem["near"]) == (422, "profile_not_found", ["chat", "canvas", "fast", "judge"])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"forwardedProps": {"model": 5}}, "forwardedProps.model"),
        ({"forwardedProps": {"model": ""}}, "forwardedProps.model"),
        ({"forwardedProps": {"model": "a:b", "profile": "chat"}}, "forwardedProps"),
        ({"forwardedProps": "model"}, "forwardedProps"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"id": "u", "role": "user"}]}, "messages.0.content"),
        ({"messages": [{"id": "u", "role": "robot", "content": "Hi"}]}, "messages.0"),
        ({"messages": [{"id": "", "role": "user", "content": "Hi"}]}, "messages.0.id"),
        ({"messages": [user("a", "same"), user("b", "same")]}, "messages.1.id"),
        ({"threadId": ""}, "threadId"),
        ({"threadId": "x" * 256}, "threadId"),
        ({"threadId": "a\nb"}, "threadId"),
        ({"runId": "\u0007"}, "runId"),
        ({"threadId": None}, "threadId"),
        ({"resume": [{"interruptId": "i", "status": "maybe"}]}, "resume.0.status"),
        ({"tools": [{"name": "calculate", "description": ""}]}, "tools.0.name"),
        ({"tools": [{"name": "t", "description": ""}, {"name": "t", "description": ""}]}, "tools.1.name"),
        ({"tools": [{"name": "t", "description": "", "parameters": "none"}]}, "tools.0.parameters"),
    ],
)
async def test_a_field_that_cannot_be_is_named(server: Server, given: dict[str, Any], field: str) -> None:
    status, problem = await _posted(server, json={**run_input("Hi"), **given})
    assert (status, problem["code"]) == (422, "invalid_input")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "messages", [[], [{"id": "a", "role": "activity", "activityType": "note", "content": {}}]], ids=["none", "activity"]
)
async def test_no_message_is_nothing_to_answer(server: Server, messages: list[dict[str, Any]]) -> None:
    status, problem = await _refused(server, messages=messages)
    assert (status, problem["errors"][0]["field"]) == (422, "messages")


async def test_other_peoples_forwarded_props_are_passed_over(server: Server) -> None:
    events = await server.run(text="Hi", forwardedProps={"nodeName": 1, "copilotkit": {"actions": []}})
    assert said(events) == "You said: Hi"


async def test_malformed_json_is_refused(server: Server) -> None:
    status, problem = await _posted(server, content=b'{"threadId": ', headers={"content-type": "application/json"})
    assert (status, problem["code"]) == (422, "invalid_input")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"threadId": "\xff"}',
        b'{"threadId": "\\ud83d"}',
        b'{"threadId": "\\u0000"}',
        b'{"state": NaN}',
        b'{"state": %b1%b}' % (b"[" * 600, b"]" * 600),
        b'{"state": %b1%b}' % (b"[" * 3000, b"]" * 3000),
        b"1" * 5000,
    ],
    ids=["cut", "no utf-8", "half a character", "nul", "nan", "deep", "deeper", "huge number"],
)
async def test_what_could_not_be_written_again_is_not_read(server: Server, body: bytes) -> None:
    status, problem = await _posted(server, content=body, headers={"content-type": "application/json"})
    assert (status, problem["code"], problem["errors"][0]["field"]) == (422, "invalid_input", "body")


async def test_a_body_that_is_no_object_is_refused(server: Server) -> None:
    status, problem = await _posted(server, json=[1])
    assert (status, problem["errors"][0]["field"]) == (422, "body")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
async def test_a_body_that_is_no_json_is_refused(server: Server, kind: str) -> None:
    status, problem = await _posted(server, content=b"hello", headers={"content-type": kind})
    assert (status, problem["code"]) == (415, "unsupported_media_type")


async def test_a_body_over_the_limit_is_refused_by_its_length(server: Server) -> None:
    body = json.dumps(run_input("x" * 11_000_000)).encode()
    status, problem = await _posted(server, content=body, headers={"content-type": "application/json"})
    assert (status, problem["code"], problem["limit"]) == (413, "body_too_large", 10_485_760)


async def test_a_body_over_the_limit_is_refused_without_a_length(server: Server) -> None:
    async def parts() -> Any:
        for _ in range(12):
            yield b" " * 1_000_000

    status, problem = await _posted(server, content=parts(), headers={"content-type": "application/json"})
    assert (status, problem["code"]) == (413, "body_too_large")


async def test_a_thread_with_a_run_that_is_going_is_busy(server: Server) -> None:
    async with server.client() as client, server.opened(client, text="Count slowly", thread="busy") as events:
        async for event in events:
            if event["type"] == "TEXT_MESSAGE_CONTENT":
                break
        status, problem = await _refused(
            server, text="Hi", thread="busy", forwardedProps={"multitaskStrategy": "reject"}
        )
        rest = [event async for event in events]
    assert (status, problem["code"]) == (409, "thread_busy")
    assert rest[-1]["outcome"] == {"type": "success"}


async def test_a_run_id_is_used_once(server: Server) -> None:
    await server.run(text="Hi", run="once")
    assert (await _refused(server, text="Hi", run="once"))[1]["code"] == "run_exists"


async def test_a_wrong_address_and_a_wrong_method_are_problems_too(server: Server) -> None:
    async with server.client() as client:
        missing, wrong = await client.get("/api/v1/nothing"), await client.get("/api/v1/chat/chat")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (405, "method_not_allowed", "POST")


async def test_a_model_that_breaks_off_ends_the_run_in_words_and_frees_the_thread(server: Server) -> None:
    events = await server.run(text="Break it", thread="broken")
    assert said(events) == "Half of "
    assert [event["type"] for event in events[-3:]] == ["TEXT_MESSAGE_END", "STEP_FINISHED", "RUN_ERROR"]
    assert events[-1]["message"] == "The model 'actor' stopped before its answer was complete."
    assert events[-1]["code"] == "model_unavailable"
    events = await server.run(messages=[user("And now?")], thread="broken")
    assert last(events, "RUN_FINISHED")["outcome"] == {"type": "success"}


def _cursor(**mark: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(mark, separators=(",", ":")).encode()).decode().rstrip("=")


@pytest.mark.parametrize("name", ["artifacts", "memories", "reviews", "schedules", "threads", "traces"])
@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"]
)
async def test_a_cursor_of_no_time_that_there_is_is_refused(server: Server, name: str, moment: str) -> None:
    cursors = [_cursor(**more, moment=moment, id="0" * 32) for more in ({}, {"order": "updated"}, {"order": "created"})]
    async with server.client() as client:
        answers = [await client.get(f"/api/v1/{name}", params={"cursor": cursor}) for cursor in cursors]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(422, "invalid_input")}


@pytest.mark.parametrize("name", ["x" * 5000, "%00", "..%2f..%2fpyproject.toml", "%ff%fe", "none.js"])
async def test_an_asset_that_cannot_be_is_not_there(server: Server, name: str) -> None:
    async with server.client() as client:
        answer = await client.get(f"/assets/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
