"""Who says what next: a queue per topic, and a rule for when it is empty."""

from collections import deque
from collections.abc import Callable
from typing import Literal, get_args

from tests.loopback.fault import Fault, Refused
from tests.loopback.http import Request
from tests.loopback.script import Reply
from tests.loopback.wire import content_text

Topic = Literal["chat", "embed", "models", "show", "version"]
Rule = Callable[[Request], Reply | Fault]

TOPICS: tuple[Topic, ...] = get_args(Topic)


def echo(request: Request) -> Reply:
    """The last thing that the user said; the topics that are no chat take any reply for their own right answer."""
    texts = [content_text(each) for each in request.body.get("messages", ()) if each.get("role") == "user"]
    return Reply(f"You said: {texts[-1] if texts else 'nothing'}")


class Cues:
    """Filled by tests, read by the server; deques make that safe between threads."""

    def __init__(self, rule: Rule) -> None:
        self._queues: dict[Topic, deque[Reply | Fault]] = {topic: deque() for topic in TOPICS}
        self._rules: dict[Topic, Rule] = dict.fromkeys(TOPICS, echo) | {"chat": rule}

    def say(self, scripts: tuple[Reply | Fault, ...], topic: Topic) -> None:
        self._queues[topic].extend(scripts)

    def answer(self, rule: Rule, topic: Topic) -> None:
        self._rules[topic] = rule

    def next(self, topic: Topic, request: Request) -> Reply | Fault:
        queue = self._queues[topic]
        if not queue:
            return self._rules[topic](request)
        # A request that slipped in while the listener was closing must not reopen it.
        return queue[0] if isinstance(queue[0], Refused) else queue.popleft()

    @property
    def refusal(self) -> Refused | None:
        """The refusal that is next in some queue."""
        heads = (queue[0] for queue in self._queues.values() if queue)
        return next((head for head in heads if isinstance(head, Refused)), None)

    def forget_refusals(self) -> None:
        """Takes the refusals from the heads of the queues."""
        for queue in self._queues.values():
            while queue and isinstance(queue[0], Refused):
                queue.popleft()
