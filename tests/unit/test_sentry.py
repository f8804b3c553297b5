"""What Sentry is told of an error, and what it is not."""

import json
import logging
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from observability import sentry


class Recorder(Transport):
    told: ClassVar[list[dict[str, Any]]] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.told.append(dict(event))


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    Recorder.told = []
    sentry.start("http://key@127.0.0.1:1/1", environment="test", release="7", transport=Recorder)
    yield Recorder.told
    sentry.stop()


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
