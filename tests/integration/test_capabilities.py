"""What an agent is declared to be able to do, and what it is seen to do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import Event, Server, last, serving
from tests.waiting import wait_for

TESTS = Path(__file__).parents[1]
PAINT = {"name": "paint", "description": "Paints the wall.", "parameters": {"type": "object", "properties": {}}}
# What has each agent do the most that it can.
TEXTS = {
    "chat": "Work out and shift",
    "canvas": "Write about the tides",
    "quality": "Lyon is the capital of France.",
    "approval": "both",
    "typed": "Hi",
}
MEMORY = "Is fond of sonnets."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    scripts = (json.loads((TESTS / name).read_text()) for name in ("script.json", "canvas.json", "quality.json"))
    script = tmp_path_factory.mktemp("script") / "script.json"
    script.write_text(json.dumps({"models": {name: model for one in scripts for name, model in one["models"].items()}}))
    settings = {
        "AGENKIT_SCRIPTED_MODEL_FILE": str(script),
        "AGENKIT_CHAT_MODELS": "scripted:actor",
        "AGENKIT_CANVAS_MODELS": "scripted:writer",
        "AGENKIT_JUDGE_MODELS": "scripted:judge",
        "AGENKIT_GRAPH_FILES": ",".join(
            [f"approval={TESTS}/graphs/approval.py:graph", f"typed={TESTS}/graphs/classes.py:pydantic_graph"]
        ),
    }
    with serving(tmp_path_factory.mktemp("data"), **settings) as running:
        yield running


async def _run(server: Server, agent: str, **more: Any) -> list[Event]:
    events = await server.run(agent, **{"text": TEXTS[agent], **more})
    assert events[-1]["type"] == "RUN_FINISHED", events[-1]
    return events


def _calls(events: list[Event]) -> list[Event]:
    return [event for event in events if event["type"] == "TOOL_CALL_START"]


async def _streams(server: Server, agent: str) -> bool:
    return bool((await _run(server, agent))[0]["type"] == "RUN_STARTED")


async def _resumes(server: Server, agent: str) -> bool:
    events = await _run(server, agent, run=f"resumed-{agent}")
    async with server.client() as client:
        path = f"/api/v1/runs/resumed-{agent}/events"
        whole = (await client.get(path)).text
        second = whole.split("id: ")[2].split("\n")[0]
        rest = (await client.get(path, headers={"Last-Event-ID": second})).text
    return 0 < rest.count("\ndata: ") + rest.startswith("data: ") < len(events) and whole.endswith(rest)


async def _calls_tools(server: Server, agent: str) -> bool:
    return bool(_calls(await _run(server, agent)))


async def _calls_several(server: Server, agent: str) -> bool:
    parents = [event.get("parentMessageId") for event in _calls(await _run(server, agent))]
    return len(set(parents)) < len(parents)


async def _calls_the_clients(server: Server, agent: str) -> bool:
    text = "Paint the wall" if agent == "chat" else TEXTS[agent]
    return "paint" in {event["toolCallName"] for event in _calls(await _run(server, agent, text=text, tools=[PAINT]))}


async def _sends_snapshots(server: Server, agent: str) -> bool:
    return any(event["type"] == "STATE_SNAPSHOT" for event in await _run(server, agent))


async def _sends_deltas(server: Server, agent: str) -> bool:
    events = await _run(server, agent)
    if artifact := last(events, "STATE_SNAPSHOT")["snapshot"].get("artifact"):
        # A text that is written whole is drafted before the eyes of its reader, which takes a snapshot; an edit is not.
        props = {"canvas": {"artifactId": artifact["id"]}}
        events = await _run(server, agent, text="Change it", forwardedProps=props)
    return any(event["type"] == "STATE_DELTA" for event in events)


async def _keeps_state(server: Server, agent: str) -> bool:
    await _run(server, agent, thread=f"kept-{agent}", run=f"kept-{agent}")
    async with server.client() as client:
        return bool((await client.get(f"/api/v1/threads/kept-{agent}/state")).json()["state"])


async def _remembers(server: Server, agent: str) -> bool:
    person = f"fond-{agent}"
    async with server.client(user=person) as client:
        made = await client.post("/api/v1/memories", json={"kind": "style", "text": MEMORY})
        assert made.status_code == 201, made.text
        await _run(server, agent, user=person)

        async def read() -> str | None:
            traces = (await client.get("/api/v1/traces")).json()["items"]
            return (await client.get(f"/api/v1/traces/{traces[0]['traceId']}")).text if traces else None

        return MEMORY in await wait_for(read)


async def _asks(server: Server, agent: str) -> bool:
    return bool((await _run(server, agent))[-1]["outcome"]["type"] == "interrupt")


OBSERVED = {
    "transport.streaming": _streams,
    "transport.resumable": _resumes,
    "tools.supported": _calls_tools,
    "tools.parallelCalls": _calls_several,
    "tools.clientProvided": _calls_the_clients,
    "state.snapshots": _sends_snapshots,
    "state.deltas": _sends_deltas,
    "state.persistentState": _keeps_state,
    "state.memory": _remembers,
    "humanInTheLoop.supported": _asks,
    "humanInTheLoop.interrupts": _asks,
}


@pytest.mark.parametrize("capability", OBSERVED)
@pytest.mark.parametrize("agent", TEXTS)
async def test_capability_is_declared_as_it_is(server: Server, agent: str, capability: str) -> None:
    async with server.client() as client:
        declared = (await client.get(f"/api/v1/agents/{agent}")).json()["capabilities"]
    group, name = capability.split(".")
    if name in declared.get(group, {}):
        assert await OBSERVED[capability](server, agent) is declared[group][name]
    else:
        # Only the graph of a stranger knows.
        assert agent not in {"chat", "canvas", "quality"}


async def test_every_declared_capability_is_observed(server: Server) -> None:
    async with server.client() as client:
        for agent in TEXTS:
            declared = (await client.get(f"/api/v1/agents/{agent}")).json()["capabilities"]
            flags = {
                f"{group}.{name}"
                for group, of in declared.items()
                for name, value in of.items()
                if value in (True, False)
            }
            assert flags <= set(OBSERVED)
