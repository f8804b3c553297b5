from collections.abc import Iterator

import pytest

from tests.e2e.process import Serving, serving
from tests.e2e.scenario import GENERATIONS, ROOT, Client, Driver, driving

SCRIPTED = {"AGENKIT_SCRIPTED_MODEL_FILE": str(ROOT / "tests" / "script.json"), "AGENKIT_CHAT_MODELS": "scripted:actor"}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server for every test that does not end it; each test has threads of its own."""
    graphs = f"approval={ROOT / 'tests' / 'graphs' / 'approval.py'}:graph"
    with serving(tmp_path_factory.mktemp("served"), **SCRIPTED, AGENKIT_GRAPH_FILES=graphs) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    with driving() as running:
        yield running


@pytest.fixture(params=GENERATIONS)
def client(request: pytest.FixtureRequest, driver: Driver, server: Serving) -> Client:
    return Client(driver, request.param, server.url)
