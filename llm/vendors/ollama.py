"""Ollama: whatever a server on this machine or beside it has pulled."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import httpx
import ollama
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_ollama import ChatOllama
from pydantic import ValidationError

from llm.catalog import ModelInfo
from llm.errors import ContextTooLong, ModelError, ModelOverloaded, ModelUnavailable, ProviderRejected
from llm.identity import EmptyAnswer, identify_chunks, identify_result
from llm.settings import ModelSettings
from llm.spec import ModelSpec
from llm.vendors.reasons import CONNECTION_LOST, UNREADABLE, connection_reason, status_reason
from llm.vendors.retry_after import parse_retry_after
from llm.vendors.stream.chats import Chats
from llm.vendors.stream.frames import UnreadableStream
from llm.vendors.stream.pool import HttpxTransport, NoHttpxTransport, Pool

_OPTIONS = {
    "max_tokens": "num_predict",
    "temperature": "temperature",
    "seed": "seed",
    "top_p": "top_p",
    "top_k": "top_k",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}


class OllamaChat(ChatOllama):
    """`ChatOllama` with our ids and our errors."""

    def _chat_params(self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        # What OpenAI's API has as arguments of a call is options here; a choice of tools it cannot be told.
        kwargs.pop("tool_choice", None)
        told = {option: kwargs.pop(name) for name, option in _OPTIONS.items() if name in kwargs}
        params = super()._chat_params(messages, stop, **kwargs)
        return {**params, "options": {**params["options"], **told}}

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with _translate_errors(self.model):
            ended = False
            spoken = super()._astream(messages, stop, run_manager, **kwargs)
            async with aclosing(identify_chunks(spoken)) as stream:
                async for chunk in stream:
                    ended = ended or bool((chunk.generation_info or {}).get("done"))
                    yield chunk
            if not ended:
                # The line was closed as if all had been said.
                raise ModelUnavailable(
                    f"The model {self.model!r} stopped before its answer was complete.",
                    provider="ollama",
                    model=self.model,
                )

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with _translate_errors(self.model, _UNREADABLE_WHOLE):
            return identify_result(await super()._agenerate(messages, stop, run_manager, **kwargs))


_UNREADABLE = (EmptyAnswer, UnreadableStream, json.JSONDecodeError, UnicodeDecodeError, ValidationError)
_UNREADABLE_WHOLE = (*_UNREADABLE, ValueError)


@contextmanager
def _translate_errors(model: str, unreadable: tuple[type[Exception], ...] = _UNREADABLE) -> Iterator[None]:
    try:
        yield
    except ollama.ResponseError as error:
        kind, why = _error_of_status(error, model)
        reason = status_reason(error.status_code) if error.status_code > 0 else CONNECTION_LOST
        raise kind(why, provider="ollama", model=model, retry_after=_retry_after(error), reason=reason) from error
    except (httpx.HTTPError, ConnectionError) as error:
        raise ModelUnavailable(
            f"The model {model!r} stopped before its answer was complete.",
            provider="ollama",
            model=model,
            reason=connection_reason(error),
        ) from error
    except unreadable as error:
        raise ModelUnavailable(
            f"The model {model!r} sent an answer that cannot be read.",
            provider="ollama",
            model=model,
            reason=UNREADABLE,
        ) from error


def _error_of_status(error: ollama.ResponseError, model: str) -> tuple[type[ModelError], str]:
    status = error.status_code
    if "context" in error.error and "exceed" in error.error:
        return ContextTooLong, f"The conversation is too long for the model {model!r}."
    if status == 429 and "quota" in error.error:
        # Of Ollama's own cloud: no patience heals it.
        return ProviderRejected, f"The account for the model {model!r} is empty."
    if status in {429, 503}:
        # 503 is its word for a queue that is full.
        return ModelOverloaded, f"The model {model!r} is overloaded."
    if 400 <= status < 500:
        return ProviderRejected, f"Ollama does not take this call for the model {model!r} (status {status})."
    return ModelUnavailable, f"The model {model!r} is not well."


def _retry_after(error: ollama.ResponseError) -> float | None:
    # Its client keeps the words of an answer and not the header.
    cause = error.__cause__ or error.__context__
    return (
        parse_retry_after(cause.response.headers.get("retry-after"))
        if isinstance(cause, httpx.HTTPStatusError)
        else None
    )


def _has_more(shown: Mapping[str, Any]) -> bool:
    """Whether an opened answer is gone on with: only templates that tell the last message apart leave it open."""
    template = shown.get("template") or ""
    if shown.get("renderer") or not template:
        return False
    return "$last" in template or "slice $.Messages" in template or ".Messages" not in template


class OllamaProvider:
    """One Ollama server. It is there while it answers; it is asked again each minute."""

    name = "ollama"
    refresh_seconds = 60.0

    def __init__(self, *, base_url: str, timeout: float, connect: float, context: int) -> None:
        self._base_url = base_url
        self._context = context
        self._timeout = timeout
        self._models: tuple[ModelInfo, ...] | None = None
        self._known: dict[str, ModelInfo] = {}
        self._built: dict[ModelInfo, OllamaChat] = {}
        self._transport = HttpxTransport(Pool(base_url, connect=connect))
        self._client = httpx.AsyncClient(base_url=base_url, timeout=2.0, transport=self._transport)

    async def refresh(self) -> None:
        try:
            listed = (await self._get("/api/tags"))["models"]
            infos = [await self._describe(entry["model"], str(entry.get("digest"))) for entry in listed]
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            self._models = None
            return
        self._models = tuple(sorted((info for info in infos if info), key=lambda info: info.spec.name))

    async def _get(self, path: str) -> Any:
        answer = await self._client.get(path)
        return answer.raise_for_status().json()

    async def _describe(self, name: str, digest: str) -> ModelInfo | None:
        if (known := self._known.get(f"{name}@{digest}")) is not None:
            return known
        answer = await self._client.post("/api/show", json={"model": name})
        shown = answer.raise_for_status().json()
        capabilities = shown.get("capabilities", ["completion"])
        if "completion" not in capabilities:
            return None
        info = ModelInfo(
            ModelSpec(self.name, name),
            tools="tools" in capabilities,
            vision="vision" in capabilities,
            json_schema=True,
            reasoning="thinking" in capabilities,
            context_length=self._context_of(shown),
            prefill=_has_more(shown),
            image_urls=False,
        )
        self._known[f"{name}@{digest}"] = info
        return info

    def _context_of(self, shown: Mapping[str, Any]) -> int | None:
        """What we ask for with each call: its server's own default is smaller, and cuts what is longer in silence."""
        lengths = [value for key, value in shown.get("model_info", {}).items() if key.endswith(".context_length")]
        own = re.search(r"^num_ctx\s+(\d+)", shown.get("parameters") or "", re.MULTILINE)
        return min([int(own[1]) if own else self._context, *map(int, lengths)])

    @property
    def models(self) -> Sequence[ModelInfo] | None:
        return self._models

    @property
    def is_available(self) -> bool:
        return self._models is not None

    @property
    def default(self) -> str | None:
        return self._models[0].spec.name if self._models else None

    @property
    def in_flight(self) -> int | None:
        return None

    def info(self, name: str) -> ModelInfo:
        known = [info for info in self._models or () if info.spec.name in (name, f"{name}:latest")]
        return known[0] if known else ModelInfo(ModelSpec(self.name, name), tools=True, vision=False, json_schema=True)

    def chat_model(self, name: str) -> BaseChatModel:
        info = self.info(name)
        if info not in self._built:
            self._built[info] = chat_model(
                name,
                base_url=self._base_url,
                transport=self._transport,
                timeout=self._timeout,
                reasoning=info.reasoning or None,
                num_ctx=info.context_length,
            )
        return self._built[info]

    async def aclose(self) -> None:
        await self._client.aclose()
        await self._transport.aclose()


def chat_model(name: str, *, base_url: str, transport: HttpxTransport, timeout: float, **own: Any) -> OllamaChat:
    chat = OllamaChat(
        model=name,
        base_url=base_url,
        # Its client has no time-out by itself.
        client_kwargs={"timeout": timeout},
        sync_client_kwargs={"transport": NoHttpxTransport()},
        async_client_kwargs={"transport": transport},
        **own,
    )
    chat._async_client = Chats(chat._async_client)
    return chat


def provider(settings: ModelSettings) -> OllamaProvider:
    return OllamaProvider(
        base_url=settings.ollama_base_url,
        timeout=settings.read_timeout_seconds,
        connect=settings.connect_timeout_seconds,
        context=settings.ollama_context_tokens,
    )
