from pathlib import Path

from agents.base import BaseAgent, Checkpointer, Graph, ServerTool
from graphs import chat
from graphs.chat.graph import build_chat_graph
from graphs.chat.tools import server_tools
from graphs.prompt import Prompt

_PROMPTS = Path(chat.__path__[0]) / "prompts"


class ChatAgent(BaseAgent):
    id = "chat"
    name = "Chat"
    description = "Ask anything. I can calculate exactly and work with dates."
    version = "1.0.0"
    calls_client_tools = True
    parallel_tool_calls = True
    interrupts = False
    review_mode = "off"
    examples = (
        "What is the capital of France?",
        "How much is 17.5 % of 349.90, to the cent?",
        "Which weekday is it 100 days after 2026-11-20 in Tokyo?",
    )

    def __init__(self) -> None:
        self._tools = server_tools()
        self.tools = tuple(ServerTool(tool.name, tool.description, tool.get_input_jsonschema()) for tool in self._tools)

    def build(self, checkpointer: Checkpointer) -> Graph:
        return build_chat_graph(
            system=Prompt.read(_PROMPTS / "system.md"),
            with_tools=Prompt.read(_PROMPTS / "tools.md"),
            tools=self._tools,
            checkpointer=checkpointer,
        )
