"""The examples of docs/adding-an-agent.md, as they stand there."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.process import Serving, serving
from tests.e2e.scenario import ROOT
from tests.server import run_input
from tests.waiting import LIMIT_SECONDS

PAGE = (ROOT / "docs" / "adding-an-agent.md").read_text()
SCRIPT = ROOT / "tests" / "script.json"


def _block(language: str, beginning: str) -> str:
    found = re.search(rf"```{language}\n({re.escape(beginning)}.*?)```", PAGE, re.DOTALL)
    assert found, f"the page has no {language} block that begins with {beginning!r}"
    return found[1]


ECHO = _block("python", "# my_graphs/echo.py")
POET = _block("python", "# agents/poet.py")
IMPORT, LINE = _block("python", "from agents.poet import").strip().split("\n\n")
ENTRY = _block("toml", "[project.entry-points")


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with an agent that came in each of the three ways."""
    folder = tmp_path_factory.mktemp("house")
    _write(folder / "my_graphs" / "echo.py", ECHO)
    _in_agents(folder)
    _installed(folder)
    graphs = re.search(r"AGENKIT_GRAPH_FILES=(\S+)", _block("sh", "AGENKIT_GRAPH_FILES"))
    assert graphs
    with serving(
        folder,
        PYTHONPATH=os.pathsep.join([str(folder), str(ROOT)]),
        AGENKIT_SCRIPTED_MODEL_FILE=str(SCRIPT),
        AGENKIT_CHAT_MODELS="scripted:actor",
        AGENKIT_GRAPH_FILES=graphs[1],
    ) as running:
        yield running


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _in_agents(folder: Path) -> None:
    """A module beside ours, in a copy of the package, and the one line in the registry."""
    shutil.copytree(ROOT / "agents", folder / "agents", ignore=shutil.ignore_patterns("__pycache__"))
    _write(folder / "agents" / "poet.py", POET)
    registry = folder / "agents" / "registry.py"
    changed = re.sub(r"^AGENTS: .*$", LINE, registry.read_text(), flags=re.MULTILINE)
    registry.write_text(changed.replace("from agents.chat import", f"{IMPORT}\nfrom agents.chat import"))


def _installed(folder: Path) -> None:
    """What pip leaves of a package that has the entry point."""
    herald = POET.replace("class Poet", "class Herald").replace('"poet", "Poet"', '"herald", "Herald"')
    _write(folder / "herald.py", herald)
    about = folder / "herald-1.0.dist-info"
    _write(about / "METADATA", "Metadata-Version: 2.1\nName: herald\nVersion: 1.0\n")
    _write(
        about / "entry_points.txt",
        ENTRY.replace('[project.entry-points."agenkit.agents"]', "[agenkit.agents]").replace('"', ""),
    )


def _said(server: Serving, agent: str) -> str:
    answer = httpx.post(f"{server.url}/api/v1/chat/{agent}", json=run_input("Roses are red"), timeout=LIMIT_SECONDS)
    answer.raise_for_status()
    return "".join(re.findall(r'"TEXT_MESSAGE_CONTENT","messageId":"[^"]+","delta":"([^"]*)"', answer.text))


def test_everybody_is_listed_whichever_way_they_came(everybody: Serving) -> None:
    listed = httpx.get(f"{everybody.url}/api/v1/agents").json()["items"]
    assert [(agent["id"], agent["name"], agent["version"]) for agent in listed] == [
        ("chat", "Chat", "1.0.0"),
        ("canvas", "Canvas", "1.0.0"),
        ("quality", "Quality", "1.0.0"),
        ("poet", "Poet", "1.0.0"),
        ("herald", "Herald", "1.0.0"),
        ("echo", "Echo", "0"),
    ]


@pytest.mark.parametrize("agent", ["poet", "herald"])
def test_an_agent_that_was_added_thinks_with_the_runs_model(everybody: Serving, agent: str) -> None:
    assert _said(everybody, agent) == "You said: Roses are red"


def test_a_graph_in_a_file_is_served_unchanged(everybody: Serving) -> None:
    assert _said(everybody, "echo") == "Echo: Roses are red"


@pytest.mark.parametrize("example", [ECHO, POET], ids=["echo", "poet"])
def test_an_example_has_at_most_fifteen_lines(example: str) -> None:
    lines = [line for line in example.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 15
