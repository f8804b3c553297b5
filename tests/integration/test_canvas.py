"""Artifacts that an agent writes, over the endpoint."""

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.loopback import Loopback, Reply, Request
from tests.server import Event, Server, kinds, last, run_input, said, serving, transcript
from tests.waiting import wait_for

Deed = Callable[[], Awaitable[httpx.Response]]
SCRIPT = Path(__file__).parent.parent / "canvas.json"
TIDES = "# The tides\n\nThe moon pulls the sea.\n\nThe sun helps a little.\n"
_SUN = {"start": TIDES.index("The sun"), "end": TIDES.index("The sun") + 5}
CHANGED = TIDES.replace("a little", "at new and full moon")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"AGENKIT_SCRIPTED_MODEL_FILE": str(SCRIPT), "AGENKIT_CANVAS_MODELS": "scripted:writer"}
    with serving(tmp_path_factory.mktemp("data"), **settings) as running:
        yield running


async def _canvas(server: Server, text: str, thread: str, **options: Any) -> list[Event]:
    props = {"canvas": options} if options else {}
    return await server.run("canvas", text=text, thread=thread, forwardedProps=props)


def _artifact(events: Sequence[Event]) -> dict[str, Any]:
    """What the state names in the end."""
    artifact: dict[str, Any] = last(events, "STATE_SNAPSHOT")["snapshot"]["artifact"]
    return artifact


async def _text(server: Server, artifact: str, version: int | None = None) -> str:
    where = f"/versions/{version}" if version else ""
    async with server.client() as client:
        answer = await client.get(f"/api/v1/artifacts/{artifact}{where}")
        assert answer.status_code == 200, answer.text
        text: str = answer.json()["text"]
        return text


def _calls(events: Sequence[Event]) -> list[tuple[str, dict[str, Any], Any]]:
    """Name, arguments and result of every call that was streamed."""
    started = [event for event in events if event["type"] == "TOOL_CALL_START"]
    told = []
    for call in started:
        mine = [event for event in events if event.get("toolCallId") == call["toolCallId"]]
        assert kinds(mine) == ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT"]
        arguments = "".join(event["delta"] for event in mine if event["type"] == "TOOL_CALL_ARGS")
        told.append((call["toolCallName"], json.loads(arguments), json.loads(mine[-1]["content"])))
    return told


async def test_a_document_is_written_while_it_is_seen_to_grow(server: Server) -> None:
    events = await _canvas(server, "Write about the tides", "create")
    artifact = _artifact(events)
    assert artifact == {"id": artifact["id"], "version": 1, "name": "The tides", "kind": "markdown", "language": None}
    ((name, arguments, result),) = _calls(events)
    assert (name, arguments["content"], result) == ("write_artifact", TIDES, {"artifact": artifact})
    assert await _text(server, artifact["id"]) == TIDES
    assert said(events) == "It is done."
    # A client that predicts the draft is told where it stands, and the snapshot takes it away again.
    predicted = last(events, "CUSTOM")
    wanted = {"state_key": "draft", "tool": "write_artifact", "tool_argument": "content"}
    assert (predicted["name"], predicted["value"]) == ("PredictState", [wanted])
    assert last(events, "STATE_SNAPSHOT")["snapshot"] == {"artifact": artifact}


async def test_the_thread_keeps_which_version_was_written_and_not_its_text(server: Server) -> None:
    events = await _canvas(server, "Write about the tides", "kept")
    snapshot = json.dumps(last(events, "MESSAGES_SNAPSHOT"))
    assert "The moon pulls" not in snapshot
    assert _artifact(events)["id"] in snapshot
    assert [role for role, _ in transcript(events)] == ["user", "assistant", "tool", "assistant"]
    ids = [event["messageId"] for event in events if event["type"] == "TOOL_CALL_RESULT"]
    assert ids == [
        message["id"] for message in last(events, "MESSAGES_SNAPSHOT")["messages"] if message["role"] == "tool"
    ]


async def test_code_comes_without_the_fence_and_the_talk_around_it(server: Server) -> None:
    artifact = _artifact(await _canvas(server, "Write a function that adds", "code"))
    assert (artifact["kind"], artifact["language"], artifact["name"]) == ("code", "python", "add.py")
    assert await _text(server, artifact["id"]) == "def add(one, other):\n    return one - other\n"


async def test_a_change_costs_what_it_changes(server: Server) -> None:
    await _canvas(server, "Write about the tides", "edit")
    events = await _canvas(server, "Change what the sun does", "edit")
    artifact = _artifact_delta(events)
    ((name, arguments, result),) = _calls(events)
    assert (name, result["artifact"]["version"]) == ("edit_artifact", 2)
    assert "The moon pulls" not in arguments["edits"]
    assert (artifact["version"], await _text(server, artifact["id"])) == (2, CHANGED)
    assert await _text(server, artifact["id"], 1) == TIDES


def _artifact_delta(events: Sequence[Event]) -> dict[str, Any]:
    """What the last result names: a change without a draft is told as a delta of the state."""
    artifact: dict[str, Any] = json.loads(last(events, "TOOL_CALL_RESULT")["content"])["artifact"]
    return artifact


async def test_an_edit_that_does_not_apply_is_asked_for_again_and_then_the_part_is_written_anew(server: Server) -> None:
    first = _artifact(await _canvas(server, "Write about the tides", "again"))
    at = TIDES.index("The moon")
    selection = {"start": at + 4, "end": at + 8}
    events = await _canvas(server, "Say it badly", "again", artifactId=first["id"], version=1, selection=selection)
    (_, _, missing), (_, _, nothing), (_, arguments, done) = _calls(events)
    assert "error" in missing
    assert "error" in nothing
    assert arguments["edits"] == "The moon pulls all the seas.\n"
    assert done["artifact"]["version"] == 2
    assert await _text(server, first["id"]) == TIDES.replace("pulls the sea.", "pulls all the seas.")


async def test_a_rewrite_is_another_version(server: Server) -> None:
    first = _artifact(await _canvas(server, "Write about the tides", "rewrite"))
    second = _artifact(await _canvas(server, "Anew, please", "rewrite"))
    assert (second["id"], second["version"]) == (first["id"], 2)
    assert await _text(server, second["id"]) == "# The tides, anew\n\nAll of it.\n"


async def test_quick_actions_rewrite_explain_and_ask_for_nothing_else(server: Server) -> None:
    first = _artifact(await _canvas(server, "Write about the tides", "action"))
    translate = {"name": "translate", "value": "German"}
    second = _artifact(await _canvas(server, "Please", "action", artifactId=first["id"], action=translate))
    assert await _text(server, second["id"]) == "# Die Gezeiten\n\nDer Mond zieht am Meer.\n"
    explained = await _canvas(server, "Please", "action", artifactId=first["id"], action={"name": "explain"})
    assert said(explained) == "It tells of the moon."
    assert _calls(explained) == []


async def test_code_that_is_ported_is_in_its_new_language_from_then_on(server: Server) -> None:
    first = _artifact(await _canvas(server, "Write a function that adds", "port"))
    port = {"name": "port", "value": "Go"}
    events = await _canvas(server, "Please", "port", artifactId=first["id"], action=port)
    assert [name for name, _, _ in _calls(events)] == ["write_artifact"]
    artifact = _artifact(events)
    assert (artifact["language"], artifact["version"], artifact["name"]) == ("go", 2, "add.go")
    path = f"/api/v1/artifacts/{first['id']}"
    async with server.client() as client:
        for version, expected in ((1, ("python", 3, "add.py")), (2, ("go", 4, "add.go"))):
            seen = (await client.get(path)).headers["ETag"]
            body = {"version": version}
            answer = await client.post(f"{path}/restore", json=body, headers={"If-Match": seen})
            assert answer.status_code in {200, 201}, answer.text
            held = answer.json()
            assert (held["language"], held["version"], held["name"]) == expected
    assert not [event for event in events if event.get("name") == "notice"]


async def test_a_model_that_breaks_off_leaves_no_call_without_a_result(server: Server) -> None:
    events = await server.run("canvas", text="Please break off", forwardedProps={"canvas": {"kind": "markdown"}})
    assert events[-1]["type"] == "RUN_ERROR"
    ((name, arguments, result),) = _calls(events)
    assert (name, arguments["content"], "error" in result) == ("write_artifact", "# Half of a text", True)


async def test_what_cannot_be_kept_is_said_and_nothing_else_is_touched(tmp_path: Path) -> None:
    settings = {
        "AGENKIT_SCRIPTED_MODEL_FILE": str(SCRIPT),
        "AGENKIT_CANVAS_MODELS": "scripted:writer",
        "AGENKIT_ARTIFACT_MAX_BYTES": "1024",
    }
    with Loopback() as loopback, serving(tmp_path, **{**settings, **_of(loopback)}) as server:
        loopback.answer(lambda request: Reply("word " * 400 if "Write it as" in str(request.body) else "Sorry."))
        events = await _canvas(server, "Write too much", "large", kind="markdown")
        async with server.client() as client:
            listed = (await client.get("/api/v1/artifacts")).json()["items"]
    ((_, _, result),) = _calls(events)
    assert "at most 1024" in result["error"]
    assert [event["value"]["code"] for event in events if event.get("name") == "notice"] == ["artifact_not_saved"]
    told = loopback.calls[-1].request.body["messages"][-1]["content"]
    assert "nothing could be kept" in told
    assert (listed, last(events, "STATE_SNAPSHOT")["snapshot"]) == ([], {})


async def test_what_is_not_well_formed_is_mended(server: Server) -> None:
    events = await _canvas(server, "Write some data", "mended")
    assert [name for name, _, _ in _calls(events)] == ["write_artifact", "edit_artifact"]
    artifact = _artifact_delta(events)
    assert (artifact["version"], await _text(server, artifact["id"])) == (2, '{"a": 1}')


async def test_a_question_is_answered_and_writes_nothing(server: Server) -> None:
    events = await _canvas(server, "What are tides?", "talk")
    assert _calls(events) == []
    assert said(events).startswith("You said: What are tides?")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"action": {"name": "paint"}}, "action.name"),
        ({"action": {"name": "length", "value": "enormous"}}, "action"),
        ({"action": {"name": "translate"}}, "action"),
        ({"action": {"name": "port", "value": "Go"}}, "action"),
        ({"selection": {"start": 0, "end": 4000}}, "selection"),
        ({"selection": {"start": 9, "end": 3}}, "selection"),
        ({"selection": {"start": 0, "end": 3}, "part": "The tides"}, ""),
        ({"part": "The stars"}, "part"),
        ({"version": 7}, "version"),
        ({"version": 0}, "version"),
        ({"kind": "novel"}, "kind"),
        ({"colour": "green"}, "colour"),
    ],
)
async def test_what_cannot_be_is_said_before_anything_is_run(
    server: Server, options: dict[str, Any], field: str
) -> None:
    first = _artifact(await _canvas(server, "Write about the tides", "refused"))
    asked = run_input("Do", forwardedProps={"canvas": {"artifactId": first["id"], **options}})
    async with server.client() as client:
        answer = await client.post("/api/v1/chat/canvas", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["errors"][0]["field"] == f"forwardedProps.canvas.{field}".rstrip(".")


async def test_an_artifact_of_another_is_none(server: Server) -> None:
    first = _artifact(await _canvas(server, "Write about the tides", "mine"))
    asked = run_input("Do", forwardedProps={"canvas": {"artifactId": first["id"]}})
    async with server.client(user="acme/other") as client:
        answer = await client.post("/api/v1/chat/canvas", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (404, "artifact_not_found")


@pytest.mark.parametrize("quality", ["off", "enforce"])
async def test_a_text_that_was_cut_by_its_limit_is_not_kept_as_whole(tmp_path: Path, quality: str) -> None:
    def answer(request: Request) -> Reply:
        asked = request.body["messages"][-1]["content"]
        if "Write it as" in asked:
            return Reply(TIDES[:30], finish="length")
        return Reply(CHANGED) if "# The tides" in str(request.body) else Reply("It is done.")

    options = {"canvas": {"kind": "markdown"}, "reviewMode": quality}
    with Loopback() as loopback, serving(tmp_path, **_of(loopback)) as server:
        loopback.answer(answer)
        events = await server.run("canvas", text="The tides", thread="cut", forwardedProps=options)
        artifact = _artifact(events)
        async with server.client() as client:
            versions = (await client.get(f"/api/v1/artifacts/{artifact['id']}/versions")).json()["items"]
    assert [version["note"] for version in versions] == ["created, incomplete"]
    ((_, _, result),) = _calls(events)
    assert result == {"artifact": artifact, "incomplete": True}
    assert "truncated" in [event["value"]["code"] for event in events if event.get("name") == "notice"]


async def test_a_person_who_writes_meanwhile_loses_nothing(tmp_path: Path) -> None:
    with Loopback() as loopback, serving(tmp_path, **_of(loopback)) as server:
        loopback.answer(lambda _: Reply(TIDES))
        first = _artifact(await _canvas(server, "Write", "t", kind="markdown"))
        edits = "<<<<<<< SEARCH\nThe sun helps a little.\n=======\nThe sun helps.\n>>>>>>> REPLACE\n"
        loopback.answer(lambda _: Reply(edits, delay=0.1))
        at = TIDES.index("The sun")
        async with (
            server.client() as client,
            server.opened(
                client,
                "canvas",
                text="Shorter",
                thread="t",
                forwardedProps={"canvas": {"artifactId": first["id"], "selection": {"start": at, "end": at + 5}}},
            ) as events,
        ):
            async for event in events:
                if event["type"] == "TOOL_CALL_ARGS" and "SEARCH" in event["delta"]:
                    break
            body = {"text": TIDES.replace("pulls", "draws")}
            tag = (await client.get(f"/api/v1/artifacts/{first['id']}")).headers["ETag"]
            put = await client.put(f"/api/v1/artifacts/{first['id']}", json=body, headers={"If-Match": tag})
            assert put.status_code == 200, put.text
            rest = [event async for event in events]
        # The agent's own text is version 3; what was made of both is version 4.
        assert _artifact_delta(rest)["version"] == 4
        assert await _text(server, first["id"]) == TIDES.replace("pulls", "draws").replace(" a little", "")
        assert await _text(server, first["id"], 3) == TIDES.replace(" a little", "")


async def _changed_during(server: Server, client: httpx.AsyncClient, deed: Deed | None, **options: Any) -> list[Event]:
    """A run of which something has come when the deed is done."""
    heard = list[Event]()
    props = {"canvas": options}
    async with server.opened(client, "canvas", text="Shorter", thread="t", forwardedProps=props) as events:
        async for event in events:
            heard.append(event)
            if event["type"] == "TOOL_CALL_ARGS" and deed is not None:
                answered, deed = await deed(), None
                assert answered.is_success, answered.text
    return heard


def _remarks(events: Sequence[Event]) -> list[str]:
    return [event["value"]["code"] for event in events if event.get("name") == "notice"]


async def test_an_artifact_that_is_deleted_while_its_edit_is_retried_is_said_to_be_gone(tmp_path: Path) -> None:
    with Loopback() as loopback, serving(tmp_path, **_of(loopback)) as server:
        loopback.answer(lambda _: Reply(TIDES))
        first = _artifact(await _canvas(server, "Write", "t", kind="markdown"))["id"]
        decision = Reply('{"what": "edit"}')
        talk = Reply("No block is in this answer, and it is slow to come.", delay=0.1)
        loopback.answer(lambda request: decision if "Decide what" in str(request.body) else talk)
        async with server.client() as client:
            deed = partial(client.delete, f"/api/v1/artifacts/{first}")
            events = await _changed_during(server, client, deed, artifactId=first)
    assert events[-1]["type"] == "RUN_FINISHED"
    assert all("error" in result for _, _, result in _calls(events))
    assert "artifact_not_saved" in _remarks(events)
    assert "nothing could be kept" in loopback.calls[-1].request.body["messages"][-1]["content"]


async def test_a_conflict_is_told_and_not_called_done(tmp_path: Path) -> None:
    with Loopback() as loopback, serving(tmp_path, **_of(loopback)) as server:
        loopback.answer(lambda _: Reply(TIDES))
        first = _artifact(await _canvas(server, "Write", "t", kind="markdown"))["id"]
        edits = "<<<<<<< SEARCH\nThe sun helps a little.\n=======\nThe sun helps.\n>>>>>>> REPLACE\n"
        loopback.answer(lambda _: Reply(edits, delay=0.1))
        async with server.client() as client:
            body = {"text": TIDES.replace("a little", "a lot")}
            put = partial(client.put, f"/api/v1/artifacts/{first}", json=body, headers={"If-Match": "*"})
            events = await _changed_during(server, client, put, artifactId=first, selection=_SUN)
    assert "conflict" in _remarks(events)
    assert "conflict marks" in loopback.calls[-1].request.body["messages"][-1]["content"]


async def test_a_change_that_changes_nothing_is_told_and_not_called_done(tmp_path: Path) -> None:
    with Loopback() as loopback, serving(tmp_path, **_of(loopback)) as server:
        loopback.answer(lambda _: Reply(TIDES))
        first = _artifact(await _canvas(server, "Write", "t", kind="markdown"))["id"]
        edits = "<<<<<<< SEARCH\nThe sun helps a little.\n=======\nThe sun helps a little.\n>>>>>>> REPLACE\n"
        loopback.answer(lambda _: Reply(edits))
        events = await _canvas(server, "Shorter", "t", artifactId=first, selection=_SUN)
    assert _remarks(events) == ["unchanged"]
    assert "was not changed" in loopback.calls[-1].request.body["messages"][-1]["content"]


async def test_a_document_that_is_stopped_leaves_no_call_open_and_no_draft(tmp_path: Path) -> None:
    with Loopback() as loopback, serving(tmp_path, **_of(loopback)) as server:
        loopback.answer(lambda _: Reply("word " * 400, delay=0.05))
        heard = list[Event]()
        options = {"canvas": {"kind": "markdown"}}
        async with (
            server.client() as client,
            server.opened(client, "canvas", text="Write", run="r", forwardedProps=options) as events,
        ):
            async for event in events:
                heard.append(event)
                if kinds(heard)[-1] == "TOOL_CALL_ARGS" and len(heard) == 10:
                    await client.post("/api/v1/runs/r/cancel")
        ((name, arguments, result),) = _calls(heard)
        assert name == "write_artifact"
        assert arguments["content"].startswith("word word")
        assert "error" in result
        assert last(heard, "STATE_SNAPSHOT")["snapshot"] == {}
        assert heard[-1]["outcome"] == {"type": "cancelled"}


async def test_twice_as_long_sends_twice_as_much(tmp_path: Path) -> None:
    line = 'def name(one, two):\n    return "one" if one < two else f"{two}"\n\n'
    with Loopback() as loopback, serving(tmp_path, **_of(loopback)) as server:
        sent, sizes = list[int](), [300, 600]
        for count in sizes:
            loopback.answer(partial(_written_or_said, line * count))
            asked = run_input("Write", forwardedProps={"canvas": {"kind": "code", "language": "python"}})
            async with server.client() as client:
                sent.append(len((await client.post("/api/v1/chat/canvas", json=asked)).content))
    whole = len(json.dumps(line * sizes[1]))
    assert sent[1] <= 1.5 * whole + 8_000
    assert sent[1] <= 2.1 * sent[0]


async def test_what_a_person_says_of_themselves_is_remembered_and_told_the_next_time(tmp_path: Path) -> None:
    with Loopback() as loopback:
        settings = {**_of(loopback), "AGENKIT_FAST_MODELS": "openai:loop", "AGENKIT_MEMORY_EXTRACTION": "true"}
        with serving(tmp_path, **settings) as server:
            note = '{"notes": [{"kind": "style", "text": "Likes short sentences."}]}'
            loopback.answer(
                lambda request: Reply(note if "worth remembering" in json.dumps(request.body) else "A text.")
            )
            await _canvas(server, "Write of tides. I like short sentences.", "t", kind="markdown")
            async with server.client() as client:

                async def memories() -> list[dict[str, str]]:
                    items: list[dict[str, str]] = (await client.get("/api/v1/memories")).json()["items"]
                    return items

                kept = await wait_for(memories)
            assert [(memory["kind"], memory["text"]) for memory in kept] == [("style", "Likes short sentences.")]
            before = len(loopback.calls)
            await _canvas(server, "Write of stars", "u", kind="markdown")
            first = loopback.calls[before].request.body["messages"]
    assert "- Likes short sentences." in first[0]["content"]


def _written_or_said(text: str, request: Request) -> Reply:
    return Reply(text if "Write it as" in request.body["messages"][-1]["content"] else "It is done.")


def _of(loopback: Loopback) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "a-key-for-tests",
        "OPENAI_BASE_URL": loopback.openai_url,
        "AGENKIT_CANVAS_MODELS": "openai:loop",
    }
