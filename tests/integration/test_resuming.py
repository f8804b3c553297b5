"""A reader may leave and come back; the run ends once, whole, and whoever asks hears all of it."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.loopback import Loopback, Reply
from tests.server import Event, Server, last, run_input, said, serving, transcript
from tests.waiting import wait_for

WORDS = tuple(f"{at}{'🌊' if at % 7 == 0 else ''} " for at in range(60))
WHOLE = "".join(WORDS)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        running.answer(lambda _: Reply(pieces=WORDS, delay=0.01))
        yield running


def _environment(loopback: Loopback, **more: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "a-key-for-tests",
        "OPENAI_BASE_URL": loopback.openai_url,
        "AGENKIT_CHAT_MODELS": "openai:loop",
        "AGENKIT_RETRY_MAX_ATTEMPTS": "1",
        **more,
    }


@pytest.fixture(params=["memory", "redis"])
def server(request: pytest.FixtureRequest, tmp_path: Path, loopback: Loopback) -> Iterator[Server]:
    shared = {}
    if request.param == "redis":
        url, prefix = request.getfixturevalue("redis_url"), request.getfixturevalue("redis_prefix")
        shared = {"REDIS_URL": url, "AGENKIT_REDIS_PREFIX": prefix}
    with serving(tmp_path, **_environment(loopback, **shared)) as running:
        yield running


@dataclass
class Heard:
    """What one reader has, and where it is."""

    events: list[Event] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)
    # What is open, so that it can be read on.
    lines: AsyncIterator[str] | None = None
    answer: httpx.Response | None = None

    @property
    def ended(self) -> bool:
        return bool(self.events) and self.events[-1]["type"] in {"RUN_FINISHED", "RUN_ERROR"}

    @property
    def numbers(self) -> list[int]:
        return [int(position.partition("-")[2]) for position in self.positions]

    async def listen(self, answer: httpx.Response, patience: int | None = None) -> None:
        """Reads so many events, or to the end of the stream."""
        position = ""
        if self.answer is not answer or self.lines is None:
            self.answer, self.lines = answer, answer.aiter_lines()
        async for line in self.lines:
            if line.startswith("id: "):
                position = line.removeprefix("id: ")
            elif line.startswith("data: "):
                self.positions.append(position)
                self.events.append(orjson.loads(line.removeprefix("data: ")))
                if patience is not None and (patience := patience - 1) <= 0:
                    return


def _stays(**more: Any) -> dict[str, Any]:
    return run_input("Count", forwardedProps={"onDisconnect": "continue"}, **more)


async def _follow(client: httpx.AsyncClient, run: str, heard: Heard, patience: int | None = None) -> None:
    headers = {"Last-Event-ID": heard.positions[-1]} if heard.positions else {}
    address = f"/api/v1/runs/{run}/events?protocolVersion=1.0"
    async with client.stream("GET", address, headers=headers) as answer:
        assert answer.status_code == 200, (await answer.aread()).decode()
        await heard.listen(answer, patience)


async def test_a_reader_that_comes_back_gets_exactly_the_rest(server: Server, loopback: Loopback) -> None:
    heard = Heard()
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=_stays(run="r", thread="t")) as answer:
            await heard.listen(answer, 12)
        assert await asyncio.to_thread(loopback.calls[-1].wait_pieces, 30)
        while not heard.ended:
            await _follow(client, "r", heard, 9)
        late = Heard()
        await _follow(client, "r", late)
        told = (await client.get("/api/v1/runs/r")).json()
    assert said(heard.events) == said(late.events) == WHOLE
    assert heard.numbers == sorted(set(heard.numbers))
    assert transcript(heard.events)[-1] == ("assistant", WHOLE)
    assert (told["status"], told["agentId"], told["threadId"], told["model"]) == ("success", "chat", "t", "openai:loop")


async def test_readers_who_drop_their_lines_at_random_lose_nothing_and_hear_nothing_twice(server: Server) -> None:
    dice = random.Random(11)

    async def one(at: int, seed: float) -> None:
        own, heard, asked = random.Random(seed), Heard(), _stays(run=f"run-{at}", thread=f"thread-{at}")
        async with server.client() as client:
            async with client.stream("POST", "/api/v1/chat/chat", json=asked) as answer:
                await heard.listen(answer, own.randint(1, 30))
            while not heard.ended:
                await asyncio.sleep(own.random() * 0.05)
                await _follow(client, f"run-{at}", heard, own.randint(1, 40))
        assert said(heard.events) == WHOLE
        assert heard.numbers == sorted(set(heard.numbers))
        assert [event["type"] for event in heard.events].count("RUN_FINISHED") == 1
        assert transcript(heard.events)[-1] == ("assistant", WHOLE)

    turns = asyncio.Semaphore(10)

    async def in_turn(at: int, seed: float) -> None:
        async with turns:
            await one(at, seed)

    await asyncio.gather(*(in_turn(at, dice.random()) for at in range(30)))


async def test_many_come_back_at_once_to_a_live_and_to_a_finished_run(server: Server) -> None:
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=_stays(run="r")) as answer:
            await Heard().listen(answer, 10)

        async def come_back() -> str:
            heard = Heard()
            await _follow(client, "r", heard)
            assert heard.numbers == sorted(set(heard.numbers))
            return said(heard.events)

        live = await asyncio.gather(*(come_back() for _ in range(40)))
        finished = await asyncio.gather(*(come_back() for _ in range(40)))
    assert set(live) == set(finished) == {WHOLE}


async def test_the_same_body_posted_again_is_the_same_run(server: Server, loopback: Loopback) -> None:
    asked = _stays(run="r", thread="t")
    first, again, late = Heard(), Heard(), Heard()
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=asked) as answer:
            await first.listen(answer, 10)
        async with client.stream("POST", "/api/v1/chat/chat", json=asked) as answer:
            await again.listen(answer)
        async with client.stream("POST", "/api/v1/chat/chat", json=asked) as answer:
            await late.listen(answer)
        headers = {"Last-Event-ID": first.positions[-1]}
        async with client.stream("POST", "/api/v1/chat/chat", json=asked, headers=headers) as answer:
            await first.listen(answer)
        other = await client.post("/api/v1/chat/chat", json={**asked, "state": {"a": 1}})
    assert said(again.events) == said(late.events) == said(first.events) == WHOLE
    assert (other.status_code, other.json()["code"]) == (409, "run_exists")
    assert [call.request.path for call in loopback.calls].count("/v1/chat/completions") == 1


async def test_a_position_of_another_log_is_told_how_things_stand(server: Server) -> None:
    heard, posted = Heard(positions=["0123abcd-7"]), Heard()
    await server.run(text="Count before", thread="t")
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=_stays(run="r", thread="t")) as answer:
            await posted.listen(answer, 20)
        await _follow(client, "r", heard)
    kinds = [event["type"] for event in heard.events]
    assert kinds[0] == "RUN_STARTED"
    assert "MESSAGES_SNAPSHOT" in kinds[:3]
    snapshot = next(event for event in heard.events if event["type"] == "MESSAGES_SNAPSHOT")
    # What the thread held before this run is there too: a snapshot is all that a client keeps.
    told = [(message["role"], message["content"]) for message in snapshot["messages"]]
    assert told[:3] == [("user", "Count before"), ("assistant", WHOLE), ("user", "Count")]
    assert told[3][1] + said(heard.events) == WHOLE


async def test_what_is_not_there_or_no_position_is_refused(server: Server) -> None:
    await server.run(text="Count", run="r", user="acme/ann")
    async with server.client(user="acme/bob") as bob, server.client(user="acme/ann") as ann:
        nobody = [
            await bob.get("/api/v1/runs/r"),
            await bob.get("/api/v1/runs/r/events"),
            await bob.post("/api/v1/runs/r/cancel"),
        ]
        odd = await ann.get("/api/v1/runs/r/events", headers={"Last-Event-ID": "seven"})
        ended = await ann.post("/api/v1/runs/r/cancel")
    assert [(answer.status_code, answer.json()["code"]) for answer in nobody] == [(404, "run_not_found")] * 3
    assert (odd.status_code, odd.json()["errors"][0]["field"]) == (422, "Last-Event-ID")
    assert (ended.status_code, ended.json()["status"]) == (200, "success")


async def test_a_stop_by_the_route_ends_the_run_and_its_provider_for_all_readers(
    server: Server, loopback: Loopback
) -> None:
    loopback.answer(lambda _: Reply(pieces=WORDS, delay=0.2))
    first, second = Heard(), Heard()
    async with server.client() as client, client.stream("POST", "/api/v1/chat/chat", json=_stays(run="r")) as answer:
        await first.listen(answer, 6)
        watching = asyncio.create_task(_follow(client, "r", second))
        await wait_for(lambda: second.events)
        stopped = await client.post("/api/v1/runs/r/cancel")
        assert await asyncio.to_thread(loopback.calls[-1].wait_hung_up)
        await first.listen(answer)
        await watching
        loopback.answer(lambda _: Reply("Well."))
        after = await server.run(text="Next", thread=stopped.json()["threadId"])
    assert stopped.json()["status"] == "cancelled"
    for heard in (first, second):
        assert heard.events[-1]["outcome"] == {"type": "cancelled"}
    # What was said stays in the thread.
    assert transcript(after)[1][1].startswith("0🌊 1 ")


@pytest.mark.parametrize(
    ("policy", "outcome"), [("cancel", "cancelled"), ("continue", "success"), (0.1, "cancelled"), (30, "success")]
)
async def test_the_last_reader_that_posted_takes_the_run_with_it_unless_it_was_to_stay(
    server: Server, loopback: Loopback, policy: str | float, outcome: str
) -> None:
    if outcome == "cancelled":
        # So long that it cannot end by itself before it is stopped.
        loopback.answer(lambda _: Reply(pieces=WORDS, delay=0.3))
    asked = run_input("Count", run="r", forwardedProps={"onDisconnect": policy})
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=asked) as answer:
            await Heard().listen(answer, 6)
        assert (await _ended(client, "r"))["status"] == outcome


_GOING = {"queued", "running"}


async def _ended(client: httpx.AsyncClient, run: str) -> dict[str, Any]:
    async def ended() -> dict[str, Any] | None:
        told: dict[str, Any] = (await client.get(f"/api/v1/runs/{run}")).json()
        return None if told["status"] in _GOING else told

    return await wait_for(ended)


async def test_while_another_reads_nobody_takes_the_run_along(server: Server, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply(pieces=WORDS, delay=0.03))
    asked, first, watched = run_input("Count", run="r"), Heard(), Heard()
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=asked) as answer:
            await first.listen(answer, 4)
            watching = asyncio.create_task(_follow(client, "r", watched))
            await wait_for(lambda: watched.events)
        await watching
    assert said(watched.events) == WHOLE
    assert last(watched.events, "RUN_FINISHED")["outcome"] == {"type": "success"}


async def test_a_new_message_interrupts_the_run_that_goes(server: Server, loopback: Loopback) -> None:
    first, asked = Heard(), _stays(run="r1", thread="t")
    async with server.client() as client, client.stream("POST", "/api/v1/chat/chat", json=asked) as answer:
        await first.listen(answer, 10)
        loopback.answer(lambda _: Reply("Second."))
        second = await server.run(text="Stop, tell me this", run="r2", thread="t")
        await first.listen(answer)
    assert first.events[-1]["outcome"] == {"type": "cancelled"}
    assert said(second) == "Second."
    told = transcript(second)
    assert [role for role, _ in told] == ["user", "assistant", "user", "assistant"]
    assert WHOLE.startswith(told[1][1])


async def test_messages_wait_in_a_queue_in_their_order(server: Server, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply(pieces=WORDS[:20], delay=0.2))
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=_stays(run="r1", thread="t")) as answer:
            heard = Heard()
            await heard.listen(answer, 10)
            loopback.answer(lambda request: Reply(f"To {request.body['messages'][-1]['content']}."))
            queued = []
            for at in (2, 3):
                props = {"multitaskStrategy": "enqueue"}
                queued.append(
                    asyncio.create_task(server.run(text=f"{at}", run=f"r{at}", thread="t", forwardedProps=props))
                )
                waiting = await server.begun(f"r{at}")
            await heard.listen(answer)
        second, third = await asyncio.gather(*queued)
    assert waiting["status"] == "queued"
    assert said(heard.events) == "".join(WORDS[:20])
    assert [text for role, text in transcript(third) if role == "assistant"] == [said(heard.events), "To 2.", "To 3."]
    assert said(second) == "To 2."


async def test_a_queued_run_can_be_stopped(server: Server, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply(pieces=WORDS[:20], delay=0.2))
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=_stays(run="r1", thread="t")) as answer:
            await Heard().listen(answer, 5)
            props = {"multitaskStrategy": "enqueue"}
            queued = asyncio.create_task(server.run(text="2", run="r2", thread="t", forwardedProps=props))
            await server.begun("r2")
            assert (await client.post("/api/v1/runs/r2/cancel")).json()["status"] == "cancelled"
            events = await queued
        assert [event["type"] for event in events] == ["RUN_STARTED", "RUN_FINISHED"]
        assert events[-1]["outcome"] == {"type": "cancelled"}
        assert (await _ended(client, "r1"))["status"] == "success"


async def test_a_run_is_read_and_stopped_through_another_replica(
    tmp_path: Path, loopback: Loopback, own_postgres: Any, redis_url: str, redis_prefix: str
) -> None:
    address = own_postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    shared = {
        "DATABASE_URL": address,
        "AGENKIT_MIGRATE": "on",
        "REDIS_URL": redis_url,
        "AGENKIT_REDIS_PREFIX": redis_prefix,
    }
    loopback.answer(lambda _: Reply(pieces=WORDS, delay=0.05))
    with ExitStack() as stack:
        here = stack.enter_context(serving(tmp_path / "here", **_environment(loopback, **shared)))
        there = stack.enter_context(serving(tmp_path / "there", **_environment(loopback, **shared)))
        first, second = Heard(), Heard()
        async with here.client() as ours, there.client() as theirs:
            async with ours.stream("POST", "/api/v1/chat/chat", json=_stays(run="r")) as answer:
                await first.listen(answer, 8)
            await _follow(theirs, "r", first, 20)
            watching = asyncio.create_task(_follow(theirs, "r", second))
            stopped = await theirs.post("/api/v1/runs/r/cancel")
            await watching
            await _read_elsewhere(ours, theirs, loopback)
    assert stopped.json()["status"] == "cancelled"
    assert first.numbers == sorted(set(first.numbers))
    assert WHOLE.startswith(said(first.events))
    assert second.events[-1]["outcome"] == {"type": "cancelled"}
    assert said(second.events).startswith(said(first.events))


async def _read_elsewhere(ours: httpx.AsyncClient, theirs: httpx.AsyncClient, loopback: Loopback) -> None:
    """A run whose poster hangs up goes on, because somebody reads it at the other replica."""
    loopback.answer(lambda _: Reply(pieces=WORDS, delay=0.05))
    posted, watched = Heard(), Heard()
    async with ours.stream("POST", "/api/v1/chat/chat", json=run_input("Count", run="kept")) as answer:
        await posted.listen(answer, 8)
        watching = asyncio.create_task(_follow(theirs, "kept", watched))
        await wait_for(lambda: watched.events)
    await watching
    assert said(watched.events) == WHOLE
    assert last(watched.events, "RUN_FINISHED")["outcome"] == {"type": "success"}


async def _joined(client: httpx.AsyncClient, thread: str, heard: Heard, patience: int | None = None) -> None:
    address = f"/api/v1/threads/{thread}/events?protocolVersion=1.0"
    async with client.stream("GET", address) as answer:
        assert answer.status_code == 200, (await answer.aread()).decode()
        await heard.listen(answer, patience)


async def test_a_second_tab_sees_the_same_run(server: Server, loopback: Loopback) -> None:
    loopback.say(Reply("Hello."))
    await server.run(text="Hi", thread="t", run="r0")
    first, second = Heard(), Heard()
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=_stays(run="r1", thread="t")) as answer:
            await first.listen(answer, 20)
            watching = asyncio.create_task(_joined(client, "t", second))
            await first.listen(answer)
        await watching
        late = Heard()
        await _joined(client, "t", late)
    snapshot = next(event for event in second.events if event["type"] == "MESSAGES_SNAPSHOT")
    held = [message.get("content") for message in snapshot["messages"]]
    assert held[:3] == ["Hi", "Hello.", "Count"]
    assert held[3] + said(second.events) == WHOLE
    # What was open is opened again, and under the same id.
    opened = next(event for event in second.events if event["type"] == "TEXT_MESSAGE_START")
    assert opened["messageId"] == snapshot["messages"][3]["id"]
    assert second.events[-1]["type"] == late.events[-1]["type"] == "RUN_FINISHED"
    assert transcript(late.events) == transcript(first.events) == transcript(second.events)


async def test_a_thread_whose_logs_are_gone_is_told_from_its_checkpoint(tmp_path: Path, loopback: Loopback) -> None:
    loopback.say(Reply("Hello."))
    with serving(tmp_path, **_environment(loopback)) as server:
        await server.run(text="Hi", thread="t", run="r")
    with serving(tmp_path, **_environment(loopback)) as server:
        heard = Heard()
        async with server.client() as client:
            await _joined(client, "t", heard)
            again = Heard(positions=["0123abcd-3"])
            await _follow(client, "r", again)
            nothing = await client.get("/api/v1/threads/other/events")
    assert [event["type"] for event in heard.events] == [
        "RUN_STARTED",
        "STATE_SNAPSHOT",
        "MESSAGES_SNAPSHOT",
        "RUN_FINISHED",
    ]
    assert transcript(heard.events) == [("user", "Hi"), ("assistant", "Hello.")]
    assert again.events == heard.events
    assert (nothing.status_code, nothing.json()["code"]) == (404, "thread_not_found")


@pytest.mark.parametrize("before", [False, True], ids=["a new thread", "a thread with a past"])
async def test_a_run_is_rolled_back_as_if_it_had_never_been(
    server: Server, loopback: Loopback, *, before: bool
) -> None:
    if before:
        loopback.say(Reply("Hello."))
        await server.run(text="Hi", thread="t", run="r0")
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=_stays(run="r1", thread="t")) as answer:
            first = Heard()
            await first.listen(answer, 12)
            loopback.answer(lambda _: Reply("Instead."))
            props = {"multitaskStrategy": "rollback"}
            second = await server.run(text="Rather this", run="r2", thread="t", forwardedProps=props)
            await first.listen(answer)
        after = await server.run(text="Go on", run="r3", thread="t")
    past = [("user", "Hi"), ("assistant", "Hello.")] if before else []
    assert first.events[-1]["outcome"] == {"type": "cancelled"}
    assert transcript(second) == [*past, ("user", "Rather this"), ("assistant", "Instead.")]
    assert transcript(after)[: len(past) + 2] == transcript(second)


async def test_runs_that_are_stopped_at_any_moment_end(server: Server, loopback: Loopback) -> None:
    dice = random.Random(3)
    # So long that none ends by itself, however busy the machine is.
    loopback.answer(lambda _: Reply(pieces=WORDS, delay=2))

    async def one(at: int) -> None:
        async with server.client() as client:
            running = asyncio.create_task(server.run(text="Count", run=f"r{at}", thread=f"t{at}"))
            await asyncio.sleep(dice.random() * 0.05)

            async def stopped() -> bool:
                return (await client.post(f"/api/v1/runs/r{at}/cancel")).status_code != 404

            await wait_for(stopped, interval=0.001)
            events = await running
            told = (await client.get(f"/api/v1/runs/r{at}")).json()
        assert events[0]["type"] == "RUN_STARTED"
        assert (events[-1]["type"], told["status"]) == ("RUN_FINISHED", "cancelled")

    await asyncio.gather(*map(one, range(25)))
    loopback.answer(lambda _: Reply("Well."))
    after = await server.run(text="Next", thread="t3")
    assert last(after, "RUN_FINISHED")["outcome"] == {"type": "success"}


async def test_who_comes_back_and_leaves_again_gives_the_grace_anew(server: Server, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply(pieces=WORDS, delay=0.1))
    asked, heard = run_input("Count", run="r", forwardedProps={"onDisconnect": 0.3}), Heard()
    async with server.client() as client:
        async with client.stream("POST", "/api/v1/chat/chat", json=asked) as answer:
            await heard.listen(answer, 5)
        await _follow(client, "r", heard, 3)
        assert (await _ended(client, "r"))["status"] == "cancelled"
