"""Telling of a text while it grows, in pieces that are neither late nor many."""

import asyncio
from collections.abc import Callable

from graphs.artifact_events import ArtifactTextAdded

# Seconds that pieces gather for. The first of a while goes out at once.
_MIN_CHUNK_LENGTH = 0.1


class ArtifactTextStream:
    def __init__(self, tell: Callable[[ArtifactTextAdded], None], call: str) -> None:
        self._tell = tell
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._held: list[str] = []
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, text: str) -> None:
        if not text:
            return
        self._held.append(text)
        if self._timer is None:
            if self._loop.time() >= self._due:
                self.flush()
            else:
                self._timer = self._loop.call_at(self._due, self.flush)

    def flush(self) -> None:
        """Tells what is held. To be called at the end too, or nothing may be told after it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            self._tell(ArtifactTextAdded(self._call, "".join(self._held)))
            self._held.clear()
            self._due = self._loop.time() + _MIN_CHUNK_LENGTH

    def drop(self) -> None:
        self._held.clear()
        self.flush()
