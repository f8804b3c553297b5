"""How every list of the service is asked for a part of it, and tells where the next one begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from backend.errors import InvalidInput

_MAX_CURSOR_LENGTH = 1000
_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 9000))

Item = TypeVar("Item")
Found = TypeVar("Found")


class PageParams(BaseModel):
    """What part of a list is asked for. Lists with more to choose from add to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(20, ge=1, le=100, description="How many items at most.")
    cursor: str | None = Field(None, description="The `nextCursor` of the part before; without it, the first part.")


class Page(BaseModel, Generic[Item]):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    items: list[Item]
    next_cursor: str | None = Field(None, description="What asks for the next part; absent where there is none.")


class PageCursor(BaseModel):
    """Where a part of a list ends: the sort key of its last item. Each kind of list has a kind of its own."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _check_range(moment: datetime) -> datetime:
    if not _FIRST <= moment <= _LAST:
        raise ValueError("no list has anything of then")
    return moment


class TimeCursor(PageCursor):
    """The last item's moment and id. A moment that a database cannot hold was in no list."""

    moment: Annotated[AwareDatetime, AfterValidator(_check_range)]
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


AnyCursor = TypeVar("AnyCursor", bound=PageCursor)


def encode_cursor(page_cursor: PageCursor) -> str:
    return base64.urlsafe_b64encode(page_cursor.model_dump_json().encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kind: type[AnyCursor]) -> AnyCursor:
    """Raises `InvalidInput` for a cursor that no list of this kind gave."""
    try:
        if len(cursor) > _MAX_CURSOR_LENGTH:
            raise ValueError
        padded = cursor + "=" * (-len(cursor) % 4)
        mark = kind.model_validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
        if encode_cursor(mark) != cursor:
            raise ValueError
    except (ValueError, binascii.Error, ValidationError):
        raise _unknown_cursor() from None
    return mark


def _unknown_cursor() -> InvalidInput:
    return InvalidInput.for_fields(("cursor", "this list has given no such cursor"))


def build_page(
    found: Sequence[Found], limit: int, *, shown: Callable[[Found], Item], mark: Callable[[Found], PageCursor]
) -> Page[Item]:
    """A part of a list, of which one more than `limit` was looked for."""
    part = found[:limit]
    more = encode_cursor(mark(part[-1])) if len(found) > limit else None
    return Page(items=[shown(each) for each in part], next_cursor=more)


class NameCursor(PageCursor):
    after: str


def page_by_name(items: Sequence[Item], params: PageParams, name: Callable[[Item], str]) -> Page[Item]:
    """A part of a list that is held in memory, by the names of its items. Raises `InvalidInput`."""
    begin = 0
    if params.cursor is not None:
        after, names = decode_cursor(params.cursor, NameCursor).after, list(map(name, items))
        if after not in names:
            raise _unknown_cursor()
        begin = names.index(after) + 1
    found = items[begin : begin + params.limit + 1]
    return build_page(found, params.limit, shown=lambda item: item, mark=lambda item: NameCursor(after=name(item)))
