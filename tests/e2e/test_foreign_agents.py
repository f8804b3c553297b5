"""Agents of other packages, served as they are, as both generations of the real client see them over two turns."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.e2e.process import Serving, serving
from tests.e2e.scenario import GENERATIONS, ROOT, Client, Driver, opened, step
from tests.server import Event, last

AGENTS = ("supervisor", "swarm", "deep", "structured")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    file = ROOT / "tests" / "graphs" / "foreign.py"
    graphs = ",".join(f"{name}={file}:{name}" for name in (*AGENTS, "approved"))
    with serving(
        tmp_path_factory.mktemp("foreign"), AGENKIT_GRAPH_FILES=graphs, AGENKIT_AUTO_TITLES="false"
    ) as running:
        yield running


@pytest.fixture(params=GENERATIONS)
def client(request: pytest.FixtureRequest, driver: Driver, foreign: Serving) -> Client:
    return Client(driver, request.param, foreign.url)


@pytest.fixture
def thread() -> str:
    return f"thread-{uuid4().hex}"


def _calls(events: list[Event]) -> set[str]:
    return {event["toolCallId"] for event in events if event["type"] == "TOOL_CALL_START"}


def _results(events: list[Event]) -> list[str]:
    return [event["toolCallId"] for event in events if event["type"] == "TOOL_CALL_RESULT"]


@pytest.mark.parametrize("agent", AGENTS)
def test_foreign_agent_is_followed_over_two_turns(client: Client, thread: str, agent: str) -> None:
    first, second = client.play(step("Add 2 and 3", open=opened(thread, agent)), step("Again"))
    for run in (first, second):
        assert run.failure is None
        assert last(run.wire, "RUN_FINISHED")["outcome"]["type"] == "success"
        # Each call that is shown gets its result, once.
        assert sorted(_results(run.wire)) == sorted(_calls(run.wire))
    # Whatever was shown after the first turn is shown after the second.
    assert set(first.ids) <= set(second.ids)


def test_tool_call_that_needs_approval_is_approved_and_dismissed(client: Client, thread: str) -> None:
    approve = {"status": "resolved", "payload": {"decisions": [{"type": "approve"}]}}
    dismiss = {"status": "cancelled"}
    asked, approved, _, dismissed = client.play(
        step("Add 2 and 3", open=opened(thread, "approved")),
        step(run={"answers": {"*": approve}}),
        step("Again"),
        step(run={"answers": {"*": dismiss}}),
    )
    assert [each["responseSchema"]["required"] for each in asked.pending] == [["decisions"]]
    for run in (approved, dismissed):
        assert last(run.wire, "RUN_FINISHED")["outcome"]["type"] == "success"
        assert run.thread[-1] == ("assistant", "It is five. ")
    assert next(text for role, text in reversed(dismissed.thread) if role == "tool").endswith("dismissed the question.")
