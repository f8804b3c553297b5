"""Breakers that replicas share, in Redis. What they are for and how they are read is told in `llm.wrappers.breaker`."""

from math import ceil
from typing import Literal, Protocol

from redis.asyncio import Redis

from storage.redis import GuardedRedis

State = Literal["closed", "open", "half_open"]

# An ill provider that nobody has called for so long is begun with anew.
_TTL_SECONDS = 3600.0

# The clock is Redis's own: replicas need not agree on the time.
_SCRIPT = """
redis.replicate_commands()
local name, verb, probe = KEYS[1], ARGV[1], ARGV[2]
local limit, shut, claim, kept = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', name, 'failures', 'opened', 'probe', 'until')
local failures, opened = tonumber(held[1] or 0), tonumber(held[2] or -1)
local is_probe = probe ~= '' and held[3] == probe
local admitted, probes = 0, 0

local function keep(...)
    redis.call('HSET', name, ...)
    redis.call('PEXPIRE', name, kept)
end

local function left()
    return opened < 0 and 0 or math.max(0, shut - (now - opened))
end

local function open()
    opened = now
    redis.call('HDEL', name, 'probe', 'until')
    keep('failures', failures, 'opened', now)
end

if verb == 'admit' then
    if opened < 0 then
        admitted = 1
    elseif left() == 0 and not (held[3] and tonumber(held[4]) > now) then
        admitted, probes = 1, 1
        keep('probe', probe, 'until', now + claim)
    end
elseif verb == 'succeed' then
    if opened < 0 or is_probe then
        redis.call('DEL', name)
        failures, opened = 0, -1
    end
elseif verb == 'fail' then
    if opened < 0 then
        failures = failures + 1
        if failures >= limit then open() else keep('failures', failures) end
    elseif is_probe then
        open()
    end
elseif verb == 'forget' and is_probe then
    redis.call('HDEL', name, 'probe', 'until')
end

local state = opened < 0 and 'closed' or left() > 0 and 'open' or 'half_open'
return {state, failures, admitted, probes, left()}
"""

_STATES: dict[bytes, State] = {b"closed": "closed", b"open": "open", b"half_open": "half_open"}


class Limits(Protocol):
    @property
    def failures(self) -> int: ...

    @property
    def seconds(self) -> float: ...

    @property
    def claim(self) -> float: ...


class RedisBreakers:
    """One hash per breaker, under names that begin with `prefix`. Each question is one script, and one way there."""

    def __init__(self, client: Redis, prefix: str, *, timeout: float = 0.1) -> None:
        self._prefix = prefix
        self._script = client.register_script(_SCRIPT)
        self._reach = GuardedRedis("breakers", timeout=timeout)

    async def ask(
        self, name: str, verb: str, probe: str, settings: Limits
    ) -> tuple[State, int, bool, bool, float] | None:
        times = [_milliseconds(seconds) for seconds in (settings.seconds, settings.claim)]
        kept = _milliseconds(settings.seconds + settings.claim + _TTL_SECONDS)
        arguments: list[str | int] = [verb, probe, settings.failures, *times, kept]
        told = await self._reach.ask(lambda: self._script(keys=[self._prefix + name], args=arguments))
        if told is None:
            return None
        state, failures, admitted, probes, left = told
        return _STATES[state], failures, bool(admitted), bool(probes), left / 1000


def _milliseconds(seconds: float) -> int:
    return ceil(seconds * 1000)
