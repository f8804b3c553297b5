"""What it costs to be read: the first token with `advise`, and a run's end with `advise` and `enforce`.

Author and judge are scripted, and the judge takes no time: what is measured is ours.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from tempfile import TemporaryDirectory

import httpx

from bench.process import agenkit, free_port, running
from tests.server import run_input

_PAIRS = 200
_TEXT = "The tide comes in twice a day, because the moon pulls at the sea and the sun helps a little. " * 12


def script(folder: Path) -> str:
    said = {
        "dimensions": [
            {"dimension": name, "reasons": "So it is.", "quotes": ["the moon pulls at the sea"], "level": 5}
            for name in ("correct", "answers the question", "clear")
        ]
    }
    models = {
        "author": {"replies": [{"text": _TEXT}]},
        "judge": {"replies": [{"pieces": [json.dumps(said)]}]},
    }
    file = folder / "script.json"
    file.write_text(json.dumps({"models": models}))
    return str(file)


def timed(url: str, quality: str) -> tuple[float, float]:
    """Milliseconds to the first token, and to the end of the run."""
    body = run_input("Why are there tides?", forwardedProps={"reviewMode": quality})
    began, first = time.perf_counter(), 0.0
    with httpx.stream("POST", f"{url}/api/v1/chat/chat", json=body, timeout=60) as answer:
        for line in answer.iter_lines():
            if not first and "TEXT_MESSAGE_CONTENT" in line:
                first = time.perf_counter() - began
    return first * 1000, (time.perf_counter() - began) * 1000


def interval(differences: Sequence[float]) -> str:
    half = 1.96 * stdev(differences) / len(differences) ** 0.5
    mean = fmean(differences)
    return f"{mean:+.2f} ms ({mean - half:+.2f} to {mean + half:+.2f})"


async def _warm(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for quality in ("off", "advise", "enforce"):
            asked = [run_input("Hi", forwardedProps={"reviewMode": quality}) for _ in range(5)]
            await asyncio.gather(*(client.post("/api/v1/chat/chat", json=body) for body in asked))


def main() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with TemporaryDirectory() as folder:
        settings = {
            "AGENKIT_SCRIPTED_MODEL_FILE": script(Path(folder)),
            "AGENKIT_CHAT_MODELS": "scripted:author",
            "AGENKIT_JUDGE_MODELS": "scripted:judge",
            "AGENKIT_AUTO_TITLES": "false",
        }
        with running(agenkit(port), f"{url}/health/ready", **settings):
            asyncio.run(_warm(url))
            pairs = [(timed(url, "advise"), timed(url, "off"), timed(url, "enforce")) for _ in range(_PAIRS)]
    print(f"An answer of {len(_TEXT)} characters, {_PAIRS} times each, in turns:")
    print(f"  first token, advise against off: {interval([advise[0] - off[0] for advise, off, _ in pairs])}")
    print(f"  end of the run, advise against off: {interval([advise[1] - off[1] for advise, off, _ in pairs])}")
    print(f"  end of the run, enforce against off: {interval([enforce[1] - off[1] for _, off, enforce in pairs])}")
    print(f"  end of the run, off: {median(off[1] for _, off, _ in pairs):.1f} ms")


if __name__ == "__main__":
    main()
