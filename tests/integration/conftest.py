from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server, serving

TESTS = Path(__file__).parents[1]
SCRIPTED = {"AGENKIT_SCRIPTED_MODEL_FILE": str(TESTS / "script.json"), "AGENKIT_CHAT_MODELS": "scripted:actor"}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for every test that needs no settings of its own; each test has threads of its own."""
    graphs = {
        "approval": "approval.py:graph",
        "exits": "exits.py:graph",
        "odd": "odd.py:graph",
        "own_types": "own_types.py:graph",
        "strict": "strict.py:graph",
        "typed": "classes.py:pydantic_graph",
        "data": "classes.py:data_graph",
    }
    named = ",".join(f"{agent}={TESTS / 'graphs' / place}" for agent, place in graphs.items())
    with serving(tmp_path_factory.mktemp("data"), **SCRIPTED, AGENKIT_GRAPH_FILES=named) as running:
        yield running
