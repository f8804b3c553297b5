"""What providers that die in mid-answer cost the reader in time: `make bench`.

Two providers, of which each dies in a fifth of its calls at a place chosen by chance (seeded), against the same two in
good health. Both are the loopback of the tests, in this process; answers come in pieces with a little time between.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from statistics import quantiles

import structlog
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from llm.factory import ModelFactory
from llm.settings import ModelSettings
from tests.loopback import Cut, Loopback, Reply, Request, Reset
from tests.loopback.fault import Fault

_ANSWERS, _AT_ONCE, _SHARE = 400, 8, 0.2
_TEXT = (
    "The sea covers most of the Earth. It is deep, and it is old. Ships have crossed it for thousands of years. " * 2
)
_PIECES, _GAP = 6, 0.004


def _rest(request: Request) -> Reply:
    spoken = [message for message in request.body["messages"] if message["role"] == "assistant"]
    text = _TEXT.removeprefix(str(spoken[-1]["content"])) if spoken else _TEXT
    return Reply(pieces=tuple(text[at : at + _PIECES] for at in range(0, len(text), _PIECES)), delay=_GAP)


def _dying(dice: random.Random) -> Callable[[Request], Reply | Fault]:
    def rule(request: Request) -> Reply | Fault:
        reply = _rest(request)
        if not reply.pieces or dice.random() >= _SHARE:
            return reply
        kinds: list[type[Cut | Reset]] = [Cut, Reset]
        return dice.choice(kinds)(dice.randrange(len(reply.pieces)), reply)

    return rule


async def _seconds(rule: Callable[[Request], Reply | Fault]) -> list[float]:
    with Loopback() as first, Loopback() as second:
        first.answer(rule)
        second.answer(rule)
        factory = ModelFactory(
            ModelSettings(
                openai_api_key=SecretStr("none"),
                openai_base_url=first.openai_url,
                ollama_base_url=second.ollama_url,
                chat=("openai:loop", "ollama:loop"),
                breaker_failures=10_000,
                retry_budget_ratio=1.0,
                retry_max_attempts=5,
            )
        )
        await factory.start()
        model, turns = (await factory.select()).model, asyncio.Semaphore(_AT_ONCE)

        async def answer() -> float:
            async with turns:
                began = time.perf_counter()
                text = "".join([chunk.text async for chunk in model.astream([HumanMessage("Tell me.")])])
                if text != _TEXT:
                    raise AssertionError(f"not whole: {text!r}")
                return time.perf_counter() - began

        taken = await asyncio.gather(*(answer() for _ in range(_ANSWERS)))
        await factory.aclose()
        return list(taken)


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    well = quantiles(asyncio.run(_seconds(_rest)), n=100)
    dying = quantiles(asyncio.run(_seconds(_dying(random.Random(7)))), n=100)
    print(f"answers over two providers in good health: p50 {well[49]:.2f} s, p95 {well[94]:.2f} s")
    print(f"each dies in {_SHARE:.0%} of its calls:          p50 {dying[49]:.2f} s, p95 {dying[94]:.2f} s")
    print(f"added at p95: {dying[94] - well[94]:.2f} s, of {_ANSWERS} answers, every one whole")


if __name__ == "__main__":
    main()
