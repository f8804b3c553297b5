import base64
from datetime import UTC, datetime

import pytest
from pydantic import AwareDatetime

from backend.api.paging import (
    NameCursor,
    Page,
    PageCursor,
    PageParams,
    build_page,
    decode_cursor,
    encode_cursor,
    page_by_name,
)
from backend.errors import InvalidInput


class _Mark(PageCursor):
    moment: AwareDatetime
    id: str


class _Other(PageCursor):
    before: str


MARK = _Mark(moment=datetime(2026, 11, 20, 9, 30, 0, 123456, tzinfo=UTC), id="a")


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_cursor_is_read_as_it_was_written_and_fits_into_an_address() -> None:
    for name in ("a", "ab", "abc", "?>~/"):
        page_cursor = MARK.model_copy(update={"id": name})
        cursor = encode_cursor(page_cursor)
        assert decode_cursor(cursor, _Mark) == page_cursor
        assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "a",
        "!",
        "not a cursor",
        "é",
        encode_cursor(MARK) + "=",
        encode_cursor(MARK) + "\n",
        encode_cursor(MARK)[:-2],
        encode_cursor(_Other(before="b")),
        _encoded("null"),
        _encoded("[]"),
        _encoded('{"moment": "2026-11-20T09:30:00Z"}'),
        _encoded('{"moment": "2026-11-20T09:30:00", "id": "a"}'),
        _encoded('{"moment": 1, "id": "a"}'),
        _encoded('{"moment": "2026-11-20T09:30:00Z", "id": 1}'),
        _encoded('{"moment": "2026-11-20T09:30:00Z", "id": "a", "more": 1}'),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        _encoded("x" * 5000),
    ],
)
def test_what_no_list_has_given_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_cursor(cursor, _Mark)
    assert refused.value.more["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize(
    ("found", "items", "more"), [([], [], None), (["a"], ["A"], None), (["a", "b"], ["A", "B"], None)]
)
def test_the_end_has_no_cursor(found: list[str], items: list[str], more: None) -> None:
    page: Page[str] = build_page(found, 2, shown=str.upper, mark=lambda each: _Other(before=each))
    assert (page.items, page.next_cursor) == (items, more)


def test_where_there_is_more_the_cursor_names_the_last_that_was_told() -> None:
    page: Page[str] = build_page(["a", "b", "c"], 2, shown=str.upper, mark=lambda each: _Other(before=each))
    assert page.items == ["A", "B"]
    assert decode_cursor(page.next_cursor or "", _Other) == _Other(before="b")


def test_a_list_in_memory_is_told_in_parts_too() -> None:
    names, seen, params = ["b", "a", "d", "c"], list[str](), PageParams(limit=3)
    first = page_by_name(names, params, str)
    seen += first.items
    rest = page_by_name(names, PageParams(limit=3, cursor=first.next_cursor), str)
    assert ([*seen, *rest.items], rest.next_cursor) == (names, None)
    with pytest.raises(InvalidInput):
        page_by_name(names, PageParams(cursor=encode_cursor(NameCursor(after="gone"))), str)
