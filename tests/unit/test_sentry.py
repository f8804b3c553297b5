"""What Sentry is told of an error, and what it is not."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any, ClassVar

import pytest
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from observability import sentry
from observability.logs import bound_context, configure_logs, get_logger
from observability.settings import ObservabilitySettings


class Recorder(Transport):
    told: ClassVar[list[dict[str, Any]]] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.told.append(dict(event))


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    Recorder.told = []
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    sentry.start("http://key@127.0.0.1:1/1", environment="test", release="7", transport=Recorder)
    yield Recorder.told
    sentry.stop()
    root.handlers = before
    root.setLevel(level)


def _break(secret: str) -> None:
    held = f"held {secret}"
    raise ValueError(f"it broke for {secret}" if held else "")


def test_an_error_is_told_without_what_is_personal(told: list[dict[str, Any]]) -> None:
    person = "ann.miller@nordwind-handel.de"
    log = logging.getLogger("a.test")
    log.info("nothing of this for %s", person)
    try:
        _break(person)
    except ValueError:
        log.exception("run_failed for %s", person)
    (event,) = told
    everything = json.dumps(event, default=str)
    assert person not in everything
    assert (event["environment"], event["release"], event["level"]) == ("test", "7", "error")
    (error,) = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("ValueError", "it broke for [email]")
    assert all("vars" not in frame for frame in error["stacktrace"]["frames"])
    assert "breadcrumbs" not in event or event["breadcrumbs"]["values"] == []


def test_what_we_log_ourselves_has_its_exception_its_stack_and_one_message(told: list[dict[str, Any]]) -> None:
    configure_logs(ObservabilitySettings(log_format="json"), StringIO())
    sentry.stop()
    sentry.start("http://key@127.0.0.1:1/1", environment="test", release="7", transport=Recorder)
    log = get_logger("a.test")
    for at in range(2):
        with bound_context(request_id=f"r{at}"):
            try:
                _break("it")
            except ValueError as error:
                log.exception("run_failed", at=at)
                log.critical("run_failed", at=at, exc_info=error)
            log.error("run_failed", at=at)
    assert {(event["logentry"]["message"], event["logger"]) for event in told} == {("run_failed", "a.test")}
    assert [event["tags"]["request_id"] for event in told] == ["r0"] * 3 + ["r1"] * 3
    assert [event["extra"]["at"] for event in told] == [0, 0, 0, 1, 1, 1]
    for at, event in enumerate(told):
        if at % 3 == 2:
            frames = event["threads"]["values"][0]["stacktrace"]["frames"]
            assert "exception" not in event
        else:
            (raised,) = event["exception"]["values"]
            assert (raised["type"], raised["value"]) == ("ValueError", "it broke for it")
            frames = raised["stacktrace"]["frames"]
        assert any(
            frame["function"] in {"_break", "test_what_we_log_ourselves_has_its_exception_its_stack_and_one_message"}
            for frame in frames
        )
