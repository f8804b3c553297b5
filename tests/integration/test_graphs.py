"""Graphs that know nothing of us, as agents."""

import pytest

from tests.server import Server, last, transcript


@pytest.mark.parametrize("agent", ["typed", "data"])
async def test_a_state_that_is_a_class_is_shown_like_any_other(server: Server, agent: str) -> None:
    first = await server.run(agent, text="Hi", thread=f"class-{agent}")
    assert transcript(first) == [("user", "Hi"), ("assistant", "Turn 1")]
    deltas = [operation for event in first if event["type"] == "STATE_DELTA" for operation in event["delta"]]
    assert deltas[-1]["value"] == 1
    assert all(operation["op"] != "remove" for operation in deltas)
    second = await server.run(agent, text="Again", thread=f"class-{agent}", state={"turns": 1})
    assert last(second, "STATE_SNAPSHOT")["snapshot"] == {"turns": 1}
    assert transcript(second)[-1] == ("assistant", "Turn 2")


async def test_a_client_may_change_the_state(server: Server) -> None:
    events = await server.run("typed", text="Hi", thread="changed", state={"turns": 41, "unknown": 1})
    assert transcript(events)[-1] == ("assistant", "Turn 42")


async def test_node_that_exits_ends_its_run_and_not_the_server(server: Server) -> None:
    events = await server.run("odd", text="exit", thread="odd-exit")
    assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", "internal")
    assert (await server.run(text="Hi", thread="odd-after"))[-1]["outcome"] == {"type": "success"}


@pytest.mark.parametrize("way", ["call_graph", "call_graph_in_thread", "end_process_in_tool", "functional", "task"])
async def test_function_that_exits_ends_its_run_and_not_the_server(server: Server, way: str) -> None:
    async with server.client() as client, server.opened(client, text="Count slowly") as other:
        assert (await anext(other))["type"] == "RUN_STARTED"
        events = await server.run("exits", text=way, thread=f"exits-{way}")
        assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", "internal")
        # Others go on.
        assert [event async for event in other][-1]["outcome"] == {"type": "success"}
    assert (await server.run(text="Hi", thread=f"exits-{way}-after"))[-1]["outcome"] == {"type": "success"}


@pytest.mark.parametrize(
    ("kind", "notices"),
    [
        ("bytes", ["state_not_shown"]),
        ("integer", ["state_not_stored"]),
        ("complex", ["state_not_stored"]),
        ("surrogate", []),
    ],
)
async def test_state_that_no_format_has_room_for_ends_no_run(server: Server, kind: str, notices: list[str]) -> None:
    events = await server.run("odd", text=kind, thread=f"odd-{kind}")
    assert events[-1]["outcome"] == {"type": "success"}
    assert [event["value"]["code"] for event in events if event["type"] == "CUSTOM"] == notices
    # The thread is read, and goes on.
    assert (await server.run("odd", text=kind, thread=f"odd-{kind}"))[-1]["outcome"] == {"type": "success"}
