import pytest

from storage.lease import Lease, LeaseLost


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_process_that_stood_still_asks_before_it_writes() -> None:
    clock, asked = Clock(), 0
    lease = Lease(15, clock)

    async def renew() -> None:
        nonlocal asked
        asked += 1
        lease.lose("t")
        lease.mark_renewed(lease.now())

    lease.renew_with(renew)
    clock.now = 14.9
    await lease.hold("t")
    assert asked == 0
    clock.now = 15.0
    with pytest.raises(LeaseLost):
        await lease.hold("t")
    await lease.hold("u")
    assert asked == 1
    with pytest.raises(LeaseLost):
        await lease.hold("t")
    lease.take("t")
    await lease.hold("t")


async def test_lost_run_does_not_take_the_thread_from_the_next_one() -> None:
    lease = Lease(15, Clock())
    lease.take("t", "first")
    lease.take("t", "second")
    # Noticed late: the first has not come to its end yet.
    lease.lose("t", "first")
    await lease.hold("t")
    lease.release("t", "first")
    lease.lose("t", "second")
    with pytest.raises(LeaseLost):
        await lease.hold("t")


async def test_a_lease_holds_from_when_it_was_asked_for() -> None:
    clock = Clock()
    lease, renewals = Lease(15, clock), list[float]()

    async def renew() -> None:
        asked_at = lease.now()
        clock.now += 10
        lease.mark_renewed(asked_at)
        renewals.append(clock.now)

    lease.renew_with(renew)
    clock.now = 20
    await lease.hold("t")
    clock.now = 34.9
    await lease.hold("t")
    clock.now = 35
    await lease.hold("t")
    assert renewals == [30, 45]
