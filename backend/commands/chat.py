import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import httpx

from backend.commands.address import add_address, describe_error

_DIM, _PLAIN = ("\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "")


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="agenkit chat", description="Talk to an agent of a running server.")
    add_address(parser)
    parser.add_argument("--agent", default="chat", help="who is addressed (chat)")
    parser.add_argument("--model", help="a model of `GET /api/v1/models`, instead of the agent's own choice")
    parser.add_argument("--thread", default=f"cli-{uuid4().hex[:12]}", help="go on with this thread")
    parser.add_argument("message", nargs="*", help="say this and leave; without it, a conversation")
    asked = parser.parse_args(arguments)
    with httpx.Client(base_url=asked.url, timeout=httpx.Timeout(10.0, read=None)) as client:
        conversation = Conversation(client, agent=asked.agent, model=asked.model, thread=asked.thread)
        if asked.message:
            return conversation.send(" ".join(asked.message))
        return _converse(conversation)


def _converse(conversation: "Conversation") -> int:
    print(f"{_DIM}Ctrl-C stops an answer, Ctrl-D leaves.{_PLAIN}")
    while True:
        try:
            text = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return 0
        if text:
            conversation.send(text)


class Conversation:
    """One thread. The server keeps it: only what is new is sent."""

    def __init__(self, client: httpx.Client, *, agent: str, model: str | None, thread: str) -> None:
        self._client = client
        self._agent = agent
        self._model = model
        self._thread = thread
        # Questions of the agent's that wait for an answer each, and the answers that are there: nothing is sent before
        # the last of them.
        self._asked: list[dict[str, Any]] = []
        self._answers: list[Any] = []

    def send(self, text: str) -> int:
        if self._asked:
            self._answers.append(_answer(self._asked[len(self._answers)], text))
            if len(self._answers) < len(self._asked):
                _ask(self._asked[len(self._answers)])
                return 0
        try:
            return max((self._print_event(event) for event in self._events(text)), default=1)
        except httpx.HTTPError as error:
            print(describe_error(error, str(self._client.base_url)), file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            # Hanging up is how a client stops a run.
            print(f"{_DIM} [stopped]{_PLAIN}")
            return 130

    def _print_event(self, event: dict[str, Any]) -> int:
        match event:
            case {"type": "RUN_FINISHED", "outcome": {"type": "interrupt", "interrupts": interrupts}}:
                self._asked, self._answers = interrupts, []
                _ask(interrupts[0])
                return 0
        return _show(event)

    def _run_input(self, text: str) -> dict[str, Any]:
        asked, self._asked = self._asked, []
        if asked:
            answers = zip(asked, self._answers, strict=True)
            return {
                "messages": [],
                "resume": [
                    {"interruptId": each["id"], "status": "resolved", "payload": answer} for each, answer in answers
                ],
            }
        return {"messages": [{"id": uuid4().hex, "role": "user", "content": text}]}

    def _events(self, text: str) -> Iterator[dict[str, Any]]:
        body = {
            "threadId": self._thread,
            "runId": uuid4().hex,
            "protocolVersion": "1.0",
            **self._run_input(text),
            "tools": [],
            "context": [],
            "forwardedProps": {"model": self._model} if self._model else {},
        }
        with self._client.stream("POST", f"/api/v1/chat/{self._agent}", json=body) as answer:
            if answer.is_error:
                answer.read()
                answer.raise_for_status()
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


def _ask(question: dict[str, Any]) -> None:
    asked = question.get("message") or json.dumps((question.get("metadata") or {}).get("value"), ensure_ascii=False)
    schema = question.get("responseSchema")
    shape = f" (JSON: {json.dumps(schema)})" if schema and schema.get("type") not in {"string", "boolean"} else ""
    print(f"{_DIM}[the agent asks: {asked}{shape}]{_PLAIN}")


def _answer(question: dict[str, Any], text: str) -> Any:
    """What was typed, as the question wants it: words as they are, all else as JSON, if it is some."""
    schema = question.get("responseSchema") or {"type": "string"}
    if schema.get("type") == "boolean" and text.strip().lower() in {"yes", "no"}:
        return text.strip().lower() == "yes"
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _show(event: dict[str, Any]) -> int:
    """Prints an event; 1 where it says that the run failed."""
    match event:
        case {"type": "TEXT_MESSAGE_CONTENT", "delta": delta}:
            print(delta, end="", flush=True)
        case {"type": "TEXT_MESSAGE_END"}:
            print()
        case {"type": "REASONING_MESSAGE_CONTENT", "delta": delta}:
            print(f"{_DIM}{delta}{_PLAIN}", end="", flush=True)
        case {"type": "REASONING_END"}:
            print()
        case {"type": "TOOL_CALL_START", "toolCallName": name}:
            print(f"{_DIM}[{name}]{_PLAIN}")
        case {"type": "TOOL_CALL_RESULT", "content": content}:
            print(f"{_DIM}[= {content}]{_PLAIN}")
        case {"type": "RUN_ERROR", "message": message}:
            print(message, file=sys.stderr)
            return 1
    return 0
