"""What is written to the log, and how much of it."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from pydantic import ValidationError

from observability.logs import configure_logs, get_logger
from observability.settings import ObservabilitySettings


@pytest.fixture
def stream() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in ("a_package", "a_package.quiet", "httpx")}
    yield StringIO()
    root.handlers = before
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)


def _said(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_package_says_more_or_less_than_the_others(stream: StringIO) -> None:
    levels = ("a_package=debug", "a_package.quiet=error", "httpx=info")
    configure_logs(ObservabilitySettings(log_levels=levels, log_format="json"), stream)
    for name in ("a_package.of_it", "a_package.quiet.part", "another"):
        logger = get_logger(name)
        logger.debug("detail")
        logger.warning("warned")
    # A library that is quiet by itself, asked for.
    logging.getLogger("httpx").info("sent")
    assert [(line["logger"], line["event"]) for line in _said(stream)] == [
        ("a_package.of_it", "detail"),
        ("a_package.of_it", "warned"),
        ("another", "warned"),
        ("httpx", "sent"),
    ]


@pytest.mark.parametrize("told", ["storage", "storage=loud", "=debug", "a b=debug", "storage=debug=info"])
def test_what_is_no_level_of_a_package_is_refused(told: str) -> None:
    with pytest.raises(ValidationError, match="no PACKAGE=LEVEL"):
        ObservabilitySettings(log_levels=(told,))
