"""Worker processes: what they return and raise, their CPU limit, and that nothing of them stays."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import psutil
import pytest

from artifacts.workers import CpuLimitExceeded, WorkerFailed, Workers
from tests.waiting import wait_for


def spin() -> None:
    while True:
        pass


def count_quadratically(blanks: int) -> bool:
    """The interpreter's lock is held all the time: no thread could end it."""
    return "".join([" "] * blanks).strip() in f"{blanks ** (blanks * 100)}"


def fail() -> None:
    raise ValueError("no")


def end() -> None:
    os._exit(3)


def remember() -> None:
    os.environ["PREPARED"] = "yes"


def remembered() -> str | None:
    return os.environ.get("PREPARED")


def wait(seconds: float) -> float:
    time.sleep(seconds)
    return time.process_time()


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    made = Workers(size=2)
    yield made
    await made.aclose()


def _children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "artifacts.worker_process" in each.cmdline()]


async def test_work_is_done_elsewhere_and_a_process_is_used_again(workers: Workers) -> None:
    pids = {await workers.run(os.getpid, cpu_seconds=5) for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids
    assert await workers.run(divmod, 7, 3, cpu_seconds=5) == (2, 1)
    assert await workers.run(str.upper, "\ud83d ü", cpu_seconds=5) == "\ud83d Ü"


async def test_what_the_work_raises_is_raised_and_harms_nobody(workers: Workers) -> None:
    before = await workers.run(os.getpid, cpu_seconds=5)
    with pytest.raises(ValueError, match="no"):
        await workers.run(fail, cpu_seconds=5)
    assert await workers.run(os.getpid, cpu_seconds=5) == before


@pytest.mark.parametrize("lock", ["free", "held"])
async def test_work_that_takes_too_much_cpu_time_is_ended_and_others_go_on(workers: Workers, lock: str) -> None:
    too_much = (
        workers.run(spin, cpu_seconds=0.2)
        if lock == "free"
        else workers.run(count_quadratically, 100_000, cpu_seconds=0.2)
    )
    ended, done = await asyncio.gather(too_much, workers.run(abs, -1, cpu_seconds=5), return_exceptions=True)
    assert (type(ended), done) == (CpuLimitExceeded, 1)
    assert await workers.run(abs, -2, cpu_seconds=5) == 2


async def test_time_that_is_waited_is_not_counted(workers: Workers) -> None:
    assert await workers.run(wait, 0.5, cpu_seconds=0.2) > 0


async def test_a_process_that_ends_by_itself_is_said(workers: Workers) -> None:
    with pytest.raises(WorkerFailed, match="ended with 3") as failed:
        await workers.run(end, cpu_seconds=5)
    assert type(failed.value) is WorkerFailed
    assert await workers.run(abs, -2, cpu_seconds=5) == 2


async def test_each_process_is_prepared_before_its_first_work() -> None:
    workers = Workers(remember, size=1)
    try:
        assert await workers.run(remembered, cpu_seconds=5) == "yes"
        with pytest.raises(CpuLimitExceeded):
            await workers.run(spin, cpu_seconds=0.1)
        assert await workers.run(remembered, cpu_seconds=5) == "yes"
    finally:
        await workers.aclose()


async def test_no_process_is_started_before_it_is_needed_or_warmed() -> None:
    workers = Workers()
    try:
        assert _children() == []
        workers.warm(0)
        await wait_for(_children)
        pid = await workers.run(os.getpid, cpu_seconds=5)
        assert [child.pid for child in _children()] == [pid]
    finally:
        await workers.aclose()
    assert _children() == []


async def test_closing_ends_what_is_under_way() -> None:
    workers = Workers(size=1)
    running, waiting = (asyncio.create_task(workers.run(spin, cpu_seconds=0)) for _ in range(2))
    await wait_for(_children)
    await workers.aclose()
    assert [type(each) for each in await asyncio.gather(running, waiting, return_exceptions=True)] == [WorkerFailed] * 2
    assert _children() == []


async def test_signals_are_for_the_parent_and_its_end_is_the_childs(workers: Workers) -> None:
    pid = await workers.run(os.getpid, cpu_seconds=5)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    assert await workers.run(os.getpid, cpu_seconds=5) == pid
    (process,) = workers._processes
    assert process.stdin is not None
    process.stdin.close()
    await wait_for(lambda: process.poll() is not None)
    assert process.returncode == 0
