"""Which types a graph's state may hold."""

import json
from pathlib import Path

import pytest

from tests.server import Server, serving, transcript

GRAPH = Path(__file__).parents[1] / "graphs" / "own_types.py"


def _settings(folder: Path) -> dict[str, str]:
    # Not the id of the other server's graph in this process: a checkpoint names the module that the id is part of.
    return {"AGENKIT_GRAPH_FILES": f"own_project={folder / 'own_types.py'}:graph"}


async def test_own_types_of_a_graph_outlive_a_restart(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    # In modules of their own, too.
    (project / "own_types.py").write_text("from other_module import *\nfrom other_module import graph\n")
    (project / "other_module.py").write_text(GRAPH.read_text())
    for text, answer in (("own", "Done."), ("look", _OWN)):
        with serving(tmp_path / "data", **_settings(project)) as server:
            events = await server.run("own_project", text=text, thread="own")
            assert transcript(events)[-1] == ("assistant", answer)


_OWN = "[Cart(items=[Item(name='one', color=<Color.RED: 'red'>, count=1)]), Point(x=1, y=2)]"


@pytest.mark.parametrize(
    ("kind", "named"), [("listed", "the type somewhere.else.Foreign"), ("foreign", "types.SimpleNamespace")]
)
async def test_foreign_type_is_a_named_error_and_the_thread_stays_readable(
    server: Server, kind: str, named: str
) -> None:
    thread = f"types-{kind}"
    await server.run("own_types", text="own", thread=thread)
    events = await server.run("own_types", text=kind, thread=thread)
    assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", "unserializable_state")
    assert named in events[-1]["message"]
    async with server.client() as client:
        read = await client.get(f"/api/v1/threads/{thread}")
        state = await client.get(f"/api/v1/threads/{thread}/state")
        assert (read.status_code, state.status_code) == (200, 200), (read.text, state.text)
    assert transcript(await server.run("own_types", text="look", thread=thread))[-1] == ("assistant", _OWN)


@pytest.mark.parametrize("kind", ["nested", "integer"])
async def test_value_that_is_stored_as_something_else_is_a_notice(server: Server, kind: str) -> None:
    events = await server.run("own_types", text=kind, thread=f"types-{kind}")
    assert events[-1]["outcome"] == {"type": "success"}, json.dumps(events[-1])
    assert [event["value"]["code"] for event in events if event["type"] == "CUSTOM"] == ["state_not_stored"]
    assert (await server.run("own_types", text="look", thread=f"types-{kind}"))[-1]["outcome"] == {"type": "success"}
