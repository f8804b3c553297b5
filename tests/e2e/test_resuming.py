"""Real clients with `resumable`, over a line that breaks off: what they hold in the end is what the server holds."""

import asyncio
import json
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
import pytest

from tests.e2e.process import Serving, serving
from tests.e2e.scenario import GENERATIONS, Client, Driver, Run, Step, opened, step
from tests.server import kinds, said
from tests.waiting import LIMIT_SECONDS, wait_until

# Two, three and four bytes long, so that a line breaks off within a character, too.
WORDS = tuple(f"{at}é水🌊 " for at in range(300))
WHOLE = "".join(WORDS)
LONG = tuple(f"{at:05d} " + "é水🌊" * 20 + " " for at in range(1600))
REPLIES = [
    {"when": "^Count", "pieces": WORDS, "delay": 0.004},
    {"when": "^Recite", "pieces": LONG, "delay": 0.004},
    {"when": "^Think", "reasoning": "".join(WORDS[:100]), "pieces": WORDS, "delay": 0.002},
    {"when": "^Slowly", "pieces": WORDS, "delay": 0.05},
    {"after": "tool", "pieces": WORDS[:50], "delay": 0.004},
    {
        "when": "^Work",
        "pieces": WORDS[:50],
        "delay": 0.004,
        "tool_calls": [{"name": "calculate", "args": {"expression": "6 * 7"}}],
    },
    {"text": "You said: {last}"},
]


class Line:
    """What lies between a client and its server: it breaks off after so many bytes of an answer, as `cut` says."""

    def __init__(self, url: str, cut: Callable[[int], int | None]) -> None:
        self.port = int(url.rpartition(":")[2])
        self.away = False
        self.cuts = 0
        self.connections = 0
        self.carried = 0
        self._cut = cut
        self._dice = random.Random(5)
        self._loop = asyncio.new_event_loop()
        self._ready: Future[str] = Future()
        self._stop = asyncio.Event()
        self._carrying = set[asyncio.Task[Any]]()
        self._thread = threading.Thread(target=self._run, name="line")

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = self._ready.result(LIMIT_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(LIMIT_SECONDS)

    def wait_carried(self, count: int) -> None:
        wait_until(lambda: self.carried >= count)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self._ready.set_result(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await self._stop.wait()
        server.close()
        carrying = list(self._carrying)
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        # What was reset is closed in the loop's next round.
        await asyncio.sleep(0.01)

    async def _carry(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            await self._carried(reader, client)
        except asyncio.CancelledError:
            # The test is over.
            pass
        finally:
            self._carrying.discard(task)

    async def _carried(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections += 1
        limit = 0 if self.away else self._cut(self.connections)
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            self._reset(client)
            return
        asking = asyncio.create_task(self._pass_on(reader, server))
        try:
            await self._answer(answers, client, limit)
        finally:
            asking.cancel()
            self._reset(server)
            client.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(65536):
                writer.write(some)
                await writer.drain()
        # The client has gone, and its server is to hear of it.
        writer.close()

    async def _answer(self, answers: asyncio.StreamReader, client: asyncio.StreamWriter, limit: int | None) -> None:
        passed = 0
        # In the end it is closed, or was reset before.
        with suppress(OSError):
            while some := await answers.read(65536):
                if self.away:
                    limit = passed
                part = some if limit is None else some[: limit - passed]
                client.write(part)
                await client.drain()
                passed += len(part)
                self.carried += len(part)
                if limit is not None and passed >= limit:
                    self.cuts += 1
                    if self._dice.random() < 0.5:
                        self._reset(client)
                    break

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            taken = writer.get_extra_info("socket")
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def whole(_: int) -> None:
    """A line that holds."""


def at_random(seed: int, most: int) -> Callable[[int], int | None]:
    """The first lines break off somewhere, and most of the others; before any head of an answer only the first."""
    dice = random.Random(seed)

    def cut(connection: int) -> int | None:
        after = dice.randint(0 if connection == 1 else 400, most)
        return None if connection > 4 and dice.random() < 0.1 else after

    return cut


def once(after: int) -> Callable[[int], int | None]:
    return lambda connection: after if connection == 1 else None


@contextmanager
def _served(folder: Path, **settings: str) -> Iterator[Serving]:
    script = folder / "script.json"
    script.write_text(json.dumps({"models": {"actor": {"replies": REPLIES}}}))
    with serving(
        folder, AGENKIT_SCRIPTED_MODEL_FILE=str(script), AGENKIT_CHAT_MODELS="scripted:actor", **settings
    ) as running:
        yield running


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with _served(tmp_path_factory.mktemp("speaker")) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that folds what is older than its last 64 KiB."""
    with _served(tmp_path_factory.mktemp("forgetful"), AGENKIT_EVENT_LOG_MAX_BYTES="65536") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def thread() -> str:
    return f"thread-{uuid4().hex}"


def _patient(thread: str, milliseconds: int = 20_000) -> Mapping[str, Any]:
    return {**opened(thread), "patience": milliseconds}


def _asked(text: str, thread: str, milliseconds: int = 20_000, **more: Any) -> Step:
    return step(text, open=_patient(thread, milliseconds), **more)


def _held(server: Serving, thread: str) -> list[tuple[str, str]]:
    state = httpx.get(f"{server.url}/api/v1/threads/{thread}/state").raise_for_status().json()
    return [(message["role"], message.get("content", "")) for message in state["messages"]]


def _wait_told(server: Serving, run: str, piece: str) -> None:
    """Until a reader who is not cut off has heard so much of a run."""
    with httpx.stream("GET", f"{server.url}/api/v1/runs/{run}/events", timeout=LIMIT_SECONDS) as answer:
        assert any(piece.strip() in line for line in answer.iter_lines())


def _shown(run: Run) -> list[tuple[str, str]]:
    """What the client holds, without what it alone keeps."""
    return [(role, content) for role, content in run.thread if role != "reasoning"]


def _ends(run: Run) -> int:
    return sum(event["type"] in {"RUN_FINISHED", "RUN_ERROR"} for event in run.seen)


@pytest.mark.parametrize("seed", range(3))
def test_over_a_line_that_breaks_off_at_random_nothing_is_lost_and_nothing_told_twice(
    driver: Driver, speaker: Serving, generation: str, thread: str, seed: int
) -> None:
    with Line(speaker.url, at_random(seed, 9000)) as line:
        (run,) = Client(driver, generation, line.url).play(_asked("Count", thread))
    assert line.cuts > 2
    assert (run.failure, _ends(run), said(run.seen)) == (None, 1, WHOLE)
    assert run.seen[-1]["outcome"] == {"type": "success"}
    assert run.thread == _held(speaker, thread) == [("user", "Count"), ("assistant", WHOLE)]


def test_many_runs_at_once_are_each_read_to_their_end(
    driver: Driver, speaker: Serving, generation: str, thread: str
) -> None:
    steps = [_asked("Count", f"{thread}-{at}", name=f"{at}") for at in range(12)]
    with Line(speaker.url, at_random(41, 9000)) as line:
        runs = Client(driver, generation, line.url).play(steps)
    assert line.cuts > 12
    assert [(_ends(run), said(run.seen)) for run in runs] == [(1, WHOLE)] * 12
    assert [run.thread for run in runs] == [_held(speaker, f"{thread}-{at}") for at in range(12)]


@pytest.mark.parametrize("text", ["Work it out", "Think and count"])
def test_tools_and_thoughts_survive_as_well(
    driver: Driver, speaker: Serving, generation: str, thread: str, text: str
) -> None:
    with Line(speaker.url, at_random(17, 3000)) as line:
        (run,) = Client(driver, generation, line.url).play(_asked(text, thread))
    assert line.cuts > 2
    assert (run.failure, _ends(run), run.seen[-1]["type"]) == (None, 1, "RUN_FINISHED")
    assert _shown(run) == _held(speaker, thread)
    thought = "".join(content for role, content in run.thread if role == "reasoning")
    assert thought == ("".join(WORDS[:100]) if text.startswith("Think") else "")


def test_a_line_that_breaks_off_before_the_answer_begins_starts_one_run(
    driver: Driver, speaker: Serving, generation: str, thread: str
) -> None:
    with Line(speaker.url, once(1)) as line:
        (run,) = Client(driver, generation, line.url).play(_asked("Count", thread))
    assert (line.cuts, said(run.seen)) == (1, WHOLE)
    assert run.thread == _held(speaker, thread)


def test_who_comes_back_far_behind_a_folded_log_is_told_how_things_stand(
    driver: Driver, forgetful: Serving, generation: str, thread: str
) -> None:
    with Line(forgetful.url, once(20_000)) as line, ThreadPoolExecutor(1) as aside:
        client = Client(driver, generation, line.url)
        steps = step("Hello", open=_patient(thread)), step("Recite", run={"runId": thread})
        playing = aside.submit(client.play, *steps)
        line.wait_carried(20_000)
        line.away = True
        _wait_told(forgetful, thread, LONG[700])
        line.away = False
        _, run = playing.result(LIMIT_SECONDS)
    assert (run.failure, _ends(run), run.seen[-1]["type"]) == (None, 1, "RUN_FINISHED")
    assert kinds(run.seen).count("RUN_STARTED") == 1
    *_, stand, end = [at for at, event in enumerate(run.seen) if event["type"] == "MESSAGES_SNAPSHOT"]
    # What was before the run is not forgotten for it, and what comes after continues the same message.
    roles = [message["role"] for message in run.seen[stand]["messages"]]
    assert roles == ["user", "assistant", "user", "assistant"]
    assert run.seen[stand]["messages"][-1]["content"] + said(run.seen[stand:end]) == "".join(LONG)
    assert run.thread == _held(forgetful, thread)
    assert run.thread[-1] == ("assistant", "".join(LONG))


def test_a_line_that_breaks_off_within_what_stands_for_a_folded_log_loses_nothing(
    driver: Driver, forgetful: Serving, generation: str, thread: str
) -> None:
    with Line(forgetful.url, at_random(3, 120_000)) as line:
        (run,) = Client(driver, generation, line.url).play(_asked("Recite", thread))
    assert line.cuts > 2
    assert (run.failure, _ends(run)) == (None, 1)
    assert run.thread == _held(forgetful, thread) == [("user", "Recite"), ("assistant", "".join(LONG))]


def test_a_run_that_is_stopped_while_its_line_is_cut_ends_as_stopped(
    driver: Driver, speaker: Serving, generation: str, thread: str
) -> None:
    with Line(speaker.url, whole) as line, ThreadPoolExecutor(1) as aside:
        client = Client(driver, generation, line.url)
        playing = aside.submit(client.play, _asked("Slowly", thread, run={"runId": thread}))
        line.wait_carried(3000)
        line.away = True
        stopped = httpx.post(f"{speaker.url}/api/v1/runs/{thread}/cancel").raise_for_status().json()
        line.away = False
        (run,) = playing.result(LIMIT_SECONDS)
    assert stopped["status"] == "cancelled"
    assert _ends(run) == 1
    if client.is_older:
        assert (run.seen[-1]["type"], run.seen[-1]["code"]) == ("RUN_ERROR", "cancelled")
    else:
        assert run.seen[-1]["outcome"] == {"type": "cancelled"}
    assert run.thread == _held(speaker, thread)
    assert WHOLE.startswith(run.thread[-1][1])
    assert run.thread[-1][1] not in ("", WHOLE)


def test_an_abort_stops_the_run_at_the_server_though_a_broken_line_does_not(
    driver: Driver, speaker: Serving, generation: str, thread: str
) -> None:
    abort = {"type": "TEXT_MESSAGE_CONTENT", "count": 5}
    with Line(speaker.url, once(2000)) as line:
        (run,) = Client(driver, generation, line.url).play(
            _asked("Slowly", thread, run={"runId": thread, "abort": abort})
        )
        assert _status(speaker, thread) == "cancelled"
    assert run.failure is None
    assert WHOLE.startswith(said(run.seen))


def _status(server: Serving, run: str) -> str:
    def ended() -> str | None:
        told = str(httpx.get(f"{server.url}/api/v1/runs/{run}").json()["status"])
        return None if told == "running" else told

    return wait_until(ended)


def _killed_and_replaced(driver: Driver, folder: Path, generation: str, thread: str, **settings: str) -> Run:
    """What becomes of a run whose server is killed, when another takes its place; the client holds what that holds."""
    # Not through `Client.play`: of what was streamed nothing is kept, where nothing of it was written down.
    lease = {"AGENKIT_RUN_LEASE_SECONDS": "2", **settings}
    with _served(folder, **lease) as killed, Line(killed.url, whole) as line, ThreadPoolExecutor(1) as aside:
        scenario = {"generation": generation, "url": line.url, "steps": [_asked("Count", thread, 60_000)]}
        playing = aside.submit(driver.play, scenario)
        line.wait_carried(3000)
        killed.process.kill()
        killed.process.wait()
        with _served(folder, **lease) as another:
            line.port = int(another.url.rpartition(":")[2])
            (run,) = playing.result(LIMIT_SECONDS).runs
            assert run.thread == _held(another, thread)
    assert (run.failure, _ends(run)) == (None, 1)
    return run


def test_a_run_whose_server_was_killed_is_told_anew_by_the_next(
    driver: Driver, tmp_path: Path, generation: str, thread: str
) -> None:
    run = _killed_and_replaced(driver, tmp_path, generation, thread)
    assert run.seen[-1]["type"] == "RUN_FINISHED"
    # The half answer is taken back before the whole one comes.
    back = next(at for at, event in enumerate(run.seen) if event["type"] == "MESSAGES_SNAPSHOT")
    asked, *anew = run.seen[back]["messages"]
    assert (asked["role"], len(anew)) in {("user", 0), ("user", 1)}
    assert "".join(message["content"] for message in anew) + said(run.seen[back:]) == WHOLE
    assert run.thread == [("user", "Count"), ("assistant", WHOLE)]


def test_a_run_whose_server_was_killed_ends_in_words_where_it_is_not_to_be_tried_again(
    driver: Driver, tmp_path: Path, generation: str, thread: str
) -> None:
    run = _killed_and_replaced(driver, tmp_path, generation, thread, AGENKIT_RUN_MAX_ATTEMPTS="1")
    assert (run.seen[-1]["type"], run.seen[-1]["code"]) == ("RUN_ERROR", "run_lost")
    assert run.thread == [("user", "Count")]


def test_a_server_that_does_not_come_back_is_given_up_within_the_patience(
    driver: Driver, tmp_path: Path, generation: str, thread: str
) -> None:
    with ThreadPoolExecutor(1) as aside, _served(tmp_path) as killed, Line(killed.url, whole) as line:
        playing = aside.submit(Client(driver, generation, line.url).play, _asked("Slowly", thread, 2000))
        line.wait_carried(3000)
        killed.process.kill()
        killed.process.wait()
        (run,) = playing.result(LIMIT_SECONDS)
    assert (run.failure, _ends(run)) == (None, 1)
    assert (run.seen[-1]["type"], run.seen[-1]["code"]) == ("RUN_ERROR", "connection_lost")
    assert WHOLE.startswith(run.thread[-1][1])
