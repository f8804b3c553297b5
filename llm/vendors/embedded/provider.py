from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, SecretStr

from llm.catalog import ModelInfo
from llm.errors import ModelUnavailable
from llm.settings import ModelSettings
from llm.spec import ModelSpec
from llm.vendors.embedded.host import Endpoint, Host, HostFailed, model_weights
from llm.vendors.openai import OpenAIChat, chat_model, pooled_client

_MODEL = "smollm2"
_TEMPERATURE = 0.2
_REPEAT_PENALTY = 1.1


class EmbeddedProvider:
    """The weights that a package carries. There when they are installed; the process starts with the first call."""

    name = "embedded"
    refresh_seconds = 3600.0

    def __init__(self, *, threads: int, slots: int, context: int, output: int, timeout: float, connect: float) -> None:
        self._timeout = timeout
        self._context = context
        self._slots = slots
        # A model this small does not always find an end by itself.
        self._output = output
        file = model_weights()
        self._host = Host(file, name=_MODEL, threads=threads, slots=slots, context=context) if file else None
        self._client = pooled_client("http://127.0.0.1", connect=connect, proxied=False)
        self._inner: tuple[Endpoint, OpenAIChat] | None = None

    async def refresh(self) -> None:
        """What is installed does not change while we run."""

    @property
    def models(self) -> Sequence[ModelInfo]:
        return (self.info(_MODEL),) if self._host else ()

    @property
    def is_available(self) -> bool:
        return self._host is not None

    @property
    def default(self) -> str | None:
        return _MODEL if self._host else None

    @property
    def host(self) -> Host | None:
        return self._host

    @property
    def in_flight(self) -> int:
        # More would wait within its process, where no tenant's turn is kept.
        return self._slots

    def info(self, name: str) -> ModelInfo:
        # The template of its weights knows no tools: it would chat on, and `tool_choice` would be ignored in silence.
        return ModelInfo(
            ModelSpec(self.name, name),
            tools=False,
            vision=False,
            json_schema=True,
            context_length=self._context,
            max_output_tokens=self._output,
            prefill=True,
        )

    def chat_model(self, name: str) -> BaseChatModel:
        return EmbeddedChat(provider=self, name=name)

    async def inner(self) -> OpenAIChat:
        """A model for the process as it runs now; a process started anew has another port and key."""
        if self._host is None:
            raise ModelUnavailable("The embedded model's weights are not installed.", provider=self.name, model=_MODEL)
        try:
            endpoint = await self._host.endpoint()
        except (HostFailed, TimeoutError, OSError) as error:
            raise ModelUnavailable("The embedded model did not start.", provider=self.name, model=_MODEL) from error
        if self._inner is None or self._inner[0] != endpoint:
            self._inner = endpoint, self._chat_at(endpoint)
        return self._inner[1]

    def _chat_at(self, endpoint: Endpoint) -> OpenAIChat:
        return chat_model(
            _MODEL,
            key=SecretStr(endpoint.key),
            base_url=f"{endpoint.url}/v1",
            client=self._client,
            timeout=self._timeout,
            provider_name=self.name,
            temperature=_TEMPERATURE,
            max_completion_tokens=self._output,
            extra_body={"repeat_penalty": _REPEAT_PENALTY},
        )

    async def aclose(self) -> None:
        await self._client.aclose()
        if self._host:
            await self._host.aclose()


class EmbeddedChat(BaseChatModel):
    """The embedded model as LangChain knows models. It has no tools, and no blocking calls."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    provider: EmbeddedProvider
    name: str

    @property
    def _llm_type(self) -> str:
        return "embedded"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return LangSmithParams(ls_provider="embedded", ls_model_name=self.name, ls_model_type="chat")

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        inner = await self.provider.inner()
        async with aclosing(inner._astream(messages, stop, **kwargs)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        inner = await self.provider.inner()
        return await inner._agenerate(messages, stop, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("The embedded model is asynchronous only: await its ainvoke or astream.")


def provider(settings: ModelSettings) -> EmbeddedProvider:
    return EmbeddedProvider(
        threads=settings.embedded_threads,
        slots=settings.embedded_max_concurrent_calls,
        context=settings.embedded_context_tokens,
        output=settings.embedded_max_output_tokens,
        timeout=settings.read_timeout_seconds,
        connect=settings.connect_timeout_seconds,
    )
