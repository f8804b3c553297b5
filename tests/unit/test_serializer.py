"""Which types a checkpoint may name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

from storage.serializer import Serializer, UnserializableState


class Own(BaseModel):
    name: str = "one"


def _blob(code: int, *named: Any) -> tuple[str, bytes]:
    return "msgpack", ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(named)))


@pytest.mark.parametrize(
    "write",
    [
        lambda file: _blob(0, "os", "system", f"touch {file}"),
        lambda file: _blob(1, "subprocess", "Popen", [["touch", str(file)]]),
        lambda file: _blob(2, "subprocess", "Popen", {"args": ["touch", str(file)]}),
        lambda file: _blob(3, "pathlib", "Path", str(file), "touch"),
        lambda file: _blob(4, "subprocess", "Popen", {"args": ["touch", str(file)]}),
        lambda file: _blob(5, "subprocess", "Popen", {"args": ["touch", str(file)]}, "model_validate_json"),
    ],
)
def test_checkpoint_that_names_a_callable_runs_nothing(
    tmp_path: Path, write: Callable[[Path], tuple[str, bytes]]
) -> None:
    file = tmp_path / "touched"
    serializer = Serializer()
    serializer.allow_modules([__name__])
    read = serializer.loads_typed(write(file))
    assert isinstance(read, str | list | dict)
    assert not file.exists()


def test_older_checkpoints_are_read_whatever_they_name() -> None:
    older = JsonPlusSerializer(allowed_msgpack_modules=True)
    kept = {"messages": [HumanMessage("Hi", id="1"), AIMessage("Ho", id="2")], "own": Own(), "asks": Interrupt("?")}
    written = older.dumps_typed(kept)
    assert Serializer().loads_typed(written) == {**kept, "own": {"name": "one"}}
    serializer = Serializer()
    serializer.allow_modules([__name__])
    assert serializer.loads_typed(written) == kept


def test_type_outside_the_list_is_refused_at_any_depth() -> None:
    serializer = Serializer()
    message = AIMessage("Hi", additional_kwargs={"own": Send("node", [Own()])})
    with pytest.raises(UnserializableState, match=r"the type tests\.unit\.test_serializer\.Own"):
        serializer.dumps_typed({"messages": [message]})
    serializer.allow_modules([__name__])
    assert serializer.loads_typed(serializer.dumps_typed(message)) == message
