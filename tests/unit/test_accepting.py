import pytest

from backend.api.media_types import prefers_media_type


@pytest.mark.parametrize(
    "accept",
    [
        "text/event-stream",
        "Text/Event-Stream",
        "text/event-stream; charset=utf-8",
        "text/event-stream ; Q=0.5",
        "application/json, text/event-stream",
        "text/event-stream, */*",
        "text/event-stream;q=0.2, application/json;q=0.1, */*;q=0.9",
        "application/json;q=0, text/event-stream;q=0.001",
        "text/event-stream;q=0.9, application/*;q=0.8, */*",
        "text/event-stream, application/json;q=high",
    ],
)
def test_what_is_named_and_liked_no_less_is_preferred(accept: str) -> None:
    assert prefers_media_type(accept, "text/event-stream", "application/json")


@pytest.mark.parametrize(
    "accept",
    [
        "",
        ",;q=1,",
        "*/*",
        "text/*",
        "application/json",
        "text/event-streams",
        "x-text/event-stream",
        'application/json;profile="text/event-stream"',
        "text/event-stream;q=0",
        "text/event-stream;q=0.000, application/json;q=0",
        "text/event-stream;q=0, application/json",
        "text/event-stream;q=0.5, application/json;q=0.6",
        "text/event-stream;q=0.5, application/*",
        "text/event-stream;q=0.5, */*;q=0.8",
        "text/event-stream;q=high",
        "text/event-stream;q=1.5",
        "text/event-stream;q=nan",
        "text/event-stream;q=",
    ],
)
def test_what_is_not_named_or_liked_less_is_not(accept: str) -> None:
    assert not prefers_media_type(accept, "text/event-stream", "application/json")
