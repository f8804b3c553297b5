"""When a schedule comes round: cron's five fields, in a time zone. Pure.

What a clock is put forward past comes right after; several such are one. What it shows twice, because it is put back,
comes the first time only, and both times where the hour begins with `*`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

# The longest that a day may be away: a 29th of February that is a certain day of the week, across a year 2100.
_YEARS = 40
_MINUTE = timedelta(minutes=1)
# A clock is put back by no more than that.
_FOLD = timedelta(hours=3)


class BadCron(ValueError):
    """Five fields that are none, or a time zone that nobody has."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: Mapping[str, int]


def _named(words: str, first: int) -> Mapping[str, int]:
    return {word: at for at, word in enumerate(words.split(), first)}


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, _named("jan feb mar apr may jun jul aug sep oct nov dec", 1)),
    # Sunday is 0 and 7.
    _Field("day of the week", 0, 7, _named("sun mon tue wed thu fri sat", 0)),
)
_PART = re.compile(r"(?:\*|([a-z]+|\d{1,2})(?:-([a-z]+|\d{1,2}))?)(?:/(\d{1,2}))?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Cron:
    minutes: Sequence[int]
    hours: Sequence[int]
    days: frozenset[int]
    months: frozenset[int]
    # 0 is Sunday.
    weekdays: frozenset[int]
    every_hour: bool
    every_day: bool
    every_weekday: bool

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Raises `BadCron`."""
        parts = text.split()
        if len(parts) != len(_FIELDS):
            raise BadCron("expected five fields: minute, hour, day of the month, month, day of the week")
        minutes, hours, days, months, weekdays = (
            frozenset(_values(part, field)) for part, field in zip(parts, _FIELDS, strict=True)
        )
        _, hour, day, _, weekday = (part.startswith("*") for part in parts)
        sundays = frozenset(number % 7 for number in weekdays)
        return cls(sorted(minutes), sorted(hours), days, months, sundays, hour, day, weekday)

    def after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first time after a moment, in UTC; `None` where there is none for 40 years."""
        local = moment.astimezone(zone).replace(tzinfo=None)
        once = next((found for wall in self._walls(local) if (found := _first(wall, zone)) > moment), None)
        if not self.every_hour:
            return once
        # The second time round, where a clock was put back just now or is about to be.
        for wall in self._walls(local - _FOLD, until=local + _FOLD):
            again = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
            if again > moment and again != _first(wall, zone) and _stands(again, wall, zone):
                return again if once is None else min(once, again)
        return once

    def _walls(self, after: datetime, until: datetime | None = None) -> Iterator[datetime]:
        """What a clock on the wall shows, later than `after`."""
        for day in self._dates(after.date(), until.date() if until else None):
            for hour in self.hours:
                for minute in self.minutes:
                    wall = datetime.combine(day, time(hour, minute))
                    if until is not None and wall > until:
                        return
                    if wall > after:
                        yield wall

    def _dates(self, day: date, until: date | None) -> Iterator[date]:
        end = until or date(min(day.year + _YEARS, date.max.year), 1, 1)
        while day <= end:
            if day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                continue
            if self._has(day):
                yield day
            day += timedelta(days=1)

    def _has(self, day: date) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        # Of two that both say something, one is enough.
        return (of_month and of_week) if self.every_day or self.every_weekday else (of_month or of_week)


def zone_of(name: str) -> ZoneInfo:
    """Reads a file the first time. Raises `BadCron`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadCron(f"there is no time zone {name!r}; it is called like Europe/Lisbon, or UTC") from None


def _values(text: str, field: _Field) -> Iterator[int]:
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise BadCron(f"{part!r} is no {field.name}")
        low, high, step = found.groups()
        first, last = field.least, field.most
        if low is not None:
            first = last = _number(low, field)
            if high is not None:
                last = _number(high, field)
                # `fri-sun`: a week ends with its second Sunday.
                last = 7 if last == 0 < first and field.most == 7 else last
            elif step is not None:
                last = field.most
        if last < first:
            raise BadCron(f"{part!r} goes backwards")
        if step is not None and not 1 <= int(step) <= field.most:
            raise BadCron(f"a step of {step} is none of a {field.name}")
        yield from range(first, last + 1, int(step or 1))


def _number(text: str, field: _Field) -> int:
    number = int(text) if text.isdigit() else field.names.get(text.lower(), -1)
    if not field.least <= number <= field.most:
        raise BadCron(f"{text!r} is no {field.name}")
    return number


def _stands(moment: datetime, wall: datetime, zone: tzinfo) -> bool:
    return moment.astimezone(zone).replace(tzinfo=None) == wall


def _first(wall: datetime, zone: tzinfo) -> datetime:
    """When a clock shows this for the first time, or has just been put past it."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if _stands(moment, wall, zone):
        return moment
    # The clock was put forward between these two.
    early, late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment
    before = early.astimezone(zone).utcoffset()
    while late - early > _MINUTE:
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(second=0, microsecond=0)
