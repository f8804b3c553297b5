"""What a token costs the process that reads it, through our seam and through LangChain's own classes: `make bench`.

Seconds of processor time of this process alone; the provider is another, writes each token by itself, and the ways take
turns, so that a machine that slows down slows all.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from statistics import median

import uvloop
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from llm.factory import ModelFactory
from llm.settings import ModelSettings
from llm.vendors.ollama import provider as ollama_provider
from llm.vendors.openai import provider as openai_provider

_TOKENS = 500


@dataclass(frozen=True, slots=True)
class Load:
    """`streams` at once, `delay` seconds between the tokens of one; measured in so many rounds after a first."""

    streams: int
    delay: float
    rounds: int

    def __str__(self) -> str:
        pace = f"a token each {self.delay * 1000:.0f} ms" if self.delay else "without delay"
        return f"{self.streams:2} at once, {pace}"


LOADS = (Load(16, 0.0, 7), Load(1, 0.0, 21), Load(16, 0.005, 3))


@contextmanager
def _provider(delay: float) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.tokens", str(_TOKENS), str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the provider was started with pipes")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


@asynccontextmanager
async def _ways(url: str) -> AsyncIterator[Mapping[str, Mapping[str, BaseChatModel]]]:
    """For each format: the plain class first, the module of the vendor's, all layers together."""
    key = SecretStr("none-needed")
    settings = ModelSettings(openai_api_key=key, openai_base_url=f"{url}/v1", ollama_base_url=url)
    factory = ModelFactory(settings)
    await factory.start()
    openai, ollama = openai_provider(settings), ollama_provider(settings)
    yield {
        "openai": {
            "ChatOpenAI": ChatOpenAI(model="loop", api_key=key, base_url=f"{url}/v1", stream_usage=True),
            "vendor module": openai.chat_model("loop"),
            "all layers": (await factory.select(model="openai:loop")).model,
        },
        "ollama": {
            "ChatOllama": ChatOllama(model="loop", base_url=url),
            "vendor module": ollama.chat_model("loop"),
            "all layers": (await factory.select(model="ollama:loop")).model,
        },
    }
    await openai.aclose()
    await ollama.aclose()
    await factory.aclose()


async def _read(model: BaseChatModel) -> None:
    text = [chunk.text async for chunk in model.astream([HumanMessage("Hi")])]
    if not "".join(text).endswith(f"word{_TOKENS - 1} "):
        raise AssertionError("the whole answer is read")


async def _cost(model: BaseChatModel, streams: int) -> float:
    """Milliseconds per 1,000 tokens."""
    began = time.process_time()
    await asyncio.gather(*(_read(model) for _ in range(streams)))
    return (time.process_time() - began) * 1000 / (streams * _TOKENS) * 1000


async def _measured(load: Load) -> None:
    with _provider(load.delay) as url:
        async with _ways(url) as formats:
            for name, ways in formats.items():
                costs: dict[str, list[float]] = {way: [] for way in ways}
                for turn in range(load.rounds + 1):
                    for way, model in ways.items():
                        cost = await _cost(model, load.streams)
                        if turn:
                            costs[way].append(cost)
                _print(name, load, costs)


def _print(name: str, load: Load, costs: Mapping[str, list[float]]) -> None:
    plain = next(iter(costs.values()))
    for way, took in costs.items():
        ratio = median(theirs / ours for theirs, ours in zip(plain, took, strict=True))
        spread = f"{median(took):7.1f} ms ({min(took):.1f} to {max(took):.1f})"
        print(f"{name:7} {load!s:34} {way:14} {spread:30} {ratio:5.1f} times less", flush=True)


async def main() -> None:
    print("processor time of the reader per 1,000 tokens")
    for load in LOADS:
        await _measured(load)


if __name__ == "__main__":
    uvloop.run(main())
