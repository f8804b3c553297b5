from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.runs.cron import BadCron, Cron, zone_of

NEW_YORK, LORD_HOWE = ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")


def _times(cron: str, begin: str, count: int = 3, zone: ZoneInfo | None = None) -> list[str]:
    """In UTC, from a moment in UTC."""
    moment, told = datetime.fromisoformat(begin).replace(tzinfo=UTC), list[str]()
    for _ in range(count):
        found = Cron.parse(cron).after(moment, zone or ZoneInfo("UTC"))
        assert found is not None
        moment = found
        told.append(moment.strftime("%Y-%m-%d %H:%M"))
    return told


@pytest.mark.parametrize(
    ("cron", "begin", "times"),
    [
        ("* * * * *", "2026-11-20 12:00", ["2026-11-20 12:01", "2026-11-20 12:02"]),
        ("* * * * *", "2026-12-31 23:59:30", ["2027-01-01 00:00", "2027-01-01 00:01"]),
        ("*/20 * * * *", "2026-11-20 12:00", ["2026-11-20 12:20", "2026-11-20 12:40", "2026-11-20 13:00"]),
        ("5/20 * * * *", "2026-11-20 12:00", ["2026-11-20 12:05", "2026-11-20 12:25", "2026-11-20 12:45"]),
        ("10-20/5 9 * * *", "2026-11-20 12:00", ["2026-11-21 09:10", "2026-11-21 09:15", "2026-11-21 09:20"]),
        ("0 9,17 * * *", "2026-11-20 09:00", ["2026-11-20 17:00", "2026-11-21 09:00"]),
        # 2026-11-20 is a Friday.
        ("0 9 * * MON-fri", "2026-11-20 09:00", ["2026-11-23 09:00", "2026-11-24 09:00"]),
        ("0 9 * * 0", "2026-11-20 09:00", ["2026-11-22 09:00"]),
        ("0 9 * * 7", "2026-11-20 09:00", ["2026-11-22 09:00"]),
        ("0 9 * * sun", "2026-11-20 09:00", ["2026-11-22 09:00"]),
        ("0 9 * * 5-7", "2026-11-20 08:00", ["2026-11-20 09:00", "2026-11-21 09:00", "2026-11-22 09:00"]),
        ("0 9 * * sat-sun", "2026-11-20 08:00", ["2026-11-21 09:00", "2026-11-22 09:00", "2026-11-28 09:00"]),
        ("0 0 1 jan,Jul *", "2026-11-20 12:00", ["2027-01-01 00:00", "2027-07-01 00:00"]),
        ("0 0 31 * *", "2026-11-20 12:00", ["2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00"]),
        ("0 0 29 2 *", "2026-11-20 12:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 29 2 *", "2096-03-01 00:00", ["2104-02-29 00:00"]),
        # The 13th or a Friday, as both say something; and with a star only one of them does.
        ("0 0 13 * fri", "2026-12-01 00:00", ["2026-12-04 00:00", "2026-12-11 00:00", "2026-12-13 00:00"]),
        ("0 0 13 * *", "2026-12-01 00:00", ["2026-12-13 00:00", "2027-01-13 00:00"]),
        ("0 0 */2 * fri", "2026-12-01 00:00", ["2026-12-11 00:00", "2026-12-25 00:00"]),
    ],
)
def test_when_it_comes_round(cron: str, begin: str, times: list[str]) -> None:
    assert _times(cron, begin, len(times)) == times


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "* * * *",
        "* * * * * *",
        "@daily",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 * ",
        "* * * 0 *",
        "* * * * 8",
        "*/0 * * * *",
        "*/60 * * * *",
        "5-1 * * * *",
        "1,,2 * * * *",
        "-1 * * * *",
        "a * * * *",
        "* * * mon *",
        "* * * * jan",
        "1.5 * * * *",
        "1-2-3 * * * *",
        "*-5 * * * *",
        "\u0661 * * * *",
    ],
)
def test_what_is_malformed_is_refused(cron: str) -> None:
    with pytest.raises(BadCron):
        Cron.parse(cron)


def test_a_day_that_never_comes_is_none() -> None:
    assert Cron.parse("0 0 30 2 *").after(datetime(2026, 1, 1, tzinfo=UTC), UTC) is None


def test_a_zone_is_its_clocks() -> None:
    assert _times("0 9 * * *", "2026-07-01 00:00", 1, NEW_YORK) == ["2026-07-01 13:00"]
    assert _times("0 9 * * *", "2026-12-01 00:00", 1, NEW_YORK) == ["2026-12-01 14:00"]


# On 2026-03-08 clocks there went from 02:00 to 03:00, which was 07:00 in UTC.
@pytest.mark.parametrize(
    ("cron", "times"),
    [
        ("30 2 * * *", ["2026-03-08 07:00", "2026-03-09 06:30"]),
        ("*/20 2 * * *", ["2026-03-08 07:00", "2026-03-09 06:00"]),
        ("30 2,3 * * *", ["2026-03-08 07:00", "2026-03-08 07:30"]),
        ("30 * * * *", ["2026-03-08 06:30", "2026-03-08 07:00", "2026-03-08 07:30"]),
        ("0 3 * * *", ["2026-03-08 07:00", "2026-03-09 07:00"]),
    ],
)
def test_what_a_clock_is_put_past_comes_right_after(cron: str, times: list[str]) -> None:
    assert _times(cron, "2026-03-08 06:00", len(times), NEW_YORK) == times


# On 2026-11-01 clocks there went from 02:00 back to 01:00, which was 06:00 in UTC.
@pytest.mark.parametrize(
    ("cron", "times"),
    [
        ("30 1 * * *", ["2026-11-01 05:30", "2026-11-02 06:30"]),
        ("*/30 1 * * *", ["2026-11-01 05:00", "2026-11-01 05:30", "2026-11-02 06:00"]),
        ("30 * * * *", ["2026-11-01 04:30", "2026-11-01 05:30", "2026-11-01 06:30", "2026-11-01 07:30"]),
        ("0 * * * *", ["2026-11-01 05:00", "2026-11-01 06:00", "2026-11-01 07:00"]),
    ],
)
def test_what_a_clock_shows_twice_comes_once_or_hourly(cron: str, times: list[str]) -> None:
    assert _times(cron, "2026-11-01 04:00", len(times), NEW_YORK) == times


def test_half_an_hour_is_a_gap_too() -> None:
    # 2026-10-04, from 02:00 to 02:30, which was 15:30 in UTC the day before.
    times = ["2026-10-03 15:30", "2026-10-03 15:40"]
    assert _times("10,40 2 * * *", "2026-10-03 15:00", 2, LORD_HOWE) == times


def test_every_minute_is_every_minute_whatever_the_clocks_do() -> None:
    for begin in ("2026-03-08 05:00", "2026-11-01 04:00"):
        moment = datetime.fromisoformat(begin).replace(tzinfo=UTC)
        moments = [moment]
        for _ in range(240):
            found = Cron.parse("* * * * *").after(moments[-1], NEW_YORK)
            assert found is not None
            moments.append(found)
        assert {(later - earlier).total_seconds() for earlier, later in pairwise(moments)} == {60.0}


@given(
    st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2040-01-01"), timezones=st.just(UTC)),
    st.sampled_from(["7 * * * *", "30 2 * * *", "*/15 1-3 * * 0", "0 0 29 2 *", "59 23 31 * mon"]),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]),
)
def test_it_always_goes_on_and_skips_nothing(moment: datetime, cron: str, zone: str) -> None:
    parsed = Cron.parse(cron)
    found = parsed.after(moment, zone_of(zone))
    assert found is not None
    assert found > moment
    assert found.second == found.microsecond == 0
    # From anywhere on the way it is the same.
    assert parsed.after(moment + (found - moment) / 2, zone_of(zone)) == found


@pytest.mark.parametrize("name", ["", "Nowhere", "../etc/passwd", "/etc/passwd", "Europe", "Europe/"])
def test_a_zone_that_nobody_has_is_refused(name: str) -> None:
    with pytest.raises(BadCron):
        zone_of(name)
