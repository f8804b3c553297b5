"""Answers that were given before, and answers that are being given, to whoever asks the same."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llm.cache.answer_copy import AnswerCopy
from llm.cache.cache_key import CacheKey
from llm.cache.cached_answer import CachedAnswer, Piece, merge_chunks, pack_chunk
from llm.cache.settings import CacheSettings
from llm.cache.single_flight import Flights, SingleFlight
from llm.cache.store import CacheStore
from llm.context import call_context
from llm.errors import BudgetExhausted, RunBudgetExceeded
from llm.wrappers.wrapper import ModelWrapper

if TYPE_CHECKING:
    from llm.cache.semantic import SemanticCache, Vector

# Arithmetic with vectors takes a while to load, and few want it.
_SEMANTIC = "llm.cache.semantic"
# Called with the way in which an answer was looked for, and whether it was found.
OnCacheOperation = Callable[[str, bool], None]

# What one who asks may not, and another who asks the same may.
_PER_CALLER = (RunBudgetExceeded, BudgetExhausted)
# What is longer is not kept, in bytes.
_MAX_FLIGHTS = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Lookup:
    question: CacheKey
    exact: bool
    similar: bool


@dataclass(frozen=True, slots=True)
class _Hit:
    """`vector` is the question's, where it was made."""

    recording: CachedAnswer | None = None
    origin: Literal["exact", "semantic"] = "exact"
    vector: "Vector | None" = None


class ModelCache:
    """What all calls of a process remember together. Needs an embedder where its settings say `semantic`."""

    def __init__(
        self,
        settings: CacheSettings,
        store: CacheStore,
        counted: OnCacheOperation,
        embeddings: Embeddings | None = None,
    ) -> None:
        if settings.semantic and embeddings is None:
            raise ValueError("a semantic cache needs an embedder")
        self._settings = settings
        self._store = store
        self._counted = counted
        self._similar: SemanticCache | None = (
            import_module(_SEMANTIC).SemanticCache(
                store,
                embeddings,
                name=settings.embedder,
                threshold=settings.threshold,
                entries=settings.entries,
                ttl=settings.ttl,
            )
            if settings.semantic and embeddings is not None
            else None
        )
        self._streams = Flights[Piece]()
        self._results = Flights[ChatResult]()

    @property
    def in_flight(self) -> int:
        return len(self._streams) + len(self._results)

    def lookup(
        self,
        specs: Sequence[str],
        messages: Sequence[BaseMessage],
        stop: Sequence[str] | None,
        kwargs: dict[str, Any],
    ) -> _Lookup | None:
        """`None` where an answer is to be given anew."""
        exact = self._settings.exact_for(kwargs)
        if not exact and self._similar is None:
            return None
        context = call_context()
        who = [context.tenant] if self._settings.shared_by_tenant else [context.tenant, context.user]
        question = CacheKey.of(who, specs, messages, stop, kwargs)
        if question is None:
            return None
        similar = self._similar is not None and bool(question.scope)
        return _Lookup(question, exact, similar) if exact or similar else None

    async def stream(
        self, asked: _Lookup, ask: Callable[[], AsyncIterator[ChatGenerationChunk]]
    ) -> AsyncGenerator[ChatGenerationChunk]:
        name = asked.question.name
        while (flight := self._streams.get(name)) is not None:
            self._counted("coalesced", True)
            heard = False
            try:
                async with aclosing(_stream_flight(flight, joins=True)) as joined:
                    async for chunk in joined:
                        heard = True
                        yield chunk
            except _PER_CALLER:
                if heard:
                    raise
            else:
                return
        flight = self._streams.begin(name, lambda begun: self._ask_and_store(begun, asked, ask))
        async with aclosing(_stream_flight(flight, joins=False)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def result(self, asked: _Lookup, ask: Callable[[], Awaitable[ChatResult]]) -> ChatResult:
        name = asked.question.name
        while (joined := self._join(name)) is not None:
            self._counted("coalesced", True)
            with suppress(*_PER_CALLER):
                return await joined
        return await _copies(
            self._results.begin(name, lambda begun: self._ask_whole_and_store(begun, asked, ask)), joins=False
        )

    def _join(self, name: str) -> Awaitable[ChatResult] | None:
        if (flight := self._streams.get(name)) is not None:
            return _gather_flight(flight)
        if (plain := self._results.get(name)) is not None:
            return _copies(plain, joins=True)
        return None

    async def _ask_and_store(
        self, flight: SingleFlight[Piece], asked: _Lookup, ask: Callable[[], AsyncIterator[ChatGenerationChunk]]
    ) -> AsyncGenerator[Piece]:
        found = await self._find(asked)
        if found.recording is not None:
            flight.origin = found.origin
            for chunk in found.recording.stream():
                yield pack_chunk(chunk)
            return
        said = list[Piece]()
        length = 0
        async with aclosing(ask()) as stream:  # type: ignore[type-var]  # an async generator, typed as an iterator
            async for chunk in stream:
                piece = pack_chunk(chunk)
                length += len(piece) if isinstance(piece, str) else len(piece.text)
                if length <= _MAX_FLIGHTS:
                    said.append(piece)
                yield piece
        if length <= _MAX_FLIGHTS:
            flight.then = self._store_later(asked, CachedAnswer.of_pieces(said), found.vector)

    async def _ask_whole_and_store(
        self, flight: SingleFlight[ChatResult], asked: _Lookup, ask: Callable[[], Awaitable[ChatResult]]
    ) -> AsyncGenerator[ChatResult]:
        found = await self._find(asked)
        if found.recording is not None:
            flight.origin = found.origin
            yield found.recording.result()
            return
        result = await ask()
        yield result
        flight.then = self._store_later(asked, CachedAnswer.of_result(result), found.vector)

    async def _find(self, asked: _Lookup) -> _Hit:
        if asked.exact:
            recording = await self._get(asked.question.name)
            self._counted("exact", recording is not None)
            if recording is not None:
                return _Hit(recording)
        if not asked.similar or self._similar is None:
            return _Hit()
        vector = await self._similar.vector(asked.question.text)
        recording = await self._nearest(self._similar, asked.question.scope, vector)
        self._counted("semantic", recording is not None)
        return _Hit(recording, "semantic", vector)

    async def _nearest(self, similar: "SemanticCache", scope: str, vector: "Vector | None") -> CachedAnswer | None:
        if vector is None:
            return None
        for name in await similar.nearest(scope, vector):
            if (recording := await self._get(name)) is not None:
                return recording
        return None

    async def _get(self, name: str) -> CachedAnswer | None:
        return CachedAnswer.read(await self._store.get(f"answer:{name}"))

    def _store_later(
        self, asked: _Lookup, recording: CachedAnswer | None, vector: "Vector | None"
    ) -> Callable[[], Awaitable[None]] | None:
        """What keeps an answer; nothing does of one that did not end well, or is too long."""
        data = recording.to_bytes() if recording is not None else None
        if data is None or len(data) > _MAX_FLIGHTS:
            return None
        return partial(self._write, asked, data, vector)

    async def _write(self, asked: _Lookup, data: bytes, vector: "Vector | None") -> None:
        await self._store.put(f"answer:{asked.question.name}", data, self._settings.ttl)
        if vector is not None and self._similar is not None:
            await self._similar.remember(asked.question.scope, vector, asked.question.name)

    async def aclose(self) -> None:
        """Ends what is under way."""
        await self._streams.aclose()
        await self._results.aclose()


class CachedModel(ModelWrapper):
    """A list of models that is not asked twice what it has answered. `specs` names its candidates."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    answers: ModelCache
    specs: tuple[str, ...]

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        ask = partial(self.inner._astream, messages, stop, **kwargs)
        asked = self.answers.lookup(self.specs, messages, stop, kwargs)
        given = ask() if asked is None else self.answers.stream(asked, ask)
        async with aclosing(given) as stream:  # type: ignore[type-var]  # an async generator, typed as an iterator
            async for chunk in stream:
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        ask = partial(self.inner._agenerate, messages, stop, **kwargs)
        asked = self.answers.lookup(self.specs, messages, stop, kwargs)
        return await (ask() if asked is None else self.answers.result(asked, ask))


async def _stream_flight(flight: SingleFlight[Piece], *, joins: bool) -> AsyncGenerator[ChatGenerationChunk]:
    copy = AnswerCopy()
    async with aclosing(flight.read()) as pieces:
        async for piece in pieces:
            copy.origin = _origin(flight, joins)
            yield copy.of(piece)
    if not copy.ended:
        yield copy.of(ChatGenerationChunk(message=AIMessageChunk(content="", chunk_position="last")))


async def _gather_flight(flight: SingleFlight[Piece]) -> ChatResult:
    """What a stream says, for somebody who wants it in one."""
    async with aclosing(flight.read()) as pieces:
        said = [piece async for piece in pieces]
    result = ChatResult(generations=[ChatGeneration(message=merge_chunks(said))])
    return AnswerCopy(_origin(flight, joins=True)).of_result(result)


async def _copies(flight: SingleFlight[ChatResult], *, joins: bool) -> ChatResult:
    async with aclosing(flight.read()) as results:
        (result,) = [result async for result in results]
    return AnswerCopy(_origin(flight, joins)).of_result(result)


def _origin(flight: SingleFlight[Any], joins: bool) -> str | None:
    return flight.origin or ("coalesced" if joins else None)
