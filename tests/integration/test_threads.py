"""Threads over HTTP: made, listed, changed, looked into, forked, exported and deleted."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import URL, event

from tests.integration.conftest import SCRIPTED, TESTS
from tests.server import Server, last, run_input, serving, transcript, user

THREADS = "/api/v1/threads"


def _own() -> str:
    """A person of the test's own, who has no threads yet."""
    return f"user-{uuid4().hex}"


def _at(thread: str) -> str:
    return f"{THREADS}/{quote(thread, safe='')}"


async def _asked(server: Server, who: str, method: str, path: str, **request: Any) -> httpx.Response:
    async with server.client(user=who) as client:
        return await client.request(method, path, **request)


async def _told(server: Server, who: str, method: str, path: str, **request: Any) -> Any:
    answer = await _asked(server, who, method, path, **request)
    assert answer.is_success, answer.text
    return answer.json()


async def _refused(server: Server, who: str, method: str, path: str, **request: Any) -> tuple[int, str]:
    answer = await _asked(server, who, method, path, **request)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def _listed(server: Server, who: str, **asked: Any) -> list[str]:
    page = await _told(server, who, "GET", THREADS, params=asked)
    return [entry["threadId"] for entry in page["items"]]


async def test_a_thread_is_made_shown_changed_and_deleted(server: Server) -> None:
    who = _own()
    made = await _told(
        server, who, "POST", THREADS, json={"threadId": "t", "title": " A  trip ", "metadata": {"a": "1"}}
    )
    assert (made["threadId"], made["title"], made["titleSource"], made["metadata"]) == (
        "t",
        "A trip",
        "user",
        {"a": "1"},
    )
    assert await _told(server, who, "GET", _at("t")) == made
    changed = await _told(server, who, "PATCH", _at("t"), json={"title": "Lisbon", "metadata": {"a": None, "b": "2"}})
    assert (changed["title"], changed["metadata"], changed["createdAt"]) == ("Lisbon", {"b": "2"}, made["createdAt"])
    assert changed["updatedAt"] > made["updatedAt"]
    bare = await _told(server, who, "PATCH", _at("t"), json={"title": None})
    assert "title" not in bare
    assert "titleSource" not in bare
    gone = await _asked(server, who, "DELETE", _at("t"))
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert await _refused(server, who, method, _at("t")) == (404, "thread_not_found")


async def test_a_thread_needs_nothing_to_be_made(server: Server) -> None:
    who = _own()
    by_empty = await _asked(server, who, "POST", THREADS, json={})
    by_nothing = await _asked(server, who, "POST", THREADS)
    assert (by_empty.status_code, by_nothing.status_code) == (201, 201)
    assert len({by_empty.json()["threadId"], by_nothing.json()["threadId"]}) == 2
    assert set(by_empty.json()) == {"threadId", "metadata", "createdAt", "updatedAt"}


async def test_a_run_makes_the_thread_that_it_names(server: Server) -> None:
    who = _own()
    await server.run(text="Hello", thread="by-run", user=who)
    (entry,) = (await _told(server, who, "GET", THREADS))["items"]
    assert (entry["threadId"], entry["agentId"]) == ("by-run", "chat")


async def test_a_run_goes_on_in_a_thread_that_was_made(server: Server) -> None:
    who = _own()
    await _told(server, who, "POST", THREADS, json={"threadId": "t", "title": "Mine"})
    await server.run(text="Hello", thread="t", user=who)
    (entry,) = (await _told(server, who, "GET", THREADS))["items"]
    assert (entry["threadId"], entry["title"], entry["agentId"]) == ("t", "Mine", "chat")


async def test_callers_never_meet(server: Server) -> None:
    ann = _own()
    for other in (_own(), f"elsewhere/{ann}"):
        await server.run(text="Hello", thread="secret", user=ann)
        (newest, *_) = (await _told(server, ann, "GET", _at("secret") + "/history"))["items"]
        fork = {"checkpointId": newest["checkpointId"], "threadId": "mine"}
        assert await _listed(server, other) == []
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"title": "Mine now"}),
            ("DELETE", "", None),
            ("GET", "/state", None),
            ("GET", "/history", None),
            ("GET", "/export", None),
            ("POST", "/fork", fork),
        ):
            theirs = await _asked(server, other, method, _at("secret") + path, json=body)
            nobodys = await _asked(server, other, method, _at("not-there") + path, json=body)
            # Not only the code: nothing in it tells the one from the other.
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.text.replace("secret", "not-there") == nobodys.text
        await _told(server, other, "POST", THREADS, json={"threadId": "secret"})
        assert await _listed(server, other) == ["secret"]
        assert await _told(server, other, "GET", _at("secret") + "/state") == {
            "threadId": "secret",
            "messages": [],
            "state": {},
            "interrupts": [],
            "next": [],
        }


@pytest.mark.parametrize("thread", ["a/b", "a b?c#d", "été ☕", "x" * 255, "%2F", "a:b@c"])
async def test_every_id_that_a_run_takes_can_be_addressed(server: Server, thread: str) -> None:
    who = _own()
    await server.run(text="Hello", thread=thread, user=who)
    assert (await _told(server, who, "GET", _at(thread)))["threadId"] == thread
    assert len((await _told(server, who, "GET", _at(thread) + "/state"))["messages"]) == 2
    exported = await _asked(server, who, "GET", _at(thread) + "/export")
    assert exported.headers["content-disposition"].startswith('attachment; filename="')
    assert (await _asked(server, who, "DELETE", _at(thread))).status_code == 204


async def test_pages_follow_one_another_to_the_end(server: Server) -> None:
    who = _own()
    for at in range(7):
        await _told(server, who, "POST", THREADS, json={"threadId": f"t{at}"})
    seen, cursor = list[str](), None
    sizes = []
    while True:
        page = await _told(server, who, "GET", THREADS, params={"limit": 3, **({"cursor": cursor} if cursor else {})})
        seen += [entry["threadId"] for entry in page["items"]]
        sizes.append(len(page["items"]))
        if (cursor := page.get("nextCursor")) is None:
            break
    assert (seen, sizes) == ([f"t{at}" for at in reversed(range(7))], [3, 3, 1])
    whole = await _told(server, who, "GET", THREADS, params={"limit": 7})
    assert "nextCursor" not in whole


async def test_pages_by_creation_miss_nothing_while_threads_are_used_and_made(server: Server) -> None:
    who = _own()
    for at in range(6):
        await _told(server, who, "POST", THREADS, json={"threadId": f"t{at}"})
    asked: dict[str, Any] = {"limit": 2, "order": "created"}
    seen = list[str]()
    while True:
        page = await _told(server, who, "GET", THREADS, params=asked)
        seen += [entry["threadId"] for entry in page["items"]]
        await _told(server, who, "POST", THREADS, json={})
        await _told(server, who, "PATCH", _at("t1"), json={"metadata": {"seen": str(len(seen))}})
        await server.run(text="Hello", thread="t0", user=who)
        if "nextCursor" not in page:
            break
        asked["cursor"] = page["nextCursor"]
    assert seen == ["t5", "t4", "t3", "t2", "t1", "t0"]


async def test_a_thread_that_is_used_comes_first(server: Server) -> None:
    who = _own()
    for at in range(3):
        await server.run(text="Hello", thread=f"t{at}", user=who)
    await server.run(text="Again", thread="t0", user=who)
    assert await _listed(server, who) == ["t0", "t2", "t1"]
    assert await _listed(server, who, order="created") == ["t2", "t1", "t0"]


async def test_threads_are_found_by_title_and_by_metadata(server: Server) -> None:
    who = _own()
    for at, (title, project) in enumerate(
        [("A Trip to Lisbon", "travel"), ("Lisbon weather", "x:y"), ("Taxes", "x:y")]
    ):
        body = {"threadId": f"t{at}", "title": title, "metadata": {"project": project, "kind": "note"}}
        await _told(server, who, "POST", THREADS, json=body)
    assert await _listed(server, who, q="lisbon") == ["t1", "t0"]
    assert await _listed(server, who, q=" LISBON  trip ") == ["t0"]
    assert await _listed(server, who, q="%") == []
    assert await _listed(server, who, metadata="project:x:y") == ["t2", "t1"]
    assert await _listed(server, who, metadata=["project:x:y", "kind:note"], q="tax") == ["t2"]
    assert await _listed(server, who, metadata="project:") == []


def _encoded(mark: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(mark, separators=(",", ":")).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": _encoded({"before": "1f0c52a8-8d3c-6f6e-8002-5a1f0e9b7c11"})}, "cursor"),
        ({"cursor": _encoded({"order": "created", "moment": "2026-11-20T09:30:00Z", "id": "0" * 32})}, "cursor"),
        ({"cursor": _encoded({"order": "updated", "moment": "0001-01-01T00:00:00+14:00", "id": "0" * 32})}, "cursor"),
        ({"cursor": _encoded({"order": "updated", "moment": "2026-11-20T09:30:00Z", "id": "\x00" * 32})}, "cursor"),
        ({"order": "random"}, "order"),
        ({"q": "x" * 201}, "q"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "a b c d e f g h i j k"}, "q"),
        ({"metadata": "project"}, "metadata.0"),
        ({"metadata": "pro ject:x"}, "metadata.0"),
        ({"metadata": ["a:1", "b:\x00"]}, "metadata.1"),
        ({"offset": 5}, "offset"),
    ],
)
async def test_what_a_list_cannot_be_asked_is_named(server: Server, asked: dict[str, Any], field: str) -> None:
    answer = await _asked(server, _own(), "GET", THREADS, params=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"threadId": ""}, "threadId"),
        ({"threadId": "x" * 256}, "threadId"),
        ({"threadId": "a\nb"}, "threadId"),
        ({"title": ""}, "title"),
        ({"title": " \n "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 5}, "title"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"a": "x" * 513}}, "metadata.a"),
        ({"metadata": {"a b": "x"}}, "metadata"),
        ({"metadata": {"": "x"}}, "metadata"),
        ({"metadata": {f"n{at}": "x" for at in range(33)}}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"name": "x"}, "name"),
        ([], "body"),
    ],
)
async def test_what_a_thread_cannot_be_is_named(server: Server, body: Any, field: str) -> None:
    answer = await _asked(server, _own(), "POST", THREADS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_metadata_stays_within_bounds_however_often_it_is_changed(server: Server) -> None:
    who = _own()
    await _told(server, who, "POST", THREADS, json={"threadId": "t", "metadata": {f"n{at}": "x" for at in range(32)}})
    answer = await _asked(server, who, "PATCH", _at("t"), json={"metadata": {"more": "x"}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "metadata")
    kept = await _told(server, who, "PATCH", _at("t"), json={"metadata": {"n0": None, "more": "x"}})
    assert len(kept["metadata"]) == 32


async def test_an_id_is_taken_once_by_each(server: Server) -> None:
    who = _own()
    await server.run(text="Hello", thread="t", user=who)
    assert await _refused(server, who, "POST", THREADS, json={"threadId": "t"}) == (409, "thread_exists")
    await _told(server, _own(), "POST", THREADS, json={"threadId": "t"})


@pytest.mark.parametrize("path", ["", "/state", "/history", "/export", "/export?format=markdown"])
async def test_a_thread_that_cannot_be_is_none(server: Server, path: str) -> None:
    for thread in ("unknown", "%00", "x" * 300, "a%01b"):
        assert await _refused(server, _own(), "GET", f"{THREADS}/{thread}{path}") == (404, "thread_not_found")


async def test_the_state_of_a_thread_is_what_its_last_run_left(server: Server) -> None:
    who = _own()
    one = user("Work out 1")
    events = await server.run(messages=[one], thread="t", user=who)
    state = await _told(server, who, "GET", _at("t") + "/state")
    assert state["messages"] == last(events, "MESSAGES_SNAPSHOT")["messages"]
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert (state["agentId"], state["interrupts"], state["next"], state["state"]) == ("chat", [], [], {})
    history = await _told(server, who, "GET", _at("t") + "/history")
    assert history["items"][0]["checkpointId"] == state["checkpointId"]


async def test_the_state_of_an_interrupted_thread_tells_what_it_asks(server: Server) -> None:
    who = _own()
    events = await server.run("approval", text="both", thread="t", state={"budget": 5}, user=who)
    state = await _told(server, who, "GET", _at("t") + "/state")
    key = lambda asked: asked["id"]  # noqa: E731
    assert sorted(state["interrupts"], key=key) == sorted(events[-1]["outcome"]["interrupts"], key=key)
    assert (state["agentId"], state["state"]) == ("approval", {"budget": 4, "done": []})
    assert sorted(state["next"]) == ["ask_money", "ask_name"]
    resume = [{"interruptId": asked["id"], "status": "resolved", "payload": True} for asked in state["interrupts"]]
    done = await server.run("approval", thread="t", resume=resume, user=who)
    assert transcript(done)[-1] == ("assistant", "money: True; name: True")
    after = await _told(server, who, "GET", _at("t") + "/state")
    assert (after["interrupts"], after["next"]) == ([], [])


async def test_what_a_state_holds_is_told_as_it_is(server: Server) -> None:
    who = _own()
    await server.run("approval", text="Go", thread="t", user=who)
    (asked,) = (await _told(server, who, "GET", _at("t") + "/state"))["interrupts"]
    assert asked["responseSchema"] == {"type": "boolean"}
    assert asked["metadata"]["value"]["message"] == "Spend it?"


async def test_a_thread_of_several_agents_is_told_by_the_last(server: Server) -> None:
    who = _own()
    await server.run("typed", text="Go", thread="t", user=who)
    assert (await _told(server, who, "GET", _at("t") + "/state"))["state"] == {"turns": 1}
    await server.run(text="Hi", thread="t", user=who)
    state = await _told(server, who, "GET", _at("t") + "/state")
    assert (state["agentId"], state["state"], len(state["messages"])) == ("chat", {}, 4)


async def test_the_history_is_told_in_pages(server: Server) -> None:
    who = _own()
    for text in ("One", "Two", "Three"):
        await server.run(text=text, thread="t", user=who)
    whole = (await _told(server, who, "GET", _at("t") + "/history", params={"limit": 100}))["items"]
    assert [(each["messageCount"], each["next"]) for each in whole[:3]] == [
        (6, []),
        (5, ["model"]),
        (4, ["__start__"]),
    ]
    assert [each["parentId"] for each in whole[:-1]] == [each["checkpointId"] for each in whole[1:]]
    seen, cursor = list[Any](), None
    while True:
        asked = {"limit": 4, **({"cursor": cursor} if cursor else {})}
        page = await _told(server, who, "GET", _at("t") + "/history", params=asked)
        seen += page["items"]
        if (cursor := page.get("nextCursor")) is None:
            break
    assert seen == whole


@pytest.mark.parametrize("asked", [{"cursor": "nonsense"}, {"limit": 0}, {"cursor": _encoded({"before": "x"})}])
async def test_a_history_refuses_what_a_list_refuses(server: Server, asked: dict[str, Any]) -> None:
    who = _own()
    await server.run(text="Hello", thread="t", user=who)
    assert await _refused(server, who, "GET", _at("t") + "/history", params=asked) == (422, "invalid_input")


async def _fork(server: Server, who: str, messages: int, *, to: str | None = None) -> str:
    """Forks the thread `t` at its newest checkpoint with so many messages and nothing pending."""
    history = (await _told(server, who, "GET", _at("t") + "/history", params={"limit": 100}))["items"]
    at = next(each for each in history if each["messageCount"] == messages and each["next"] != ["__start__"])
    body = {"checkpointId": at["checkpointId"], **({"threadId": to} if to else {})}
    thread: str = (await _told(server, who, "POST", _at("t") + "/fork", json=body))["threadId"]
    return thread


async def test_a_fork_goes_on_by_itself_and_the_old_thread_stays(server: Server) -> None:
    who = _own()
    for text in ("One", "Two"):
        await server.run(text=text, thread="t", user=who)
    await _told(server, who, "PATCH", _at("t"), json={"title": "Counting", "metadata": {"a": "1"}})
    before = await _told(server, who, "GET", _at("t") + "/state")
    thread = await _fork(server, who, 2, to="fork")
    assert thread == "fork"
    entry = await _told(server, who, "GET", _at("fork"))
    assert (entry["title"], entry["metadata"], entry["agentId"]) == ("Counting", {"a": "1"}, "chat")
    state = await _told(server, who, "GET", _at("fork") + "/state")
    assert state["messages"] == before["messages"][:2]
    events = await server.run(text="Other", thread="fork", user=who)
    assert [content for _, content in transcript(events)] == ["One", "You said: One", "Other", "You said: Other"]
    assert await _told(server, who, "GET", _at("t") + "/state") == before
    await _asked(server, who, "DELETE", _at("t"))
    assert len((await _told(server, who, "GET", _at("fork") + "/state"))["messages"]) == 4


async def test_a_fork_of_a_question_asks_it_again(server: Server) -> None:
    who = _own()
    events = await server.run("approval", text="Go", thread="t", user=who)
    (asked,) = events[-1]["outcome"]["interrupts"]
    resume = [{"interruptId": asked["id"], "status": "resolved", "payload": True}]
    await server.run("approval", thread="t", resume=resume, user=who)
    history = (await _told(server, who, "GET", _at("t") + "/history"))["items"]
    at = next(each for each in history if each["next"] == ["ask_money"])
    assert [each["id"] for each in at["interrupts"]] == [asked["id"]]
    made = await _told(server, who, "POST", _at("t") + "/fork", json={"checkpointId": at["checkpointId"]})
    (again,) = (await _told(server, who, "GET", _at(made["threadId"]) + "/state"))["interrupts"]
    resume = [{"interruptId": again["id"], "status": "resolved", "payload": False}]
    events = await server.run("approval", thread=made["threadId"], resume=resume, user=who)
    assert transcript(events)[-1] == ("assistant", "money: False")


async def test_a_fork_can_be_forked(server: Server) -> None:
    who = _own()
    for text in ("One", "Two"):
        await server.run(text=text, thread="t", user=who)
    await _fork(server, who, 4, to="one")
    (newest, *_) = (await _told(server, who, "GET", _at("one") + "/history"))["items"]
    await _told(server, who, "POST", _at("one") + "/fork", json={**newest_id(newest), "threadId": "two"})
    state = await _told(server, who, "GET", _at("two") + "/state")
    assert (len(state["messages"]), state["agentId"]) == (4, "chat")


def newest_id(checkpoint: dict[str, Any]) -> dict[str, Any]:
    return {"checkpointId": checkpoint["checkpointId"]}


async def test_a_fork_that_cannot_be_is_told_why(server: Server) -> None:
    who = _own()
    await server.run(text="One", thread="t", user=who)
    (newest, *_) = (await _told(server, who, "GET", _at("t") + "/history"))["items"]
    for body, refused in (
        ({"checkpointId": "1f0c52a8-8d3c-6f6e-8002-5a1f0e9b7c11"}, (404, "checkpoint_not_found")),
        ({**newest_id(newest), "threadId": "t"}, (409, "thread_exists")),
        ({**newest_id(newest), "threadId": ""}, (422, "invalid_input")),
        ({"checkpointId": ""}, (422, "invalid_input")),
        ({}, (422, "invalid_input")),
    ):
        assert await _refused(server, who, "POST", _at("t") + "/fork", json=body) == refused
    assert await _listed(server, who) == ["t"]


async def test_an_edit_is_a_message_with_its_id_and_other_words(server: Server) -> None:
    """The example of docs/threads.md."""
    who = _own()
    one, two = user("One"), user("Two")
    await server.run(messages=[one], thread="t", user=who)
    await server.run(messages=[two], thread="t", user=who)
    held = (await _told(server, who, "GET", _at("t") + "/state"))["messages"]
    await server.run(messages=[*held[:2], {**two, "content": "Three"}], thread="t", user=who)
    state = await _told(server, who, "GET", _at("t") + "/state")
    assert [message["content"] for message in state["messages"]] == ["One", "You said: One", "Three", "You said: Three"]
    assert state["messages"][:2] == held[:2]
    assert state["messages"][2]["id"] == two["id"]


async def test_an_answer_anew_is_a_history_that_ends_in_its_question(server: Server) -> None:
    """The example of docs/threads.md."""
    who = _own()
    one, two = user("One"), user("Two")
    await server.run(messages=[one], thread="t", user=who)
    await server.run(messages=[two], thread="t", user=who)
    held = (await _told(server, who, "GET", _at("t") + "/state"))["messages"]
    await server.run(messages=held[:3], thread="t", user=who)
    state = await _told(server, who, "GET", _at("t") + "/state")
    assert [message["content"] for message in state["messages"]] == ["One", "You said: One", "Two", "You said: Two"]
    assert state["messages"][:3] == held[:3]
    assert state["messages"][3]["id"] != held[3]["id"]
    # What was said before is kept in another branch, and can be gone back to.
    await server.run(messages=[*held, user("On")], thread="t", user=who)
    back = await _told(server, who, "GET", _at("t") + "/state")
    assert back["messages"][:4] == held


async def test_a_thread_is_exported_as_json(server: Server) -> None:
    who = _own()
    await server.run(text="Work out 1", thread="a/b", user=who)
    await _told(server, who, "PATCH", _at("a/b"), json={"title": "Sums", "metadata": {"a": "1"}})
    answer = await _asked(server, who, "GET", _at("a/b") + "/export")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == "attachment; filename=\"a_b.json\"; filename*=UTF-8''a%2Fb.json"
    entry, state = [await _told(server, who, "GET", _at("a/b") + path) for path in ("", "/state")]
    told = {name: entry[name] for name in ("title", "metadata", "createdAt", "updatedAt")}
    assert answer.json() == {**state, **told}


async def test_a_thread_is_exported_as_markdown(server: Server) -> None:
    who = _own()
    await server.run(text="Work out 1", thread="t", user=who)
    await _told(server, who, "PATCH", _at("t"), json={"title": "Sums"})
    answer = await _asked(server, who, "GET", _at("t") + "/export", params={"format": "markdown"})
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text.startswith("# Sums\n\n## User\n\nWork out 1\n\n## Assistant\n\nCalled `calculate`:\n\n```json\n")
    assert answer.text.endswith("\n\n## Assistant\n\nThe tool says 0.3.\n")
    assert await _refused(server, who, "GET", _at("t") + "/export", params={"format": "pdf"}) == (422, "invalid_input")


async def test_a_thread_that_nobody_has_run_on_is_exported_empty(server: Server) -> None:
    who = _own()
    await _told(server, who, "POST", THREADS, json={"threadId": "t"})
    answer = await _asked(server, who, "GET", _at("t") + "/export", params={"format": "markdown"})
    assert answer.text == "# Untitled thread\n"
    assert (await _told(server, who, "GET", _at("t") + "/export"))["messages"] == []
    assert await _told(server, who, "GET", _at("t") + "/history") == {"items": []}


async def test_a_thread_is_not_deleted_while_a_run_goes_on_it(server: Server) -> None:
    who = _own()
    async with server.client(user=who) as client, server.opened(client, text="Count slowly", thread="t") as events:
        async for told in events:
            if told["type"] == "TEXT_MESSAGE_CONTENT":
                break
        assert await _refused(server, who, "DELETE", _at("t")) == (409, "thread_busy")
        assert [told async for told in events][-1]["outcome"] == {"type": "success"}
    assert (await _asked(server, who, "DELETE", _at("t"))).status_code == 204
    assert await _refused(server, who, "GET", _at("t") + "/state") == (404, "thread_not_found")


async def test_a_thread_of_a_deleted_ones_name_knows_nothing_of_it(server: Server) -> None:
    who = _own()
    await server.run(text="Hello", thread="t", user=who)
    await _asked(server, who, "DELETE", _at("t"))
    events = await server.run(text="Again", thread="t", user=who)
    assert transcript(events) == [("user", "Again"), ("assistant", "You said: Again")]


@asynccontextmanager
async def _counted(server: Server) -> AsyncIterator[list[str]]:
    """Every statement that the server's databases are asked meanwhile; transactions' own words are none."""
    asked = list[str]()
    resources = server.app.state.resources
    engine, connection = resources.database.engine.sync_engine, resources.checkpoints.saver.conn

    def traced(statement: str) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            asked.append(statement)

    def note(_c: Any, _cursor: Any, statement: str, _given: Any, _x: Any, _many: bool) -> None:
        traced(statement)

    event.listen(engine, "before_cursor_execute", note)
    await connection.set_trace_callback(traced)
    try:
        yield asked
    finally:
        await connection.set_trace_callback(None)
        event.remove(engine, "before_cursor_execute", note)


async def _statements(server: Server, who: str, method: str, path: str, **request: Any) -> int:
    counts = list[int]()
    for _ in range(10):
        async with _counted(server) as asked:
            await _told(server, who, method, path, **request)
        counts.append(len(asked))
    # What falls into one of them, a heartbeat, is not the request's.
    return min(counts)


async def test_a_request_asks_the_database_so_often_however_much_there_is(server: Server) -> None:
    who = _own()
    counts = list[dict[str, int]]()
    for size in (3, 15):
        for at in range(size):
            await server.run(text="Hello", thread=f"t{size}-{at}", user=who)
            await server.run(text=f"Hello {at}", thread="long", user=who)
        counts.append(
            {
                "list": await _statements(server, who, "GET", THREADS, params={"limit": 100}),
                "search": await _statements(server, who, "GET", THREADS, params={"q": "hello", "metadata": "a:b"}),
                "get": await _statements(server, who, "GET", _at("long")),
                "change": await _statements(server, who, "PATCH", _at("long"), json={"metadata": {"a": "b"}}),
                "state": await _statements(server, who, "GET", _at("long") + "/state"),
                "export": await _statements(server, who, "GET", _at("long") + "/export"),
                # One for the thread, one for the checkpoints, and the saver's own for each of them.
                "history": await _statements(server, who, "GET", _at("long") + "/history", params={"limit": 5}),
            }
        )
    assert counts[0] == counts[1]
    assert counts[1] == {"list": 1, "search": 1, "get": 1, "change": 4, "state": 3, "export": 3, "history": 8}


async def test_a_run_that_is_refused_leaves_no_thread(server: Server) -> None:
    who = _own()
    async with server.client(user=who) as client:
        await client.post("/api/v1/chat/chat", json=run_input("Hi", thread="t", model="scripted:nobody"))
    assert await _listed(server, who) == []


async def test_on_postgresql_it_is_the_same(own_postgres: URL, tmp_path: Path) -> None:
    address = own_postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    approval = f"approval={TESTS / 'graphs' / 'approval.py'}:graph"
    shared = {"DATABASE_URL": address, "AGENKIT_MIGRATE": "on", "AGENKIT_GRAPH_FILES": approval}
    with serving(tmp_path, **SCRIPTED, **shared) as server:
        who = _own()
        for text in ("One", "Two"):
            await server.run(text=text, thread="t", user=who)
        await server.run("approval", text="Go", thread="asked", user=who)
        await _told(server, who, "PATCH", _at("t"), json={"title": "Straße 100%", "metadata": {"a": "b"}})
        page = await _told(server, who, "GET", THREADS, params={"limit": 1})
        rest = await _told(server, who, "GET", THREADS, params={"limit": 1, "cursor": page["nextCursor"]})
        assert [entry["threadId"] for entry in (*page["items"], *rest["items"])] == ["t", "asked"]
        assert await _listed(server, who, q="STRASSE %", metadata="a:b") == ["t"]
        assert len((await _told(server, who, "GET", _at("asked") + "/state"))["interrupts"]) == 1
        await _fork(server, who, 2, to="fork")
        assert len((await _told(server, who, "GET", _at("fork") + "/state"))["messages"]) == 2
        assert len((await _told(server, who, "GET", _at("t") + "/history"))["items"]) == 6
        assert (await _asked(server, who, "DELETE", _at("t"))).status_code == 204
        for path in ("unknown", "%00"):
            assert await _refused(server, who, "GET", f"{THREADS}/{path}") == (404, "thread_not_found")
        assert await _listed(server, who) == ["fork", "asked"]
