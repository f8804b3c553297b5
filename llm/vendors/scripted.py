"""A fake, for tests and demos: a model that says what a JSON file tells it to. Nobody gets it unasked.

The file: `{"models": {"<name>": {"tools": true, "replies": [<reply>, …]}}}`. A reply:

    {"when": "regular expression", "after": "human" | "tool", "text": "…", "pieces": ["…"], "reasoning": "…",
     "tool_calls": [{"name": "…", "args": {…}, "id": "…"}], "delay": seconds between pieces, "fail": "unavailable"}

The first reply whose conditions fit the last message is given. `{last}` in its text stands for that message's text.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, ConfigDict, ValidationError

from llm.catalog import ModelInfo
from llm.errors import InvalidScript, ModelUnavailable
from llm.identity import identify_chunks
from llm.settings import ModelSettings
from llm.spec import ModelSpec


class ScriptedCall(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    args: dict[str, Any] | str
    id: str | None = None


class Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str = ""
    after: Literal["human", "tool"] | None = None
    text: str = ""
    pieces: tuple[str, ...] = ()
    reasoning: str = ""
    tool_calls: tuple[ScriptedCall, ...] = ()
    delay: float = 0.0
    fail: Literal["unavailable"] | None = None

    def fits(self, last: BaseMessage) -> bool:
        return (self.after is None or self.after == last.type) and re.search(self.when, last.text) is not None

    def render(self, last: BaseMessage) -> Sequence[str]:
        return self.pieces or re.findall(r"\S+\s*|\s+", self.text.replace("{last}", last.text))


class ScriptedModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    replies: tuple[Reply, ...]
    tools: bool = True
    vision: bool = False
    context_length: int | None = None


class Script(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    models: dict[str, ScriptedModel]

    @classmethod
    def read(cls, file: Path) -> "Script":
        try:
            return cls.model_validate_json(file.read_text())
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise InvalidScript(f"The script {str(file)!r} cannot be read: {error}") from error


class ScriptedChat(BaseChatModel):
    """Streams the replies of one part, word by word, and counts words for tokens."""

    name: str
    script: ScriptedModel

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return LangSmithParams(ls_provider="scripted", ls_model_name=self.name, ls_model_type="chat")

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in identify_chunks(self._reply(messages)):
            yield chunk

    async def _reply(self, messages: list[BaseMessage]) -> AsyncIterator[ChatGenerationChunk]:
        # What it has said itself is gone on with, not answered.
        last = next((message for message in reversed(messages) if message.type != "ai"), messages[-1])
        reply = next(
            (reply for reply in self.script.replies if reply.fits(last)), Reply(text="I have no line for this.")
        )
        spoken = 0
        for message in _split_pieces(reply, last):
            spoken += 1
            yield ChatGenerationChunk(message=message)
            await asyncio.sleep(reply.delay)
        if reply.fail:
            raise ModelUnavailable(
                f"The model {self.name!r} stopped before its answer was complete.", provider="scripted", model=self.name
            )
        read = sum(len(message.text.split()) for message in messages)
        usage = UsageMetadata(input_tokens=read, output_tokens=spoken, total_tokens=read + spoken)
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage, chunk_position="last"))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("The scripted model is asynchronous only: await its ainvoke or astream.")

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = [chunk async for chunk in self._astream(messages, stop)]
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        return ChatResult(generations=[whole])


def _split_pieces(reply: Reply, last: BaseMessage) -> Iterator[AIMessageChunk]:
    for word in re.findall(r"\S+\s*", reply.reasoning):
        yield AIMessageChunk(content="", additional_kwargs={"reasoning_content": word})
    for piece in reply.render(last):
        yield AIMessageChunk(content=piece)
    for index, call in enumerate(reply.tool_calls):
        arguments = call.args if isinstance(call.args, str) else json.dumps(call.args)
        half = len(arguments) // 2
        first = tool_call_chunk(name=call.name, args=arguments[:half], id=call.id, index=index)
        yield AIMessageChunk(content="", tool_call_chunks=[first])
        yield AIMessageChunk(
            content="", tool_call_chunks=[tool_call_chunk(name=None, args=arguments[half:], id=None, index=index)]
        )


class ScriptedProvider:
    name = "scripted"
    refresh_seconds = 3600.0

    def __init__(self, script: Script) -> None:
        self._script = script

    async def refresh(self) -> None:
        """A script is read once."""

    @property
    def models(self) -> Sequence[ModelInfo]:
        return tuple(self.info(name) for name in self._script.models)

    @property
    def is_available(self) -> bool:
        return True

    @property
    def default(self) -> None:
        return None

    @property
    def in_flight(self) -> int | None:
        return None

    def info(self, name: str) -> ModelInfo:
        part = self._script.models[name]
        return ModelInfo(
            ModelSpec(self.name, name),
            tools=part.tools,
            vision=part.vision,
            json_schema=False,
            context_length=part.context_length,
            prefill=True,
        )

    def chat_model(self, name: str) -> BaseChatModel:
        return ScriptedChat(name=name, script=self._script.models[name])

    async def aclose(self) -> None:
        """Holds nothing."""


def provider(settings: ModelSettings) -> ScriptedProvider:
    if settings.scripted_model_file is None:
        raise ValueError("The scripted model is no provider without a script")
    return ScriptedProvider(Script.read(settings.scripted_model_file))
