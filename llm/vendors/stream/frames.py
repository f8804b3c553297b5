"""From the bytes of a socket, however they are cut, to whole frames. No IO."""

from typing import Protocol

# A call of a tool comes in one line of Ollama's and may hold a file; more than this is nobody's answer.
MAX_FRAME_BYTES = 4 * 1024 * 1024


class UnreadableStream(Exception):
    """What a provider sent is not of its format."""


class Frames(Protocol):
    """One way to cut a stream into the payloads of its frames. Each raises `Unreadable` for one that does not end."""

    done: bool

    def feed(self, data: bytes) -> list[bytes]: ...

    def end(self) -> list[bytes]:
        """What was whole although nothing follows it."""
        ...


class Lines:
    """One payload per line, be its last one ended or not."""

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self.done = False
        self._longest = max_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        at = data.rfind(b"\n")
        if at < 0:
            self._keep(data)
            return []
        whole = bytes(self._rest) + data[:at]
        self._rest.clear()
        self._keep(data[at + 1 :])
        return [line for line in whole.split(b"\n") if line and not line.isspace()]

    def end(self) -> list[bytes]:
        rest = bytes(self._rest)
        self._rest.clear()
        return [rest] if rest.strip() else []

    def _keep(self, data: bytes) -> None:
        self._rest += data
        if len(self._rest) > self._longest:
            raise UnreadableStream(f"a line of more than {self._longest} bytes")


class Events:
    """The data of server-sent events up to `[DONE]`; comments and all other fields say nothing to us.

    An event that is not ended by an empty line is none, as the format's specification has it.
    """

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self.done = False
        self._longest = max_bytes
        self._rest = bytearray()
        self._after_return = False

    def feed(self, data: bytes) -> list[bytes]:
        if self._after_return or b"\r" in data:
            data = self._with_newlines(data)
        rest = self._rest
        seen = len(rest)
        rest += data
        at = rest.rfind(b"\n\n", max(0, seen - 1))
        if at < 0:
            self._bound()
            return []
        whole = bytes(rest[:at])
        del rest[: at + 2]
        self._bound()
        return self._payloads(whole)

    def end(self) -> list[bytes]:
        return []

    def _with_newlines(self, data: bytes) -> bytes:
        """The same with LF for CR LF and CR; a CR LF may be cut in two."""
        if not data:
            return data
        if self._after_return:
            data = data.removeprefix(b"\n")
        self._after_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _bound(self) -> None:
        if len(self._rest) > self._longest:
            raise UnreadableStream(f"an event of more than {self._longest} bytes")

    def _payloads(self, whole: bytes) -> list[bytes]:
        payloads = []
        for event in whole.split(b"\n\n"):
            payload = event[6:] if event.startswith(b"data: ") and b"\n" not in event else _data(event)
            if payload.startswith(b"[DONE]"):
                self.done = True
                break
            if payload:
                payloads.append(payload)
        return payloads


def _data(event: bytes) -> bytes:
    lines = [line.partition(b":")[2] for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(line.removeprefix(b" ") for line in lines)
