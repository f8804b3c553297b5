import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from pydantic import SecretStr

from llm.embedding.embedder import Embedder, embedder
from llm.embedding.minilm import erf
from llm.errors import ContextTooLong, ModelError, ModelOverloaded, ModelUnavailable, ProviderRejected, UnknownModel
from llm.settings import ModelSettings
from observability.tracing import TraceSubject, Tracing, trace_run, traceparent
from tests.loopback import (
    Loopback,
    MalformedChunk,
    Problem,
    Refused,
    Reset,
    Stall,
    Status,
    model_gone,
    server_error,
    too_many_requests,
    unauthorized,
)
from tests.loopback.catalog import vector
from tests.loopback.fault import Fault, WrongContentType

TEXTS = [
    "How do I reset my password?",
    "How can I reset my password?",
    "The cat sat on the warm roof.",
    "",
    "naïve café ☕ 東京 " * 200,
]


@pytest.fixture
async def minilm() -> AsyncIterator[Embedder]:
    made = embedder("embedded:minilm", ModelSettings())
    yield made
    await made.aclose()


async def test_texts_that_mean_the_same_are_near_and_others_are_not(minilm: Embedder) -> None:
    same, again, other = await minilm.vectors(TEXTS[:3])
    assert same @ again > 0.9
    assert same @ other < 0.3


async def test_the_numbers_are_those_that_the_model_is_known_for(minilm: Embedder) -> None:
    # As the model's own page shows them.
    (example,) = await minilm.vectors(["This is an example sentence"])
    assert example[:4] == pytest.approx([0.0676570, 0.0634960, 0.0487131, 0.0793050], abs=1e-5)
    person, *others = await minilm.vectors(
        ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    )
    assert [float(person @ other) for other in others] == pytest.approx([0.695, 0.943, 0.257], abs=1e-3)


async def test_vectors_are_short_floats_of_length_one_and_always_the_same(minilm: Embedder) -> None:
    vectors = await minilm.vectors(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert np.array_equal(vectors, await minilm.vectors(TEXTS))


async def test_a_text_has_the_same_vector_alone_and_among_others(minilm: Embedder) -> None:
    together = await minilm.vectors(TEXTS * 5)
    alone = np.concatenate([await minilm.vectors([text]) for text in TEXTS])
    assert np.abs(together - np.tile(alone, (5, 1))).max() < 1e-5


async def test_the_end_of_a_long_text_is_not_read(minilm: Embedder) -> None:
    long, longer = await minilm.vectors(["word " * 300, "word " * 300 + "and something else"])
    assert np.array_equal(long, longer)


async def test_embedding_keeps_nobody_waiting(minilm: Embedder) -> None:
    await minilm.vectors(["warm"])
    before = time.thread_time(), time.process_time()
    await minilm.vectors(["word " * 250] * 4)
    here, everywhere = time.thread_time() - before[0], time.process_time() - before[1]
    # It is other threads that work, and the loop's has next to nothing to do.
    assert here < everywhere / 4


def test_erf_is_as_good_as_a_float() -> None:
    numbers = np.linspace(-6, 6, 1201, dtype=np.float32)
    exact = [math.erf(float(number)) for number in numbers]
    assert np.abs(erf(numbers) - exact).max() < 5e-7


async def test_it_is_what_langchain_takes_for_an_embedder(minilm: Embedder) -> None:
    rows = await minilm.aembed_documents(TEXTS[:2])
    assert [len(row) for row in rows] == [384, 384]
    assert await minilm.aembed_query(TEXTS[0]) == pytest.approx(rows[0], abs=1e-5)
    assert await minilm.aembed_documents([]) == []
    with pytest.raises(NotImplementedError):
        minilm.embed_query("Hi")


@pytest.mark.parametrize("spec", ["", "minilm", "nobody:minilm", "scripted:actor"])
def test_who_embeds_nothing_is_unknown(spec: str) -> None:
    with pytest.raises(UnknownModel):
        embedder(spec, ModelSettings())


@pytest.mark.parametrize("spec", ["embedded:smollm2", "openai:text-embedding-3-small"])
async def test_what_cannot_be_called_is_refused_at_the_first_call(spec: str) -> None:
    with pytest.raises(ProviderRejected):
        await embedder(spec, ModelSettings()).aembed_query("Hi")


async def test_who_stops_waiting_does_not_stop_the_loading() -> None:
    made = embedder("embedded:minilm", ModelSettings())
    waiting = asyncio.create_task(made.aembed_query("Hi"))
    await asyncio.sleep(0)
    waiting.cancel()
    assert len(await made.aembed_query("Hi")) == 384
    await made.aclose()
    await made.aclose()


async def test_what_could_not_be_loaded_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = embedder("embedded:minilm", ModelSettings())
    with monkeypatch.context() as without:
        without.setattr("llm.embedding.minilm._PACKAGE", "agenkit-no-such-package")
        for _ in range(2):
            with pytest.raises(ModelUnavailable):
                await made.aembed_query("Hi")
    assert len(await made.aembed_query("Hi")) == 384
    await made.aclose()


async def test_weights_that_are_not_installed_are_a_model_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm.embedding.minilm._PACKAGE", "agenkit-no-such-package")
    with pytest.raises(ModelUnavailable, match="not installed"):
        await embedder("embedded:minilm", ModelSettings()).aembed_query("Hi")


@pytest.fixture
def provider() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture(params=["openai", "ollama"])
async def wired(request: pytest.FixtureRequest, provider: Loopback) -> AsyncIterator[Embedder]:
    settings = ModelSettings(
        openai_api_key=SecretStr("a-key-for-tests"),
        openai_base_url=provider.openai_url,
        ollama_base_url=provider.ollama_url,
    )
    made = embedder(f"{request.param}:loop-embed", settings)
    yield made
    await made.aclose()


async def test_both_formats_give_one_row_per_text(wired: Embedder, provider: Loopback) -> None:
    texts = [f"text number {n}" for n in range(150)]
    vectors = await wired.vectors(texts)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, [vector(text, 8) for text in texts], atol=1e-6)
    asked = [len(request.body["input"]) for request in provider.requests]
    assert asked == ([128, 22] if wired.spec.provider == "openai" else [64, 64, 22])
    if wired.spec.provider == "openai":
        assert provider.requests[0].headers["authorization"] == "Bearer a-key-for-tests"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (too_many_requests(), ModelOverloaded),
        (server_error(), ModelUnavailable),
        (unauthorized(), ProviderRejected),
        (model_gone("loop-embed"), ProviderRejected),
        (Status(400, Problem("the input length exceeds the context length")), ContextTooLong),
        (Reset(), ModelUnavailable),
        (Refused(), ModelUnavailable),
        (MalformedChunk(), ModelUnavailable),
        (WrongContentType(), ModelUnavailable),
        (Status(200, b'{"data": [], "embeddings": []}'), ModelUnavailable),
        (Status(200, b'{"data": [{"index": 0}], "embeddings": [["a"]]}'), ModelUnavailable),
        (Status(200, b"[]"), ModelUnavailable),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
async def test_faults_are_our_errors(wired: Embedder, provider: Loopback, fault: Fault, kind: type[ModelError]) -> None:
    provider.say(fault, to="embed")
    with pytest.raises(ModelError) as failed:
        await wired.vectors(["Hi"])
    assert (type(failed.value), failed.value.provider, failed.value.model) == (
        kind,
        wired.spec.provider,
        "loop-embed",
    )


async def test_silence_is_an_end(provider: Loopback) -> None:
    provider.say(Stall(), to="embed")
    made = embedder("ollama:any", ModelSettings(ollama_base_url=provider.ollama_url, first_token_timeout_seconds=0.05))
    with pytest.raises(ModelUnavailable):
        await made.aembed_query("Hi")
    await made.aclose()


async def test_a_provider_is_told_whose_work_it_is(wired: Embedder, provider: Loopback) -> None:
    by = Tracing([], redact=str, environment="test", on_event=lambda _: None)
    with trace_run(by, TraceSubject("acme", "ann", "thread", "run", "chat"), "run", "run"):
        expected = traceparent()
        await wired.vectors(["Hi"])
    assert provider.requests[-1].headers["traceparent"] == expected
