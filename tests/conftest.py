import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from backend.settings import VARIABLES

# Read before they are cleared: the servers that tests may use, each under names of their own.
NAMED_SERVERS = {name: os.environ.get(name) for name in ("DATABASE_URL", "OLLAMA_BASE_URL", "REDIS_URL")}


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):
        if name in VARIABLES or name.startswith(("AGENKIT_", "LANGFUSE_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_")):
            del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder of a test says what kind it is."""
    for item in items:
        kind = item.path.relative_to(Path(__file__).parent).parts[0]
        item.add_marker("integration" if kind == "contracts" else kind)


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop(request: pytest.FixtureRequest) -> Iterator[BlockBuster | None]:
    # A server in another process is not ours to watch, and its tests wait for it.
    if request.node.get_closest_marker("e2e"):
        yield None
        return
    with blockbuster_ctx(["agents", "backend", "graphs", "llm", "observability", "storage"]) as watching:
        for function in watching.functions.values():
            # Before it is ready and after its last answer nobody waits for the loop.
            function.can_block_in("backend/resources.py", "open_resources")
            function.can_block_in("storage/database.py", "open_database")
            function.can_block_in("storage/checkpoints.py", {"_sqlite", "_postgres"})
        yield watching
