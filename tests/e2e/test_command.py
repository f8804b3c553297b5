import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from storage import migrations
from tests.e2e.conftest import SCRIPTED
from tests.e2e.process import AGENKIT, Serving, command, events, free_url, serving, started
from tests.e2e.scenario import ROOT
from tests.server import said, transcript
from tests.waiting import LIMIT_SECONDS, wait_until


def test_the_agents_of_a_server_are_listed(server: Serving, tmp_path: Path) -> None:
    listed = command(tmp_path, "agents", "--url", server.url)
    assert (listed.returncode, listed.stderr) == (0, "")
    told = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    assert told[0] == ["chat", "1.0.0", "Ask anything. I can calculate exactly and work with dates."]
    assert [agent for agent, _, _ in told] == ["chat", "canvas", "quality", "approval"]
    assert told[-1] == ["approval", "0", "The graph 'graph' of approval.py."]


def test_one_message_is_answered_and_that_is_all(server: Serving, tmp_path: Path) -> None:
    chat = command(tmp_path, "chat", "--url", server.url, "Hello", "there")
    assert (chat.returncode, chat.stdout, chat.stderr) == (0, "You said: Hello there\n", "")


def test_what_an_agent_thinks_and_calls_is_shown(server: Serving, tmp_path: Path) -> None:
    chat = command(tmp_path, "chat", "--url", server.url, "Work out a sum")
    assert chat.stdout == "[calculate]\n[= 0.3]\nThe tool says 0.3.\n"
    thought = command(tmp_path, "chat", "--url", server.url, "Think")
    assert thought.stdout == "First this, then that. \nDone thinking.\n"


def test_a_question_is_shown(server: Serving, tmp_path: Path) -> None:
    chat = command(tmp_path, "chat", "--url", server.url, "--agent", "approval", "Do it")
    assert (chat.returncode, chat.stdout) == (0, "[the agent asks: Spend it?]\n")


def test_a_thread_is_gone_on_with(server: Serving, tmp_path: Path) -> None:
    options = ("--url", server.url, "--thread", "told at the terminal")
    for text in ("One", "Two"):
        assert command(tmp_path, "chat", *options, text).stdout == f"You said: {text}\n"


def test_a_run_that_fails_is_an_exit_code(server: Serving, tmp_path: Path) -> None:
    chat = command(tmp_path, "chat", "--url", server.url, "Break it")
    assert (chat.returncode, chat.stdout, chat.stderr) == (
        1,
        "Half of \n",
        "The model 'actor' stopped before its answer was complete.\n",
    )


def test_an_unknown_agent_is_named_in_the_servers_words(server: Serving, tmp_path: Path) -> None:
    chat = command(tmp_path, "chat", "--url", server.url, "--agent", "nobody", "Hello")
    assert (chat.returncode, chat.stdout, chat.stderr) == (1, "", "Unknown agent 'nobody'.\n")


@pytest.mark.parametrize("arguments", [("agents",), ("chat", "Hello")])
def test_where_no_server_is_one_is_told_how_to_start_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    url = free_url()
    asked = command(tmp_path, *arguments, "--url", url)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr == f"No server answers at {url}. Start one with: agenkit serve\n"


def test_a_conversation_goes_on_to_the_end_of_the_input(server: Serving, tmp_path: Path) -> None:
    chat = command(tmp_path, "chat", "--url", server.url, said=["One", "", "Two"])
    assert (chat.returncode, chat.stderr) == (0, "")
    assert chat.stdout == "Ctrl-C stops an answer, Ctrl-D leaves.\n> You said: One\n> > You said: Two\n> \n"


def test_ctrl_c_stops_an_answer_and_frees_its_thread(server: Serving, tmp_path: Path) -> None:
    options = ("chat", "--url", server.url, "--thread", "stopped at the terminal")
    with started(tmp_path, *options, "Count for ever") as chat:
        assert chat.stdout is not None
        assert chat.stdout.read(4) == b"one "
        chat.send_signal(signal.SIGINT)
        rest, wrong = chat.communicate(timeout=LIMIT_SECONDS)
    assert (chat.returncode, wrong) == (130, b"")
    assert rest.endswith(b" [stopped]\n")
    assert command(tmp_path, *options, "Next").stdout == "You said: Next\n"


def test_the_schema_goes_up_and_down(tmp_path: Path) -> None:
    steps = [revision.id for revision in reversed(migrations.history())]
    newest, before = steps[-1], steps[-2]
    moved = [command(tmp_path, "migrate", direction) for direction in ("up", "history", "down", "up")]
    assert [(each.returncode, each.stderr) for each in moved] == [(0, "")] * 4
    up, told, down, again = (each.stdout for each in moved)
    assert up == again == f"The schema is at {newest}.\n"
    assert down == f"The schema is at {before}.\n"
    assert [line.split()[0] for line in told.splitlines()] == steps[::-1]
    assert (tmp_path / "data" / "agenkit.db").is_file()


def test_a_setting_that_cannot_be_stops_the_start_and_is_named(tmp_path: Path) -> None:
    refused = command(tmp_path, "serve", AGENKIT_PORT="abc", AGENKIT_KEEP_ALIVE_SECONDS="0")
    assert (refused.returncode, refused.stdout) == (2, "")
    first, *lines = refused.stderr.splitlines()
    assert first == "These settings cannot be:"
    assert [line.partition(":")[0] for line in lines] == ["AGENKIT_PORT", "AGENKIT_KEEP_ALIVE_SECONDS"]


def test_ctrl_c_ends_a_server_without_complaint(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(LIMIT_SECONDS) == 0
        assert "Traceback" not in server.log.read_text()


def test_a_run_that_goes_on_when_the_server_is_told_to_end_is_left_for_the_next(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED, AGENKIT_SHUTDOWN_GRACE_SECONDS="0.2") as server:
        heard = []
        for event in events(server, text="Count slowly", run="r", thread="t"):
            heard.append(event)
            if event["type"] == "TEXT_MESSAGE_START":
                server.process.send_signal(signal.SIGTERM)
        # No end is told that was none.
        assert heard[-1]["type"] == "TEXT_MESSAGE_CONTENT"
        assert said(heard).startswith("one ")
        assert server.process.wait(LIMIT_SECONDS) == 0
    with serving(tmp_path, **SCRIPTED) as server:
        told = wait_until(lambda: _ended_run(server))
        state = httpx.get(f"{server.url}/api/v1/threads/t/state").json()
    assert told["status"] == "success"
    assert [message["role"] for message in state["messages"]] == ["user", "assistant"]
    assert state["messages"][1]["content"].startswith(said(heard))


def test_node_that_blocks_a_thread_does_not_keep_a_server_that_is_told_to_end(tmp_path: Path) -> None:
    graph = tmp_path / "blocking.py"
    graph.write_text(_BLOCKING)
    named = f"blocking={graph}:graph"
    with serving(tmp_path, **SCRIPTED, AGENKIT_SHUTDOWN_GRACE_SECONDS="0.2", AGENKIT_GRAPH_FILES=named) as server:
        for event in events(server, agent="blocking", text="Hi", run="r"):
            if event["type"] == "STEP_STARTED":
                server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(LIMIT_SECONDS) == 1
        assert "shutdown_forced" in server.log.read_text()


def test_each_question_gets_an_answer_of_its_own(server: Serving, tmp_path: Path) -> None:
    said = command(tmp_path, "chat", "--agent", "approval", "--url", server.url, said=["both", "yes", "Ann"])
    assert (said.returncode, said.stderr) == (0, "")
    assert "the agent asks: Spend it?" in said.stdout
    assert "the agent asks: Whose name?" in said.stdout
    assert "money: True; name: Ann" in said.stdout


def test_project_is_served_with_modules_beside_its_graphs(tmp_path: Path) -> None:
    project = tmp_path / "project"
    _write(project / "langgraph.json", '{"graphs": {"helper": "./app/graph.py:make"}}')
    _write(project / "app" / "graph.py", "from beside import answer\n" + _PROJECT)
    _write(project / "app" / "beside.py", "def answer(text):\n    return f'Heard: {text}'\n")
    with serving(tmp_path, **SCRIPTED, AGENKIT_GRAPH_FILES=str(project)) as server:
        heard = list(events(server, agent="helper", text="Hi"))
    assert transcript(heard)[-1] == ("assistant", "Heard: Hi")


def test_graph_that_cannot_be_loaded_names_its_agent_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_this_name\n")
    refused = command(tmp_path, "serve", AGENKIT_GRAPH_FILES=f"broken={broken}:graph")
    said = refused.stdout + refused.stderr
    assert refused.returncode == 3
    assert "The agent 'broken' cannot be loaded" in said
    assert "No module named 'nothing_of_this_name'" in said
    assert said.count("Traceback") == 0


def test_list_of_agents_into_a_pipe_that_closes_is_no_error(server: Serving) -> None:
    piped = f"{AGENKIT} agents --url {server.url} | head -n 0"
    done = subprocess.run(["bash", "-c", piped], check=False, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.stderr == ""


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


_PROJECT = """
from langchain_core.messages import AIMessage
from langgraph.graph import MessagesState, StateGraph


def reply(state: MessagesState) -> dict:
    return {"messages": [AIMessage(answer(state["messages"][-1].text))]}


make = StateGraph(MessagesState).add_node("reply", reply).set_entry_point("reply")
"""

_BLOCKING = """
import time
from langgraph.graph import MessagesState, StateGraph


def block(state: MessagesState) -> dict:
    time.sleep(3600)
    return {}


graph = StateGraph(MessagesState).add_node("block", block).set_entry_point("block").compile()
"""


def _ended_run(server: Serving) -> dict[str, Any] | None:
    told: dict[str, Any] = httpx.get(f"{server.url}/api/v1/runs/r").json()
    return None if told["status"] == "running" else told


def test_a_run_that_ends_within_the_grace_is_there_for_the_next_server(tmp_path: Path) -> None:
    heard = []
    with serving(tmp_path, **SCRIPTED, AGENKIT_SHUTDOWN_GRACE_SECONDS="60") as server:
        for event in events(server, text="Count slowly", thread="kept"):
            heard.append(event)
            if event["type"] == "TEXT_MESSAGE_START":
                server.process.send_signal(signal.SIGTERM)
        assert heard[-1]["outcome"] == {"type": "success"}
        assert server.process.wait(LIMIT_SECONDS) == 0
    with serving(tmp_path, **SCRIPTED) as server:
        after = list(events(server, text="Next", thread="kept"))
    assert transcript(after) == [
        ("user", "Count slowly"),
        ("assistant", "one two three four five six seven eight "),
        ("user", "Next"),
        ("assistant", "You said: Next"),
    ]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with nothing but the model that a package carries."""
    with serving(tmp_path_factory.mktemp("embedded"), AGENKIT_CHAT_MODELS="embedded:smollm2") as server:
        yield server
        child = child_of(server)
        assert server.stop() == 0
        assert is_gone(child)


def child_of(server: Serving) -> psutil.Process:
    """The process that holds the weights."""
    (child,) = [
        process
        for process in psutil.Process(server.process.pid).children()
        if any(re.search(r"llm/vendors/embedded/child\.py$", part) for part in process.cmdline())
    ]
    return child


def is_gone(process: psutil.Process) -> bool:
    return wait_until(lambda: not _runs(process))


def _runs(process: psutil.Process) -> bool:
    try:
        # One that is dead, and that nobody has waited for yet, is still listed.
        status: str = process.status()
    except psutil.NoSuchProcess:
        return False
    return status != psutil.STATUS_ZOMBIE


def first_words(server: Serving) -> str:
    """What an answer begins with. A model this small may go on for long: it is hung up on."""
    with closing(events(server, text="hi")) as heard:
        return next(str(event["delta"]) for event in heard if event["type"] == "TEXT_MESSAGE_CONTENT")


def test_a_child_that_was_killed_is_followed_by_another(embedded: Serving) -> None:
    assert first_words(embedded)
    first = child_of(embedded)
    first.kill()
    first.wait(LIMIT_SECONDS)
    assert first_words(embedded)
    assert child_of(embedded).pid != first.pid


def test_an_answer_whose_child_is_killed_goes_on_with_another_child(embedded: Serving) -> None:
    heard, killed = [], None
    for event in events(embedded, text="Count from one to twenty, in words."):
        if event["type"] == "TEXT_MESSAGE_START":
            killed = child_of(embedded)
            killed.kill()
        heard.append(event["type"])
    assert killed is not None
    assert child_of(embedded).pid != killed.pid
    assert (heard.count("TEXT_MESSAGE_START"), heard[-1]) == (1, "RUN_FINISHED")


def test_a_server_that_was_killed_leaves_no_child_behind(tmp_path: Path) -> None:
    with serving(tmp_path, AGENKIT_CHAT_MODELS="embedded:smollm2") as server:
        assert first_words(server)
        child = child_of(server)
        server.process.kill()
        assert is_gone(child)


def test_a_judge_is_calibrated_with_labels_from_a_file(tmp_path: Path) -> None:
    settings = {
        "AGENKIT_SCRIPTED_MODEL_FILE": str(ROOT / "tests" / "quality.json"),
        "AGENKIT_JUDGE_MODELS": "scripted:judge",
    }
    labels = tmp_path / "labels.csv"
    right = "Paris is the capital of France, and has been for most of its history."
    labels.write_text(f'text,correct\nLyon is the capital of France.,1\n"{right}",5\n')
    told = command(tmp_path, "calibrate", str(labels), **settings)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[2].split()[:2] == ["correct", "2"]
    spoken = json.loads(command(tmp_path, "calibrate", str(labels), "--json", **settings).stdout)
    assert [(each["dimension"], each["count"], each["unjudged"]) for each in spoken["dimensions"]][:1] == [
        ("correct", 2, 0)
    ]
    assert (spoken["unjudged"], spoken["usage"]["costUsd"]) == ({}, None)
    assert spoken["usage"]["outputTokens"] > 0
    labels.write_text("text,correct\nNobody reads it.,1\n")
    dead = command(tmp_path, "calibrate", str(labels), **settings)
    assert (dead.returncode, dead.stdout) == (3, "")
    assert "The judge judged none of 1 texts: the judge gave no reading." in dead.stderr
    labels.write_text("text,correct\nA,7\n")
    refused = command(tmp_path, "calibrate", str(labels), **settings)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "line 2: 'correct' is '7'" in refused.stderr
    nobody = command(tmp_path, "calibrate", str(labels), "--rubric", "beauty", **settings)
    assert (nobody.returncode, "Unknown rubric" in nobody.stderr) == (2, True)
