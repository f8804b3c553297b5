"""What a client sends of a thread against what the thread knows. Pure."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage


def new_messages(known: Sequence[BaseMessage], sent: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The thread as its sender sees it: what is known up to the last id that is, then what is new.

    A person's message that is known with other words was edited: the thread goes on from before it. What agents and
    tools said is taken from our copy.
    """
    place = {message.id: at for at, message in enumerate(known)}
    found = [at for at, message in enumerate(sent) if message.id in place]
    if not found:
        return [*known, *sent]
    if edits := [at for at in found if _is_edited(sent[at], known, place)]:
        return _edited_messages(known, sent, place, edits)
    # Clients that were told of a thread in pieces may hold it in another order: the furthest place counts.
    furthest = max(place[sent[at].id] for at in found)
    kept = known[: furthest + 1]
    return [*kept, *_late_messages(kept, sent[: found[-1]], place), *sent[found[-1] + 1 :]]


def _late_messages(
    known: Sequence[BaseMessage], sent: Sequence[BaseMessage], place: Mapping[str | None, int]
) -> list[BaseMessage]:
    """Results of tools that a client has put behind their call, before what is known to follow it."""
    answered = {message.tool_call_id for message in known if isinstance(message, ToolMessage)}
    calls = {call["id"] for message in known if isinstance(message, AIMessage) for call in message.tool_calls}
    return [
        message
        for message in sent
        if isinstance(message, ToolMessage) and message.id not in place and message.tool_call_id in calls - answered
    ]


def _edited_messages(
    known: Sequence[BaseMessage], sent: Sequence[BaseMessage], place: Mapping[str | None, int], edits: Sequence[int]
) -> list[BaseMessage]:
    head = known[: place[sent[edits[0]].id]]
    # With nothing new behind it, the edited message is what is to be answered.
    end = len(sent) if any(message.id not in place for message in sent[edits[-1] :]) else edits[-1] + 1
    kept = {message.id for message in head}
    return [
        *head,
        *(_is_server_message(message, known, place) for message in sent[edits[0] : end] if message.id not in kept),
    ]


def _is_edited(message: BaseMessage, known: Sequence[BaseMessage], place: Mapping[str | None, int]) -> bool:
    return (
        isinstance(message, HumanMessage)
        and message.id in place
        and known[place[message.id]].content != message.content
    )


def _is_server_message(
    message: BaseMessage, known: Sequence[BaseMessage], place: Mapping[str | None, int]
) -> BaseMessage:
    if message.id in place and not isinstance(message, HumanMessage):
        return known[place[message.id]]
    return message


def is_prefix(known: Sequence[BaseMessage], wanted: Sequence[BaseMessage]) -> bool:
    """Whether `wanted` only adds to `known`."""
    return shared_prefix_length(known, wanted) == len(known)


def shared_prefix_length(known: Sequence[BaseMessage], wanted: Sequence[BaseMessage]) -> int:
    """How many messages both begin with."""
    return sum(1 for _ in takewhile(bool, map(_is_same, known, wanted)))


def _is_same(one: BaseMessage, other: BaseMessage) -> bool:
    return one.id == other.id and (not isinstance(one, HumanMessage) or one.content == other.content)


def missing_messages(wanted: Sequence[BaseMessage], sent: Sequence[BaseMessage]) -> Sequence[BaseMessage] | None:
    """The first messages of a thread that its client lacks; `None` where the client holds the thread as it is."""
    if not sent or [message.id for message in wanted] == [message.id for message in sent]:
        return None
    held = {message.id for message in sent}
    return list(takewhile(lambda message: message.id not in held, wanted))


def unknown_messages(known: Sequence[BaseMessage], sent: Sequence[BaseMessage]) -> list[str]:
    """Ids of answers that this branch of the thread does not hold, newest first: another branch may."""
    ids = {message.id for message in known}
    answers = [message.id for message in reversed(sent) if isinstance(message, AIMessage)]
    return [answer for answer in answers if answer and answer not in ids]
