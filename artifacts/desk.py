"""The shelf as one run sees it: in its caller's name, on its thread."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from artifacts.kinds import Kind
from artifacts.shelf import Held, Shelf
from artifacts.workers import Workers
from observability.tracing import Span, span
from storage.caller import Caller
from storage.memories import Memories, MemoryRecord
from storage.reviews import ReviewDraft, Reviews

# What is remembered of a user and told to a model, the newest first.
_REMEMBERED = 30


@dataclass(frozen=True, slots=True)
class Desk:
    """`thread` is internal; `run` is the client's name of the run, which its versions carry."""

    shelf: Shelf
    memories: Memories
    reviews: Reviews
    workers: Workers
    caller: Caller
    thread: str
    run: str

    async def read(self, artifact: str, version: int | None = None) -> Held:
        """One version, or the newest. Raises `UnknownArtifact` or `UnknownVersion`."""
        return await self.shelf.read(self.caller, artifact, version)

    async def create(self, name: str, kind: Kind, language: str | None, text: str, note: str) -> Held:
        """Raises `NoText` or `TooLarge`."""
        with span("write artifact", "artifact") as opened:
            held = await self.shelf.create(
                self.caller,
                name=name,
                kind=kind,
                language=language,
                text=text,
                author="agent",
                thread=self.thread,
                run=self.run,
                note=note,
            )
            _told(opened, held)
            return held

    async def write(self, seen: Held, text: str, note: str, language: str | None = None) -> Held:
        """What was made of a version, merged with what others made of it meanwhile; `language` where that changes.

        Raises `NoText`, `TooLarge`, `UnknownArtifact` or `Stale`.
        """
        with span("write artifact", "artifact") as opened:
            held = await self.shelf.write(
                self.caller,
                seen.artifact.id,
                text,
                base=seen.version.number,
                author="agent",
                run=self.run,
                note=note,
                merge=True,
                language=language,
            )
            _told(opened, held)
            return held

    async def keep(self, review: ReviewDraft) -> str:
        """Keeps what was found of something that this run wrote; the review's id."""
        with span("verdict", "review") as opened:
            if opened is not None:
                opened.set(outcome=review.outcome, score=review.score, rubric=review.rubric, attempt=review.attempt)
            return (await self.reviews.add(self.caller, replace(review, thread=self.thread, run=self.run))).id

    async def deliver(self, review: str, delivery: str) -> None:
        """Marks the review of the text that is heard, and how much of it."""
        await self.reviews.deliver(self.caller, review, delivery)

    async def place(self, message: str, artifact: str, version: int) -> None:
        """Says of reviews of a message which artifact it was that they read, once it is on the shelf."""
        await self.reviews.place(self.caller, self.run, message, artifact, version)

    async def remembered(self) -> Sequence[MemoryRecord]:
        return await self.memories.recalled(self.caller, most=_REMEMBERED)


def _told(opened: Span | None, held: Held) -> None:
    if opened is not None:
        version = held.version
        opened.set(artifact=held.artifact.id, version=version.number, size=version.size, conflicts=version.conflicts)
