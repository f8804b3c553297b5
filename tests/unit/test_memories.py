"""Who learns of people, and who reads it."""

from agents.registry import AGENTS


def test_the_agent_that_learns_memories_is_the_one_that_the_page_names() -> None:
    """The dialog says that the canvas agent learns and heeds them, and no other (frontend/src/memory)."""
    assert [agent.id for agent in AGENTS if agent.extracts_memories] == ["canvas"]
