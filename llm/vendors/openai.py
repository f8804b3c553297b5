"""OpenAI, and every server that speaks its API."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import aiohttp
import httpx2
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from llm.catalog import ModelInfo, PricedModel
from llm.errors import ContextTooLong, ModelError, ModelOverloaded, ModelUnavailable, ProviderRejected
from llm.identity import EmptyAnswer, identify_chunks, identify_result
from llm.settings import ModelSettings
from llm.spec import ModelSpec
from llm.vendors.reasons import UNREADABLE, connection_reason, status_reason
from llm.vendors.retry_after import parse_retry_after
from llm.vendors.stream.completions import Completions
from llm.vendors.stream.frames import UnreadableStream
from llm.vendors.stream.pool import Httpx2Transport, NoHttpx2Transport, Pool

# What `GET /models` lists beside chat models; it has no field that tells.
_NOT_FOR_CHAT = (
    "babbage",
    "chatgpt-image",
    "dall-e",
    "davinci",
    "gpt-image",
    "omni-moderation",
    "sora",
    "text-",
    "tts",
    "whisper",
)
_NOT_FOR_CHAT_WITHIN = ("-audio", "-realtime", "-transcribe", "-tts", "embed", "rerank")


class OpenAIChat(ChatOpenAI):
    """`ChatOpenAI` with our ids, our errors, and the reasoning text that compatible servers send."""

    provider_name: str = "openai"

    async def _astream(  # type: ignore[override]  # the parent dispatches on *args between its two APIs
        self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        with _translate_errors(self.provider_name, self.model_name):
            ended = False
            async with aclosing(identify_chunks(self._stream_chunks(messages, stop, kwargs))) as stream:
                async for chunk in stream:
                    ended = ended or _is_end(chunk)
                    yield chunk
            if not ended:
                raise self._incomplete_error()

    def _stream_chunks(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> AsyncIterator[ChatGenerationChunk]:
        if self._use_responses_api({**kwargs, **self.model_kwargs}):
            return super()._astream(messages, stop, **kwargs)
        if (schema := kwargs.get("response_format")) is not None:
            # Named as such, the parent would hand the stream to a helper of the SDK's, which reads it in its own way.
            own = {**(self.extra_body or {}), **kwargs.get("extra_body", {}), "response_format": schema}
            kwargs = {key: value for key, value in kwargs.items() if key != "response_format"} | {"extra_body": own}
        # What the parent would choose between its two APIs; asked here, it closes its stream when it is closed.
        return super(ChatOpenAI, self)._astream(messages, stop, **kwargs)

    def _incomplete_error(self) -> ModelUnavailable:
        # The line was closed as if all had been said.
        return ModelUnavailable(
            f"The model {self.model_name!r} stopped before its answer was complete.",
            provider=self.provider_name,
            model=self.model_name,
        )

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with _translate_errors(self.provider_name, self.model_name, _UNREADABLE_WHOLE):
            return identify_result(await super()._agenerate(messages, stop, run_manager, **kwargs))

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if generation is not None and (reasoning := _reasoning(chunk)):
            generation.message.additional_kwargs["reasoning_content"] = reasoning
        if generation is not None and generation.generation_info and (answer := chunk.get("id")):
            # Its vendor's id of the answer; the message has ours.
            generation.generation_info["id"] = answer
        return generation


def _is_end(chunk: ChatGenerationChunk) -> bool:
    """Whether a chunk says why the answer ends, in the words of either of OpenAI's two APIs."""
    told = (chunk.generation_info or {}, chunk.message.response_metadata)
    return any("finish_reason" in words or "status" in words for words in told)


def _reasoning(chunk: dict[str, Any]) -> str | None:
    # DeepSeek, vLLM and others beside them; LangChain's class keeps to what OpenAI itself documents.
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") or {}
        text = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(text, str):
            return text
    return None


_INSUFFICIENT_QUOTA = {"insufficient_quota", "billing_not_active"}
# A stream that is no stream, or one that was cut within a character; and of a whole answer, all that its reader says.
_UNREADABLE = (EmptyAnswer, UnreadableStream, json.JSONDecodeError, UnicodeDecodeError)
_UNREADABLE_WHOLE = (*_UNREADABLE, ValueError)


@contextmanager
def _translate_errors(
    provider: str, model: str, unreadable: tuple[type[Exception], ...] = _UNREADABLE
) -> Iterator[None]:
    try:
        yield
    except openai.APIStatusError as error:
        raise _error_of_status(error, provider, model) from error
    except (openai.APIError, aiohttp.ClientError) as error:
        # Connections, time-outs, and errors that arrive within a stream; some of them the SDK does not know.
        raise ModelUnavailable(
            f"The model {model!r} stopped before its answer was complete.",
            provider=provider,
            model=model,
            reason=connection_reason(error),
        ) from error
    except unreadable as error:
        raise ModelUnavailable(
            f"The model {model!r} sent an answer that cannot be read.",
            provider=provider,
            model=model,
            reason=UNREADABLE,
        ) from error


def _error_of_status(error: openai.APIStatusError, provider: str, model: str) -> ModelError:
    status = error.status_code
    kind: type[ModelError]
    if _is_overflow(error):
        kind, why = ContextTooLong, f"The conversation is too long for the model {model!r}."
    elif status == 429 and _provider_message(error) & _INSUFFICIENT_QUOTA:
        # No patience heals it.
        kind, why = ProviderRejected, f"The account for the model {model!r} is empty."
    elif status == 429 or (status == 503 and isinstance(error.body, dict)):
        # 503 in the words of the API is a queue that is full; in anybody else's, nobody is there.
        kind, why = ModelOverloaded, f"The model {model!r} is overloaded."
    elif status >= 500 or status == 408:
        kind, why = ModelUnavailable, f"The model {model!r} is not well."
    else:
        kind, why = ProviderRejected, f"The provider does not take this call for the model {model!r} (status {status})."
    waits = parse_retry_after(error.response.headers.get("retry-after"))
    return kind(why, provider=provider, model=model, retry_after=waits, reason=status_reason(status))


def _is_overflow(error: openai.APIStatusError) -> bool:
    return bool(_provider_message(error) & {"context_length_exceeded", "exceed_context_size_error"})


def _provider_message(error: openai.APIStatusError) -> set[str]:
    body = error.body if isinstance(error.body, dict) else {}
    return {str(body.get("code")), str(body.get("type"))}


class OpenAIProvider:
    """The account behind one key. Lists are asked each quarter of an hour."""

    name = "openai"
    refresh_seconds = 900.0

    def __init__(self, *, key: SecretStr, base_url: str, default: str, timeout: float, connect: float) -> None:
        self._key = key
        self._base_url = base_url
        self._default = default
        self._timeout = timeout
        self._models: tuple[ModelInfo, ...] | None = None
        self._built: dict[str, OpenAIChat] = {}
        self._client = pooled_client(base_url, connect=connect)

    async def refresh(self) -> None:
        asking = openai.AsyncOpenAI(
            api_key=self._key.get_secret_value(),
            base_url=self._base_url,
            http_client=self._client,
            max_retries=0,
            timeout=5.0,
        )
        try:
            listed = [model.id async for model in asking.models.list()]
        except (openai.APIError, ValueError, TypeError, AttributeError):
            # Not every server that speaks this API lists its models, and one that is down says nothing of them:
            # what was known stays known.
            return
        self._models = tuple(self.info(name) for name in sorted(listed) if _is_for_chat(name))

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
        listed = PricedModel(name, address=self._base_url)
        return ModelInfo(ModelSpec(self.name, name), tools=True, vision=True, json_schema=True, priced_as=listed)

    def chat_model(self, name: str) -> BaseChatModel:
        if name not in self._built:
            self._built[name] = chat_model(
                name, key=self._key, base_url=self._base_url, client=self._client, timeout=self._timeout
            )
        return self._built[name]

    async def aclose(self) -> None:
        await self._client.aclose()


def pooled_client(url: str, *, connect: float, proxied: bool = True) -> httpx2.AsyncClient:
    """The one client of a provider, for everything that it is asked."""
    return openai.DefaultAsyncHttpxClient(transport=Httpx2Transport(Pool(url, connect=connect, proxied=proxied)))


def chat_model(
    name: str, *, key: SecretStr, base_url: str, client: httpx2.AsyncClient, timeout: float, **own: Any
) -> OpenAIChat:
    """A model of a server that speaks OpenAI's API, as we call all of them; `own` is what only this one is given."""
    chat = OpenAIChat(
        model=name,
        api_key=key,
        base_url=base_url,
        http_async_client=client,
        http_client=httpx2.Client(transport=NoHttpx2Transport()),
        # For clients of its own making; with a proxy about, it would warn of them.
        http_socket_options=(),
        timeout=timeout,
        max_retries=0,
        stream_usage=True,
        # LangChain's own bound wraps every chunk in `asyncio.wait_for`, which on Python 3.11 swallows a cancel.
        stream_chunk_timeout=None,
        **own,
    )
    chat.async_client = Completions(chat.async_client)
    return chat


def _is_for_chat(name: str) -> bool:
    return not name.startswith(_NOT_FOR_CHAT) and not any(part in name for part in _NOT_FOR_CHAT_WITHIN)


def provider(settings: ModelSettings) -> OpenAIProvider:
    if settings.openai_api_key is None:
        raise ValueError("OpenAI is no provider without a key")
    return OpenAIProvider(
        key=settings.openai_api_key,
        base_url=settings.openai_base_url,
        default=settings.openai_model,
        timeout=settings.read_timeout_seconds,
        connect=settings.connect_timeout_seconds,
    )
