"""Which frames are plain text and nothing else, and those that came together as one. No IO."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from llm.vendors.stream.frames import Frames, UnreadableStream

Frame = dict[str, Any]
# The text of a frame that says nothing else, `None` for one that does.
TextOf = Callable[[Frame], str | None]

# Beside the text, what says nothing of the message: where more is said, somebody else has to read it.
_COMPLETION = frozenset(
    {"id", "object", "created", "model", "provider", "system_fingerprint", "service_tier", "obfuscation", "choices"}
)
_CHAT = frozenset({"model", "remote_model", "remote_host", "created_at", "message"})


class Deltas:
    """A stream's texts and other frames in their order; the texts that one read of the socket brought are one."""

    def __init__(self, frames: Frames, text_of: TextOf) -> None:
        self._frames = frames
        self._text_of = text_of

    @property
    def done(self) -> bool:
        """Whether the stream has said that nothing follows."""
        return self._frames.done

    def feed(self, data: bytes) -> Iterator[str | Frame]:
        """Raises `Unreadable`, after what could be read."""
        return self._merge(self._frames.feed(data))

    def end(self) -> Iterator[str | Frame]:
        return self._merge(self._frames.end())

    def _merge(self, payloads: Iterable[bytes]) -> Iterator[str | Frame]:
        texts: list[str] = []
        for payload in payloads:
            frame = _parse(payload)
            text = None if frame is None else self._text_of(frame)
            if text is not None:
                texts.append(text)
                continue
            if texts:
                yield "".join(texts)
                texts.clear()
            if frame is None:
                raise UnreadableStream("a frame that is no JSON object")
            yield frame
        if texts:
            yield "".join(texts)


def _parse(payload: bytes) -> Frame | None:
    try:
        frame = orjson.loads(payload)
    except orjson.JSONDecodeError:
        frame = _parse_leniently(payload)
    return frame if isinstance(frame, dict) else None


def _parse_leniently(payload: bytes) -> Any:
    # NaN and halves of surrogate pairs: no JSON, and taken by the vendors' own readers. Text that is cut is not.
    try:
        return json.loads(payload.decode())
    except ValueError:
        return None


def completion_text(frame: Frame) -> str | None:
    """Of a chunk of OpenAI's chat completions."""
    try:
        (choice,) = frame["choices"]
        delta = choice["delta"]
        text = delta["content"]
        plain = (
            all(not value or key in _COMPLETION for key, value in frame.items())
            and all(not value or key == "delta" for key, value in choice.items())
            and all(
                not value or key == "content" or (key == "role" and value == "assistant")
                for key, value in delta.items()
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return text if plain and text and isinstance(text, str) else None


def chat_text(frame: Frame) -> str | None:
    """Of a line of Ollama's chat."""
    try:
        message = frame["message"]
        text = message["content"]
        plain = all(not value or key in _CHAT for key, value in frame.items()) and all(
            not value or key == "content" or (key == "role" and value == "assistant") for key, value in message.items()
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return text if plain and text and isinstance(text, str) else None
