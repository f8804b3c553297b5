"""What an operator sets for single agents."""

from pathlib import Path

import pytest

from agents.base import BaseAgent
from agents.chat import ChatAgent
from agents.overrides import InvalidOverrides, apply_overrides, read_overrides
from agents.quality import QualityAgent
from agents.registry import FileAgent, GraphFile


def _agents() -> list[BaseAgent]:
    return [ChatAgent(), QualityAgent(), FileAgent(GraphFile("mine", Path("mine.py"), "graph"))]


def _applied(tmp_path: Path, text: str) -> dict[str, BaseAgent]:
    file = tmp_path / "agents.toml"
    file.write_text(text)
    agents = _agents()
    apply_overrides(agents, read_overrides(file))
    return {agent.id: agent for agent in agents}


def test_overrides_hold_for_the_agents_that_they_name(tmp_path: Path) -> None:
    text = """
    [chat]
    review_mode = "advise"
    max_revisions = 1
    judge_timeout_seconds = 5
    profile = "fast"
    [mine]
    on_disconnect = 30
    """
    agents = _applied(tmp_path, text)
    chat, mine = agents["chat"], agents["mine"]
    assert (chat.review_mode, chat.max_revisions, chat.judge_timeout_seconds, chat.profile) == (
        "advise",
        1,
        5.0,
        "fast",
    )
    assert (mine.on_disconnect, mine.review_mode) == (30.0, None)
    # Another object of the class is as it was.
    assert (ChatAgent().max_revisions, ChatAgent().profile) == (2, "chat")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[nobody]\nprofile = 'fast'", "'nobody' is not served; there are: chat, quality, mine"),
        ("[mine]\nreview_mode = 'advise'", "has no review step: review_mode cannot be set"),
        ("[quality]\nreview_mode = 'off'", "does nothing but review"),
        ("[chat]\nprofile = 'none'", "no profile 'none'"),
        ("[chat]\nmax_revisions = 99", "chat.max_revisions"),
        ("[chat]\nunknown = 1", "chat.unknown"),
        ("[chat", "cannot be read"),
    ],
)
def test_overrides_that_cannot_be_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidOverrides, match=said):
        _applied(tmp_path, text)
