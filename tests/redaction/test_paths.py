"""What the detector finds in a line it finds wherever one is written down: spans, our store, Langfuse, the log."""

import asyncio
import json
import logging
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from observability.logs import configure_logs, get_logger
from observability.redaction import redact
from observability.settings import ObservabilitySettings
from tests.redaction.lines import FILE, SECOND, Line, lines
from tests.server import serving, user
from tests.sink import Sink

TESTS = Path(__file__).parent.parent
_AT_ONCE = 8
# Lines that one run is told, each as a message of its own.
_EACH = 5


def _seeded() -> Sequence[Line]:
    """Those of which nothing is left by the detector alone: how many those are is another test's figure."""
    every = [line for file in (FILE, SECOND) for line in lines(file) if line.label == "seeded"]
    return [line for line in every if all(planted not in redact(line.text) for planted in line.planted)]


def _left(line: Line, told: str) -> list[str]:
    """What of it is told, however JSON spells it."""
    spelled = [(planted, {planted, json.dumps(planted)[1:-1]}) for planted in line.planted]
    return [planted for planted, forms in spelled if any(form in told for form in forms)]


async def test_nothing_reaches_the_store_or_langfuse(tmp_path: Path) -> None:
    every = _seeded()
    seeded = {f"run-{at}": every[at : at + _EACH] for at in range(0, len(every), _EACH)}
    scripted = {"AGENKIT_SCRIPTED_MODEL_FILE": str(TESTS / "script.json"), "AGENKIT_CHAT_MODELS": "scripted:actor"}
    with Sink() as sink:
        told = {
            "LANGFUSE_PUBLIC_KEY": "pk-lf-of-a-test",
            "LANGFUSE_SECRET_KEY": "sk-lf-of-a-test",
            "LANGFUSE_BASE_URL": sink.url,
        }
        with serving(tmp_path, **scripted, **told, AGENKIT_AUTO_TITLES="false") as server:
            turns = asyncio.Semaphore(_AT_ONCE)

            async def say(run: str, told: Sequence[Line]) -> None:
                async with turns:
                    await server.run(messages=[user(line.text) for line in told], run=run)

            await asyncio.gather(*(say(run, told) for run, told in seeded.items()))
            arrived = sink.has(6 * len(seeded))
            async with server.client() as client:
                kept = {run: await _kept(client, run) for run in seeded}
    assert {line.id: left for run in seeded for line in seeded[run] if (left := _left(line, kept[run]))} == {}
    sent: dict[str, str] = {}
    for span in arrived:
        run = span.attributes["agenkit.run"]
        sent[run] = sent.get(run, "") + json.dumps(dict(span.attributes), ensure_ascii=False)
    assert sent.keys() == seeded.keys()
    assert {line.id: left for run in seeded for line in seeded[run] if (left := _left(line, sent[run]))} == {}


async def _kept(client: Any, run: str) -> str:
    found = (await client.get("/api/v1/traces", params={"runId": run})).json()["items"]
    return str((await client.get(f"/api/v1/traces/{found[0]['traceId']}")).text)


def test_nothing_reaches_the_log() -> None:
    stream, root = StringIO(), logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        configure_logs(ObservabilitySettings(log_format="json"), stream)
        seeded = _seeded()
        for line in seeded:
            get_logger("of_tests").info(line.text, told=line.text, within={"it": [line.text]})
            logging.getLogger("a_library").warning("It said %s", line.text)
    finally:
        root.handlers = before
        root.setLevel(level)
    written = stream.getvalue().splitlines()
    assert len(written) == 2 * len(seeded)
    both = zip(seeded, written[::2], written[1::2], strict=True)
    assert {line.id: left for line, *said in both if (left := _left(line, "".join(said)))} == {}
