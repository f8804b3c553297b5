"""What a client sends of a thread against what the thread knows. Pure."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage


def continued(known: Sequence[BaseMessage], sent: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The thread as its sender sees it: what is known up to the last id that is, then what is new.

    A person's message that is known with other words was edited: the thread goes on from before it. What agents and
    tools said is taken from our copy.
    """
    place = {message.id: at for at, message in enumerate(known)}
    last = max((at for at, message in enumerate(sent) if message.id in place), default=None)
    if last is None:
        return [*known, *sent]
    edited = next((at for at, message in enumerate(sent[: last + 1]) if _is_edited(message, known, place)), None)
    if edited is None:
        head, rest = known[: place[sent[last].id] + 1], sent[last + 1 :]
    else:
        head, rest = known[: place[sent[edited].id]], sent[edited:]
    kept = {message.id for message in head}
    return [*head, *(_ours(message, known, place) for message in rest if message.id not in kept)]


def _is_edited(message: BaseMessage, known: Sequence[BaseMessage], place: dict[str | None, int]) -> bool:
    return (
        isinstance(message, HumanMessage)
        and message.id in place
        and known[place[message.id]].content != message.content
    )


def _ours(message: BaseMessage, known: Sequence[BaseMessage], place: dict[str | None, int]) -> BaseMessage:
    if message.id in place and not isinstance(message, HumanMessage):
        return known[place[message.id]]
    return message


def leads_to(known: Sequence[BaseMessage], wanted: Sequence[BaseMessage]) -> bool:
    """Whether `wanted` only adds to `known`."""
    return len(known) <= len(wanted) and all(map(_same, known, wanted))


def _same(one: BaseMessage, other: BaseMessage) -> bool:
    return one.id == other.id and (not isinstance(one, HumanMessage) or one.content == other.content)


def strangers(known: Sequence[BaseMessage], sent: Sequence[BaseMessage]) -> list[str]:
    """Ids of answers that this branch of the thread does not hold, newest first: another branch may."""
    ids = {message.id for message in known}
    answers = [message.id for message in reversed(sent) if isinstance(message, AIMessage)]
    return [answer for answer in answers if answer and answer not in ids]
