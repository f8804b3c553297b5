"""What an artifact costs: on the wire while it is written, in tokens when a line is changed, in time when it is read.

The text is code of this repository. The model is the scripted one, so that what is measured is ours.
"""

import asyncio
import json
import re
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from bench.process import agenkit, free_port, running
from bench.resuming import redis
from tests.server import run_input

_ROOT = Path(__file__).parents[1]
_SIZES = (50_000, 100_000, 200_000)
_PACED = 10_000
_READS = 400
_LINES = 2000
_EDITED = 1000


def code(size: int) -> str:
    """So many characters of Python, as it is written here."""
    files = sorted((_ROOT / "llm").rglob("*.py")) + sorted((_ROOT / "storage").rglob("*.py"))
    return "".join(file.read_text() for file in files)[:size]


def tokens(text: str) -> list[str]:
    """About as a model cuts code: words with the blank before them, signs, blanks."""
    return re.findall(r" ?[A-Za-z]{1,8}|\d{1,3}|\s+|[^\w\s]|_|\w", text)


def script(folder: Path, replies: Sequence[dict[str, Any]]) -> str:
    file = folder / "script.json"
    file.write_text(json.dumps({"models": {"writer": {"replies": [*replies, {"text": "Done."}]}}}))
    return str(file)


async def _sent(url: str, **asked: Any) -> tuple[int, list[dict[str, Any]]]:
    """The bytes of an answer, and its events."""
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        answer = await client.post("/api/v1/chat/canvas", json=run_input(**asked))
    lines = answer.text.splitlines()
    return len(answer.content), [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def _result(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = next(event for event in events if event["type"] == "TOOL_CALL_RESULT")
    artifact: dict[str, Any] = json.loads(found["content"])["artifact"]
    return artifact


def on_the_wire(size: int, delay: float) -> tuple[int, int]:
    """Bytes that were sent for an artifact, and those of the artifact as JSON."""
    port, text = free_port(), code(size)
    with TemporaryDirectory() as folder:
        written = script(Path(folder), [{"when": "Write it as", "pieces": tokens(text), "delay": delay}])
        settings = {
            "AGENKIT_SCRIPTED_MODEL_FILE": written,
            "AGENKIT_CANVAS_MODELS": "scripted:writer",
            "AGENKIT_AUTO_TITLES": "false",
        }
        url = f"http://127.0.0.1:{port}"
        with running(agenkit(port), f"{url}/health/ready", **settings):
            options = {"canvas": {"kind": "code", "language": "text"}}
            sent, events = asyncio.run(_sent(url, text="Write", forwardedProps=options))
            held = httpx.get(f"{url}/api/v1/artifacts/{_result(events)['id']}").json()["text"]
            if held != text.strip("\n") and held.strip() != text.strip():
                raise AssertionError("what is kept is not what was written")
    return sent, len(json.dumps(text, ensure_ascii=False).encode())


def one_line() -> tuple[int, int]:
    """Tokens that the model wrote to change a line, and those of the file."""
    lines = code(400_000).splitlines(keepends=True)[:_LINES]
    lines[_EDITED] = "    THE_LINE_THAT_CHANGES = 1\n"
    block = f"<<<<<<< SEARCH\n{lines[_EDITED]}=======\n    THE_LINE_THAT_CHANGES = 2\n>>>>>>> REPLACE\n"
    port = free_port()
    with TemporaryDirectory() as folder:
        written = script(
            Path(folder),
            [
                {"when": "Decide what", "text": '{"what": "edit"}'},
                {"when": "Answer with blocks", "pieces": tokens(block)},
            ],
        )
        settings = {
            "AGENKIT_SCRIPTED_MODEL_FILE": written,
            "AGENKIT_CANVAS_MODELS": "scripted:writer",
            "AGENKIT_AUTO_TITLES": "false",
        }
        url = f"http://127.0.0.1:{port}"
        with running(agenkit(port), f"{url}/health/ready", **settings):
            asked = {"name": "big.py", "kind": "code", "language": "text", "text": "".join(lines)}
            made = httpx.post(f"{url}/api/v1/artifacts", json=asked).json()
            options = {"canvas": {"artifactId": made["artifactId"]}}
            _, events = asyncio.run(_sent(url, text="Make it 2", forwardedProps=options))
            text = httpx.get(f"{url}/api/v1/artifacts/{made['artifactId']}").json()["text"]
            if text != "".join(lines).replace("CHANGES = 1", "CHANGES = 2"):
                raise AssertionError("the line was not changed, or something else was")
    usage = next(event for event in events if event["type"] == "RUN_FINISHED")["usage"]
    return sum(entry["outputTokens"] for entry in usage), len(tokens("".join(lines)))


def reading(size: int, **settings: str) -> list[float]:
    """Seconds of each of many readings of one artifact, one after the other, over HTTP."""
    port, taken = free_port(), list[float]()
    url = f"http://127.0.0.1:{port}"
    with running(agenkit(port), f"{url}/health/ready", **settings), httpx.Client(base_url=url) as client:
        asked = {"name": "hot", "kind": "code", "language": "text", "text": code(size)}
        where = f"/api/v1/artifacts/{client.post('/api/v1/artifacts', json=asked).json()['artifactId']}"
        for _ in range(_READS):
            began = time.perf_counter()
            client.get(where).raise_for_status()
            taken.append(time.perf_counter() - began)
    return taken[20:]


def main() -> None:
    print("On the wire, from a model without a pace, per byte of the artifact as JSON:")
    told = {size: on_the_wire(size, 0.0) for size in _SIZES}
    for size, (sent, whole) in told.items():
        print(f"  {size // 1000:>4} kB of code: {sent / whole:.2f}  ({sent:,} bytes)")
    twice = [told[size][0] / told[size // 2][0] for size in _SIZES[1:]]
    print(f"  twice as long sends {twice[0]:.2f} and {twice[1]:.2f} times as much")
    sent, whole = on_the_wire(_PACED, 0.02)
    print(f"At 50 tokens per second, {_PACED // 1000} kB: {sent / whole:.2f}")
    spent, file = one_line()
    print(f"A line of {_LINES} changed: {spent} tokens of output in all; the file has {file:,}")
    print("Reading 10 kB and 100 kB over HTTP, milliseconds, median and p95:")
    with ExitStack() as stack:
        ways = {
            "cached in the process": {},
            "cached in Redis": {"REDIS_URL": stack.enter_context(redis())},
            "from the database or its blobs": {"AGENKIT_ARTIFACT_CACHE_MAX_BYTES": "0"},
        }
        for name, settings in ways.items():
            small, large = reading(10_000, **settings), reading(100_000, **settings)
            print(f"  {name}: {_shown(small)}; {_shown(large)}")


def _shown(taken: Sequence[float]) -> str:
    return f"{median(taken) * 1000:.1f} and {quantiles(taken, n=20)[-1] * 1000:.1f}"


if __name__ == "__main__":
    main()
