"""Anthropic's API."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import cached_property
from typing import Any

import anthropic
import httpx2
from anthropic.types import RawMessageStartEvent, RawMessageStreamEvent
from langchain_anthropic import ChatAnthropic, convert_to_anthropic_tool
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, SecretStr

from llm.catalog import ModelInfo, PricedModel
from llm.errors import ContextTooLong, ModelError, ModelOverloaded, ModelUnavailable, ProviderRejected
from llm.identity import EmptyAnswer, identify_chunks, identify_result
from llm.settings import ModelSettings
from llm.spec import ModelSpec
from llm.vendors.reasons import UNREADABLE, connection_reason, status_reason
from llm.vendors.retry_after import parse_retry_after
from observability.tracing import trace_headers

# What its API asks for with every call; a profile's own limit comes before it.
_MAX_OUTPUT_TOKENS = 8192


class AnthropicChat(ChatAnthropic):
    """`ChatAnthropic` with our ids and our errors, tools in OpenAI's form, and text as text."""

    model_config = ConfigDict(ignored_types=(cached_property,))

    client: Any

    @cached_property
    def _async_client(self) -> anthropic.AsyncAnthropic:
        told: anthropic.AsyncAnthropic = self.client
        return told

    def _get_request_payload(self, input_: Any, *, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **_translate_tools(kwargs))
        return payload

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        stream_usage: bool | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with _translate_errors(self.model):
            ended = False
            spoken = super()._astream(messages, stop, run_manager, stream_usage=stream_usage, **kwargs)
            async with aclosing(identify_chunks(spoken)) as stream:
                async for chunk in stream:
                    _plain_message(chunk.message)
                    ended = ended or "stop_reason" in chunk.message.response_metadata
                    yield chunk
            if not ended:
                # The line was closed as if all had been said.
                raise ModelUnavailable(
                    f"The model {self.model!r} stopped before its answer was complete.",
                    provider="anthropic",
                    model=self.model,
                )

    def _make_message_chunk_from_anthropic_event(
        self, event: RawMessageStreamEvent, **kwargs: Any
    ) -> tuple[AIMessageChunk | None, RawMessageStreamEvent | None]:
        message, begun = super()._make_message_chunk_from_anthropic_event(event, **kwargs)
        if message is not None and isinstance(event, RawMessageStartEvent):
            # Its vendor's id of the answer; the message has ours.
            message.response_metadata["id"] = event.message.id
        return message, begun

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with _translate_errors(self.model):
            result = identify_result(await super()._agenerate(messages, stop, run_manager, **kwargs))
            for generation in result.generations:
                _plain_message(generation.message)
            return result


def _plain_message(message: BaseMessage) -> None:
    """Its text as one string, and what it thought where every vendor's thoughts are."""
    if not isinstance(message.content, list):
        return
    blocks = [block for block in message.content if isinstance(block, dict)]
    thought = "".join(block.get("thinking", "") for block in blocks if block.get("type") == "thinking")
    if thought:
        message.additional_kwargs["reasoning_content"] = thought
    message.content = "".join(block.get("text", "") for block in blocks if block.get("type") == "text")


def _translate_tools(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(kwargs)
    if tools := given.get("tools"):
        given["tools"] = [convert_to_anthropic_tool(tool) for tool in tools]
    match given.get("tool_choice"):
        case "required":
            given["tool_choice"] = {"type": "any"}
        case "auto" | "none" as choice:
            given["tool_choice"] = {"type": choice}
        case {"type": "function", "function": {"name": name}}:
            given["tool_choice"] = {"type": "tool", "name": name}
    return given


@contextmanager
def _translate_errors(model: str) -> Iterator[None]:
    try:
        yield
    except anthropic.APIStatusError as error:
        raise _error_of_status(error, model) from error
    except (anthropic.APIError, httpx2.HTTPError) as error:
        # Its client lets its transport speak for itself in mid-stream.
        raise ModelUnavailable(
            f"The model {model!r} stopped before its answer was complete.",
            provider="anthropic",
            model=model,
            reason=connection_reason(error),
        ) from error
    except (EmptyAnswer, ValueError) as error:
        raise ModelUnavailable(
            f"The model {model!r} sent an answer that cannot be read.",
            provider="anthropic",
            model=model,
            reason=UNREADABLE,
        ) from error


def _error_of_status(error: anthropic.APIStatusError, model: str) -> ModelError:
    status, why = error.status_code, _type(error)
    kind: type[ModelError]
    if status == 400 and "prompt is too long" in str(error.body):
        kind, told = ContextTooLong, f"The conversation is too long for the model {model!r}."
    elif status in {429, 529} or why == "overloaded_error":
        kind, told = ModelOverloaded, f"The model {model!r} is overloaded."
    elif 400 <= status < 500 and status != 408:
        kind, told = (
            ProviderRejected,
            f"The provider does not take this call for the model {model!r} (status {status}).",
        )
    else:
        # Also an error within a stream, which began with a 200.
        kind, told = ModelUnavailable, f"The model {model!r} is not well."
    waits = parse_retry_after(error.response.headers.get("retry-after"))
    return kind(told, provider="anthropic", model=model, retry_after=waits, reason=status_reason(status))


def _type(error: anthropic.APIStatusError) -> str | None:
    match error.body:
        case {"error": {"type": str(kind)}} | {"type": str(kind)}:
            return kind
    return None


async def _add_traceparent(request: httpx2.Request) -> None:
    """Tells the provider whose work a request is."""
    request.headers.update(trace_headers())


class AnthropicProvider:
    """The account behind one key. Lists are asked each quarter of an hour."""

    name = "anthropic"
    refresh_seconds = 900.0

    def __init__(self, *, key: SecretStr, base_url: str, default: str, timeout: anthropic.Timeout) -> None:
        self._key = key
        self._default = default
        self._base_url = base_url
        self._models: tuple[ModelInfo, ...] | None = None
        self._built: dict[str, AnthropicChat] = {}
        self._http = anthropic.DefaultAsyncHttpxClient(timeout=timeout, event_hooks={"request": [_add_traceparent]})
        self._client = anthropic.AsyncAnthropic(
            api_key=key.get_secret_value(), base_url=base_url, http_client=self._http, max_retries=0, timeout=timeout
        )

    async def refresh(self) -> None:
        try:
            listed = [model.id async for model in self._client.with_options(timeout=5.0).models.list()]
        except (anthropic.APIError, ValueError, TypeError, AttributeError):
            # What was known stays known.
            return
        self._models = tuple(map(self.info, sorted(listed)))

    @property
    def models(self) -> Sequence[ModelInfo] | None:
        return self._models

    @property
    def is_available(self) -> bool:
        return True

    @property
    def default(self) -> str:
        return self._default

    @property
    def in_flight(self) -> int | None:
        return None

    def info(self, name: str) -> ModelInfo:
        return ModelInfo(
            ModelSpec(self.name, name),
            tools=True,
            vision=True,
            json_schema=True,
            priced_as=PricedModel(name, biller="anthropic"),
        )

    def chat_model(self, name: str) -> BaseChatModel:
        if name not in self._built:
            self._built[name] = AnthropicChat(
                model=name,
                api_key=self._key,
                base_url=self._base_url,
                max_retries=0,
                max_tokens_to_sample=_MAX_OUTPUT_TOKENS,
                client=self._client,
            )
        return self._built[name]

    async def aclose(self) -> None:
        await self._client.close()
        await self._http.aclose()


def provider(settings: ModelSettings) -> AnthropicProvider:
    if settings.anthropic_api_key is None:
        raise ValueError("Anthropic is no provider without a key")
    return AnthropicProvider(
        key=settings.anthropic_api_key,
        base_url=settings.anthropic_base_url,
        default=settings.anthropic_model,
        timeout=anthropic.Timeout(settings.read_timeout_seconds, connect=settings.connect_timeout_seconds),
    )
