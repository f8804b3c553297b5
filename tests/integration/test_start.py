"""What cannot be had stops the start; what can be done without does not."""

from pathlib import Path

import pytest

from backend.app import create_app
from backend.settings import read_settings
from tests.graphs import approval

GRAPH = Path(approval.__file__)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("AGENKIT_GRAPH_FILES", "missing=nowhere.py:graph", "nowhere.py"),
        ("AGENKIT_GRAPH_FILES", f"other={GRAPH}:State", "is no graph"),
        ("AGENKIT_GRAPH_FILES", f"chat={GRAPH}:graph", "'chat'"),
        ("AGENKIT_SCRIPTED_MODEL_FILE", "missing.json", "missing.json"),
        ("AGENKIT_MIGRATE", "off", "agenkit migrate up"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "refused"),
    ],
)
async def test_what_was_asked_for_and_cannot_be_had_stops_the_start(
    tmp_path: Path, setting: str, value: str, said: str
) -> None:
    app = create_app(read_settings({"AGENKIT_DATA_DIR": str(tmp_path), setting: value}, file=None))
    with pytest.raises(Exception, match=said):
        async with app.router.lifespan_context(app):
            pass
